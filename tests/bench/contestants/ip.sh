#!/bin/sh
# ip in a loop, a command for each thing, as scripts and tutorials have it.
# usage: ip.sh make|remove COUNT (at most 1,000)

set -eu

make() {
    ip netns add br
    ip -n br link set lo up
    ip -n br link add br0 mtu 1500 type bridge
    ip -n br link set br0 up
    ip -n br address add 10.0.0.1/16 dev br0
    for index in $(seq 0 $(($1 - 1))); do
        host=$((index + 2))
        ip netns add "n$index"
        ip -n br link add "n$index.eth0" type veth peer name eth0
        ip -n br link set eth0 netns "n$index"
        ip -n br link set "n$index.eth0" master br0 up
        ip -n "n$index" link set lo up
        ip -n "n$index" link set eth0 up
        ip -n "n$index" address add "10.0.$((host / 256)).$((host % 256))/16" dev eth0
        ip -n "n$index" route add default via 10.0.0.1
    done
}

remove() {
    for index in $(seq 0 $(($1 - 1))); do
        ip netns del "n$index"
    done
    ip netns del br
}

"$@"
