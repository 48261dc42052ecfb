"""Documents that are wrong: every error is told at once, with its place, and nothing is touched."""

import json

import pytest

from varlink import VarlinkError

FIVE_ERRORS = """{
  "namespaces": {
    "net0": {
      "links": {
        "eth0": {
          "veth": { "peer": "net1/nowhere" },
          "mtu": "big",
          "adresses": ["10.0.0.1/24"]
        },
        "a-name-beyond-15-characters": { "bridge": {} }
      },
      "routes": { "10.0.0.0/33": { "via": "10.0.0.2" } }
    }
  }
}
"""
FIVE_POINTERS = {
    "/namespaces/net0/links/eth0/veth/peer": 6,
    "/namespaces/net0/links/eth0/mtu": 7,
    "/namespaces/net0/links/eth0/adresses": 8,
    "/namespaces/net0/links/a-name-beyond-15-characters": 10,
    "/namespaces/net0/routes/10.0.0.0~133": 12,
}


def problems_of(world, document, severity="error"):
    with pytest.raises(VarlinkError) as caught:
        world.apply("bad", document)
    assert caught.value.name == "io.netnsd.Topology.InvalidDocument"
    return [problem["pointer"] for problem in caught.value.parameters["problems"]
            if problem["severity"] == severity]


def test_five_errors_five_pointers(world):
    before, changes = world.snapshot(), world.kernel_changes()
    assert sorted(problems_of(world, json.loads(FIVE_ERRORS))) == sorted(FIVE_POINTERS)
    assert world.snapshot() == before
    assert world.kernel_changes() == changes
    assert world.generations() == {}


def test_errors_show_file_and_line(world, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(FIVE_ERRORS)
    shown = world.ctl_fails("apply", path)
    for pointer, line in FIVE_POINTERS.items():
        heading = next(row for row in shown.splitlines() if f" {pointer}: " in row)
        assert heading.startswith(f"{path}:{line}:")
    lines = FIVE_ERRORS.splitlines()
    for line in FIVE_POINTERS.values():
        assert f"{line} | {lines[line - 1]}" in shown
    assert "5 errors; nothing was touched" in shown
    assert "'addresses'" in shown or '"addresses"' in shown


def test_syntax_error_shows_line(world, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{\n  "namespaces": {\n    "net0": {},,\n  }\n}\n')
    shown = world.ctl_fails("apply", path)
    assert "line 3" in shown or f"{path}:3:" in shown


def test_duplicate_member(world, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{"namespaces": {"net0": {}, "net0": {}}}')
    assert "/namespaces/net0" in world.ctl_fails("apply", path)


def test_missing_file(world):
    assert "/nowhere/net.json" in world.ctl_fails("apply", "/nowhere/net.json")


def lan(**namespaces):
    return {"namespaces": namespaces}


def links(**members):
    return {"links": members}


BAD = {
    "unknown-namespace-key": (lan(a={"linkz": {}}), "/namespaces/a/linkz"),
    "no-kind": (lan(a=links(x={})), "/namespaces/a/links/x"),
    "two-kinds": (lan(a=links(x={"bridge": {}, "vxlan": {"id": 1}})), "/namespaces/a/links/x/vxlan"),
    "null": (lan(a=links(x={"bridge": {}, "mtu": None})), "/namespaces/a/links/x/mtu"),
    "bad-address": (lan(a=links(x={"bridge": {}, "addresses": ["10.0.0.256/24"]})),
                    "/namespaces/a/links/x/addresses/0"),
    "no-length": (lan(a=links(x={"bridge": {}, "addresses": ["10.0.0.1"]})),
                  "/namespaces/a/links/x/addresses/0"),
    "host-with-lo": (lan(host=links(lo={})), "/namespaces/host/links/lo"),
    "dangling-master": (lan(a=links(x={"macvlan": {"link": "y"}})),
                        "/namespaces/a/links/x/macvlan/link"),
    "multicast-mac": (lan(a=links(x={"bridge": {}, "mac": "01:00:00:00:00:01"})),
                      "/namespaces/a/links/x/mac"),
    "rule-priority": (lan(a={"rules": {"first": {"family": "inet", "table": 100}}}),
                      "/namespaces/a/rules/first"),
    "namespace-name": (lan(**{"a/b": {}}), "/namespaces/a~1b"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_document(world, name):
    document, pointer = BAD[name]
    assert problems_of(world, document) == [pointer]
    assert world.generations() == {}


def test_bad_topology_name(world):
    with pytest.raises(VarlinkError):
        world.apply("../etc", lan(a={}))
    assert world.generations() == {}


def cables(prefix, count, bridge):
    return {f"{prefix}{index}": links(eth0={"veth": {"bridge": bridge}}) for index in range(count)}


def too_many(world, topology, document):
    with pytest.raises(VarlinkError, match="InvalidDocument") as caught:
        world.apply(topology, document)
    return [(row["pointer"], row["message"]) for row in caught.value.parameters["problems"]]


def test_too_many_ports(world):
    """A bridge takes 1,023 (the kernel answers EXFULL later)."""
    document = lan(host=links(br0={"bridge": {}}), **cables("n", 1030, "host/br0"))
    ((pointer, message),) = too_many(world, "lan", document)
    assert pointer == "/namespaces/host/links/br0"
    assert "1030 ports" in message and "1023 at most" in message and "several bridges" in message
    assert world.generations() == {} and "n0" not in world.netns_names()


def test_too_many_ports_of_several_topologies(world):
    """What they ask for together counts."""
    world.apply("first", lan(host=links(br0={"bridge": {}}), **cables("a", 3, "host/br0")))
    external = {"br0": {"external": True}}
    ((pointer, message),) = too_many(
        world, "second", lan(host=links(**external), **cables("b", 1021, "host/br0")))
    assert pointer == "/namespaces/host/links/br0"
    assert "1024 ports" in message and "3 of them" in message
    assert sorted(world.generations()) == ["first"]


def test_too_many_ports_of_others(world):
    """Those that no topology asks for are known to the kernel alone: it says so, and nothing
    stays."""
    ports = "".join(f"link add d{index} master br0 type veth peer name e{index}\n"
                    for index in range(1023))
    world.batch("host", f"link add br0 type bridge\n{ports}")
    with pytest.raises(VarlinkError, match="TransactionFailed") as caught:
        world.apply("lan", lan(host=links(br0={"external": True}), **cables("n", 1, "host/br0")))
    assert caught.value.parameters["outcome"] == "rolledBack"
    assert "1,023 ports" in caught.value.parameters["message"]
    assert "n0" not in world.netns_names()


def test_warnings_come_with_the_reply(world):
    reply = world.apply("lan", lan(a=links(x={"bridge": {}, "addresses": ["10.0.0.0/24"]})))
    assert [(row["severity"], row["pointer"]) for row in reply["warnings"]] == [
        ("warning", "/namespaces/a/links/x/addresses/0")]
    assert world.addresses("a", "x") == ["10.0.0.0/24"]
