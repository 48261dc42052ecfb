#!/bin/sh
# ip -batch by somebody who knows what costs time: one process makes all namespaces, one all cables,
# whose ends are born where they belong and without IPv6; and one a namespace does what is inside it.
# usage: batches.sh make|remove COUNT (at most 1,000)

set -eu

# each TEXT COUNT: a line for each namespace, in which NAME is its name
each() {
    for index in $(seq 0 $(($2 - 1))); do
        printf '%s\n' "$1"
    done | awk '{ gsub("NAME", "n" NR - 1); print }'
}

make() {
    { echo netns add br && each 'netns add NAME' "$1"; } | ip -batch -
    {
        cat <<END
link set lo up
link add br0 mtu 1500 type bridge
link set br0 addrgenmode none
link set br0 up
address add 10.0.0.1/16 dev br0
END
        each 'link add NAME.eth0 type veth peer name eth0 netns NAME' "$1"
        each 'link set NAME.eth0 master br0 addrgenmode none up' "$1"
    } | ip -n br -batch -
    for index in $(seq 0 $(($1 - 1))); do
        host=$((index + 2))
        ip -n "n$index" -batch - <<END
link set lo up
link set eth0 addrgenmode none up
address add 10.0.$((host / 256)).$((host % 256))/16 dev eth0
route add default via 10.0.0.1
END
    done
}

remove() {
    { each 'netns del NAME' "$1" && echo netns del br; } | ip -batch -
}

"$@"
