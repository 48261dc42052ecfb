"""pyroute2, as its manual has it: netns for the namespaces, a NetNS for what is in one.
usage: with_pyroute2.py make|remove COUNT (at most 1,000)"""

import sys

from pyroute2 import NetNS, netns

def index_of(namespace, link):
    [index] = namespace.link_lookup(ifname=link)
    return index


def make_bridge(bridges):
    bridges.link("set", index=index_of(bridges, "lo"), state="up")
    bridges.link("add", ifname="br0", kind="bridge", mtu=1500)
    bridge = index_of(bridges, "br0")
    bridges.link("set", index=bridge, state="up")
    bridges.addr("add", index=bridge, address="10.0.0.1", prefixlen=16)
    return bridge


def make_namespace(bridges, bridge, index):
    name = f"n{index}"
    high, low = divmod(index + 2, 256)
    netns.create(name)
    bridges.link("add", ifname=f"{name}.eth0", kind="veth",
                 peer={"ifname": "eth0", "net_ns_fd": name})
    bridges.link("set", index=index_of(bridges, f"{name}.eth0"), master=bridge, state="up")
    with NetNS(name) as namespace:
        namespace.link("set", index=index_of(namespace, "lo"), state="up")
        eth0 = index_of(namespace, "eth0")
        namespace.link("set", index=eth0, state="up")
        namespace.addr("add", index=eth0, address=f"10.0.{high}.{low}", prefixlen=16)
        namespace.route("add", dst="default", gateway="10.0.0.1")


def make(count):
    netns.create("br")
    with NetNS("br") as bridges:
        bridge = make_bridge(bridges)
        for index in range(count):
            make_namespace(bridges, bridge, index)


def remove(count):
    for index in range(count):
        netns.remove(f"n{index}")
    netns.remove("br")


if __name__ == "__main__":
    {"make": make, "remove": remove}[sys.argv[1]](int(sys.argv[2]))
