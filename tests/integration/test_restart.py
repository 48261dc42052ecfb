"""The kernel keeps what it has when netnsd stops; what was acknowledged is there when it is back."""

import os
import subprocess

import pytest

from varlink import VarlinkError, result
from world import (PATIENCE, SANITIZER_ENVIRONMENT, bridged_namespaces, example, kill_steps,
                   wait_until)

CHANGED = {"namespaces": {
    "host": {"links": {"mybridge0": {"bridge": {"ageingTime": "60s"}, "addresses": ["10.0.1.253/24"]}}},
    "net0": {"links": {"eth0": {"veth": {"bridge": "host/mybridge0"}, "txQueues": 2,
                                "addresses": ["10.0.1.1/24"]}},
             "routes": {"default": {"via": "10.0.1.253"}}},
    "net3": {"links": {"eth0": {"veth": {"bridge": "host/mybridge0"},
                                "addresses": ["10.0.1.4/24"]}}}}}


def test_sigterm_leaves_the_kernel(world):
    world.apply("bridge", example("bridge"))
    before = world.snapshot()
    world.stop()
    assert world.snapshot() == before
    world.start()
    assert world.snapshot() == before
    assert world.generations() == {"bridge": 1}
    changes = world.kernel_changes()
    assert world.apply("bridge", example("bridge"))["outcome"] == "unchanged"
    assert world.kernel_changes() == changes
    world.remove("bridge")
    world.assert_clean()


def test_stop_while_a_large_change_waits(world):
    """What was begun is finished; what waits for it is refused, and has changed nothing."""
    world.apply("later", {"namespaces": {"l": {}}})
    members = {f"l{index}": {"ipv6": True} for index in range(100)}
    with world.connect() as first, world.connect() as second:
        first.send("io.netnsd.Topology.Apply",
                   {"topology": "large", "document": bridged_namespaces(500)}, more=True)
        assert first.receive()["continues"]
        second.send("io.netnsd.Topology.Patch", {"topology": "later", "patch": {
            "namespaces": {"n0": {"external": True}, **members}}})
        wait_until(lambda: world.topologies("state")["later"] == "changing")
        world.stop()
        with pytest.raises(VarlinkError, match="netnsd is stopping"):
            result(second.receive())
    world.start()
    assert world.generations() == {"large": 1, "later": 1}
    assert world.netns_names() == sorted(["l", *(f"n{index}" for index in range(500))])


@pytest.mark.parametrize("name", ["pair", "bridge", "router", "vxlan"])
def test_kill_at_rest_changes_nothing(world, name):
    world.apply(name, example(name))
    before, document = world.snapshot(), world.get(name)
    world.kill()
    assert world.snapshot() == before
    world.start()
    assert world.snapshot() == before
    assert world.get(name) == document
    assert world.apply(name, example(name))["outcome"] == "unchanged"
    assert world.snapshot() == before
    world.remove(name)
    world.assert_clean()


def test_socket_of_a_killed_daemon_is_taken_over(world):
    world.kill()
    assert world.socket.exists()
    world.start()
    assert world.generations() == {}
    world.stop()
    assert not world.socket.exists()


def test_what_died_meanwhile_is_made_again(world):
    world.apply("bridge", example("bridge"))
    world.stop()
    world.run("ip", "netns", "delete", "net1")
    world.run("ip", "link", "delete", "net2.eth0")
    world.start()
    for index in range(3):
        assert world.ping(f"net{index}", "10.0.1.254")
    assert world.apply("bridge", example("bridge"))["outcome"] == "unchanged"


TOGGLE = "while ip address add 192.0.2.9/32 dev eth0 && ip address del 192.0.2.9/32 dev eth0; do :; done"


def test_changes_while_it_starts(world):
    """What is seen before the documents are read may be outdated when it is compared with them."""
    world.apply("bridge", example("bridge"))
    before = world.snapshot()
    togglers = [world.spawn(f"net{index}", "sh", "-c", TOGGLE) for index in range(2)]
    for _ in range(10):
        world.restart()
        assert world.call("io.netnsd.Drift.Audit") == {"differences": [], "unheard": []}
    for index, toggler in enumerate(togglers):
        toggler.kill()
        toggler.wait()
        wait_until(lambda index=index: not world.run("ip", "netns", "pids", f"net{index}"))
        world.run("ip", "-n", f"net{index}", "address", "del", "192.0.2.9/32", "dev", "eth0",
                  check=False)
    assert world.call("io.netnsd.Drift.Audit") == {"differences": [], "unheard": []}
    assert world.snapshot() == before


def test_new_boot_builds_everything(world):
    """As after a reboot: the state is there, the kernel is empty."""
    world.apply("router", example("router"))
    world.stop()
    for name in world.netns_names():
        world.run("ip", "netns", "delete", name)
    world.start()
    assert world.ping("pc1", "10.3.0.100")


