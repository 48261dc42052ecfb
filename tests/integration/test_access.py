"""Who may do what: every method of every interface, called by everybody."""

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

from varlink import Connection
from world import EXAMPLES, NETNSCTL

GROUP = 4711
USERS = {
    "root": {"user": 0, "group": 0, "extra_groups": []},
    "root in no group of ours": {"user": 0, "group": 65534, "extra_groups": []},
    "member by primary group": {"user": 4712, "group": GROUP, "extra_groups": []},
    "member by another group": {"user": 4713, "group": 65534, "extra_groups": [4714, GROUP]},
    "stranger": {"user": 65534, "group": 65534, "extra_groups": []},
    "stranger in other groups": {"user": 4715, "group": 4715, "extra_groups": [0, 4714]},
}
MEMBERS = [user for user in USERS if not user.startswith("stranger")]
STRANGERS = [user for user in USERS if user.startswith("stranger")]
DENIED = "org.varlink.service.PermissionDenied"
ONLY = "[Only root and the group netnsd]"
MORE = "[Requires 'more' flag]"

# What is passed for parameters that must be there, by name.
PARAMETERS = {
    "topology": "bridge",
    "document": {"namespaces": {"other": {}}},
    "patch": {"namespaces": {"other": {}}},
    "from": 1,
    "namespace": "net0",
    "interface": "io.netnsd.Topology",
}

# The kernel remembers who connects.
CONNECT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"."], [client.fileno()])
"""


def connect_as(world, user):
    """A connection that netnsd takes for that user's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run([sys.executable, "-c", CONNECT, str(world.socket), str(theirs.fileno())],
                       pass_fds=[theirs.fileno()], check=True, **USERS[user])
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    return Connection(world.socket, made=socket.socket(fileno=descriptors[0]))


@pytest.fixture
def open_world(bare_world):
    """Whose socket everybody can open, with the group netnsd, and a topology."""
    group = bare_world.directory / "group"
    shutil.copy("/etc/group", group)
    with group.open("a") as file:
        file.write(f"netnsd:x:{GROUP}:\n")
    bare_world.run("mount", "--bind", group, "/etc/group")
    bare_world.start()
    os.chmod(bare_world.directory, 0o755)
    os.chmod(bare_world.socket, 0o666)
    bare_world.ctl("apply", EXAMPLES / "bridge.json")
    return bare_world


def methods(world):
    """(Name, parameters that it needs, what is said of it in brackets) of all methods there are."""
    for interface in world.call("org.varlink.service.GetInfo")["interfaces"]:
        text = world.call("org.varlink.service.GetInterfaceDescription", interface=interface)
        for comment, name, parameters in re.findall(
                r"((?:^#.*\n)*)^method (\w+)\(([^)]*)\) ->", text["description"],
                re.MULTILINE):
            needed = re.findall(r"(\w+): [^?,]", parameters)
            yield (f"{interface}.{name}", {key: PARAMETERS[key] for key in needed},
                   re.findall(r"\[.*?\]", comment))


def call(world, user, method, parameters, marks):
    """The first reply; there may be more, or a descriptor."""
    with connect_as(world, user) as connection:
        connection.send(method, parameters, **({"more": True} if MORE in marks else {}))
        reply = connection.receive()
        for descriptor in connection.descriptors:
            os.close(descriptor)
        return reply, len(connection.descriptors)


def stored(world):
    return {name: (generation, world.get(name)) for name, generation in world.generations().items()}


@pytest.mark.parametrize("user", STRANGERS)
def test_stranger_may_read_but_not_change(open_world, user):
    before, kept = open_world.snapshot(), stored(open_world)
    changes = open_world.kernel_changes()
    for method, parameters, marks in methods(open_world):
        reply, descriptors = call(open_world, user, method, parameters, marks)
        assert descriptors == 0
        if ONLY in marks:
            assert reply == {"error": DENIED, "parameters": {}}, method
        else:
            assert "error" not in reply, method
    assert open_world.snapshot() == before
    assert stored(open_world) == kept
    assert open_world.kernel_changes() == changes


@pytest.mark.parametrize("user", MEMBERS)
def test_member_may_do_everything(open_world, user):
    for method, parameters, marks in methods(open_world):
        reply, descriptors = call(open_world, user, method, parameters, marks)
        assert reply.get("error") != DENIED, method
        assert descriptors == (method == "io.netnsd.Namespace.Open"), method
        if method != "io.netnsd.Topology.Confirm":
            assert "error" not in reply, method
        if method == "io.netnsd.Topology.Remove":
            open_world.ctl("apply", EXAMPLES / "bridge.json")


def test_socket_is_the_groups(open_world):
    """As netnsd makes it."""
    status = open_world.restart().socket.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, GROUP, 0o660)


def test_stranger_is_told_what_to_do(open_world):
    client = open_world.directory / "netnsctl"
    shutil.copy(NETNSCTL, client)
    stranger = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    refused = open_world.run(*stranger, client, "--socket", open_world.socket, "ns", "add", "mine",
                             check=False)
    assert refused.returncode == 1
    assert "root" in refused.stderr and "netnsd" in refused.stderr


def test_stranger_takes_little(open_world):
    """A user who may only read has few connections, and sends no long messages."""
    connections = [connect_as(open_world, "stranger") for _ in range(65)]
    for connection in connections[:64]:
        assert connection.call("io.netnsd.Manager.Status")["state"] == "running"
    assert connections[64].closed()
    assert open_world.call("io.netnsd.Manager.Status")["connections"] == 65
    with connect_as(open_world, "stranger in other groups") as other:
        assert other.call("io.netnsd.Manager.Status")["state"] == "running"
        other.send_bytes(b" " * (200 << 10))
        assert other.closed()
    for connection in connections:
        connection.close()
