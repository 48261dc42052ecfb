"""Changes of a topology that is there: in place where the kernel can, anew only where it must."""

import copy

import pytest

from varlink import VarlinkError
from world import example


def ifindexes(world):
    return {(namespace, name): row["ifindex"]
            for namespace in ("host", *world.netns_names())
            for name, row in world.links(namespace).items()}


def actions(reply):
    return {(row["action"], row["pointer"]) for row in reply["changes"]}


def only_action(reply):
    (found,) = {row["action"] for row in reply["changes"]}
    return found


def lan(**namespaces):
    return {"namespaces": namespaces}


def one_link(**members):
    """A document of one namespace "a" with one link "x"."""
    return lan(a={"links": {"x": members}})


def info(world, namespace, name):
    return world.link(namespace, name)["linkinfo"]["info_data"]


def test_one_mtu_of_200_namespaces(world):
    document = lan(host={"links": {"br0": {"bridge": {}}}}, **{
        f"n{index}": {"links": {"eth0": {"veth": {"bridge": "host/br0"},
                                         "addresses": [f"10.0.{index}.1/16"]}}}
        for index in range(200)})
    world.apply("lan", document)
    before, changes = ifindexes(world), world.kernel_changes()
    document["namespaces"]["n7"]["links"]["eth0"]["mtu"] = 1400
    reply = world.apply("lan", document)
    assert {pointer for _, pointer in actions(reply)} == {"/namespaces/n7/links/eth0"}
    assert only_action(reply) == "change"
    assert reply["generation"] == 2
    assert ifindexes(world) == before
    assert world.link("n7", "eth0")["mtu"] == 1400
    assert world.link("host", "n7.eth0")["mtu"] == 1400
    assert world.link("n8", "eth0")["mtu"] == 1500
    assert world.kernel_changes() - changes <= 2  # one message for each end


