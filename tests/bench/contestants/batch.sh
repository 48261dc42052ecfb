#!/bin/sh
# ip -batch with one file for all. A batch stays in one namespace: for what is in another, it runs ip
# there.
# usage: batch.sh make|remove COUNT (at most 1,000)

set -eu

bridge() {
    cat <<END
netns add br
netns exec br ip link set lo up
netns exec br ip link add br0 mtu 1500 type bridge
netns exec br ip link set br0 up
netns exec br ip address add 10.0.0.1/16 dev br0
END
}

# namespace NAME ADDRESS
namespace() {
    cat <<END
netns add $1
netns exec br ip link add $1.eth0 master br0 up type veth peer name eth0 netns $1
netns exec $1 ip link set lo up
netns exec $1 ip link set eth0 up
netns exec $1 ip address add $2/16 dev eth0
netns exec $1 ip route add default via 10.0.0.1
END
}

make() {
    {
        bridge
        for index in $(seq 0 $(($1 - 1))); do
            host=$((index + 2))
            namespace "n$index" "10.0.$((host / 256)).$((host % 256))"
        done
    } | ip -batch -
}

remove() {
    {
        for index in $(seq 0 $(($1 - 1))); do
            echo "netns del n$index"
        done
        echo netns del br
    } | ip -batch -
}

"$@"