def kill_at_each_step(world, change):
    """Lets netnsd kill itself at each step of CHANGE in turn. Whenever it is back, everything is as it
    was before, or, once the change was committed, as it asked. Returns at how many steps it was killed
    before that."""
    before, stored = world.snapshot(), world.generations()
    documents = {name: world.get(name) for name in stored}
    world.stop()
    for step in kill_steps():
        world.start(NETNSD_FAULT=f"{step}:kill")
        assert world.snapshot() == before, f"step {step}"
        try:
            change()
        except (ConnectionError, BrokenPipeError):
            world.wait_killed()
            world.start()
            if world.generations() != stored:
                # it was committed: what came after has been made up for
                assert change()["outcome"] == "unchanged", f"step {step}"
                return step - 1
            assert {name: world.get(name) for name in stored} == documents
            world.assert_becomes(before, where=f"killed at step {step}")
            world.stop()
        else:
            world.restart()
            return step - 1
    raise AssertionError("the change takes no end")


@pytest.mark.parametrize("name", ["pair", "bridge", "router", "vxlan"])
def test_killed_while_making(world, fault_injection, name):
    world.apply("other", {"namespaces": {"bystander": {}}})
    killed = kill_at_each_step(world, lambda: world.apply(name, example(name)))
    assert killed > 5
    assert world.generations() == {"other": 1, name: 1}
    assert world.apply(name, example(name))["outcome"] == "unchanged"
    world.remove(name)
    world.remove("other")
    world.assert_clean()


def test_killed_while_changing(world, fault_injection):
    world.apply("bridge", example("bridge"))
    killed = kill_at_each_step(world, lambda: world.apply("bridge", CHANGED))
    assert killed > 5
    assert world.generations() == {"bridge": 2}
    assert world.ping("net0", "10.0.1.4")
    world.remove("bridge")
    world.assert_clean()


def test_killed_while_removing(world, fault_injection):
    """A removal is committed before what was parked is destroyed: either all is there, or nothing."""
    for step in kill_steps():
        if "bridge" not in world.generations():
            world.apply("bridge", example("bridge"))
        before = world.snapshot()
        world.restart(NETNSD_FAULT=f"{step}:kill")
        try:
            world.remove("bridge")
        except (ConnectionError, BrokenPipeError):
            world.wait_killed()
            world.start()
            if world.generations():
                world.assert_becomes(before, where=f"killed at step {step}")
            else:
                world.assert_clean()
        else:
            world.restart()
            world.assert_clean()
            if step > 5:
                return
    raise AssertionError("the removal takes no end")


def test_killed_while_recovering(world, fault_injection):
    """Recovery from a crash, cut off by crashes, gets there in the end."""
    world.apply("bridge", example("bridge"))
    before = world.snapshot()
    world.restart(NETNSD_FAULT="9:kill")
    with pytest.raises((ConnectionError, BrokenPipeError)):
        world.apply("bridge", CHANGED)
    world.wait_killed()
    for step in range(1, 200):
        if world.try_start(NETNSD_FAULT=f"{step}:kill"):
            break
    world.assert_becomes(before)
    assert world.generations() == {"bridge": 1}


def second_daemon(world, *options, prefix=()):
    """Another netnsd, in the same namespaces unless PREFIX leads elsewhere."""
    command = world.command(*options)
    where = len(world.namespaces.enter())
    return subprocess.run([*command[:where], *prefix, *command[where:]], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=False, env=os.environ | SANITIZER_ENVIRONMENT)


def test_two_daemons_on_one_state(world):
    world.apply("pair", example("pair"))
    before = world.snapshot()
    done = second_daemon(world, "--socket", f"{world.directory}/other",
                         prefix=["unshare", "--net"])
    assert done.returncode not in (0, 99), done.stdout
    assert "state" in done.stdout
    assert world.snapshot() == before
    assert world.generations() == {"pair": 1}


def test_two_daemons_in_one_network_namespace(world):
    done = second_daemon(world, "--socket", f"{world.directory}/other",
                         "--state", f"{world.directory}/other-state")
    assert done.returncode not in (0, 99), done.stdout
    assert "namespace" in done.stdout


def test_bad_options(bare_world):
    for options in (["--log-level", "loud"], ["--nonsense"], ["word"]):
        done = second_daemon(bare_world, *options)
        assert done.returncode not in (0, 99), options
        assert "netnsd" in done.stdout


def test_unusable_state_directory(bare_world):
    done = second_daemon(bare_world, "--state", "/proc/nowhere")
    assert done.returncode not in (0, 99)
    assert "/proc/nowhere" in done.stdout


def test_damaged_state(bare_world):
    bare_world.state.mkdir()
    (bare_world.state / "state.db").write_text("no database " * 1000)
    done = second_daemon(bare_world)
    assert done.returncode not in (0, 99)
    assert "state.db" in done.stdout


def test_refused_change_leaves_no_intent(world):
    world.apply("pair", example("pair"))
    with pytest.raises(VarlinkError):
        world.apply("pair", {"namespaces": {"a": {"links": {"x": {}}}}})
    world.kill()
    world.start()
    assert world.generations() == {"pair": 1}
    assert world.ping("net0", "10.0.1.2")
