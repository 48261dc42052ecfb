"""Whichever step of a repair fails, or is the last before a crash: in the end everything is as it
was committed, and nothing is left over."""

import pytest

import snapshot
from world import kill_steps, wait_until

DOCUMENT = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {}, "mtu": 1500, "addresses": ["10.0.1.254/24"]}}},
    "net0": {"links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.1/24"]},
                       "lan": {"macvlan": {"link": "host/br0", "mode": "bridge"},
                               "addresses": ["10.0.2.1/24"]}},
             "routes": {"default": {"via": "10.0.1.254"}},
             "rules": {"1000": {"from": "10.0.2.1/32", "table": 100}},
             "sysctl": {"net.ipv4.ip_forward": 1}},
    "net1": {"links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.2/24"]}},
             "routes": {"default": {"via": "10.0.1.254"}}}}}
REPORTED = {"namespaces": {name: namespace | ({} if name == "host" else {"drift": "report"})
                           for name, namespace in DOCUMENT["namespaces"].items()}}

# A link to be made anew in place of one that is parked, a namespace, and of the rest something.
DISTURBANCE = """
ip netns del net1
ip link set br0 mtu 1400
ip link del net0.eth0
ip -n net0 link set lan down
ip -n net0 link set lan address 02:00:00:00:00:77
ip -n net0 rule del priority 1000
ip netns exec net0 sysctl -qw net.ipv4.ip_forward=0
"""


def look(world):
    return snapshot.lasting(world.snapshot())


def disturb(world):
    world.run("sh", "-e", "-c", DISTURBANCE)


def ends(world, before):
    """Waits until everything is put back; False when netnsd was killed before."""
    wait_until(lambda: world.daemon.poll() is not None or look(world) == before)
    if world.daemon.poll() is None:
        return True
    world.wait_killed()
    return False


# Repairs, with a step that fails or kills. False when netnsd was killed.


def after_start(world, before, fault):
    world.stop()
    disturb(world)
    return world.try_start(NETNSD_FAULT=fault) and ends(world, before)


def while_running(world, before, fault):
    world.restart(NETNSD_FAULT=fault)
    with world.paused():
        disturb(world)
    return ends(world, before)


def by_hand(world, before, fault):
    """What failed is asked for again."""
    world.restart(NETNSD_FAULT=fault)
    with world.paused():
        disturb(world)
    for _ in range(2):
        world.ctl("repair", check=False)
    return ends(world, before)


WAYS = {"after-start": (DOCUMENT, after_start), "while-running": (DOCUMENT, while_running),
        "by-hand": (REPORTED, by_hand)}


def left_over(world):
    """What is set aside."""
    directory = world.namespaces.path("/run/netnsd/parked")
    names = [path.name for path in directory.iterdir()] if directory.exists() else []
    return names + [link for namespace in ["host", *world.netns_names()]
                    for link in world.links(namespace) if link.startswith("~")]


def stored(world):
    return world.get("lan"), world.call("io.netnsd.Topology.History", topology="lan")


def assert_restored(world, before, kept):
    world.assert_becomes(before, view=snapshot.lasting)
    assert world.call("io.netnsd.Drift.Audit") == {"differences": [], "unheard": []}
    assert left_over(world) == []
    assert stored(world) == kept


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_each_step(world, fault_injection, way):
    document, repair = WAYS[way]
    world.apply("lan", document)
    before, kept = look(world), stored(world)
    for step in kill_steps():
        if repair(world, before, f"{step}:kill"):
            break
        world.start()
        if document is REPORTED:
            world.ctl("repair")
        assert_restored(world, before, kept)
    else:
        raise AssertionError("the repair takes no end")
    assert step > 10
    assert_restored(world, before, kept)


@pytest.mark.parametrize("way", WAYS)
def test_each_step_fails(world, fault_injection, way):
    document, repair = WAYS[way]
    world.apply("lan", document)
    before, kept = look(world), stored(world)
    step = 0
    while step <= world.kernel_changes():
        step += 1
        assert repair(world, before, str(step))
        assert_restored(world, before, kept)
    assert step > 10
