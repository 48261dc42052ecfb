"""netnsctl delete, of one and of all."""

import json

from terminal import Terminal
from world import NETNSCTL, PATIENCE, example

# What one topology has another one uses: "a", which comes first, can go only after "z".
SHARED = {"namespaces": {"lan": {"links": {"br0": {"bridge": {}}}}}}
USER = {"namespaces": {"lan": {"external": True,
                               "links": {"br0": {"external": True},
                                         "p0": {"veth": {"peer": "n/eth0"}, "master": "br0"}}},
                       "n": {}}}


def at_terminal(world, answer):
    """Runs netnsctl delete --all where somebody answers; its status and what is shown then."""
    command = [*world.namespaces.enter(), NETNSCTL, "--socket", str(world.socket), "delete", "--all"]
    with Terminal(command, PATIENCE) as terminal:
        terminal.expect("TOPOLOGY(.|\n)*Type 'yes': ")
        terminal.type(answer)
        return terminal.rest(), terminal.wait()


def fill(world):
    world.apply("a", SHARED)
    world.apply("z", USER)
    world.apply("pair", example("pair"))


def test_one_asks_nothing(world):
    world.apply("pair", example("pair"))
    assert "pair: removed, last at generation 1" in world.ctl("delete", "pair")
    world.assert_clean()


def test_all_without_terminal(world):
    fill(world)
    done = world.ctl("delete", "--all", check=False)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert set(world.generations()) == {"a", "z", "pair"}
    assert world.ctl("delete", "--all", "--yes").splitlines() == [
        "pair: removed, last at generation 1", "z: removed, last at generation 1",
        "a: removed, last at generation 1"]
    world.assert_clean()
    assert world.ctl("delete", "--all", "--yes") == ""


def test_all_as_json(world):
    fill(world)
    assert set(json.loads(world.ctl("--json", "delete", "--all", "--yes"))["removed"]) == {
        "a", "z", "pair"}
    world.assert_clean()


def test_all_at_terminal(world):
    fill(world)
    for answer in ("no\n", "\n", "y\n", "\x04"):
        shown, status = at_terminal(world, answer)
        assert status == 1
        assert "Nothing was removed." in shown
    assert set(world.generations()) == {"a", "z", "pair"}
    shown, status = at_terminal(world, "yes\n")
    assert status == 0
    assert "a: removed" in shown
    world.assert_clean()


def test_all_dry(world):
    fill(world)
    assert "pair" in world.ctl("delete", "--all", "--dry-run")
    assert set(world.generations()) == {"a", "z", "pair"}


def test_what_cannot_go_stays(world):
    """Others go nevertheless."""
    fill(world)
    world.apply("waits", {"namespaces": {"w": {}}}, confirmSeconds=3600)
    assert "waits" in world.ctl_fails("delete", "--all", "--yes")
    assert set(world.generations()) == {"waits"}


def test_wrong_words(world):
    for words in ([], ["pair", "--all"], ["pair", "--yes"], ["--all", "--yes", "-g", "1"]):
        assert world.ctl("delete", *words, check=False).returncode == 2
