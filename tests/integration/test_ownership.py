"""netnsd touches what it owns, and nothing else; two topologies do not own the same thing."""

import pytest

from varlink import VarlinkError
from world import example


def lan(**namespaces):
    return {"namespaces": namespaces}


def bridge_in_host(name, address):
    return lan(host={"links": {name: {"bridge": {}, "addresses": [address]}}})


def refused(error, call, *arguments, **parameters):
    with pytest.raises(VarlinkError) as caught:
        call(*arguments, **parameters)
    assert caught.value.name == f"io.netnsd.Topology.{error}", caught.value
    return caught.value.parameters


@pytest.fixture
def furnished(world):
    """A world in which somebody else has made things."""
    for command in ("ip netns add theirs",
                    "ip -n theirs link set lo up",
                    "ip link add theirlink type bridge",
                    "ip link set theirlink up",
                    "ip address add 203.0.113.1/24 dev theirlink",
                    "ip route add 10.77.0.0/16 via 203.0.113.2",
                    "ip rule add priority 500 from 10.77.0.1 table 77",
                    "ip link add dev theirveth type veth peer name x netns theirs"):
        world.run(*command.split())
    return world


def test_foreign_things_beside_ours(furnished):
    before = furnished.snapshot()
    document = example("bridge")
    document["namespaces"]["host"]["routes"] = {"10.78.0.0/16": {"via": "10.0.1.1"}}
    document["namespaces"]["host"]["rules"] = {"600": {"from": "10.78.0.1/32", "table": 78}}
    furnished.apply("lan", document)
    furnished.apply("lan", bridge_in_host("mybridge0", "10.0.9.254/24"))
    furnished.remove("lan")
    furnished.assert_becomes(before)


def test_foreign_address_and_route_on_our_things(world):
    """What others put onto our links stays as long as the links do."""
    document = example("bridge")
    world.apply("lan", document)
    world.run("ip", "-n", "net0", "address", "add", "172.16.0.1/24", "dev", "eth0")
    world.run("ip", "-n", "net0", "route", "add", "10.99.0.0/16", "via", "172.16.0.2")
    assert world.apply("lan", document)["outcome"] == "unchanged"
    document["namespaces"]["net0"]["links"]["eth0"]["mtu"] = 1400
    document["namespaces"]["net0"]["links"]["eth0"]["addresses"] = ["10.0.1.77/24"]
    world.apply("lan", document)
    assert world.addresses("net0", "eth0") == ["10.0.1.77/24", "172.16.0.1/24"]
    assert world.route("net0", "10.99.0.0/16")["gateway"] == "172.16.0.2"


def test_foreign_namespace_in_the_way(furnished):
    before = furnished.snapshot()
    error = refused("Foreign", furnished.apply, "lan", lan(theirs={}))
    assert error["pointer"] == "/namespaces/theirs"
    assert furnished.snapshot() == before
    assert furnished.generations() == {}


def test_foreign_link_in_the_way(furnished):
    before = furnished.snapshot()
    error = refused("Foreign", furnished.apply, "lan", bridge_in_host("theirlink", "10.0.0.1/24"))
    assert error["pointer"] == "/namespaces/host/links/theirlink"
    assert furnished.snapshot() == before


def test_foreign_route_in_the_way(furnished):
    before = furnished.snapshot()
    document = lan(host={"links": {"theirlink": {"external": True}},
                         "routes": {"10.77.0.0/16": {"via": "203.0.113.9", "dev": "theirlink"}}})
    refused("Foreign", furnished.apply, "lan", document)
    assert furnished.snapshot() == before


def test_external_thing_that_is_not_there(world):
    error = refused("Foreign", world.apply, "lan",
                    lan(host={"links": {"eno9": {"external": True}}},
                        a={"links": {"x": {"macvlan": {"link": "host/eno9"}}}}))
    assert error["pointer"] == "/namespaces/host/links/eno9"
    error = refused("Foreign", world.apply, "lan", lan(nowhere={"external": True}))
    assert error["pointer"] == "/namespaces/nowhere"
    world.assert_clean()


