"""What the kernel has is shown as it is at the time of the call, without waiting for changes."""

import json
import os
import select
from pathlib import Path

import pytest

from varlink import VarlinkError, result
from world import bridged_namespaces, example

LINKS = "io.netnsd.Link.List"
ROUTES = "io.netnsd.Route.List"
NAMESPACES = "io.netnsd.Namespace.List"

# What others change here stays.
PAIR = {"namespaces": {
    "a": {"drift": "report",
          "links": {"eth0": {"veth": {"peer": "b/eth0"}, "mtu": 1400, "addresses": ["10.0.0.1/24"]}},
          "routes": {"10.1.0.0/16": {"via": "10.0.0.2"}}},
    "b": {"drift": "report", "links": {"eth0": {"addresses": ["10.0.0.2/24"],
                                               "veth": {"peer": "a/eth0"}}}}}}


def link(world, namespace, name):
    (found,) = world.call(LINKS, namespace=namespace, link=name)["links"]
    return found


def destinations(world, namespace):
    return sorted(route["destination"] for route in
                  world.call(ROUTES, namespace=namespace)["routes"] if route["family"] == "inet")


def is_answered(connection):
    return bool(select.select([connection.socket], [], [], 0)[0])


def test_own_changes_are_seen_at_once(world):
    world.apply("pair", PAIR)
    found = link(world, "a", "eth0")
    assert found["mtu"] == 1400 and found["addresses"] == ["10.0.0.1/24"] and found["up"]
    assert found["peer"] == "b/eth0" and found["topology"] == "pair"
    assert destinations(world, "a") == ["10.0.0.0/24", "10.1.0.0/16"]
    for mtu in range(1401, 1411):
        world.patch("pair", {"namespaces": {"a": {"links": {"eth0": {"mtu": mtu}}},
                                            "b": {"links": {"eth0": {"mtu": mtu}}}}})
        assert link(world, "a", "eth0")["mtu"] == link(world, "b", "eth0")["mtu"] == mtu
    world.patch("pair", {"namespaces": {"a": {"routes": {"10.2.0.0/16": {"via": "10.0.0.2"}}}}})
    assert destinations(world, "a") == ["10.0.0.0/24", "10.1.0.0/16", "10.2.0.0/16"]
    world.remove("pair")
    for method in LINKS, ROUTES, NAMESPACES:
        with pytest.raises(VarlinkError, match="NoSuchNamespace"):
            world.call(method, namespace="a")


def test_changes_of_others_are_seen_at_once(world):
    world.apply("pair", PAIR)
    for mtu in range(1301, 1311):
        world.batch("a", f"link set eth0 mtu {mtu}\n")
        assert link(world, "a", "eth0")["mtu"] == mtu
    world.batch("a", "address add 10.9.0.1/24 dev eth0\n")
    assert link(world, "a", "eth0")["addresses"] == ["10.0.0.1/24", "10.9.0.1/24"]
    assert "10.9.0.0/24" in destinations(world, "a")
    world.batch("a", "route add 10.8.0.0/16 via 10.0.0.2\n")
    assert "10.8.0.0/16" in destinations(world, "a")
    # The kernel does not tell of routes that go with a link.
    world.batch("a", "link set eth0 down\n")
    assert not link(world, "a", "eth0")["up"]
    assert destinations(world, "a") == []
    world.batch("b", "link set eth0 name lan\n")
    assert link(world, "b", "lan")["addresses"] == ["10.0.0.2/24"]
    with pytest.raises(VarlinkError, match="NoSuchLink"):
        world.call(LINKS, namespace="b", link="eth0")


def test_links_of_host_are_seen_at_once(world):
    for number in range(5):
        world.batch("host", f"link add x{number} type bridge\n")
        assert link(world, "host", f"x{number}")["kind"] == "bridge"
        world.batch("host", f"link delete x{number}\n")
        with pytest.raises(VarlinkError, match="NoSuchLink"):
            world.call(LINKS, namespace="host", link=f"x{number}")


def test_foreign_namespaces_are_read(world):
    world.batch("host", "netns add theirs\n")
    with pytest.raises(VarlinkError, match="NoSuchLink"):
        world.call(LINKS, namespace="theirs", link="x")
    world.batch("theirs", "link add x type bridge\nlink set x up\naddress add 10.0.0.1/24 dev x\n")
    assert "10.0.0.1/24" in link(world, "theirs", "x")["addresses"]
    assert destinations(world, "theirs") == ["10.0.0.0/24"]
    # A name is not taken for the beginning of another.
    with pytest.raises(VarlinkError, match="NoSuchLink"):
        world.call(LINKS, namespace="theirs", link="x" + "y" * 20)


