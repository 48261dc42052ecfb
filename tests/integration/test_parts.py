"""A change of some namespaces is made as a part of its topology: what comes of it is what the whole
would come to, and where more follows from it, the whole is changed."""

import contextlib
import re

import pytest

from test_faults import fail_each_step
from test_history import comparable
from varlink import VarlinkError, result
from world import wait_until


def cable(number):
    return {"links": {"eth0": {"veth": {"bridge": "hub/br0"}, "addresses": [f"10.0.1.{number}/24"]}},
            "routes": {"default": {"via": "10.0.1.254"}}}


def document(count=4):
    return {"namespaces": {
        "hub": {"links": {"br0": {"bridge": {}, "mtu": 1500, "addresses": ["10.0.1.254/24"]}}},
        **{f"n{i}": cable(i + 1) for i in range(count)}}}


# Makes anew, changes, removes and adds; n0 and n3 are elsewhere.
PATCH = {"namespaces": {
    "n1": {"links": {"eth0": {"txQueues": 2, "addresses": {"10.0.1.2/24": None, "10.0.1.12/24": {}}},
                     "over": {"veth": {"peer": "n0/under"}, "addresses": {"10.2.0.1/24": {}}}},
           "rules": {"1000": {"from": "10.0.1.12/32", "table": 100}}},
    "n2": None,
    "n9": cable(9)}}


def parts(world):
    """Of how many namespaces each change of a part was."""
    return [int(count) for count in re.findall(r"the change is about (\d+) of its namespaces",
                                               world.log.read_text())]


def is_part(world, change, count):
    """Makes CHANGE, which is to be one of COUNT namespaces."""
    before = parts(world)
    reply = change()
    assert parts(world) == [*before, count]
    return reply


def apply_again(world, wanted):
    """Applies a document that is in force, once netnsd has heard all that its change made the kernel
    say."""
    wait_until(lambda: world.apply("lan", wanted, dryRun=True) and parts(world)[-1:] == [0])
    assert is_part(world, lambda: world.apply("lan", wanted), 0)["outcome"] == "unchanged"


def comes_to_the_same(world):
    """The whole document, read anew, finds nothing to do."""
    before = comparable(world.snapshot())
    whole = world.get("lan")
    world.restart()
    assert world.apply("lan", whole)["outcome"] == "unchanged"
    world.assert_becomes(before, view=comparable)
    assert world.get("lan") == whole


def test_patches_are_parts(world):
    world.apply("lan", document())
    assert is_part(world, lambda: world.patch("lan", PATCH), 3)["outcome"] == "committed"
    assert world.ping("n9", "10.0.1.12")
    assert is_part(world, lambda: world.patch("lan", PATCH), 3)["outcome"] == "unchanged"
    is_part(world, lambda: world.patch("lan", {"namespaces": {
        "n1": {"links": {"over": None}}, "n9": None}}), 2)
    assert world.link("n0", "under") is None and world.link("hub", "n9.eth0") is None
    comes_to_the_same(world)
    world.remove("lan")
    world.assert_clean()


def test_each_step_of_a_part_fails(world, fault_injection):
    world.apply("lan", document())
    assert fail_each_step(world, lambda: world.patch("lan", PATCH)) > 10
    comes_to_the_same(world)


def test_parts_have_a_history(world):
    world.apply("lan", document())
    first, then = world.get("lan"), comparable(world.snapshot())
    world.patch("lan", PATCH)
    second, now = world.get("lan"), comparable(world.snapshot())
    for to, expected, kernel in ((1, first, then), (2, second, now)):
        world.call("io.netnsd.Topology.Revert", topology="lan", to=to)
        assert world.get("lan") == expected
        world.assert_becomes(kernel, view=comparable)


def test_documents_are_parts(world):
    world.apply("lan", document())
    apply_again(world, document())
    changed = document(5)
    changed["namespaces"]["n1"]["links"]["eth0"]["mtu"] = 1400
    del changed["namespaces"]["n2"]
    assert is_part(world, lambda: world.apply("lan", changed), 3)["outcome"] == "committed"
    assert world.link("n1", "eth0")["mtu"] == 1400
    apply_again(world, changed)
    comes_to_the_same(world)


def test_what_others_changed_is_put_right(world):
    """A document that comes again says what is wanted, also of what nobody was told of."""
    wanted = document()
    wanted["namespaces"]["n3"]["sysctl"] = {"net.ipv4.ip_forward": 1}
    world.apply("lan", wanted)
    before = world.snapshot()
    world.run("ip", "netns", "exec", "n3", "sysctl", "-qw", "net.ipv4.ip_forward=0")
    assert [change["pointer"] for change in world.apply("lan", wanted)["changes"]] == [
        "/namespaces/n3/sysctl/net.ipv4.ip_forward"]
    with world.paused():
        world.run("ip", "-n", "n0", "link", "set", "eth0", "mtu", "1300")
    world.apply("lan", wanted)
    world.assert_becomes(before)


def test_more_follows(world):
    """The bridge is not there any more: with it, its other ports are made anew."""
    world.apply("lan", document())
    before = comparable(world.snapshot())
    with world.paused():
        world.run("ip", "-n", "hub", "link", "del", "br0")
    world.patch("lan", {"namespaces": {"n1": {"links": {"eth0": {"alias": "one"}}}}})
    world.patch("lan", {"namespaces": {"n1": {"links": {"eth0": {"alias": None}}}}})
    wait_until(lambda: comparable(world.snapshot()) == before)


def test_stop_while_more_follows(world):
    """A change that netnsd does not come to any more is refused."""
    world.apply("lan", document())
    with world.connect() as connection, world.connect() as later:
        with world.paused():
            world.run("ip", "-n", "hub", "link", "del", "br0")
            connection.send("io.netnsd.Topology.Patch", {"topology": "lan", "patch": {
                "namespaces": {"n1": {"links": {"eth0": {"alias": "one"}}}}}})
            later.send("org.varlink.service.GetInfo", {})
        result(later.receive())  # netnsd has read the earlier call, too
        world.stop()
        with contextlib.suppress(VarlinkError):  # unless it was made before
            result(connection.receive())


@pytest.mark.parametrize("patch, error", [
    ({"new": {"links": {"eth0": {"veth": {"bridge": "hub/br1"}}}}}, "InvalidDocument"),
    ({"new": {"links": {"a": {"veth": {"peer": "n1/eth0"}}}}}, "InvalidDocument"),
    ({"hub": None}, "InvalidDocument"),
    ({"theirs": {}}, "Owned"),
    ({"foreign": {}}, "Foreign"),
    ({"new": {"links": {"a": {"veth": {"peer": "hub/theirs"}}}}}, "Foreign"),
])
def test_what_is_refused(world, patch, error):
    world.apply("lan", document())
    world.apply("other", {"namespaces": {"theirs": {}}})
    world.run("ip", "netns", "add", "foreign")
    world.run("ip", "-n", "hub", "link", "add", "theirs", "type", "bridge")
    before, stored = world.snapshot(), world.get("lan")
    with pytest.raises(VarlinkError) as caught:
        world.patch("lan", {"namespaces": patch})
    assert caught.value.name == f"io.netnsd.Topology.{error}", caught.value
    world.assert_becomes(before)
    assert world.get("lan") == stored
