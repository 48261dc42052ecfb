"""Events: what happens is told to who listens, in order, and nobody waits for a slow listener."""

import json
import signal
import subprocess
import time

import pytest

from subscriber import Subscriber
from varlink import VarlinkError
from world import NETNSCTL, PATIENCE, wait_until

LAN = {"namespaces": {"net0": {"links": {"br0": {"bridge": {}, "addresses": ["10.0.1.1/24"]}}}}}
ADDRESS = "/namespaces/net0/links/br0/addresses/10.0.1.1~124"
MTU = {mtu: {"namespaces": {"net0": {"links": {"br0": {"mtu": mtu}}}}} for mtu in range(1300, 1500)}
WRONG = {"namespaces": {"net0": {"routes": {"10.77.0.0/16": {"via": "192.0.2.9"}}}}}


def last_event(world):
    """The number of the last event so far."""
    with Subscriber(world) as subscriber:
        return subscriber.number


def without_time(event):
    event = dict(event)
    assert time.strptime(event.pop("time")[:19], "%Y-%m-%dT%H:%M:%S")
    return event


# What is told.


def test_commits_and_removal(world):
    with Subscriber(world) as subscriber:
        for generation, change in enumerate([lambda: world.apply("lan", LAN),
                                             lambda: world.patch("lan", MTU[1400])], 1):
            reply = change()
            number, event = subscriber.wait("committed")
            assert number == reply["event"]
            assert without_time(event) == {"kind": "committed", "topology": "lan",
                                           "generation": generation}
        reply = world.remove("lan")
        number, event = subscriber.wait("removed")
        assert number == reply["event"]
        assert without_time(event) == {"kind": "removed", "topology": "lan", "generation": 2}


def test_event_comes_before_the_reply(world):
    with Subscriber(world) as subscriber:
        for _ in range(20):
            reply = world.apply("lan", LAN)
            subscriber.socket.settimeout(0)
            assert subscriber.until(reply["event"])[-1][1]["kind"] == "committed"
            reply = world.remove("lan")
            assert subscriber.until(reply["event"])[-1][1]["kind"] == "removed"


def test_what_changes_nothing_has_the_last_number(world):
    reply = world.apply("lan", LAN)
    assert world.apply("lan", LAN) == {"outcome": "unchanged", "generation": 1, "changes": [],
                                       "warnings": [], "event": last_event(world)}
    assert world.patch("lan", MTU[1400], dryRun=True)["event"] == last_event(world)
    assert last_event(world) >= reply["event"]


def test_rollback(world):
    world.apply("lan", LAN)
    with Subscriber(world) as subscriber:
        with pytest.raises(VarlinkError) as caught:
            world.patch("lan", WRONG)
        _, event = subscriber.wait("rolledBack")
        assert without_time(event) == {
            "kind": "rolledBack", "topology": "lan", "namespace": "net0",
            "pointer": caught.value.parameters["pointer"],
            "message": caught.value.parameters["message"]}


def test_drift_repaired(world):
    world.apply("lan", LAN)
    with Subscriber(world) as subscriber:
        world.run("ip", "-n", "net0", "address", "flush", "dev", "br0")
        difference = {"topology": "lan", "namespace": "net0", "pointer": ADDRESS,
                      "difference": "missing", "fields": []}
        _, event = subscriber.wait("driftFound")
        assert without_time(event) == difference | {"kind": "driftFound", "repairs": 0}
        _, event = subscriber.wait("driftRepaired")
        assert without_time(event) == difference | {"kind": "driftRepaired", "repairs": 1}
        assert world.addresses("net0", "br0") == ["10.0.1.1/24"]


def test_drift_reported_and_undone_by_hand(world):
    world.apply("lan", {"namespaces": {"net0": LAN["namespaces"]["net0"] | {"drift": "report"}}})
    world.patch("lan", MTU[1400])
    with Subscriber(world) as subscriber:
        for mtu, kind in (1300, "driftFound"), (1400, "driftGone"):
            world.run("ip", "-n", "net0", "link", "set", "br0", "mtu", mtu)
            _, event = subscriber.wait(kind)
            assert event["pointer"] == "/namespaces/net0/links/br0"
            assert event["difference"] == "changed"
            assert event["fields"] == [{"name": "mtu", "actual": "1300", "wanted": "1400"}]


def test_drift_contended(world):
    world.apply("lan", LAN)
    with Subscriber(world, topology="lan") as subscriber:
        repairs, kind = [], "driftRepaired"
        while kind != "driftContended":
            if kind == "driftRepaired":
                world.run("ip", "-n", "net0", "address", "del", "10.0.1.1/24", "dev", "br0")
            _, event = subscriber.next()
            while event["kind"].startswith("link"):  # a carrier comes when the kernel has time
                _, event = subscriber.next()
            kind = event["kind"]
            repairs.append(event["repairs"])
        assert event["pointer"] == ADDRESS
        assert repairs == sorted(repairs) and repairs[-1] >= 5


