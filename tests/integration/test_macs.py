"""Derived MACs: different for each link, the same each time."""

from world import example


def macs(world):
    return {namespace: {name: row["address"] for name, row in world.links(namespace).items()}
            for namespace in ("host", "net0", "net1", "net2")}


def test_three_eth0_on_one_bridge(world):
    world.apply("lan", example("bridge"))
    first = macs(world)
    eth0 = [first[f"net{index}"]["eth0"] for index in range(3)]
    assert len(set(eth0)) == 3
    for index in range(3):
        for address in ("10.0.1.1", "10.0.1.2", "10.0.1.3"):
            assert world.ping(f"net{index}", address)
    world.remove("lan")
    world.apply("lan", example("bridge"))
    assert macs(world) == first


def test_bridge_keeps_its_own_mac(world):
    """It does not take over the lowest of its ports' (kernel's default)."""
    bridge = {"namespaces": {"host": {"links": {"mybridge0": {"bridge": {}}}}}}
    world.apply("lan", bridge)
    before = world.link("host", "mybridge0")["address"]
    world.apply("lan", example("bridge"))
    assert world.link("host", "mybridge0")["address"] == before
    world.remove("lan")
    assert world.link("host", "mybridge0") is None


def test_written_mac(world):
    document = example("bridge")
    document["namespaces"]["net0"]["links"]["eth0"]["mac"] = "02:00:00:00:00:01"
    world.apply("lan", document)
    assert world.link("net0", "eth0")["address"] == "02:00:00:00:00:01"
    assert world.get("lan")["namespaces"]["net0"]["links"]["eth0"]["mac"] == "02:00:00:00:00:01"
    assert "mac" not in world.get("lan")["namespaces"]["net1"]["links"]["eth0"]


def test_two_topologies_have_different_macs(world):
    pair = example("pair")
    other = {"namespaces": {
        "net2": {"links": {"vethmother": {"veth": {"peer": "net3/vethfather"}}}}, "net3": {}}}
    world.apply("one", pair)
    world.apply("two", other)
    seen = [world.link(namespace, name)["address"] for namespace, name in (
        ("net0", "vethmother"), ("net1", "vethfather"), ("net2", "vethmother"),
        ("net3", "vethfather"))]
    assert len(set(seen)) == 4
