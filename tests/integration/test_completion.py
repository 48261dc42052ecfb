"""What bash offers for a line that is being typed."""

from pathlib import Path

import pytest

from world import NETNSCTL, example

COMPLETION = Path(__file__).resolve().parents[2] / "client/bash-completion/netnsctl"

# As bash calls it; compopt works only while somebody types.
SCRIPT = """
compopt() { :; }
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_netnsctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(world, line):
    """What is offered for the last word of LINE, which may be empty, in order."""
    words = [NETNSCTL, "--socket", str(world.socket), *line.split(" ")]
    return sorted(world.run("bash", "-c", SCRIPT, "bash", str(COMPLETION), *words).split())


@pytest.fixture
def two_generations(world):
    world.apply("lan", example("pair"))
    world.apply("lan", example("bridge"))
    return world


TOPOLOGY_VERBS = ("audit", "confirm", "delete", "diff", "drift", "get", "history", "patch", "repair",
                  "revert", "watch")

ROWS = {
    **{f"{verb} ": ["lan"] for verb in TOPOLOGY_VERBS},
    "exe": ["exec"],
    "ns ": ["add", "del", "list", "show"],
    "help ns s": ["show"],
    "status ": [],
    "list ": [],
    "help status ": [],
    "diff lan ": ["1", "2"],
    "diff lan 1 ": ["1", "2"],
    "revert lan ": ["1", "2"],
    "get lan -g ": ["1", "2"],
    "apply lan.json --topology ": ["lan"],
    "apply lan.json --confirm ": [],
    "apply --conf": ["--confirm"],
    "drift --exit": ["--exit-code"],
    "audit lan --exit": ["--exit-code"],
    "delete --al": ["--all"],
    "wait net0 net": ["net0", "net1", "net2"],
    "wait --timeout 1 net": ["net0", "net1", "net2"],
    "wait --timeout ": [],
    "watch --name": ["--namespace"],
    "watch --namespace net": ["net0", "net1", "net2"],
    "exec net": ["net0", "net1", "net2"],
    "ps net": ["net0", "net1", "net2"],
    "link show net0/": ["net0/eth0", "net0/lo"],
}


@pytest.mark.parametrize("line", ROWS)
def test_offered(two_generations, line):
    assert offered(two_generations, line) == ROWS[line]
