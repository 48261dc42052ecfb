"""Whichever step of a change fails: the kernel is as it was, and nothing is stored."""

import pytest

from varlink import VarlinkError
from world import example

BEFORE = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {"ageingTime": "60s"}, "addresses": ["10.0.1.254/24"]}},
             "routes": {"10.50.0.0/16": {"via": "10.0.1.1"}}},
    "stays": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.1/24"]},
                  "old": {"bridge": {}, "addresses": ["10.3.0.1/24"]},
                  "anew": {"vxlan": {"id": 3, "local": "10.0.1.1"}, "addresses": ["10.4.0.1/24"]}},
        "routes": {"default": {"via": "10.0.1.254"}, "10.60.0.0/16": {"via": "10.3.0.2"},
                   "10.61.0.0/16": {"type": "blackhole"}},
        "rules": {"1000": {"from": "10.0.1.1/32", "table": 100}},
        "sysctl": {"net.ipv4.ip_forward": 1}},
    "goes": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.2/24"]}},
        "routes": {"default": {"via": "10.0.1.254"}}}}}

# Removes, makes anew, changes and adds, of everything something.
AFTER = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {"ageingTime": "30s", "stp": True},
                               "addresses": ["10.0.1.253/24"]}}},
    "stays": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "mtu": 1400,
                           "addresses": ["10.0.1.1/24", "10.0.1.11/24"]},
                  "anew": {"vxlan": {"id": 4, "local": "10.0.1.1"}, "addresses": ["10.4.0.1/24"]},
                  "new": {"macvlan": {"link": "eth0"}, "addresses": ["10.5.0.1/24"]}},
        "routes": {"default": {"via": "10.0.1.253"}, "10.62.0.0/16": {"via": "10.5.0.2"}},
        "rules": {"1001": {"from": "10.0.1.1/32", "table": 101}},
        "sysctl": {"net.ipv6.conf.all.forwarding": 1}},
    "comes": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.3/24"]},
                  "far": {"veth": {"peer": "stays/near"}, "addresses": ["10.6.0.1/24"]}},
        "routes": {"default": {"via": "10.0.1.253"}}}}}


def fail_each_step(world, change):
    """Lets each step of CHANGE fail in turn, until it succeeds. Returns how many did."""
    before, stored = world.snapshot(), world.generations()
    documents = {name: world.get(name) for name in stored}
    world.stop()
    for step in range(1, 1000):
        world.start(NETNSD_FAULT=str(step))
        try:
            change()
        except VarlinkError as error:
            assert error.name == "io.netnsd.Topology.TransactionFailed", error
            assert error.parameters["outcome"] == "rolledBack", f"step {step}: {error}"
            assert error.parameters["errno"] == "EIO", f"step {step}: {error}"
            world.assert_becomes(before, where=f"step {step} failed")
            assert world.generations() == stored
            assert {name: world.get(name) for name in stored} == documents
            world.stop()
        else:
            world.restart()
            return step - 1
    raise AssertionError("the change takes no end")


@pytest.mark.parametrize("name", ["pair", "bridge", "router", "vxlan"])
def test_making_an_example(world, fault_injection, name):
    failed = fail_each_step(world, lambda: world.apply(name, example(name)))
    assert failed > 5
    assert world.generations() == {name: 1}
    assert world.apply(name, example(name))["outcome"] == "unchanged"
    world.remove(name)
    world.assert_clean()


def test_making_a_bridge_where_others_are(world, fault_injection):
    """It gets some of its attributes when its ports are there."""
    world.apply("lan", {"namespaces": {"host": {"links": {"br0": {"bridge": {}}}}}})
    links = {"br0": {"bridge": {}}, "br1": {"bridge": {}, "mtu": 1400}}
    guest = {"links": {"eth0": {"veth": {"bridge": "host/br1"}}}}
    document = {"namespaces": {"host": {"links": links}, "guest": guest}}
    assert fail_each_step(world, lambda: world.apply("lan", document)) > 5
    assert world.apply("lan", document)["outcome"] == "unchanged"


def test_changing(world, fault_injection):
    world.apply("lan", BEFORE)
    process = world.resident("goes")
    inside = world.run("readlink", f"/proc/{process.pid}/ns/net")
    failed = fail_each_step(world, lambda: (alive(world, process, inside),
                                            world.apply("lan", AFTER)))
    assert failed > 15
    assert world.generations() == {"lan": 2}
    assert world.netns_names() == ["comes", "stays"]
    assert world.apply("lan", AFTER)["outcome"] == "unchanged"
    world.remove("lan")
    world.assert_clean()


def alive(world, process, inside):
    """The process still runs in the namespace that was to go, which has its name again."""
    assert process.poll() is None
    assert world.run("readlink", f"/proc/{process.pid}/ns/net") == inside
    assert world.run("ip", "netns", "identify", process.pid).strip() == "goes"


def test_changing_back(world, fault_injection):
    world.apply("lan", AFTER)
    assert fail_each_step(world, lambda: world.apply("lan", BEFORE)) > 15
    assert world.ping("goes", "10.0.1.254")


def test_removing(world, fault_injection):
    """Steps after the commit cannot fail the removal any more: what they leave is cleared away."""
    world.apply("lan", BEFORE)
    process = world.resident("goes")
    inside = world.run("readlink", f"/proc/{process.pid}/ns/net")
    failed = fail_each_step(world, lambda: (alive(world, process, inside), world.remove("lan")))
    assert failed > 5
    assert world.generations() == {}


def test_client_that_hangs_up_does_not_cancel(world):
    with world.connect() as connection:
        connection.send("io.netnsd.Topology.Apply",
                        {"topology": "bridge", "document": example("bridge")})
    # the next change of the same topology waits for the first
    assert world.apply("bridge", example("bridge"))["outcome"] == "unchanged"
    assert world.generations() == {"bridge": 1}


def test_kernel_refusal_names_the_object(world):
    """The kernel takes this tunnel's address and port only once in a namespace."""
    tunnel = {"vxlan": {"id": 5, "local": "10.0.0.1"}}
    document = {"namespaces": {"a": {"links": {"x": tunnel}}}}
    world.apply("lan", document)
    before = world.snapshot()
    document["namespaces"]["b"] = {}
    document["namespaces"]["a"]["links"]["y"] = tunnel
    with pytest.raises(VarlinkError) as caught:
        world.apply("lan", document)
    error = caught.value
    if error.name == "io.netnsd.Topology.InvalidDocument":
        pointer = error.parameters["problems"][0]["pointer"]
    else:
        assert error.name == "io.netnsd.Topology.TransactionFailed"
        assert error.parameters["errno"] == "EEXIST"
        assert error.parameters["outcome"] == "rolledBack"
        pointer = error.parameters["pointer"]
    assert pointer.startswith("/namespaces/a/links/y")
    world.assert_becomes(before)
    assert world.generations() == {"lan": 1}
