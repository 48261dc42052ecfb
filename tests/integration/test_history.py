"""History: each generation can be read, compared and brought back, as long as it is kept."""

import copy
import json
import re

import pytest

from varlink import VarlinkError
from world import example, wait_until

# Of everything something, and something else of it.
FIRST = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {"ageingTime": "60s"}, "addresses": ["10.0.1.254/24"]}},
             "routes": {"10.50.0.0/16": {"via": "10.0.1.1"}}},
    "stays": {
        "links": {"eth0": {"veth": {"bridge": "host/br0", "port": {"mtu": 1400}}, "mtu": 1400,
                           "addresses": ["10.0.1.1/24"]},
                  "old": {"bridge": {}, "addresses": ["10.3.0.1/24"]},
                  "cable": {"veth": {"peer": "goes/cable"}}},
        "routes": {"default": {"via": "10.0.1.254"}},
        "rules": {"1000": {"from": "10.0.1.1/32", "table": 100}},
        "sysctl": {"net.ipv4.ip_forward": 1}},
    "goes": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.2/24"]},
                  "cable": {"veth": {"peer": "stays/cable"}, "addresses": ["10.7.0.1/24"]}}}}}
SECOND = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {"ageingTime": "30s", "stp": True},
                               "addresses": ["10.0.1.253/24"]}}},
    "stays": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "mtu": 1300,
                           "addresses": ["10.0.1.1/24", "10.0.1.11/24"]},
                  "old": {"vxlan": {"id": 4, "local": "10.0.1.1"}, "addresses": ["10.3.0.1/24"]}},
        "routes": {"default": {"via": "10.0.1.253"}},
        "sysctl": {"net.ipv4.ip_forward": 0}},
    "comes": {"links": {"eth0": {"veth": {"bridge": "host/br0"}}}}}}


def history(world, topology):
    return world.call("io.netnsd.Topology.History", topology=topology)["generations"]


def causes(world, topology):
    return [(row["generation"], row["cause"], row.get("repeats"))
            for row in history(world, topology)]


def get(world, topology, generation):
    reply = world.call("io.netnsd.Topology.Get", topology=topology, generation=generation)
    assert (reply["topology"], reply["generation"]) == (topology, generation)
    return reply["document"]


def revert(world, topology, **parameters):
    return world.call("io.netnsd.Topology.Revert", topology=topology, **parameters)


def diff(world, topology, **parameters):
    """What Diff says: (action, pointer) and the fields as (name, from, to)."""
    changes = world.call("io.netnsd.Topology.Diff", topology=topology, **parameters)["changes"]
    return {(row["action"], row["pointer"]):
            sorted((field["name"], field.get("from"), field.get("to")) for field in row["fields"])
            for row in changes}


def refused(error, call, *arguments, **parameters):
    with pytest.raises(VarlinkError) as caught:
        call(*arguments, **parameters)
    assert caught.value.name == f"io.netnsd.Topology.{error}", caught.value
    return caught.value.parameters


def bridge(index):
    return {"namespaces": {"a": {"links": {"br0": {"bridge": {}, "mtu": 1300 + index}}}}}


def test_what_happened(world):
    world.apply("lan", FIRST)
    world.patch("lan", {"namespaces": {"goes": None, "stays": {"links": {"cable": None}}}})
    world.apply("lan", SECOND)
    world.apply("lan", SECOND)
    revert(world, "lan", to=1)
    rows = history(world, "lan")
    assert [(row["generation"], row["cause"], row.get("repeats")) for row in rows] == [
        (1, "apply", None), (2, "patch", None), (3, "apply", None), (4, "revert", 1)]
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)
    assert rows[0]["created"] > 5 and rows[0]["changed"] == rows[0]["removed"] == 0
    assert rows[1]["created"] == 0 and rows[1]["removed"] > 0
    assert all(rows[2][count] > 0 for count in ("created", "changed", "removed"))
    before = history(world, "lan")
    world.restart()
    assert history(world, "lan") == before
    world.remove("lan")
    assert refused("NoSuchTopology", history, world, "lan") == {"topology": "lan"}
    world.apply("lan", FIRST)
    assert causes(world, "lan") == [(1, "apply", None)]


