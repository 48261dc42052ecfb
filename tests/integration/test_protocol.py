"""The protocol at its edges: framing, errors, limits, and clients that others wrote."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from varlink import MESSAGE_MAX, VarlinkError
from world import EXAMPLES, PATIENCE, SANITIZER_ENVIRONMENT, example

CERTIFICATION_SERVER = os.environ.get("CERTIFICATION_SERVER", "certification-server")
GO_PATH = Path("/usr/share/gocode")

NETNSD_INTERFACES = {
    "io.netnsd.Topology", "io.netnsd.Namespace", "io.netnsd.Link", "io.netnsd.Route",
    "io.netnsd.Drift", "io.netnsd.Events", "io.netnsd.Manager", "org.varlink.service",
}


def error_of(world, method, **parameters):
    with pytest.raises(VarlinkError) as caught:
        world.call(method, **parameters)
    return caught.value.name.rpartition(".")[2], caught.value.parameters


# org.varlink.service.


def test_get_info(world):
    info = world.call("org.varlink.service.GetInfo")
    assert info["product"] == "netnsd"
    assert NETNSD_INTERFACES <= set(info["interfaces"])


def test_every_interface_describes_itself(world):
    for name in world.call("org.varlink.service.GetInfo")["interfaces"]:
        text = world.call("org.varlink.service.GetInterfaceDescription", interface=name)
        assert f"\ninterface {name}\n" in "\n" + text["description"]


def test_service_errors(world):
    assert error_of(world, "org.varlink.service.GetInterfaceDescription", interface="no.such") == (
        "InterfaceNotFound", {"interface": "no.such"})
    assert error_of(world, "no.such.Method") == ("InterfaceNotFound", {"interface": "no.such"})
    assert error_of(world, "io.netnsd.Manager.Nothing") == (
        "MethodNotFound", {"method": "io.netnsd.Manager.Nothing"})
    assert error_of(world, "io.netnsd.Manager.Status", surplus=1) == (
        "InvalidParameter", {"parameter": "surplus"})
    assert error_of(world, "io.netnsd.Topology.Get") == (
        "InvalidParameter", {"parameter": "topology"})
    assert error_of(world, "io.netnsd.Topology.Get", topology=7) == (
        "InvalidParameter", {"parameter": "topology"})


# Framing.


def test_pipelined_calls_are_answered_in_order(world):
    document = example("pair")
    with world.connect() as connection:
        connection.send("io.netnsd.Topology.Apply", {"topology": "pair", "document": document})
        connection.send("io.netnsd.Topology.Get", {"topology": "pair"})
        connection.send("io.netnsd.Topology.Remove", {"topology": "pair"})
        connection.send("io.netnsd.Topology.Get", {"topology": "pair"})
        assert connection.receive()["parameters"]["outcome"] == "committed"
        assert connection.receive()["parameters"]["generation"] == 1
        assert connection.receive()["parameters"]["outcome"] == "committed"
        assert connection.receive()["error"] == "io.netnsd.Topology.NoSuchTopology"
    world.assert_clean()


LONG = 4 << 20


def test_long_calls_keep_their_place(world):
    """Long calls are read elsewhere: the short ones behind them wait."""
    padding = " " * LONG
    with world.connect() as connection:
        for number in range(3):
            connection.send_bytes(json.dumps({"method": "no.such.Method", "parameters": {
                "number": number}}).replace("{", "{" + padding, 1).encode() + b"\0")
            connection.send("io.netnsd.Manager.Status")
        for _ in range(3):
            assert connection.receive()["error"].endswith(".InterfaceNotFound")
            assert "parameters" in connection.receive()


def test_half_closed_client_gets_the_reply_to_a_long_call(world):
    with world.connect() as connection:
        connection.send_bytes(b"{" + b" " * LONG + b'"method":"io.netnsd.Manager.Status"}\0')
        connection.socket.shutdown(socket.SHUT_WR)
        assert "parameters" in connection.receive()
        assert connection.closed()


def test_clients_that_hang_up_in_the_middle_of_a_long_call(world):
    for length in (LONG // 2, LONG):
        for _ in range(8):
            with world.connect() as connection:
                connection.send_bytes(b"{" + b" " * length + b'"method":"no.such.Method"}\0')
    assert world.call("io.netnsd.Manager.Status")


def test_broken_long_call_closes_the_connection(world):
    with world.connect() as connection:
        connection.send_bytes(b"{" + b" " * LONG + b'"method":7}\0')
        connection.send("io.netnsd.Manager.Status")
        assert connection.closed()


def test_half_closed_client_gets_its_replies(world):
    with world.connect() as connection:
        for _ in range(3):
            connection.send("io.netnsd.Manager.Status")
        connection.socket.shutdown(socket.SHUT_WR)
        for _ in range(3):
            assert connection.receive()["parameters"]["state"] == "running"
        assert connection.closed()


def test_message_byte_by_byte(world):
    with world.connect() as connection:
        for byte in b'{"method":"io.netnsd.Manager.Status"}\0':
            connection.send_bytes(bytes([byte]))
        assert connection.receive()["parameters"]["state"] == "running"


def test_oneway_gets_no_reply(world):
    with world.connect() as connection:
        connection.send("io.netnsd.Manager.Status", oneway=True)
        connection.send("org.varlink.service.GetInfo")
        assert "product" in connection.receive()["parameters"]


def test_hung_up_client_does_not_cancel_its_change(world):
    with world.connect() as connection:
        connection.send("io.netnsd.Topology.Apply",
                        {"topology": "router", "document": example("router")}, oneway=True)
    world.call("io.netnsd.Manager.Status")
    assert world.remove("router")["outcome"] == "committed"
    world.assert_clean()


@pytest.mark.parametrize("message", [
    b"no json",
    b"",
    b"[]",
    b'"text"',
    b"{}",
    b'{"method": 1}',
    b'{"method": "io.netnsd.Manager.Status", "extra": 1}',
    b'{"method": "io.netnsd.Manager.Status", "more": 1}',
    b'{"method": "io.netnsd.Manager.Status", "more": true, "oneway": true}',
    b'{"method": "io.netnsd.Manager.Status", "parameters": []}',
    b'{"method": "io.netnsd.Manager.Status", "method": "io.netnsd.Manager.Status"}',
    b'{"method": "io.netnsd.Manager.St\xfftus"}',
    b"{'method': 'io.netnsd.Manager.Status'}",
    b'{"method": "io.netnsd.Manager.Status"} trailing',
    b'{"method": "x", "parameters": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
])
def test_broken_message_closes_the_connection(world, message):
    with world.connect() as connection:
        connection.send_bytes(message + b"\0")
        assert connection.closed()
    assert world.call("io.netnsd.Manager.Status")["state"] == "running"


def test_oversized_message_closes_the_connection(world):
    with world.connect() as connection:
        try:
            for _ in range(MESSAGE_MAX // (1 << 20) + 1):
                connection.send_bytes(b" " * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert connection.closed()
    assert world.call("io.netnsd.Manager.Status")["state"] == "running"


def test_client_that_reads_nothing_does_not_hold_others_up(world):
    calls = 3000
    with world.connect() as slow:
        slow.socket.setblocking(False)
        request = b'{"method":"org.varlink.service.GetInterfaceDescription","parameters":' \
                  b'{"interface":"io.netnsd.Topology"}}\0' * calls
        sent = 0
        try:
            while sent < len(request):
                sent += slow.socket.send(request[sent:])
        except BlockingIOError:
            pass
        assert world.call("io.netnsd.Manager.Status")["connections"] == 2
        slow.socket.settimeout(PATIENCE)
        slow.socket.shutdown(socket.SHUT_WR)
        replies = 0
        while (reply := slow.receive()) is not None:
            assert "description" in reply["parameters"]
            replies += 1
        assert replies == request[:sent].count(b"\0")


# Clients that others wrote.


def test_varlink_certification(tmp_path):
    if not shutil.which("varlink-go-certification"):
        pytest.skip("varlink-go-certification is missing (Debian: varlink-go)")
    path = tmp_path / "socket"
    with subprocess.Popen([CERTIFICATION_SERVER, path], stdout=subprocess.PIPE, text=True,
                          env=os.environ | SANITIZER_ENVIRONMENT) as server:
        assert server.stdout.readline() == "ready\n"
        client = subprocess.run(["varlink-go-certification", "--client", "--varlink",
                                 f"unix:{path}"], capture_output=True, text=True,
                                timeout=PATIENCE, check=True)
        server.terminate()
        assert server.wait(PATIENCE) == 0
    lines = client.stdout.splitlines()
    assert lines[-1] == "End: 'true'", client.stdout
    assert sum(line.startswith("  Receive: ") for line in lines) == 10


def test_go_client(world, tmp_path):
    if not shutil.which("go") or not GO_PATH.exists():
        pytest.skip("Go is missing (Debian: golang-go golang-github-varlink-go-dev)")
    program = tmp_path / "client"
    source = Path(__file__).parent / "goclient" / "main.go"
    subprocess.run(["go", "build", "-o", program, source], check=True, timeout=10 * PATIENCE,
                   env=os.environ | {"GO111MODULE": "off", "GOPATH": str(GO_PATH),
                                     "GOFLAGS": "", "GOCACHE": str(tmp_path / "cache")})
    shown = subprocess.run([program, f"unix:{world.socket}", "bridge"], check=True, text=True,
                           input=(EXAMPLES / "bridge.json").read_text(), timeout=PATIENCE,
                           stdout=subprocess.PIPE).stdout.splitlines()
    interfaces = {line.split()[1]: int(line.split()[2])
                  for line in shown if line.startswith("interface ")}
    assert NETNSD_INTERFACES <= set(interfaces)
    assert all(interfaces.values())
    assert [line for line in shown if not line.startswith("interface ")] == [
        "apply committed", "namespace net0", "namespace net1", "namespace net2",
        "remove committed", "get io.netnsd.Topology.NoSuchTopology"]
    world.assert_clean()