def test_two_topologies_with_a_bridge_each(world):
    world.apply("one", bridge_in_host("br1", "10.1.0.254/24"))
    world.apply("two", bridge_in_host("br2", "10.2.0.254/24"))
    before = world.snapshot()
    error = refused("Owned", world.apply, "three", bridge_in_host("br1", "10.3.0.254/24"))
    assert error["owner"] == "one"
    assert error["pointer"] == "/namespaces/host/links/br1"
    assert "one" in error["message"]
    assert world.snapshot() == before
    assert set(world.generations()) == {"one", "two"}
    world.remove("one")
    assert set(world.links("host")) == {"lo", "br2"}
    world.remove("two")
    world.assert_clean()


def test_namespace_belongs_to_one_topology(world):
    world.apply("one", lan(a={}))
    error = refused("Owned", world.apply, "two", lan(a={}))
    assert (error["owner"], error["pointer"]) == ("one", "/namespaces/a")


def test_deleting_what_another_refers_to(world):
    world.apply("one", bridge_in_host("br1", "10.1.0.254/24"))
    user = lan(host={"links": {"br1": {"external": True}}},
               a={"links": {"eth0": {"veth": {"bridge": "host/br1"},
                                     "addresses": ["10.1.0.1/24"]}}})
    world.apply("two", user)
    assert world.ping("a", "10.1.0.254")
    before = world.snapshot()
    error = refused("InUse", world.remove, "one")
    assert error["user"] == "two"
    assert error["pointer"] == "/namespaces/host/links/br1"
    refused("InUse", world.apply, "one", lan(host={}))
    assert world.snapshot() == before
    world.remove("two")
    world.remove("one")
    world.assert_clean()


def test_refusals_name_the_other_topology_to_people(world):
    world.apply("one", bridge_in_host("br1", "10.1.0.254/24"))
    path = world.directory / "three.json"
    path.write_text('{"namespaces": {"host": {"links": {\n"br1": {"bridge": {}}}}}}')
    shown = world.ctl_fails("apply", path)
    assert f"{path}:2:" in shown and "'one'" in shown
    world.apply("two", lan(host={"links": {"br1": {"external": True}}}))
    assert "'two'" in world.ctl_fails("delete", "one")


def test_equal_sysctls_are_shared(world):
    path, key = "net/ipv4/ip_forward", "net.ipv4.ip_forward"
    earlier = world.sysctl("host", path)
    wanted = 1 - int(earlier)
    world.apply("one", lan(host={"sysctl": {key: wanted}}))
    world.apply("two", lan(host={"sysctl": {key: wanted}}))
    error = refused("Owned", world.apply, "three", lan(host={"sysctl": {key: int(earlier)}}))
    assert error["owner"] in ("one", "two")
    world.remove("one")
    assert world.sysctl("host", path) == str(wanted)
    world.remove("two")
    assert world.sysctl("host", path) == earlier


def test_marks(world):
    """Routes and addresses carry protocol 78, links netnsd's group."""
    document = lan(a={"links": {"x": {"bridge": {}, "addresses": ["10.0.0.1/24"]}},
                      "routes": {"default": {"via": "10.0.0.2"}},
                      "rules": {"1000": {"from": "10.0.0.1/32", "table": 100}}})
    world.apply("lan", document)
    assert str(world.route("a", "default")["protocol"]) in ("78", "netnsd")
    assert str(world.link("a", "x")["group"]) in ("78", "netnsd")
    marked = [row["priority"] for row in world.ip("a", "rule", "show")
              if row.get("protocol") in ("78", "netnsd")]
    assert marked == [1000]


def test_unmounted_name_of_ours(world):
    """Somebody takes a name away: the next change puts it back over the same namespace."""
    world.apply("pair", example("pair"))
    inode = world.netns_inode("net0")
    process = world.resident("net0")
    world.run("ip", "netns", "delete", "net0")
    assert world.netns_names() == ["net1"]
    world.apply("pair", example("pair"))
    assert world.netns_names() == ["net0", "net1"]
    assert world.netns_inode("net0") == inode
    assert process.poll() is None
    assert world.ping("net0", "10.0.1.2")


def test_stale_file_is_no_namespace(world):
    """A plain file below /run/netns, as a crashed `ip netns add` leaves it."""
    world.namespaces.path("/run/netns").mkdir(exist_ok=True)
    world.namespaces.path("/run/netns/net0").write_text("")
    rows = world.call("io.netnsd.Namespace.List", namespace="net0")["namespaces"]
    assert rows[0]["state"] == "broken"
    world.apply("pair", example("pair"))
    assert world.ping("net0", "10.0.1.2")
    world.remove("pair")
    world.assert_clean()