def test_each_generation_is_what_get_gave(world):
    given = {}
    documents = [FIRST, SECOND, {"namespaces": {}}, example("router"), FIRST]
    for generation, document in enumerate(documents, 1):
        assert world.apply("lan", document)["generation"] == generation
        given[generation] = world.get("lan")
    for _ in range(2):
        for generation, document in given.items():
            assert get(world, "lan", generation) == document
        world.restart()


# What an object that is made again gets anew.
ANEW = {"ifindex", "link_index", "link_netnsid", "index", "no", "port_no", "id"}


def comparable(value):
    """A snapshot without what an object that is made again gets anew."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()
                if key not in ANEW and key != "inodes"}
    if isinstance(value, list):
        return sorted((comparable(item) for item in value), key=json.dumps)
    return value


def configuration(world):
    return comparable(world.snapshot())


def test_revert_brings_the_kernel_back(world):
    world.apply("lan", FIRST)
    before, document = configuration(world), world.get("lan")
    world.apply("lan", SECOND)
    after, changed = configuration(world), world.get("lan")
    assert after != before
    assert revert(world, "lan")["outcome"] == "committed"
    assert world.get("lan") == document
    world.assert_becomes(before, view=comparable)
    # the one before the present is now the second
    revert(world, "lan")
    assert world.get("lan") == changed
    world.assert_becomes(after, view=comparable)
    assert revert(world, "lan", to=2)["outcome"] == "unchanged"
    assert revert(world, "lan", to=1)["generation"] == 5
    world.assert_becomes(before, view=comparable)
    world.restart()
    world.assert_becomes(before, view=comparable)
    assert world.generations() == {"lan": 5}
    world.remove("lan")
    world.assert_clean()


def test_dry_run_of_a_revert(world):
    world.apply("lan", FIRST)
    world.apply("lan", SECOND)
    before, changes = world.snapshot(), world.kernel_changes()
    planned = revert(world, "lan", dryRun=True)
    assert planned["outcome"] == "planned" and planned["generation"] == 2
    assert world.kernel_changes() == changes
    assert world.snapshot() == before
    assert revert(world, "lan")["changes"] == planned["changes"]


def test_forty_generations_keep_the_last_32(world):
    for index in range(1, 41):
        world.apply("many", bridge(index))
    rows = history(world, "many")
    assert [row["generation"] for row in rows] == list(range(9, 41))
    for generation in (9, 20, 40):
        assert get(world, "many", generation) == bridge(generation)
    kept = {"topology": "many", "generation": 8, "oldest": 9, "newest": 40}
    for _ in range(2):
        assert refused("NoSuchGeneration", get, world, "many", 8) == kept
        assert refused("NoSuchGeneration", revert, world, "many", to=8) == kept
        assert refused("NoSuchGeneration", diff, world, "many", **{"from": 8}) == kept
        assert refused("NoSuchGeneration", diff, world, "many", **{"from": 9, "to": 8}) == kept
        assert refused("NoSuchGeneration", get, world, "many", 41) == kept | {"generation": 41}
        world.restart()
    # the oldest goes while it is being brought back
    assert revert(world, "many", to=9)["generation"] == 41
    assert get(world, "many", 41) == bridge(9)
    assert world.link("a", "br0")["mtu"] == 1309
    refused("NoSuchGeneration", get, world, "many", 9)


def test_revert_of_what_is_not_there(world):
    assert refused("NoSuchTopology", revert, world, "lan") == {"topology": "lan"}
    world.apply("lan", FIRST)
    before = world.snapshot()
    assert refused("NoSuchGeneration", revert, world, "lan") == {
        "topology": "lan", "generation": 0, "oldest": 1, "newest": 1}
    refused("NoSuchTopology", get, world, "other", 1)
    refused("NoSuchTopology", diff, world, "other", **{"from": 1})
    for bad in (0, -1, "1", 1.5):
        with pytest.raises(VarlinkError) as caught:
            revert(world, "lan", to=bad)
        assert caught.value.name == "org.varlink.service.InvalidParameter"
    assert world.snapshot() == before
    assert world.generations() == {"lan": 1}


def test_revert_is_a_change_like_others(world):
    """What another topology has meanwhile is not taken from it."""
    world.apply("lan", {"namespaces": {"a": {}, "b": {}}})
    world.apply("lan", {"namespaces": {"a": {}}})
    world.apply("other", {"namespaces": {"b": {}}})
    before = world.snapshot()
    assert refused("Owned", revert, world, "lan")["owner"] == "other"
    assert world.snapshot() == before
    world.remove("other")
    assert revert(world, "lan")["outcome"] == "committed"
    assert world.netns_names() == ["a", "b"]


def test_a_change_that_waits_is_reverted_after(world):
    """The one before the present is told when the revert's turn has come."""
    world.apply("lan", bridge(1))
    world.apply("lan", bridge(2))
    slow = copy.deepcopy(bridge(3))
    slow["namespaces"] |= {f"n{index}": {} for index in range(100)}
    with world.connect() as first, world.connect() as second:
        first.send("io.netnsd.Topology.Apply", {"topology": "lan", "document": slow})
        wait_until(lambda: world.call("io.netnsd.Manager.Status")["transactionsRunning"]
                   or world.generations()["lan"] == 3)
        second.send("io.netnsd.Topology.Revert", {"topology": "lan"})
        assert first.receive()["parameters"]["generation"] == 3
        assert second.receive()["parameters"]["generation"] == 4
    assert world.get("lan") == bridge(2)


