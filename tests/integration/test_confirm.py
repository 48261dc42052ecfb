"""Timed confirmation: a change is taken back by itself unless somebody confirms it in time."""

import datetime
import sqlite3

import pytest

from test_history import causes, comparable, configuration, refused, revert
from varlink import VarlinkError
from world import example, kill_steps, wait_until

FIRST = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {}, "addresses": ["10.0.1.254/24"]}}},
    "a": {"links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.1/24"]}},
          "routes": {"default": {"via": "10.0.1.254"}}}}}
SECOND = {"namespaces": {
    "host": {"links": {"br0": {"bridge": {"ageingTime": "30s"}, "addresses": ["10.0.1.253/24"]}}},
    "a": {"links": {"eth0": {"veth": {"bridge": "host/br0"}, "mtu": 1400,
                             "addresses": ["10.0.1.1/24"]}},
          "routes": {"default": {"via": "10.0.1.253"}}},
    "b": {"links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": ["10.0.1.2/24"]}}}}}
LATER = 3600


def confirm(world, topology, **parameters):
    return world.call("io.netnsd.Topology.Confirm", topology=topology, **parameters)


def summary(world, topology):
    rows = world.call("io.netnsd.Topology.List")["topologies"]
    return next((row for row in rows if row["topology"] == topology), None)


def pending(world, topology):
    return "confirmBy" in summary(world, topology)


def assert_at_rest(world, topology):
    """As soon as what goes on in it is over, there is nothing to tell of it."""
    wait_until(lambda: summary(world, topology)["state"] != "changing")
    row = summary(world, topology)
    assert not {"message", "confirmBy"} & set(row), row