def test_namespaces_and_links_of_a_topology(world):
    def told(subscriber, last):
        return [tuple(event[key] for key in ("kind", "topology", "namespace", "link")
                      if key in event) for _, event in subscriber.until(last)
                if event["kind"] not in ("linkUp", "linkDown")]

    cable = {"namespaces": {"net0": {"links": {"a": {"veth": {"peer": "net1/b"}}}}, "net1": {}}}
    with Subscriber(world) as subscriber:
        made = told(subscriber, world.apply("lan", cable)["event"])
        assert sorted(made) == [("committed", "lan"), ("linkAdded", "lan", "net0", "a"),
                                ("linkAdded", "lan", "net1", "b"),
                                ("namespaceAdded", "lan", "net0"),
                                ("namespaceAdded", "lan", "net1")]
        assert made[-1] == ("committed", "lan")
        cable["namespaces"]["net0"] = {}
        gone = told(subscriber, world.apply("lan", cable)["event"])
        assert ("linkRemoved", "lan", "net0", "a") in gone
        assert ("linkRemoved", "lan", "net1", "b") in gone
        assert ("namespaceRemoved", "lan", "net1") in told(subscriber, world.remove("lan")["event"])


def test_namespaces_and_links_of_others(world):
    world.apply("lan", LAN)
    with Subscriber(world) as subscriber:
        world.run("ip", "netns", "add", "theirs")
        assert without_time(subscriber.wait("namespaceAdded")[1]) == {
            "kind": "namespaceAdded", "namespace": "theirs"}
        world.run("ip", "netns", "del", "theirs")
        subscriber.wait("namespaceRemoved")
        world.run("ip", "link", "add", "foreign", "type", "bridge")
        assert without_time(subscriber.wait("linkAdded")[1]) == {
            "kind": "linkAdded", "namespace": "host", "link": "foreign"}
        world.run("ip", "link", "set", "foreign", "name", "renamed")
        assert subscriber.wait("linkRemoved")[1]["link"] == "foreign"
        assert subscriber.wait("linkAdded")[1]["link"] == "renamed"
        world.run("ip", "-n", "net0", "link", "add", "foreign", "type", "bridge")
        event = subscriber.wait("linkAdded")[1]
        assert (event["namespace"], event["link"]) == ("net0", "foreign")


def test_lost_messages_are_told(bare_world, fault_injection):
    world = bare_world.start(NETNSD_RECEIVE_BUFFER="4096")
    world.apply("lan", LAN)
    with Subscriber(world, topology="lan") as subscriber:
        lines = [f"address add 10.2.{index // 250}.{index % 250}/32 dev br0" for index in range(1000)]
        with world.paused():
            world.batch("net0", "\n".join(lines) + "\n")
        assert subscriber.wait("resynced")[1]["kind"] == "resynced"


def test_numbers_rise_without_gaps(world):
    with Subscriber(world) as subscriber:
        begin = subscriber.number
        world.apply("lan", LAN)
        for mtu in list(MTU)[:30]:
            last = world.patch("lan", MTU[mtu])["event"]
        numbers = [number for number, _ in subscriber.until(last)]
        assert numbers == list(range(begin + 1, last + 1))


def test_numbers_belong_to_one_run(world):
    world.apply("lan", LAN)
    for mtu in list(MTU)[:30]:
        before = world.patch("lan", MTU[mtu])["event"]
    instance = world.call("io.netnsd.Manager.Status")["instance"]
    assert world.call("io.netnsd.Manager.Status")["instance"] == instance
    world.restart()
    assert world.call("io.netnsd.Manager.Status")["instance"] != instance
    assert world.patch("lan", MTU[1400])["event"] < before


# To whom.


def test_needs_more(world):
    with pytest.raises(VarlinkError) as caught:
        world.call("io.netnsd.Events.Subscribe")
    assert caught.value.name == "org.varlink.service.ExpectedMore"


def test_filters(world):
    world.apply("lan", LAN)
    world.apply("wan", {"namespaces": {"far": {"links": {"br0": {"bridge": {}}}}}})
    for namespace in ("net0", "far"):
        wait_until(lambda: world.call("io.netnsd.Link.List", namespace=namespace,
                                      link="br0")["links"][0]["operState"] == "down")
    with Subscriber(world) as everything, Subscriber(world, topology="lan") as lan, \
            Subscriber(world, namespace="net0") as net0, \
            Subscriber(world, topology="lan", namespace="net0") as both, \
            Subscriber(world, topology="wan", namespace="net0") as nothing:
        with pytest.raises(VarlinkError):
            world.patch("lan", WRONG)
        with pytest.raises(VarlinkError):
            world.patch("wan", {"namespaces": {"far": WRONG["namespaces"]["net0"]}})
        with pytest.raises(VarlinkError):
            world.patch("lan", WRONG)
        last = world.patch("lan", MTU[1400])["event"]
        told = everything.until(last)
        assert [event["topology"] for _, event in told if event["kind"] == "rolledBack"] == [
            "lan", "wan", "lan"]

        def expected(**members):
            return [(number, event) for number, event in told
                    if members.items() <= event.items()]

        for subscriber, expectation in ((lan, expected(topology="lan")),
                                        (net0, expected(namespace="net0")),
                                        (both, expected(topology="lan", namespace="net0"))):
            assert len(expectation) >= 2
            assert subscriber.until(expectation[-1][0]) == expectation
            assert subscriber.is_silent()
        assert expected(topology="wan", namespace="net0") == []
        assert nothing.is_silent()