IN_PLACE = {
    "mtu": ({}, {"mtu": 1400}, lambda row: row["mtu"] == 1400),
    "down": ({}, {"up": False}, lambda row: "UP" not in row["flags"]),
    "alias": ({}, {"alias": "uplink"}, lambda row: row["ifalias"] == "uplink"),
    "queue": ({}, {"txQueueLength": 77}, lambda row: row["txqlen"] == 77),
    "mac": ({}, {"mac": "02:00:00:00:00:07"}, lambda row: row["address"] == "02:00:00:00:00:07"),
    "alt-names": ({}, {"altNames": ["a-name-beyond-15-characters"]},
                  lambda row: row["altnames"] == ["a-name-beyond-15-characters"]),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_common_attribute_in_place_and_back(world, name):
    without, given, check = IN_PLACE[name]
    world.apply("lan", one_link(bridge={}, **without))
    before, snapshot = ifindexes(world), world.snapshot()
    assert only_action(world.apply("lan", one_link(bridge={}, **given))) == "change"
    assert check(world.link("a", "x"))
    assert ifindexes(world) == before
    assert only_action(world.apply("lan", one_link(bridge={}, **without))) == "change"
    assert not world.link("a", "x").get("altnames")
    assert ifindexes(world) == before
    world.assert_becomes(snapshot)


def test_queues_need_a_new_link(world):
    document = example("pair")
    world.apply("pair", document)
    before = ifindexes(world)
    document["namespaces"]["net0"]["links"]["vethmother"]["txQueues"] = 4
    planned = world.apply("pair", document, dryRun=True)
    assert ("recreate", "/namespaces/net0/links/vethmother") in actions(planned)
    assert planned["outcome"] == "planned" and ifindexes(world) == before
    reply = world.apply("pair", document)
    assert actions(reply) == actions(planned)
    assert world.link("net0", "vethmother")["num_tx_queues"] == 4
    assert ifindexes(world)["net0", "vethmother"] != before["net0", "vethmother"]
    assert set(world.links("net0")) == {"lo", "vethmother"}
    assert world.ping("net0", "10.0.1.2")


def test_kind_changes(world):
    world.apply("lan", one_link(bridge={}, addresses=["10.0.0.1/24"]))
    reply = world.apply("lan", one_link(vxlan={"id": 5}, addresses=["10.0.0.1/24"]))
    assert ("recreate", "/namespaces/a/links/x") in actions(reply)
    assert world.link("a", "x")["linkinfo"]["info_kind"] == "vxlan"
    assert world.addresses("a", "x") == ["10.0.0.1/24"]


def test_addresses(world):
    world.apply("lan", one_link(bridge={}, addresses=["10.0.0.1/24", "10.0.0.2/24"]))
    before = ifindexes(world)
    reply = world.apply("lan", one_link(
        bridge={}, addresses=["10.0.0.2/24", "10.0.0.3/24", "fd00::1/64"]))
    assert {("remove", "/namespaces/a/links/x/addresses/10.0.0.1~124"),
            ("create", "/namespaces/a/links/x/addresses/10.0.0.3~124"),
            ("create", "/namespaces/a/links/x/addresses/fd00::1~164")} <= actions(reply)
    assert world.addresses("a", "x") == ["10.0.0.2/24", "10.0.0.3/24", "fd00::1/64"]
    assert world.route("a", "10.0.0.0/24")["prefsrc"] in ("10.0.0.2", "10.0.0.3")
    assert ifindexes(world) == before
    world.apply("lan", one_link(bridge={}))
    assert world.addresses("a", "x") == []


def test_primary_address_goes_and_secondaries_stay(world):
    """The kernel drops secondaries with their primary unless promote_secondaries is set."""
    addresses = [f"10.0.0.{index}/24" for index in range(1, 6)]
    world.apply("lan", one_link(bridge={}, addresses=addresses))
    world.apply("lan", one_link(bridge={}, addresses=addresses[1:]))
    assert world.addresses("a", "x") == addresses[1:]


def test_ipv6_address_is_usable_at_once(world):
    document = example("pair")
    links = [document["namespaces"][f"net{index}"]["links"] for index in range(2)]
    links[0]["vethmother"]["addresses"] = ["fd00::1/64"]
    links[1]["vethfather"]["addresses"] = ["fd00::2/64"]
    world.apply("pair", document)
    assert world.ping("net0", "fd00::2")


def test_no_link_local_addresses_unless_asked(world):
    world.apply("lan", one_link(bridge={}, addresses=["10.0.0.1/24"]))
    rows = world.ip("a", "-6", "address", "show", "dev", "x")
    assert rows == [] or rows[0]["addr_info"] == []
    document = one_link(bridge={}, addresses=["10.0.0.1/24"])
    document["namespaces"]["a"]["ipv6"] = True
    before = ifindexes(world)
    world.apply("lan", document)
    assert ifindexes(world) == before
    assert world.link("a", "x")["inet6_addr_gen_mode"] == "eui64"


ROUTED = {"links": {
    "x": {"bridge": {}, "addresses": ["10.0.0.1/24"]},
    "y": {"bridge": {}, "addresses": ["10.1.0.1/24"]}}}


def routed(**routes):
    return lan(a=ROUTED | {"routes": routes})


def test_routes(world):
    world.apply("lan", routed(**{"default": {"via": "10.0.0.2"},
                                 "10.2.0.0/16": {"via": "10.0.0.3"},
                                 "10.3.0.0/16": {"via": "10.0.0.4"}}))
    reply = world.apply("lan", routed(**{"default": {"via": "10.0.0.9"},
                                         "10.2.0.0/16": {"via": "10.0.0.3"},
                                         "10.4.0.0/16": {"dev": "y"}}))
    assert actions(reply) == {("change", "/namespaces/a/routes/default"),
                              ("remove", "/namespaces/a/routes/10.3.0.0~116"),
                              ("create", "/namespaces/a/routes/10.4.0.0~116")}
    assert world.route("a", "default")["gateway"] == "10.0.0.9"
    assert world.route("a", "10.3.0.0/16") is None
    assert world.route("a", "10.4.0.0/16")["dev"] == "y"
    assert world.route("a", "default")["protocol"] in ("78", "netnsd")


def test_route_types(world):
    document = routed(**{
        "10.5.0.0/16": {"type": "blackhole"},
        "10.6.0.0/16": {"type": "unreachable"},
        "10.7.0.0/16 table 100 metric 7": {"via": "10.0.0.2"},
        "192.0.2.0/24": {"via": "198.51.100.1", "dev": "x", "onLink": True},
        "10.8.0.0/16": {"nextHops": [{"via": "10.0.0.2", "weight": 3}, {"via": "10.1.0.2"}]}})
    world.apply("lan", document)
    assert world.route("a", "10.5.0.0/16")["type"] == "blackhole"
    assert world.route("a", "10.6.0.0/16")["type"] == "unreachable"
    tabled = world.route("a", "10.7.0.0/16", "table", "100")
    assert (tabled["gateway"], tabled["metric"]) == ("10.0.0.2", 7)
    assert "onlink" in world.route("a", "192.0.2.0/24")["flags"]
    hops = world.route("a", "10.8.0.0/16")["nexthops"]
    assert [(hop["gateway"], hop["weight"]) for hop in hops] == [("10.0.0.2", 3), ("10.1.0.2", 1)]
    assert world.apply("lan", document)["outcome"] == "unchanged"
    world.apply("lan", routed())
    assert [row for row in world.routes("a", "table", "all")
            if row["dst"] in ("10.5.0.0/16", "10.6.0.0/16", "10.7.0.0/16", "10.8.0.0/16",
                              "192.0.2.0/24")] == []


def test_ipv6_multipath(world):
    document = lan(a={"links": {
        "x": {"bridge": {}, "addresses": ["fd00::1/64"]},
        "y": {"bridge": {}, "addresses": ["fd01::1/64"]}},
        "routes": {"fd05::/64": {"nextHops": [{"via": "fd00::2"}, {"via": "fd01::2"}]}}})
    world.apply("lan", document)
    hops = world.ip("a", "-6", "route", "show", "fd05::/64")[0]["nexthops"]
    assert {hop["gateway"] for hop in hops} == {"fd00::2", "fd01::2"}
    assert world.apply("lan", document)["outcome"] == "unchanged"
    document["namespaces"]["a"]["routes"] = {"fd05::/64": {"via": "fd00::2"}}
    world.apply("lan", document)
    assert world.ip("a", "-6", "route", "show", "fd05::/64")[0]["gateway"] == "fd00::2"


def test_default_route_survives_what_takes_it_along(world):
    """A link that goes down, or loses its address, loses its routes silently in the kernel."""
    document = routed(default={"via": "10.0.0.2"})
    world.apply("lan", document)
    changed = copy.deepcopy(document)
    changed["namespaces"]["a"]["links"]["x"]["addresses"] = ["10.0.0.5/24"]
    world.apply("lan", changed)
    assert world.route("a", "default")["gateway"] == "10.0.0.2"
    assert world.apply("lan", changed)["outcome"] == "unchanged"


def rules(world, priority):
    return [row for row in world.ip("a", "rule", "show") if row["priority"] == priority]


def test_rules(world):
    def document(**found):
        return lan(a=ROUTED | {"rules": found})

    world.apply("lan", document(**{"1000": {"from": "10.0.0.1/32", "table": 100},
                                   "1001": {"to": "10.9.0.0/16", "table": 101}}))
    assert rules(world, 1000)[0]["src"] == "10.0.0.1"
    assert rules(world, 1000)[0]["table"] == "100"
    world.apply("lan", document(**{"1000": {"from": "10.0.0.7/32", "table": 100},
                                   "1002": {"family": "inet", "fwmark": 5, "table": 102}}))
    assert [row["src"] for row in rules(world, 1000)] == ["10.0.0.7"]
    assert rules(world, 1001) == []
    assert len(rules(world, 1002)) == 1
    world.apply("lan", document())
    assert [row["priority"] for row in world.ip("a", "rule", "show")] == [0, 32766, 32767]


def test_sysctls_get_their_earlier_value_back(world):
    forward, filtering = "net/ipv4/ip_forward", "net/ipv4/conf/x/rp_filter"

    def document(sysctl, own):
        return lan(a={"links": {"x": {"bridge": {}, "sysctl": own}}, "sysctl": sysctl})

    world.apply("lan", document({}, {}))
    before = world.sysctl("a", forward), world.sysctl("a", filtering)
    world.apply("lan", document({"net.ipv4.ip_forward": 1}, {"net.ipv4.conf.rp_filter": 2}))
    assert (world.sysctl("a", forward), world.sysctl("a", filtering)) == ("1", "2")
    world.apply("lan", document({"net.ipv4.ip_forward": 1}, {"net.ipv4.conf.rp_filter": 1}))
    assert world.sysctl("a", filtering) == "1"
    world.apply("lan", document({}, {}))
    assert (world.sysctl("a", forward), world.sysctl("a", filtering)) == before


def test_sysctl_of_host_comes_back_after_delete(world):
    world.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/log_martians")
    document = lan(host={"sysctl": {"net.ipv4.conf.all.log_martians": 0}})
    world.apply("lan", document)
    assert world.sysctl("host", "net/ipv4/conf/all/log_martians") == "0"
    world.restart()
    world.remove("lan")
    assert world.sysctl("host", "net/ipv4/conf/all/log_martians") == "1"


def test_bridge_options(world):
    document = one_link(bridge={"stp": True, "ageingTime": "60s", "forwardDelay": "4s"})
    world.apply("lan", document)
    data = info(world, "a", "x")
    assert (data["stp_state"], data["ageing_time"], data["forward_delay"]) == (1, 6000, 400)
    before = ifindexes(world)
    assert world.apply("lan", document)["outcome"] == "unchanged"
    world.apply("lan", one_link(bridge={}))
    assert info(world, "a", "x")["stp_state"] == 0
    assert info(world, "a", "x")["ageing_time"] == 30000
    assert ifindexes(world) == before


def test_vlan_filtering_on_and_off(world):
    world.apply("lan", one_link(bridge={}))
    before = ifindexes(world)
    if "vlan_default_pvid" not in info(world, "a", "x"):
        refused_by_the_kernel(world, one_link(bridge={"vlanFiltering": True}))
        return
    world.apply("lan", one_link(bridge={"vlanFiltering": True}))
    data = info(world, "a", "x")
    assert (data["vlan_filtering"], data["vlan_default_pvid"]) == (1, 0)
    world.apply("lan", one_link(bridge={}))
    data = info(world, "a", "x")
    assert (data["vlan_filtering"], data["vlan_default_pvid"]) == (0, 1)
    assert ifindexes(world) == before


def refused_by_the_kernel(world, document):
    """What this kernel was built without is refused in its own words, and undone."""
    before = world.snapshot()
    with pytest.raises(VarlinkError) as caught:
        world.apply("lan", document)
    assert caught.value.parameters["errno"] == "EOPNOTSUPP"
    assert caught.value.parameters["outcome"] == "rolledBack"
    world.assert_becomes(before)


def test_bridge_port_options(world):
    def document(**port):
        return lan(host={"links": {"br0": {"bridge": {}}}},
                   a={"links": {"x": {"veth": {"bridge": "host/br0", "port": {
                       "name": "cable", "bridgePort": port}}}}})

    world.apply("lan", document(isolated=True))
    before = ifindexes(world)
    port = world.link("host", "cable")
    assert port["master"] == "br0"
    assert port["linkinfo"]["info_slave_data"]["isolated"] is True
    world.apply("lan", document())
    changed = world.link("host", "cable")
    assert changed["linkinfo"]["info_slave_data"]["isolated"] is False
    assert changed["flags"] == port["flags"]
    assert ifindexes(world) == before


@pytest.mark.parametrize("mode", ["private", "vepa", "bridge", "passthru", "source"])
def test_macvlan_modes(world, mode):
    document = lan(a={"links": {"lower": {"bridge": {}},
                                "x": {"macvlan": {"link": "lower", "mode": mode}}}})
    world.apply("lan", document)
    assert info(world, "a", "x")["mode"] == mode
    assert world.apply("lan", document)["outcome"] == "unchanged"
    if mode == "passthru":
        return
    before = ifindexes(world)
    document["namespaces"]["a"]["links"]["x"]["macvlan"]["mode"] = (
        "vepa" if mode != "vepa" else "private")
    world.apply("lan", document)
    assert info(world, "a", "x")["mode"] == ("vepa" if mode != "vepa" else "private")
    if mode != "source":
        assert ifindexes(world) == before


def test_macvlan_of_a_link_elsewhere(world):
    world.run("ip", "link", "add", "eno1", "type", "bridge")
    world.run("ip", "link", "set", "eno1", "up")
    document = lan(host={"links": {"eno1": {"external": True}}},
                   a={"links": {"x": {"macvlan": {"link": "host/eno1"},
                                      "addresses": ["10.0.0.1/24"]}}},
                   b={"links": {"x": {"macvlan": {"link": "host/eno1"},
                                      "addresses": ["10.0.0.2/24"]}}})
    world.apply("lan", document)
    assert info(world, "a", "x")["mode"] == "bridge"
    assert world.ping("a", "10.0.0.2")
    assert world.apply("lan", document)["outcome"] == "unchanged"
    world.remove("lan")
    assert set(world.links("host")) == {"lo", "eno1"}


def test_vxlan_options(world):
    def document(**options):
        return lan(a={"links": {
            "x": {"vxlan": {"id": 7, "local": "192.0.2.1", "remote": "192.0.2.2"} | options}}})

    world.apply("lan", document(port=8472, learning=False, ttl=9))
    data = info(world, "a", "x")
    assert (data["id"], data["port"], data["ttl"]) == (7, 8472, 9)
    assert data["learning"] is False
    first = ifindexes(world)
    assert world.apply("lan", document(port=8472, learning=False, ttl=9))["outcome"] == "unchanged"
    world.apply("lan", document(port=8472, learning=False, ttl=9, remote="192.0.2.3"))
    assert info(world, "a", "x")["remote"] == "192.0.2.3"
    assert ifindexes(world) == first
    reply = world.apply("lan", document(port=4789, learning=False, ttl=9))
    assert ("recreate", "/namespaces/a/links/x") in actions(reply)
    assert info(world, "a", "x")["port"] == 4789


def test_vxlan_with_its_underlay_elsewhere(world):
    """The overlay's links live in namespaces that cannot see the underlay."""
    def site(index):
        return {"links": {"x": {
            "vxlan": {"id": 9, "local": f"192.0.2.{index}", "remote": f"192.0.2.{3 - index}"},
            "addresses": [f"10.0.0.{index}/24"]}}}

    document = lan(
        u1={"links": {"eth0": {"veth": {"peer": "u2/eth0"}, "addresses": ["192.0.2.1/24"]}}},
        u2={"links": {"eth0": {"veth": {"peer": "u1/eth0"}, "addresses": ["192.0.2.2/24"]}}},
        o1=site(1), o2=site(2))
    for index in (1, 2):
        document["namespaces"][f"o{index}"]["links"]["x"]["vxlan"]["underlayNamespace"] = f"u{index}"
    world.apply("lan", document)
    assert set(world.links("o1")) == {"lo", "x"}
    assert world.ping("o1", "10.0.0.2")
    assert world.apply("lan", document)["outcome"] == "unchanged"


def test_veth_written_at_one_end(world):
    one = lan(a={"links": {"x": {"veth": {"peer": "b/y"}, "mtu": 1400}}}, b={})
    both = lan(a=one["namespaces"]["a"], b={"links": {"y": {"veth": {"peer": "a/x"}}}})
    world.apply("lan", one)
    assert world.link("b", "y")["mtu"] == 1400
    assert "UP" in world.link("b", "y")["flags"]
    before = ifindexes(world)
    world.apply("lan", both)
    assert ifindexes(world) == before
    world.apply("lan", one)
    assert ifindexes(world) == before


def test_veth_is_given_another_peer(world):
    def document(peer):
        return lan(a={"links": {"x": {"veth": {"peer": peer}, "addresses": ["10.0.0.1/24"]}}},
                   b={}, c={})

    world.apply("lan", document("b/y"))
    world.apply("lan", document("c/y"))
    assert world.link("b", "y") is None
    assert world.link("c", "y") is not None
    assert world.addresses("a", "x") == ["10.0.0.1/24"]


def test_veth_within_one_namespace(world):
    document = lan(a={"links": {"x": {"veth": {"peer": "y"}}, "br0": {"bridge": {}},
                                "y": {"veth": {"peer": "x"}, "master": "br0"}}})
    world.apply("lan", document)
    assert world.link("a", "y")["master"] == "br0"
    before = ifindexes(world)
    del document["namespaces"]["a"]["links"]["y"]["master"]
    world.apply("lan", document)
    assert "master" not in world.link("a", "y")
    assert ifindexes(world) == before


def test_namespaces_come_and_go(world):
    document = example("bridge")
    world.apply("lan", document)
    before = ifindexes(world)
    net2 = document["namespaces"].pop("net2")
    document["namespaces"]["net3"] = {"links": {"eth0": net2["links"]["eth0"]}}
    reply = world.apply("lan", document)
    assert {("remove", "/namespaces/net2"), ("create", "/namespaces/net3")} <= actions(reply)
    assert world.netns_names() == ["net0", "net1", "net3"]
    assert world.link("host", "net2.eth0") is None
    after = ifindexes(world)
    for key in (("host", "mybridge0"), ("net0", "eth0"), ("host", "net1.eth0")):
        assert after[key] == before[key]
    assert world.ping("net0", "10.0.1.3")


def test_namespace_of_the_same_name_again(world):
    """Deletion in the kernel is asynchronous; the name is free at once all the same."""
    for _ in range(10):
        world.apply("pair", example("pair"))
        assert world.ping("net0", "10.0.1.2")
        world.remove("pair")
    world.assert_clean()


def test_patch(world):
    world.apply("pair", example("pair"))
    reply = world.patch("pair", {"namespaces": {"net0": {"links": {"vethmother": {
        "mtu": 1400, "addresses": {"10.0.1.1/24": None, "10.0.1.7/24": {}}}}}}})
    assert reply["generation"] == 2
    assert world.addresses("net0", "vethmother") == ["10.0.1.7/24"]
    assert world.link("net1", "vethfather")["mtu"] == 1400
    reply = world.patch("pair", {"namespaces": {"net0": {"links": {"vethmother": {"mtu": None}}}}})
    assert world.link("net1", "vethfather")["mtu"] == 1500


def test_patch_of_nothing_makes_a_topology(world):
    assert world.patch("new", {"namespaces": {"a": {}}})["generation"] == 1
    assert world.netns_names() == ["a"]


def test_generation(world):
    world.apply("pair", example("pair"), generation=0)
    for wrong in (0, 2):
        with pytest.raises(VarlinkError) as caught:
            world.apply("pair", example("bridge"), generation=wrong)
        assert caught.value.name == "io.netnsd.Topology.GenerationMismatch"
        assert caught.value.parameters["generation"] == 1
    with pytest.raises(VarlinkError):
        world.remove("pair", generation=7)
    world.remove("pair", generation=1)
    world.assert_clean()


def test_external_namespace(world):
    world.run("ip", "netns", "add", "theirs")
    before = world.snapshot()
    document = lan(theirs={"external": True, "links": {
                       "x": {"veth": {"peer": "ours/y"}, "addresses": ["10.0.0.1/24"]}}},
                   ours={"links": {"y": {"veth": {"peer": "theirs/x"},
                                         "addresses": ["10.0.0.2/24"]}}})
    world.apply("lan", document)
    assert world.ping("theirs", "10.0.0.2")
    assert world.apply("lan", document)["outcome"] == "unchanged"
    world.remove("lan")
    world.assert_becomes(before)


def test_external_namespace_by_path(world):
    process = world.spawn("host", "unshare", "--net", "sh", "-c",
                          "ip link set lo up && echo ready && exec sleep infinity")
    assert process.stdout.readline() == "ready\n"
    document = lan(pod={"external": {"path": f"/proc/{process.pid}/ns/net"}, "links": {
                       "x": {"veth": {"peer": "ours/y"}, "addresses": ["10.0.0.1/24"]}}},
                   ours={"links": {"y": {"veth": {"peer": "pod/x"},
                                         "addresses": ["10.0.0.2/24"]}}})
    world.apply("lan", document)
    assert world.ping("ours", "10.0.0.1")
    assert world.netns_names() == ["ours"]
    assert "10.0.0.1/24" in world.ctl("link", "list", "pod")
    world.remove("lan")


def test_external_link_is_routed_through(world):
    world.run("ip", "link", "add", "eno1", "type", "bridge")
    world.run("ip", "link", "set", "eno1", "up")
    world.run("ip", "address", "add", "198.51.100.1/24", "dev", "eno1")
    before = world.snapshot()
    document = lan(host={"links": {"eno1": {"external": True}},
                         "routes": {"10.20.0.0/16": {"via": "198.51.100.2", "dev": "eno1"}}})
    world.apply("lan", document)
    assert world.route("host", "10.20.0.0/16")["gateway"] == "198.51.100.2"
    world.remove("lan")
    world.assert_becomes(before)


def test_removed_topology_says_its_last_generation(world):
    world.apply("lan", lan(a={}))
    world.apply("lan", lan(a={}, b={}))
    assert world.remove("lan")["generation"] == 2
    assert world.apply("lan", lan(a={}))["generation"] == 1


def test_lo_addresses(world):
    document = lan(a={"links": {"lo": {"addresses": ["10.255.0.1/32"]}}})
    world.apply("lan", document)
    assert "10.255.0.1/32" in world.addresses("a", "lo")
    assert world.apply("lan", document)["outcome"] == "unchanged"
    world.apply("lan", lan(a={}))
    assert "10.255.0.1/32" not in world.addresses("a", "lo")
    assert "127.0.0.1/8" in world.addresses("a", "lo")


def test_drift_is_put_right_by_the_next_apply(world):
    document = example("bridge")
    world.apply("lan", document)
    world.run("ip", "-n", "net0", "address", "del", "10.0.1.1/24", "dev", "eth0")
    world.run("ip", "link", "del", "net1.eth0")
    assert world.apply("lan", document)["outcome"] in ("committed", "unchanged")
    assert world.ping("net0", "10.0.1.2")
    assert world.apply("lan", document)["outcome"] == "unchanged"


def many(count):
    return lan(**{f"n{index}": {"links": {"eth0": {"veth": {"peer": f"m{index}/eth0"},
                                                   "addresses": ["10.0.0.1/24"]}}}
                  for index in range(count)}, **{f"m{index}": {} for index in range(count)})


def apply_with_more(world, document, **parameters):
    with world.connect() as connection:
        return connection.stream("io.netnsd.Topology.Apply", {
            "topology": "lan", "document": document, **parameters})


def test_changes_come_as_soon_as_they_are_planned(world):
    """They are told in pieces, whole and in order, before anything is known of the outcome."""
    document = many(300)
    alone = world.apply("lan", document, dryRun=True)["changes"]
    for outcome, parameters in (("planned", {"dryRun": True}), ("committed", {})):
        *pieces, last = apply_with_more(world, document, **parameters)
        assert len(pieces) > 1
        assert {piece["outcome"] for piece in pieces} == {"pending"}
        assert [change for piece in pieces for change in piece["changes"]] == alone
        assert (last["outcome"], last["changes"]) == (outcome, [])
    assert len(world.netns_names()) == 600
    (last,) = apply_with_more(world, document)
    assert last["outcome"] == "unchanged"


def test_an_error_may_follow_the_changes(world):
    """Two tunnels with one VNI: only the kernel says no."""
    tunnel = {"vxlan": {"id": 7}}
    with world.connect() as connection:
        connection.send("io.netnsd.Topology.Apply", {"topology": "lan", "document": lan(
            a={"links": {"x": tunnel, "y": tunnel}})}, more=True)
        pending, error = connection.receive(), connection.receive()
    assert pending["continues"] and pending["parameters"]["outcome"] == "pending"
    assert error["error"] == "io.netnsd.Topology.TransactionFailed"
    assert world.netns_names() == []