def test_external_namespace_is_what_its_name_leads_to(world):
    world.batch("host", "netns add theirs\n")
    world.batch("theirs", "link add x type bridge\n")
    world.apply("user", {"namespaces": {"theirs": {
        "external": True, "links": {"x": {"external": True}, "y": {"bridge": {}}}}}})
    assert link(world, "theirs", "y")["topology"] == "user"
    assert "topology" not in link(world, "theirs", "x")
    world.run("ip", "netns", "delete", "theirs")
    world.run("ip", "netns", "add", "theirs")
    with pytest.raises(VarlinkError, match="NoSuchLink"):
        world.call(LINKS, namespace="theirs", link="x")


def test_reads_do_not_wait_for_changes(world):
    """Those of a namespace that nobody changes, of one that no topology has, and of one that the
    change is about."""
    world.apply("pair", PAIR)
    world.batch("host", "netns add theirs\n")
    large = bridged_namespaces(800)
    large["namespaces"]["host"]["links"]["br0"]["mtu"] = 1500
    small = {"namespaces": {name: large["namespaces"][name] for name in ("host", "n0")}}
    world.apply("large", small)
    with world.connect() as changer, world.connect() as reader:
        changer.send("io.netnsd.Topology.Apply", {"topology": "large", "document": large})
        reader.call("io.netnsd.Topology.List")
        for namespace in "a", "theirs", "n0", "host":
            assert reader.call(LINKS, {"namespace": namespace})["links"]
            reader.call(ROUTES, {"namespace": namespace})
        assert reader.call(NAMESPACES, {"namespace": "n0"})["namespaces"][0]["cookie"]
        assert not is_answered(changer)
        assert result(changer.receive())["outcome"] == "committed"
        assert len(reader.call(LINKS, {"namespace": "n799"})["links"]) == 2


def test_event_loop_comes_before_the_workers(world):
    """Its niceness is lower than that of the threads that keep the processors busy."""
    main = world.daemon.pid
    niceness = {int(task.name): os.getpriority(os.PRIO_PROCESS, int(task.name))
                for task in Path(f"/proc/{main}/task").iterdir()}
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness.pop(main) == max(usual - 10, -20)
    assert niceness and set(niceness.values()) == {usual}


def test_lists_of_everything(world):
    """With 'more' and without, they hold the same: each thing once."""
    count = 150
    world.apply("many", bridged_namespaces(count))
    names = {f"n{index}" for index in range(count)}
    with world.connect() as connection:
        for method, key in (LINKS, "links"), (ROUTES, "routes"), (NAMESPACES, "namespaces"):
            whole = connection.call(method)[key]
            parts = connection.stream(method)
            assert [row for part in parts for row in part[key]] == whole
            assert all(len(part[key]) == 1 for part in parts)
            texts = [json.dumps(row, sort_keys=True) for row in whole]
            assert len(set(texts)) == len(texts)
            assert {row["namespace"] for row in whole} == names | {"host"}
        rows = {(row["namespace"], row["link"]): row for row in connection.call(LINKS)["links"]}
    assert rows["n7", "eth0"]["peer"] == "host/n7.eth0"
    assert rows["host", "n7.eth0"]["peer"] == "n7/eth0"
    assert rows["host", "n7.eth0"]["master"] == "br0"


def test_many_calls_at_once(world):
    """Replies come in the order of the calls, whether they are known or have to be read."""
    world.apply("bridge", example("bridge"))
    world.batch("host", "netns add theirs\n")
    namespaces = ["theirs" if index % 50 == 7 else "host" for index in range(1000)]
    with world.connect() as connection:
        call = '{{"method":"io.netnsd.Link.List","parameters":{{"namespace":"{}","link":"lo"}}}}\0'
        connection.send_bytes("".join(map(call.format, namespaces)).encode())
        with world.connect() as other:
            assert other.call(NAMESPACES, {"namespace": "host"})["namespaces"]
        for namespace in namespaces:
            assert result(connection.receive())["links"][0]["namespace"] == namespace


def test_client_that_closes_its_side_gets_all_replies(world):
    with world.connect() as connection:
        call = json.dumps({"method": NAMESPACES, "parameters": {"namespace": "host"}}) + "\0"
        connection.send_bytes(call.encode() * 500)
        connection.socket.shutdown(1)
        for _ in range(500):
            assert result(connection.receive())["namespaces"]
        assert connection.closed()