# Slow and lost listeners.


MANY = [f"10.1.{index // 250}.{index % 250}/32" for index in range(1000)]


def cause_many_events(world):
    """Two for each address: it is found to be missing, and put back."""
    world.run("ip", "-n", "net0", "address", "flush", "dev", "br0")
    assert len(world.call("io.netnsd.Drift.Audit")["differences"]) == len(MANY)
    assert len(world.call("io.netnsd.Drift.Repair")["differences"]) == len(MANY)


def test_slow_subscriber_is_told_what_it_lost(world):
    world.apply("lan", {"namespaces": {"net0": {
        "drift": "report", "links": {"br0": {"bridge": {}, "addresses": MANY}}}}})
    before = world.descriptors()
    with Subscriber(world) as slow, Subscriber(world) as vanishing, Subscriber(world) as quick:
        seen = begin = slow.number
        for _ in range(5):
            cause_many_events(world)
            for number, event in quick.until(last_event(world)):
                seen += 1
                assert number == seen and event["kind"] != "lost"
        assert seen >= begin + 5 * 2 * len(MANY)
        vanishing.close()

        told = slow.until(seen)
        accounted = begin
        for number, event in told:
            accounted += event["count"] if event["kind"] == "lost" else 1
            assert number == accounted
        lost = sum(event["count"] for _, event in told if event["kind"] == "lost")
        assert lost > len(MANY)
        bytes_kept = sum(len(json.dumps(event)) for _, event in told)
        assert bytes_kept < 2 << 20  # 1 MiB, and what the kernel keeps for the socket
        assert slow.until(world.patch("lan", MTU[1400])["event"])[-1][1]["kind"] == "committed"
    assert world.descriptors() == before


def test_hang_up_ends_the_subscription(world):
    before = world.descriptors()
    subscribers = [Subscriber(world) for _ in range(50)]
    assert world.descriptors() == before + 50
    for subscriber in subscribers:
        subscriber.close()
    assert world.descriptors() == before
    world.apply("lan", LAN)


def test_calls_behind_a_subscription_are_dropped_with_it(world):
    before = world.descriptors()
    with Subscriber(world) as subscriber:
        subscriber.send("io.netnsd.Topology.Apply", {"topology": "lan", "document": LAN},
                        oneway=True)
        assert world.generations() == {}
    assert world.descriptors() == before
    assert world.generations() == {}


def test_half_closed_client_is_told(world):
    with Subscriber(world) as subscriber:
        subscriber.socket.shutdown(1)
        world.apply("lan", LAN)
        assert subscriber.wait("committed")


def test_daemon_stops_with_subscribers(world):
    with Subscriber(world) as subscriber:
        world.stop()
        assert subscriber.closed()
    world.start()


# netnsctl.


def watch(world, *words):
    """netnsctl watch, which has subscribed."""
    calls = world.log_end().count("calls io.netnsd.Events.Subscribe")
    process = world.spawn("host", NETNSCTL, "--socket", str(world.socket), "watch", *words,
                          stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE
    while world.log_end().count("calls io.netnsd.Events.Subscribe") == calls:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch(world, number):
    process = watch(world)
    world.apply("lan", LAN)
    line = process.stdout.readline()
    while "committed" not in line:
        line = process.stdout.readline()
    assert line.split()[1:] == ["committed", "lan:", "generation", "1"]
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0


def test_watch_as_json(world):
    process = watch(world, "--json", "lan", "--namespace", "net0")
    assert "event" not in json.loads(process.stdout.readline())
    world.apply("lan", LAN)
    with pytest.raises(VarlinkError):
        world.patch("lan", WRONG)
    reply = json.loads(process.stdout.readline())
    while reply["event"]["kind"] != "rolledBack":
        reply = json.loads(process.stdout.readline())
    assert (reply["event"]["topology"], reply["event"]["namespace"]) == ("lan", "net0")


def test_watch_when_netnsd_goes_away(world):
    process = watch(world)
    world.stop()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "netnsd was lost" in errors and "stopped" in errors
    world.start()
