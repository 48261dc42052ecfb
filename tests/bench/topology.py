"""What all contestants build: namespaces n0, n1 and so on, each with lo up, a cable from its eth0
to a bridge, an address and a default route. The bridges are in the namespace br, as many as it
takes.

bound.c and the scripts in contestants/ know the names and addresses by heart."""

# A bridge takes 1,023 (net/bridge/br_private.h, BR_MAX_PORTS).
PORTS = 1000


def bridge(number):
    """The bridge's MTU is given, or the kernel looks at all ports for each new one."""
    return {"bridge": {}, "mtu": 1500, "addresses": [f"10.{number}.0.1/16"]}


def namespace(index, bridges="br"):
    number, port = divmod(index, PORTS)
    high, low = divmod(port + 2, 256)
    return {"links": {"eth0": {"veth": {"bridge": f"{bridges}/br{number}"},
                               "addresses": [f"10.{number}.{high}.{low}/16"]}},
            "routes": {"default": {"via": f"10.{number}.0.1"}}}


def document(count, bridges="br", prefix="n"):
    """The document of COUNT namespaces. There is a bridge even if there are none."""
    numbers = range(max(1, (count + PORTS - 1) // PORTS))
    namespaces = {bridges: {"links": {f"br{number}": bridge(number) for number in numbers}}}
    for index in range(count):
        namespaces[f"{prefix}{index}"] = namespace(index, bridges)
    return {"namespaces": namespaces}
