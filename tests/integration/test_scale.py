"""Many namespaces at once."""

COUNT = 1000


def test_a_thousand_namespaces_on_one_bridge(world):
    def address(index):
        return f"10.0.{(index + 2) // 256}.{(index + 2) % 256}"

    namespaces = {f"n{index}": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": [address(index) + "/16"]}},
        "routes": {"default": {"via": "10.0.0.1"}}} for index in range(COUNT)}
    namespaces["host"] = {"links": {"br0": {"bridge": {}, "addresses": ["10.0.0.1/16"]}}}
    document = {"namespaces": namespaces}

    world.apply("large", document)
    assert len(world.netns_names()) == COUNT
    ports = [row for row in world.links("host").values() if row.get("master") == "br0"]
    assert len(ports) == COUNT
    assert all("UP" in row["flags"] for row in ports)
    macs = {row["address"] for row in ports}
    for index in range(0, COUNT, 100):
        name = f"n{index}"
        assert world.addresses(name, "eth0") == [address(index) + "/16"]
        assert world.route(name, "default")["gateway"] == "10.0.0.1"
        macs.add(world.link(name, "eth0")["address"])
    assert len(macs) == COUNT + COUNT // 100
    assert world.ping("n0", address(COUNT - 1))
    assert world.apply("large", document)["outcome"] == "unchanged"

    world.remove("large")
    world.assert_clean()
