"""Which processes are in namespaces, and in those that were removed."""

import json
import os
from pathlib import Path

import pytest

from varlink import VarlinkError
from world import example, wait_until


@pytest.fixture
def inhabited(world):
    """The example 'pair', and the processes in its namespaces."""
    world.apply("pair", example("pair"))
    residents = {name: world.resident(name) for name in ("net0", "net1")}
    for process in residents.values():
        wait_until(lambda path=Path(f"/proc/{process.pid}/comm"): path.read_text() == "sleep\n")
    return world, residents


def processes(reply):
    return {(row["namespace"], row["pid"]): row for row in reply.get("processes", [])}


def is_running(process):
    return process.poll() is None


def test_list(inhabited):
    world, residents = inhabited
    found = processes(world.call("io.netnsd.Namespace.Processes"))
    assert set(found) == {(name, process.pid) for name, process in residents.items()}
    one = processes(world.call("io.netnsd.Namespace.Processes", namespace="net1"))
    assert one == {key: row for key, row in found.items() if key[0] == "net1"}
    assert one["net1", residents["net1"].pid]["command"] == "sleep"
    assert one["net1", residents["net1"].pid]["user"] == 0


def test_shown(inhabited):
    world, residents = inhabited
    heading, line = world.ctl("ps", "net0").splitlines()
    assert heading.split() == ["NAMESPACE", "PID", "USER", "COMMAND"]
    assert line.split() == ["net0", str(residents["net0"].pid), "root", "sleep"]


def test_host_has_processes(world):
    found = processes(world.call("io.netnsd.Namespace.Processes", namespace="host"))
    assert ("host", world.namespaces.process.pid) in found


def test_nowhere(world):
    with pytest.raises(VarlinkError) as raised:
        world.call("io.netnsd.Namespace.Processes", namespace="nowhere")
    assert raised.value.name == "io.netnsd.Namespace.NoSuchNamespace"


def test_odd_names_of_commands(inhabited):
    world, _ = inhabited
    odd = world.spawn("net0", "/usr/bin/python3", "-c",
                      "import os, signal; open('/proc/self/comm', 'wb').write(b'a\\xff\\x1b b'); "
                      "print('ready', flush=True); signal.pause()")
    odd.stdout.readline()
    rows = world.call("io.netnsd.Namespace.Processes", namespace="net0")["processes"]
    assert [row["command"] for row in rows if row["pid"] == odd.pid] == ["a?? b"]


def test_removed_with_processes(inhabited):
    """They are told, and go on."""
    world, residents = inhabited
    reply = world.call("io.netnsd.Topology.Remove", topology="pair")
    assert set(processes(reply)) == {(name, process.pid) for name, process in residents.items()}
    assert all(map(is_running, residents.values()))
    assert world.netns_names() == []


def test_removed_by_a_patch(inhabited):
    """Only those in what was removed."""
    world, residents = inhabited
    shown = world.ctl("patch", "pair", "-", stdin=json.dumps(
        {"namespaces": {"net0": {"links": None, "routes": None}, "net1": None}}))
    assert f"still in net1: {residents['net1'].pid} (sleep)" in shown
    assert "still in net0" not in shown and "--kill ends them" in shown


def test_nobody_there(world):
    world.apply("pair", example("pair"))
    assert "processes" not in world.call("io.netnsd.Topology.Remove", topology="pair")


def test_dry_run_tells_nothing(inhabited):
    world, residents = inhabited
    reply = world.call("io.netnsd.Topology.Remove", topology="pair", dryRun=True, kill=True)
    assert "processes" not in reply and all(map(is_running, residents.values()))


def test_kill(inhabited):
    world, residents = inhabited
    shown = world.ctl("delete", "pair", "--kill")
    for name, process in residents.items():
        assert f"killed in {name}: {process.pid} (sleep)" in shown
        assert process.wait(10) == -9


def test_kill_what_begins_others(inhabited):
    """Nothing is left that was begun while its parents were killed."""
    world, _ = inhabited
    inode = world.netns_inode("net0")
    forker = world.spawn("net0", "/usr/bin/python3", "-c", """
import os, time
print("ready", flush=True)
while True:
    if os.fork() == 0:
        time.sleep(0.05)
    else:
        time.sleep(0.01)
        os._exit(0)
""")
    forker.stdout.readline()
    world.call("io.netnsd.Topology.Remove", topology="pair", kill=True)
    wait_until(lambda: not any(inode == number for number in inodes()))


def inodes():
    """Of the network namespaces of all processes."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield os.stat(f"/proc/{name}/ns/net").st_ino
        except OSError:
            pass


def test_kill_deletes_namespaces(world):
    world.ctl("ns", "add", "one", "two")
    process = world.resident("one")
    assert f"killed in one: {process.pid} (sleep)" in world.ctl("ns", "del", "one", "--kill")
    assert process.wait(10) == -9