def test_stop_with_questions_open(world):
    """Whether they are still answered or not, nothing is left over."""
    world.apply("lan", FIRST)
    world.apply("lan", SECOND, confirmSeconds=3600)
    calls = [("Get", {"generation": 1}), ("Diff", {"from": 1}), ("History", {}),
             ("Confirm", {}), ("Revert", {"to": 1, "dryRun": True})]
    connections = [world.connect() for _ in calls]
    for connection, (method, parameters) in zip(connections, calls):
        connection.send(f"io.netnsd.Topology.{method}", {"topology": "lan"} | parameters)
    world.stop()
    for connection in connections:
        connection.close()


GENERATION_CALLS = {
    "Apply": {"document": SECOND}, "Patch": {"patch": {"namespaces": {"x": {}}}},
    "Revert": {"to": 1}, "Remove": {}, "Confirm": {}}


@pytest.mark.parametrize("method", GENERATION_CALLS)
def test_generation_that_moved_refuses(world, method):
    world.apply("lan", FIRST)
    world.apply("lan", SECOND, confirmSeconds=3600)
    before, document = world.snapshot(), world.get("lan")
    name = f"io.netnsd.Topology.{method}"
    for wrong in (0, 1, 3):
        assert refused("GenerationMismatch", world.call, name, topology="lan", generation=wrong,
                       **GENERATION_CALLS[method]) == {
            "topology": "lan", "expected": wrong, "generation": 2}
    assert world.snapshot() == before and world.get("lan") == document
    assert causes(world, "lan") == [(1, "apply", None), (2, "apply", None)]
    world.call("io.netnsd.Topology.Confirm", topology="lan", generation=2)
    if method != "Confirm":
        world.call(name, topology="lan", generation=2, **GENERATION_CALLS[method])


