"""Namespaces with bridges: their ports are born without IPv6 where nothing asks for it, and a new one
is not read again when all its ports are there."""

import json

import pytest

from subscriber import Subscriber
from varlink import VarlinkError
from world import kill_steps, wait_until


def hub(**more):
    return {"links": {"br0": {"bridge": {}}}, **more}


def document(hub_says, **ports):
    return {"namespaces": {"hub": hub_says, **{
        name: {"links": {"eth0": {"veth": {"bridge": "hub/br0"}}}} for name in ports or {"a": 1}}}}


def disabled(world, link):
    path = f"/proc/sys/net/ipv6/conf/{link}/disable_ipv6"
    return world.run(*world.inside("hub"), "cat", path).strip()


def test_ports_are_born_without_ipv6_and_others_with_it(world):
    world.apply("lan", document(hub(links={"br0": {"bridge": {}}, "other": {"bridge": {}}})))
    assert disabled(world, "a.eth0") == "1"
    assert disabled(world, "br0") == disabled(world, "other") == "0"
    assert disabled(world, "default") == "0"
    world.run("ip", "-n", "hub", "link", "add", "theirs", "type", "bridge")
    assert disabled(world, "theirs") == "0"


def test_ipv6_that_is_asked_for_later(world):
    world.apply("lan", document(hub()))
    links = {"br0": {"bridge": {}, "addresses": ["2001:db8::1/64"]}}
    world.apply("lan", document(hub(links=links), a=1, b=1))
    assert "2001:db8::1/64" in world.addresses("hub", "br0")
    assert world.link("hub", "a.eth0")["operstate"] == "UP"
    assert world.apply("lan", document(hub(links=links), a=1, b=1))["outcome"] == "unchanged"


def test_port_that_becomes_a_cable_with_ipv6(world):
    world.apply("lan", document(hub()))
    cable = {"namespaces": {
        "hub": {"links": {"a.eth0": {"veth": {"peer": "a/eth0"}, "addresses": ["2001:db8::1/64"]}}},
        "a": {"links": {"eth0": {"veth": {"peer": "hub/a.eth0"},
                                 "addresses": ["2001:db8::2/64"]}}}}}
    world.apply("lan", cable)
    assert "2001:db8::1/64" in world.addresses("hub", "a.eth0")
    assert world.ping("a", "2001:db8::1")


def test_killed_while_ports_are_born(world, fault_injection):
    """What a crash leaves behind is reset by the next change."""
    world.apply("lan", document(hub()))
    for step in kill_steps():
        world.restart(NETNSD_FAULT=f"{step}:kill")
        try:
            world.apply("lan", document(hub(), a=1, b=1))
        except (ConnectionError, BrokenPipeError):
            world.wait_killed()
            world.start()
            world.apply("lan", document(hub(), a=1, c=1))
            assert disabled(world, "default") == "0"
            world.apply("lan", document(hub()))
        else:
            assert step > 3
            return
    raise AssertionError("the change takes no end")


def bridge(world):
    return world.link("hub", "br0")["linkinfo"]["info_data"]


def test_bridge_snoops_once_its_ports_are_there(world):
    """A new bridge is given it last; one that is there goes on as it is."""
    world.apply("lan", document(hub()))
    assert bridge(world)["mcast_snooping"] == 1
    world.apply("lan", document(hub(links={"br0": {"bridge": {"mcastSnooping": False}}}), a=1, b=1))
    assert bridge(world)["mcast_snooping"] == 0
    world.apply("lan", document(hub(), a=1, b=1, c=1))
    assert bridge(world)["mcast_snooping"] == 1
    born_without = {"links": {"br1": {"bridge": {"mcastSnooping": False}}}}
    world.apply("other", {"namespaces": {"quiet": born_without}})
    assert world.link("quiet", "br1")["linkinfo"]["info_data"]["mcast_snooping"] == 0


def test_mtu_of_a_new_bridge_is_what_was_said(world):
    """Only one that is set afterwards keeps the kernel from following the ports' (br_if.c)."""
    said = hub(links={"br0": {"bridge": {}, "mtu": 1500}})
    ports = {"a": {"links": {"eth0": {"veth": {"bridge": "hub/br0"}, "mtu": 1300}}}}
    answer = world.apply("lan", {"namespaces": {"hub": said, **ports}})
    assert answer["outcome"] == "committed"
    assert world.link("hub", "br0")["mtu"] == 1500
    assert world.link("hub", "a.eth0")["mtu"] == 1300


def large(count):
    """So many ports that the hub is read long before the last of them is made."""
    ports = {f"n{number}": {"links": {"eth0": {"veth": {"bridge": "hub/br0"},
                                              "addresses": [f"10.0.0.{number + 2}/24"]}}}
             for number in range(count)}
    switch = {"br0": {"bridge": {}, "addresses": ["10.0.0.1/24"]}}
    routes = {"10.9.0.0/16": {"via": "10.0.0.2"}}
    return {"namespaces": {"hub": {"links": switch, "routes": routes}, **ports}}


def test_hub_that_is_followed_while_it_is_made(world):
    """What netnsd has heard of it is what there is. Others are told of it once, when all of it is
    there."""
    with Subscriber(world) as subscriber:
        events = subscriber.until(world.apply("lan", large(120))["event"])
    names = [event["link"] for _, event in events if event["kind"] == "linkAdded"
             and event["namespace"] == "hub"]
    assert sorted(names) == sorted(["br0", *(f"n{number}.eth0" for number in range(120))])
    ports = [link for link in world.links("hub").values() if link.get("master") == "br0"]
    assert len(ports) == 120
    answer = world.call("io.netnsd.Drift.Audit")
    assert (answer["differences"], answer["unheard"]) == ([], [])
    assert world.apply("lan", large(120))["outcome"] == "unchanged"
    assert world.ping("n119", "10.0.0.1")
    world.run("ip", "-n", "hub", "link", "set", "n60.eth0", "nomaster")
    wait_until(lambda: world.link("hub", "n60.eth0").get("master") == "br0")


@pytest.mark.parametrize("fault", ["300", "600", "900", "300:kill", "600:kill", "900:kill"])
def test_large_hub_that_is_not_completed(world, fault_injection, fault):
    world.apply("other", document(hub(), b=1))
    before = world.snapshot()
    world.restart(NETNSD_FAULT=fault)
    held = world.descriptors()
    change = large(120)
    change["namespaces"]["wide"] = change["namespaces"].pop("hub")
    change = json.loads(json.dumps(change).replace("hub/", "wide/"))
    with pytest.raises((VarlinkError, ConnectionError)):
        world.apply("lan", change)
    if "kill" in fault:
        world.wait_killed()
        world.start()
    else:
        assert world.descriptors() == held, "something is held that was to go"
        world.restart()
    world.assert_becomes(before, where=fault)
    assert world.apply("lan", change)["outcome"] == "committed"
    world.remove("lan")
    world.assert_becomes(before, where="removed")
