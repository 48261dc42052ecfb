// Drives netnsd with the Go implementation of Varlink: every interface is described and parsed, then
// a topology (a document on standard input) is applied, listed and removed.
//
//	main ADDRESS TOPOLOGY
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func describe(ctx context.Context, connection *varlink.Connection) {
	var interfaces []string
	check(connection.GetInfo(ctx, nil, nil, nil, nil, &interfaces))
	for _, name := range interfaces {
		text, err := connection.GetInterfaceDescription(ctx, name)
		check(err)
		// this parser knows no capitals in an interface's name, which the specification allows
		parsed, err := idl.New(strings.Replace(text, "\ninterface "+name, "\ninterface "+strings.ToLower(name), 1))
		check(err)
		fmt.Println("interface", name, len(parsed.Methods))
	}
}

// Lists the topology's namespaces, each in a reply of its own.
func list(ctx context.Context, connection *varlink.Connection, topology string) {
	receive, err := connection.Send(ctx, "io.netnsd.Namespace.List", nil, varlink.More)
	check(err)
	for flags := uint64(varlink.Continues); flags&varlink.Continues != 0; {
		var reply struct {
			Namespaces []struct{ Namespace, Topology string }
		}
		flags, err = receive(ctx, &reply)
		check(err)
		for _, each := range reply.Namespaces {
			if each.Topology == topology {
				fmt.Println("namespace", each.Namespace)
			}
		}
	}
}

func main() {
	ctx := context.Background()
	var document json.RawMessage
	check(json.NewDecoder(os.Stdin).Decode(&document))
	connection, err := varlink.NewConnection(ctx, os.Args[1])
	check(err)
	describe(ctx, connection)

	topology := os.Args[2]
	var outcome struct{ Outcome string }
	check(connection.Call(ctx, "io.netnsd.Topology.Apply",
		map[string]interface{}{"topology": topology, "document": document}, &outcome))
	fmt.Println("apply", outcome.Outcome)
	list(ctx, connection, topology)
	check(connection.Call(ctx, "io.netnsd.Topology.Remove",
		map[string]string{"topology": topology}, &outcome))
	fmt.Println("remove", outcome.Outcome)
	err = connection.Call(ctx, "io.netnsd.Topology.Get", map[string]string{"topology": topology}, nil)
	fmt.Println("get", err)
}