def test_differences(world):
    world.apply("lan", FIRST)
    world.apply("lan", SECOND)
    ns = "/namespaces"
    assert diff(world, "lan", **{"from": 1, "to": 2}) == {
        ("change", f"{ns}/host/links/br0"): [("ageingTime", "60s", "30s"), ("stp", None, "true")],
        ("remove", f"{ns}/host/links/br0/addresses/10.0.1.254~124"): [],
        ("create", f"{ns}/host/links/br0/addresses/10.0.1.253~124"): [],
        ("remove", f"{ns}/host/routes/10.50.0.0~116"): [("via", "10.0.1.1", None)],
        ("change", f"{ns}/stays/links/eth0"): [("mtu", "1400", "1300"), ("port.mtu", "1400", None)],
        ("create", f"{ns}/stays/links/eth0/addresses/10.0.1.11~124"): [],
        ("change", f"{ns}/stays/links/old"): [
            ("id", None, "4"), ("kind", "bridge", "vxlan"), ("local", None, "10.0.1.1")],
        ("remove", f"{ns}/stays/links/cable"): [("kind", "veth", None), ("peer", "goes/cable", None)],
        ("change", f"{ns}/stays/routes/default"): [("via", "10.0.1.254", "10.0.1.253")],
        ("remove", f"{ns}/stays/rules/1000"): [
            ("from", "10.0.1.1/32", None), ("table", "100", None)],
        ("change", f"{ns}/stays/sysctl/net.ipv4.ip_forward"): [("value", "1", "0")],
        ("remove", f"{ns}/goes"): [],
        ("remove", f"{ns}/goes/links/eth0"): [("bridge", "host/br0", None), ("kind", "veth", None)],
        ("remove", f"{ns}/goes/links/eth0/addresses/10.0.1.2~124"): [],
        ("remove", f"{ns}/goes/links/cable"): [("kind", "veth", None), ("peer", "stays/cable", None)],
        ("remove", f"{ns}/goes/links/cable/addresses/10.7.0.1~124"): [],
        ("create", f"{ns}/comes"): [],
        ("create", f"{ns}/comes/links/eth0"): [("bridge", None, "host/br0"), ("kind", None, "veth")],
    }
    assert diff(world, "lan", **{"from": 1}) == diff(world, "lan", **{"from": 1, "to": 2})
    back = diff(world, "lan", **{"from": 2, "to": 1})
    assert back[("change", f"{ns}/stays/routes/default")] == [("via", "10.0.1.253", "10.0.1.254")]
    assert ("create", f"{ns}/goes") in back
    assert diff(world, "lan", **{"from": 2}) == {}
    with world.connect() as connection:
        replies = connection.stream("io.netnsd.Topology.Diff", {"topology": "lan", "from": 1})
        assert len(replies) == len(back)


def test_netnsctl(world, tmp_path):
    assert "there is no topology 'lan'" in world.ctl_fails("history", "lan")
    world.apply("lan", {"namespaces": {"a": {"links": {"br0": {"bridge": {}, "mtu": 1300}}}}})
    world.apply("lan", {"namespaces": {
        "a": {"links": {"br0": {"bridge": {}, "mtu": 1400}}},
        "b": {"routes": {"10.0.0.0/8": {"type": "blackhole"}}}}})
    assert world.ctl("diff", "lan", "1", "2") == (
        "~ a/br0: mtu: 1300 -> 1400\n"
        "+ b namespace\n"
        "+ b route 10.0.0.0/8: type: blackhole\n")
    assert world.ctl("diff", "lan", "2", "1") == (
        "- b namespace\n"
        "- b route 10.0.0.0/8: type: blackhole\n"
        "~ a/br0: mtu: 1400 -> 1300\n")
    assert world.ctl_json("get", "lan", "--generation", "1")["document"] == get(world, "lan", 1)
    assert "1400 -> 1300" in world.ctl("revert", "lan", "--dry-run")
    assert "lan: committed generation 3" in world.ctl("revert", "lan")
    assert "lan: committed generation 4" in world.ctl("revert", "lan", "2", "--generation", "3")
    assert "at generation 4, not 3" in world.ctl_fails("revert", "lan", "2", "--generation", "3")
    rows = [line.split() for line in world.ctl("history", "lan").splitlines()]
    assert rows[0] == ["GENERATION", "TIME", "CAUSE", "CREATED", "CHANGED", "REMOVED"]
    assert [(row[0], " ".join(row[2:-3])) for row in rows[1:]] == [
        ("1", "apply"), ("2", "apply"), ("3", "revert to 1"), ("4", "revert to 2")]
    assert "no generation 9; 1 to 4 are kept" in world.ctl_fails("revert", "lan", "9")
    for words in (["revert", "lan", "x"], ["diff", "lan", "0"], ["diff", "lan"]):
        assert world.ctl(*words, check=False).returncode == 2
