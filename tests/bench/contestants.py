"""Who builds the topology: each in a world of its own, with the commands that build and remove
it."""

import contextlib
import importlib.util
import json
import shutil
from pathlib import Path

from cleanup import all_destroyed
from measure import HERE, PROGRAMS, command, running_world
from topology import document
from world import Namespaces

SCRIPTS = HERE / "contestants"


class Turn:
    """A contestant ready to build: the namespaces that it works in, its commands, and the world of
    netnsd if it is that."""

    def __init__(self, namespaces, make, remove, world=None):
        self.namespaces = namespaces
        self.make = make
        self.remove = remove
        self.world = world

    def names(self):
        """What has a name, or is kept until it is removed for good."""
        return [path for directory in ("/run/netns", "/run/netnsd/parked")
                for path in self.namespaces.path(directory).glob("*")]


@contextlib.contextmanager
def netnsd(count):
    """netnsd runs already; its client gets the document as a file."""
    with running_world() as world:
        path = world.directory / "large.json"
        path.write_text(json.dumps(document(count)))
        yield Turn(world.namespaces, command(world, "apply", path),
                   command(world, "delete", "large"), world)


@contextlib.contextmanager
def fresh_namespaces():
    with all_destroyed(), contextlib.closing(Namespaces()) as namespaces:
        yield namespaces


@contextlib.contextmanager
def bound(count):
    with fresh_namespaces() as namespaces:
        yield Turn(namespaces, [PROGRAMS / "bound", "make", count], [PROGRAMS / "bound", "remove"])


@contextlib.contextmanager
def watched(count):
    """The bound, when the kernel is listened to while it builds."""
    with bound(count) as turn:
        turn.make[1] = "watch"
        yield turn


def script(*words):
    @contextlib.contextmanager
    def contestant(count):
        with fresh_namespaces() as namespaces:
            yield Turn(namespaces, [*words, "make", count], [*words, "remove", count])
    return contestant


class Contestant:
    """TURN(COUNT) is a Turn, for a with statement. It is not asked for more than MOST namespaces,
    and not at all unless it is THERE, which is a matter of a PACKAGE."""

    def __init__(self, title, turn, most, there, package):
        self.title = title
        self.turn = turn
        self.most = most
        self.there = there
        self.package = package


def contestants():
    """By name: the bound, netnsd, and the others, which are slow, up to so many namespaces."""
    return {
        "bound": Contestant("lower bound", bound, None, True, None),
        "watched": Contestant("lower bound, watched", watched, None, True, None),
        "netnsd": Contestant("netnsd", netnsd, None, True, None),
        "batches": Contestant("ip -batch, split", script(SCRIPTS / "batches.sh"), 1000,
                              shutil.which("ip"), "iproute2"),
        "batch": Contestant("ip -batch", script(SCRIPTS / "batch.sh"), 100,
                            shutil.which("ip"), "iproute2"),
        "ip": Contestant("ip in a loop", script(SCRIPTS / "ip.sh"), 100,
                         shutil.which("ip"), "iproute2"),
        "cni": Contestant("CNI bridge plugin", script(SCRIPTS / "cni.sh"), 100,
                          Path("/usr/lib/cni/bridge").exists(), "containernetworking-plugins"),
        "pyroute2": Contestant("pyroute2",
                               script("/usr/bin/python3", SCRIPTS / "with_pyroute2.py"), 100,
                               importlib.util.find_spec("pyroute2"), "python3-pyroute2"),
    }