def seconds_until(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (time - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def wait_generation(world, topology, generation):
    wait_until(lambda: world.generations().get(topology) == generation)


CHANGES = {
    "apply": lambda world, **parameters: world.apply("lan", SECOND, **parameters),
    "patch": lambda world, **parameters: world.patch(
        "lan", {"namespaces": {"a": None, "b": {}}}, **parameters),
    "revert": lambda world, **parameters: revert(world, "lan", **parameters),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_confirmed_is_taken_back(world, change):
    world.apply("lan", example("pair"))
    world.apply("lan", FIRST)
    before, document = configuration(world), world.get("lan")
    reply = CHANGES[change](world, confirmSeconds=1)
    assert reply["outcome"] == "committed" and reply["generation"] == 3
    assert -1 < seconds_until(reply["confirmBy"]) <= 1
    wait_generation(world, "lan", 4)
    assert world.get("lan") == document
    world.assert_becomes(before, view=comparable)
    assert causes(world, "lan")[2:] == [
        (3, change, 1 if change == "revert" else None), (4, "unconfirmed", 2)]
    assert not pending(world, "lan")
    refused("NothingToConfirm", confirm, world, "lan")
    assert world.apply("lan", SECOND)["generation"] == 5


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_confirmed_stays(world, change):
    world.apply("lan", example("pair"))
    world.apply("lan", FIRST)
    CHANGES[change](world, confirmSeconds=LATER)
    assert pending(world, "lan")
    after, document = world.snapshot(), world.get("lan")
    assert confirm(world, "lan") == {"generation": 3}
    assert not pending(world, "lan")
    assert refused("NothingToConfirm", confirm, world, "lan") == {"topology": "lan"}
    world.restart()
    assert not pending(world, "lan")
    assert world.snapshot() == after and world.get("lan") == document
    assert world.patch("lan", {"namespaces": {"c": {}}})["generation"] == 4


def test_first_change_is_taken_back_whole(world):
    world.apply("lan", FIRST, confirmSeconds=1)
    assert world.generations() == {"lan": 1}
    wait_until(lambda: world.generations() == {})
    world.assert_clean()
    refused("NoSuchTopology", confirm, world, "lan")
    assert world.apply("lan", FIRST)["generation"] == 1


def test_nothing_else_changes_meanwhile(world):
    world.apply("lan", FIRST)
    world.apply("other", {"namespaces": {"x": {}}})
    reply = world.apply("lan", SECOND, confirmSeconds=LATER)
    assert LATER - 60 < seconds_until(reply["confirmBy"]) <= LATER
    before = world.snapshot()
    for change in (lambda: world.apply("lan", FIRST), lambda: world.apply("lan", SECOND),
                   lambda: world.patch("lan", {"namespaces": {"a": None}}),
                   lambda: revert(world, "lan"), lambda: world.remove("lan"),
                   lambda: world.apply("lan", FIRST, confirmSeconds=1)):
        parameters = refused("ConfirmPending", change)
        assert (parameters["topology"], parameters["generation"]) == ("lan", 2)
        assert LATER - 60 < seconds_until(parameters["confirmBy"]) <= LATER
    assert world.snapshot() == before
    assert world.apply("lan", FIRST, dryRun=True)["outcome"] == "planned"
    assert world.apply("other", {"namespaces": {"x": {}, "y": {}}})["outcome"] == "committed"
    assert world.call("io.netnsd.Manager.Status")["unconfirmed"] == 1
    confirm(world, "lan")
    assert world.call("io.netnsd.Manager.Status")["unconfirmed"] == 0
    world.remove("lan")


def test_drift_is_repaired_meanwhile(world):
    world.apply("lan", FIRST)
    world.apply("lan", SECOND, confirmSeconds=LATER)
    world.run("ip", "-n", "b", "link", "set", "eth0", "mtu", "1300")
    wait_until(lambda: world.link("b", "eth0")["mtu"] == 1500)
    assert pending(world, "lan") and world.generations() == {"lan": 2}
    confirm(world, "lan")


def test_unchanged_waits_for_nothing(world):
    world.apply("lan", FIRST)
    reply = world.apply("lan", FIRST, confirmSeconds=1)
    assert reply["outcome"] == "unchanged" and "confirmBy" not in reply
    planned = world.apply("lan", SECOND, confirmSeconds=1, dryRun=True)
    assert planned["outcome"] == "planned" and "confirmBy" not in planned
    assert not pending(world, "lan")


def test_a_change_of_the_kernel_alone_is_taken_back_too(world):
    """An apply that only puts drift right makes a generation with the same document."""
    document = {"namespaces": {"a": {"drift": "report", "links": {"br0": {"bridge": {}}}}}}
    world.apply("lan", document)
    world.run("ip", "-n", "a", "link", "set", "br0", "down")
    assert world.apply("lan", document, confirmSeconds=1)["outcome"] == "committed"
    wait_generation(world, "lan", 3)
    assert not pending(world, "lan")
    assert causes(world, "lan")[2] == (3, "unconfirmed", 1)


def test_failed_change_waits_for_nothing(world):
    world.apply("lan", FIRST)
    world.run("ip", "link", "add", "there", "type", "bridge")
    bad = {"namespaces": {"host": {"links": {"there": {"bridge": {}}}}}}
    refused("Foreign", world.apply, "lan", bad, confirmSeconds=1)
    assert not pending(world, "lan")
    assert world.generations() == {"lan": 1}


def test_seconds_must_make_sense(world):
    for bad in (0, -1, 86401, "10"):
        with pytest.raises(VarlinkError) as caught:
            world.apply("lan", FIRST, confirmSeconds=bad)
        assert caught.value.name == "org.varlink.service.InvalidParameter"
        assert caught.value.parameters == {"parameter": "confirmSeconds"}
    assert world.generations() == {}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_deadline_survives(world, end):
    """What is due later waits on after a restart, and can be confirmed; what is due sooner comes to
    its end."""
    world.apply("lan", FIRST)
    before = configuration(world)
    by = world.apply("lan", SECOND, confirmSeconds=LATER)["confirmBy"]
    after = world.snapshot()
    getattr(world, end)()
    world.start()
    assert world.snapshot() == after
    assert abs(seconds_until(summary(world, "lan")["confirmBy"]) - seconds_until(by)) <= 1
    refused("ConfirmPending", world.apply, "lan", FIRST)
    confirm(world, "lan")
    assert revert(world, "lan", confirmSeconds=LATER)["generation"] == 3
    world.assert_becomes(before, view=comparable)
    getattr(world, end)()
    world.start()
    confirm(world, "lan", generation=3)


def set_deadline(world, generation, seconds):
    """Moves what is stored, as if the clock had gone on meanwhile, or had been set."""
    with sqlite3.connect(world.state / "state.db") as database:
        changed = database.execute(
            "UPDATE history SET deadline = deadline + ?, time = time + ? WHERE number = ?"
            " AND deadline IS NOT NULL", (seconds * 1000, seconds * 1000, generation))
        assert changed.rowcount == 1
    database.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_deadline_that_passed_meanwhile(world, end):
    """It is taken back before the daemon says that it is ready."""
    world.apply("lan", FIRST)
    before, document = configuration(world), world.get("lan")
    world.apply("lan", SECOND, confirmSeconds=LATER)
    world.apply("new", {"namespaces": {"x": {}}}, confirmSeconds=LATER)
    getattr(world, end)()
    set_deadline(world, 2, -2 * LATER)
    set_deadline(world, 1, -2 * LATER)
    world.start()
    assert world.generations() == {"lan": 3}
    assert world.get("lan") == document
    world.assert_becomes(before, view=comparable)
    assert causes(world, "lan")[-1] == (3, "unconfirmed", 1)


def test_deadline_that_passed_before_a_new_boot(world):
    """The kernel has nothing of it, and gets what was confirmed."""
    world.apply("lan", FIRST)
    before, document = configuration(world), world.get("lan")
    world.apply("lan", SECOND, confirmSeconds=LATER)
    world.stop()
    for name in world.netns_names():
        world.run("ip", "netns", "delete", name)
    world.run("ip", "link", "delete", "br0")
    set_deadline(world, 2, -2 * LATER)
    world.start()
    assert world.generations() == {"lan": 3} and world.get("lan") == document
    world.assert_becomes(before, view=comparable)


def test_clock_that_was_set_back(world):
    """The change waits for the whole time once more, and no longer."""
    world.apply("lan", FIRST)
    world.apply("lan", SECOND, confirmSeconds=1000)
    world.stop()
    set_deadline(world, 2, 365 * 86400)
    world.start()
    assert 900 < seconds_until(summary(world, "lan")["confirmBy"]) <= 1000
    confirm(world, "lan")


def test_change_that_cannot_be_taken_back(world):
    """Somebody else has what it would need again: it is told, tried again, and can be confirmed."""
    world.apply("lan", {"namespaces": {"a": {}, "b": {}}})
    world.apply("lan", {"namespaces": {"a": {}}}, confirmSeconds=1)
    world.apply("other", {"namespaces": {"b": {}}})
    wait_until(lambda: summary(world, "lan")["state"] == "failed")
    row = summary(world, "lan")
    assert "generation 2 was not confirmed" in row["message"] and '"other"' in row["message"]
    assert "confirmBy" in row
    refused("ConfirmPending", world.remove, "lan")
    # drift does not make it forgotten
    world.call("io.netnsd.Drift.Repair", topology="lan")
    assert "generation 2 was not confirmed" in summary(world, "lan")["message"]
    world.remove("other")
    wait_generation(world, "lan", 3)
    assert world.netns_names() == ["a", "b"]
    assert_at_rest(world, "lan")


def test_change_that_cannot_be_taken_back_is_confirmed(world):
    world.apply("lan", {"namespaces": {"a": {}, "b": {}}})
    world.apply("lan", {"namespaces": {"a": {}}}, confirmSeconds=1)
    world.apply("other", {"namespaces": {"b": {}}})
    wait_until(lambda: summary(world, "lan")["state"] == "failed")
    world.restart()
    wait_until(lambda: summary(world, "lan")["state"] == "failed")

    def confirmed():
        """Between two attempts."""
        try:
            return confirm(world, "lan") == {"generation": 2}
        except VarlinkError as error:
            assert error.name == "io.netnsd.Topology.NothingToConfirm"
            return False

    wait_until(confirmed)
    assert_at_rest(world, "lan")


def test_removal_that_is_refused(world):
    """A first change that others rely on meanwhile."""
    world.apply("lan", {"namespaces": {"a": {"links": {"br0": {"bridge": {}}}}}}, confirmSeconds=1)
    world.apply("other", {"namespaces": {"a": {"external": True}}})
    wait_until(lambda: summary(world, "lan")["state"] == "failed")
    assert '"other"' in summary(world, "lan")["message"]
    world.remove("other")
    wait_until(lambda: "lan" not in world.generations())
    world.assert_clean()


def test_kernel_that_refuses_to_take_back(world, fault_injection):
    """The first attempt is rolled back; the second succeeds."""
    world.apply("lan", FIRST)
    before = configuration(world)
    world.apply("lan", SECOND, confirmSeconds=LATER)
    world.stop()
    set_deadline(world, 2, 1 - LATER)
    world.start(NETNSD_FAULT="3")
    wait_generation(world, "lan", 3)
    world.assert_becomes(before, view=comparable)
    assert "could not be taken back" in world.log_end()
    assert_at_rest(world, "lan")


def test_state_that_cannot_be_written(world):
    """Somebody holds a lock on it: a confirmation fails then, and the change goes on waiting."""
    world.apply("lan", FIRST, confirmSeconds=LATER)
    database = sqlite3.connect(world.state / "state.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    assert "locked" in refused("StateFailed", confirm, world, "lan")["message"]
    assert pending(world, "lan")
    database.execute("ROLLBACK")
    database.close()
    assert confirm(world, "lan") == {"generation": 1}


def test_stop_while_it_is_pending(world):
    """A daemon that stops at the moment of the deadline either takes back or leaves it to the next."""
    world.apply("lan", FIRST)
    before = configuration(world)
    world.apply("lan", SECOND, confirmSeconds=1)
    wait_until(lambda: not 0 <= seconds_until(summary(world, "lan").get("confirmBy",
                                                                      "2000-01-01T00:00:00Z")))
    world.restart()
    wait_generation(world, "lan", 3)
    world.assert_becomes(before, view=comparable)


def kill_at_each_step(world, begin, states):
    """Kills netnsd at each step after BEGIN in turn, until it survives. Whenever it is back, it gets to
    the last of STATES, pairs of a generation and a configuration, of which it was in one."""
    for step in kill_steps():
        if "lan" in world.generations():
            world.remove("lan")
        world.apply("lan", FIRST)
        world.restart(NETNSD_FAULT=f"{step}:kill")
        killed = True
        try:
            begin(world)
            wait_generation(world, "lan", states[-1][0])
            killed = False
        except (ConnectionError, FileNotFoundError):
            world.wait_killed()
            world.start()
        check(world, states, f"killed at step {step}")
        if not killed:
            world.restart()
            return step - 1
        world.restart()
    raise AssertionError("it takes no end")


def check(world, states, where):
    """The kernel agrees with the store, and with the document of the generation that it says."""
    generation = world.generations()["lan"]
    expected = dict(states)
    assert generation in expected, where
    if pending(world, "lan"):
        wait_generation(world, "lan", states[-1][0])
        generation = states[-1][0]
    world.assert_becomes(expected[generation], where=where, view=comparable)
    document = FIRST if expected[generation] == states[0][1] else SECOND
    assert world.apply("lan", document, dryRun=True)["changes"] == [], where


def configurations(world):
    world.apply("lan", FIRST)
    first = configuration(world)
    world.apply("lan", SECOND)
    second = configuration(world)
    return first, second


def test_killed_while_changing_and_taking_back(world, fault_injection):
    """At every step from the confirmed apply to the end of its reversal."""
    first, second = configurations(world)
    killed = kill_at_each_step(
        world, lambda world: world.apply("lan", SECOND, confirmSeconds=1),
        [(1, first), (2, second), (3, first)])
    assert killed > 20


def test_killed_while_reverting(world, fault_injection):
    first, second = configurations(world)

    def begin(world):
        if world.generations()["lan"] == 1:
            world.apply("lan", SECOND)
        revert(world, "lan", to=1)

    killed = kill_at_each_step(world, begin, [(1, first), (2, second), (3, first)])
    assert killed > 20


def test_killed_while_making_and_taking_back(world, fault_injection):
    """A first change that nobody confirms leaves nothing, wherever the daemon is killed."""
    world.apply("other", {"namespaces": {"bystander": {}}})
    before = world.snapshot()
    for step in kill_steps():
        world.restart(NETNSD_FAULT=f"{step}:kill")
        killed = True
        try:
            world.apply("lan", FIRST, confirmSeconds=1)
            wait_until(lambda: "lan" not in world.generations())
            killed = False
        except (ConnectionError, FileNotFoundError):
            world.wait_killed()
            world.start()
        wait_until(lambda: "lan" not in world.generations())
        if not killed:
            world.restart()
        world.assert_becomes(before, where=f"killed at step {step}")
        assert world.generations() == {"other": 1}
        if not killed:
            assert step > 15
            return
    raise AssertionError("it takes no end")


def test_netnsctl(world, tmp_path):
    file = tmp_path / "lan.json"
    file.write_text('{"namespaces": {"a": {}}}')
    shown = world.ctl("apply", file, "--confirm", "3600")
    assert "lan: committed generation 1" in shown
    by = summary(world, "lan")["confirmBy"]
    assert shown.splitlines()[-1] == f"lan: taken back at {by} unless you run: netnsctl confirm lan"
    assert by in world.ctl("list")
    assert f"until {by}" in world.ctl_fails("delete", "lan")
    assert world.ctl("confirm", "lan") == "lan: confirmed generation 1\n"
    assert "no change of topology 'lan' waits" in world.ctl_fails("confirm", "lan")
    assert "taken back at" in world.ctl("patch", "lan", "-", "--confirm", "3600",
                                        stdin='{"namespaces": {"b": {}}}')
    assert "at generation 2, not 1" in world.ctl_fails("confirm", "lan", "-g", "1")
    assert "confirmed generation 2" in world.ctl("confirm", "lan", "-g", "2")
    assert "taken back at" in world.ctl("revert", "lan", "--confirm", "3600")
    assert world.ctl_json("confirm", "lan") == {"generation": 3}
    assert world.ctl("apply", file, "--confirm", "0", check=False).returncode == 2
