#!/bin/sh
# The CNI plugins bridge, with host-local for the addresses, and loopback, called as container runtimes
# call them. The bridge is made with the first namespace.
# usage: cni.sh make|remove COUNT (at most 1,000)

set -eu

# The plugins choose the names of the cables' other ends, and IPv6 link-local addresses are the
# kernel's default.
bridge='{
  "cniVersion": "0.4.0", "name": "bench", "type": "bridge", "bridge": "br0",
  "isDefaultGateway": true, "mtu": 1500,
  "ipam": {"type": "host-local", "subnet": "10.0.0.0/16", "dataDir": "/run/cni"}
}'
loopback='{"cniVersion": "0.4.0", "name": "bench-lo", "type": "loopback"}'

# call COMMAND NAME INTERFACE PLUGIN CONFIGURATION
call() {
    printf '%s\n' "$5" | CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=$3 \
        "$CNI_PATH/$4" >/dev/null
}

make_each() {
    ip link set lo up
    for index in $(seq 0 $(($1 - 1))); do
        ip netns add "n$index"
        call ADD "n$index" lo loopback "$loopback"
        call ADD "n$index" eth0 bridge "$bridge"
    done
}

remove_each() {
    for index in $(seq 0 $(($1 - 1))); do
        call DEL "n$index" eth0 bridge "$bridge"
        ip netns del "n$index"
    done
}

# The plugins make bridges where they run.
inside_br() {
    nsenter --net=/run/netns/br -- "$0" "$@"
}

make() {
    ip netns add br
    inside_br make_each "$1"
}

remove() {
    inside_br remove_each "$1"
    ip netns del br
}

export CNI_PATH="${CNI_PATH:-/usr/lib/cni}"
"$@"
