"""netnsctl wait: until namespaces can be used."""

import json
import os
import socket
import subprocess

import pytest

from subscriber import Subscriber
from world import NETNSCTL, PATIENCE, SANITIZER_ENVIRONMENT, example, wait_until

CABLE = {"namespaces": {"a": {"links": {"x": {"veth": {"peer": "b/y"}}}}, "b": {}}}


def waiting(world, *words):
    """A 'netnsctl wait' that listens."""
    process = subprocess.Popen([*world.namespaces.enter(), NETNSCTL, "--socket", str(world.socket),
                                "wait", *words], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: world.call("io.netnsd.Manager.Status")["connections"] > 2)
    return process


def ends(process, status=0):
    """What it wrote to its standard error."""
    _, text = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, text
    return text


def test_ready_at_once(world):
    world.apply("bridge", example("bridge"))
    world.ctl("wait", "net0", "net1", "net2", "host")


def test_every_example_gets_ready(world):
    for name in ("pair", "bridge", "router"):
        world.apply(name, example(name))
        names = list(example(name)["namespaces"])
        world.ctl("wait", "--timeout", "60", *names)
        world.remove(name)


def test_namespace_that_comes(world):
    process = waiting(world, "b", "a")
    assert process.poll() is None
    world.apply("lan", CABLE)
    ends(process)


def test_links_that_come_up(world):
    """Once somebody sets up the other end of a cable, elsewhere."""
    world.apply("lan", {"namespaces": {"a": {"links": {"br0": {"bridge": {}}}}}})
    world.run("ip", "netns", "add", "theirs")
    world.batch("a", "link add p0 up master br0 type veth peer name eth0 netns theirs\n")
    assert "is not ready after 1 s: link '" in world.ctl_fails("wait", "--timeout", "1", "a")
    with Subscriber(world) as subscriber:
        process = waiting(world, "a")
        world.run("ip", "-n", "theirs", "link", "set", "eth0", "up")
        subscriber.wait("linkUp", namespace="a", link="br0", topology="lan")
        ends(process)
        world.run("ip", "-n", "theirs", "link", "set", "eth0", "down")
        subscriber.wait("linkDown", namespace="a", link="p0")


def test_drift(world):
    world.apply("lan", {"namespaces": {"a": {"links": {"br0": {"bridge": {}, "mtu": 1500}},
                                             "drift": "report"}, "b": {}}})
    world.run("ip", "-n", "a", "link", "set", "br0", "mtu", "1400")
    wait_until(lambda: world.call("io.netnsd.Drift.List")["differences"])
    world.ctl("wait", "b")
    process = waiting(world, "a")
    world.ctl("repair")
    ends(process)


@pytest.mark.parametrize("links", [
    {"br0": {"bridge": {}}},
    {"br0": {"bridge": {}}, "v0": {"macvlan": {"link": "br0"}}},
    {"br0": {"bridge": {}}, "p": {"veth": {"peer": "b/q"}, "master": "br0", "up": False}},
    {"x": {"veth": {"peer": "b/q"}, "up": False}},
])
def test_links_that_cannot_come_up(world, links):
    """A bridge without ports that are up, what stands on it, and what is set down, and its other end."""
    world.apply("lan", {"namespaces": {"a": {"links": links}, "b": {}}})
    world.ctl("wait", "--timeout", "60", "a", "b")


def test_timeout(world):
    assert "namespace 'none' is not ready after 1 s: there is no such namespace" in world.ctl_fails(
        "wait", "none", "--timeout", "1")
    world.run("ip", "netns", "add", "theirs")
    assert "it is no topology's (foreign)" in world.ctl_fails("wait", "theirs", "--timeout", "1")
    done = world.ctl("--json", "wait", "none", "--timeout", "1", check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "io.netnsd.Client.Failed"


def test_daemon_that_does_not_answer(world):
    with world.paused():
        assert "did not answer in time" in world.ctl_fails("wait", "a", "--timeout", "1")


def test_daemon_that_ends(world):
    process = waiting(world, "a")
    world.stop()
    assert "netnsd is not running" in ends(process, 1)


def test_daemon_that_ends_before_it_is_asked(bare_world):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bare_world.socket))
        listener.listen()
        process = subprocess.Popen([NETNSCTL, "--socket", str(bare_world.socket), "wait", "a"],
                                   stderr=subprocess.PIPE, text=True)
        accepted = [listener.accept()[0] for _ in range(2)]
    bare_world.socket.unlink()
    for connection in accepted:
        connection.close()
    assert "netnsd is not running" in ends(process, 1)


def start_activated(world, listener):
    """Starts a netnsd that is handed its socket, as systemd does (sd_listen_fds(3))."""
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = world.directory / "systemd"
        path.unlink(missing_ok=True)
        notify.bind(str(path))
        with world.log.open("ab") as log:
            world.daemon = subprocess.Popen(
                ["sh", "-c", script, "sh", *world.command()], stderr=log, stdout=log,
                stdin=listener,
                env=os.environ | SANITIZER_ENVIRONMENT | {"NOTIFY_SOCKET": str(path)})
        world.wait_ready(notify)


def test_daemon_that_is_restarted(bare_world):
    """Its socket waits for it, and so does netnsctl."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bare_world.socket))
        listener.listen()
        start_activated(bare_world, listener)
        process = waiting(bare_world, "a")
        bare_world.stop()
        start_activated(bare_world, listener)
        bare_world.apply("lan", CABLE)
        ends(process)


def test_wrong_words(world):
    assert world.ctl("wait", check=False).returncode == 2
    assert world.ctl("wait", "a", "--timeout", "0", check=False).returncode == 2
