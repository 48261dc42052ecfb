"""netnsd.conf, and topologies that are kept as files."""

import json
import os
import signal
import socket
import subprocess

import pytest

from varlink import VarlinkError
from world import PATIENCE, SANITIZER_ENVIRONMENT, wait_until

BRIDGE = {"namespaces": {"host": {"links": {"br0": {"bridge": {}}}}}}
PORT = {"namespaces": {"host": {"links": {"br0": {"external": True}}},
                       "a": {"links": {"eth0": {"veth": {"bridge": "host/br0"}}}}}}


class Files:
    """A world whose daemon has a configuration, and a directory of topologies."""

    def __init__(self, world):
        self.world = world
        self.configuration = world.directory / "netnsd.conf"
        self.directory = world.directory / "topologies.d"
        self.directory.mkdir()
        self.configure()

    def configure(self, *lines):
        self.configuration.write_text("\n".join([f"Topologies={self.directory}", *lines]))

    def write(self, name, document):
        path = self.directory / name
        text = document if isinstance(document, str) else json.dumps(document)
        path.write_text(text)
        return path

    def start(self):
        self.world.start("--config", self.configuration)

    def restart(self):
        self.world.stop()
        self.start()

    def reload(self):
        return {os.path.basename(row["file"]): row for row in
                self.world.call("io.netnsd.Manager.Reload")["files"]}

    def states(self):
        return {name: row["state"] for name, row in self.reload().items()}


@pytest.fixture
def files(bare_world):
    return Files(bare_world)


def managed(world, change, *arguments, **parameters):
    with pytest.raises(VarlinkError) as caught:
        change(*arguments, **parameters)
    assert caught.value.name == "io.netnsd.Topology.ManagedByFile"
    return caught.value.parameters


# The configuration.


def test_nothing_is_needed(bare_world):
    bare_world.start()
    assert bare_world.call("io.netnsd.Manager.Status")["files"] == []
    assert bare_world.call("io.netnsd.Manager.Reload") == {"files": []}


@pytest.mark.parametrize("line, says", [
    ("Frobnicate=1", "there is no"), ("Audit=often", "no number of seconds"),
    ("Topologies=/x", "said twice"),
])
def test_does_not_start_with_mistakes(files, line, says):
    files.configure(line)
    done = subprocess.run(files.world.command("--config", str(files.configuration)),
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert f"{files.configuration}:2: " in done.stderr and says in done.stderr


def test_a_configuration_that_is_named_must_be_there(files):
    files.configuration.unlink()
    done = subprocess.run(files.world.command("--config", str(files.configuration)),
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and "cannot be opened" in done.stderr


def test_mistakes_found_at_a_reload_change_nothing(files):
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    files.configuration.write_text("Topologies=/nowhere\nLogLevel=loud\n")
    reply = world.call("io.netnsd.Manager.Reload")
    assert f"{files.configuration}:2: LogLevel" in reply["misconfigured"]
    assert [row["state"] for row in reply["files"]] == ["unchanged"]
    assert world.call("io.netnsd.Manager.Status")["misconfigured"] == reply["misconfigured"]
    assert world.ctl_fails("reload").startswith(f"{files.configuration}:2: ")
    files.configure()
    assert "misconfigured" not in world.call("io.netnsd.Manager.Reload")


def test_audits_begin_and_end_with_a_reload(files):
    """A sysctl that others write is seen by an audit alone."""
    world = files.world
    files.configure("Audit=0")
    files.write("lan.json", {"namespaces": {"a": {"sysctl": {"net.ipv4.tcp_ecn": 1}}}})
    files.world.start("--config", files.configuration)
    files.configure("Audit=1")
    files.reload()
    world.run("ip", "netns", "exec", "a", "sysctl", "-qw", "net.ipv4.tcp_ecn=0")
    wait_until(lambda: world.run("ip", "netns", "exec", "a", "sysctl", "-n",
                                 "net.ipv4.tcp_ecn").strip() == "1")


# Topologies.


def test_applied_in_order_before_it_is_ready(files):
    files.write("10-bridge.json", BRIDGE)
    files.write("20-port.json", PORT)
    files.write(".30-hidden.json", "not even JSON")
    files.write("40-notes.txt", "not even JSON")
    files.start()
    world = files.world
    assert world.netns_names() == ["a"]
    assert world.link("host", "a.eth0")["master"] == "br0"
    assert [(row["topology"], row["file"]) for row in
            world.call("io.netnsd.Topology.List")["topologies"]] == [
        (name, str(files.directory / f"{name}.json")) for name in ("10-bridge", "20-port")]
    assert "20-port.json" in world.ctl("list")


def test_what_is_unchanged_costs_nothing(files):
    files.write("lan.json", PORT | {"namespaces": PORT["namespaces"] | BRIDGE["namespaces"]})
    files.start()
    for _ in range(2):
        assert files.states() == {"lan.json": "unchanged"}
    files.restart()
    assert files.states() == {"lan.json": "unchanged"}
    assert files.world.generations() == {"lan": 1}
    assert files.world.kernel_changes() == 0


def test_changes_come_with_a_reload(files):
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    files.write("lan.json", {"namespaces": {"host": {"links": {
        "br0": {"bridge": {}, "mtu": 1400}}}}})
    ifindex = world.link("host", "br0")["ifindex"]
    report = files.reload()["lan.json"]
    assert (report["state"], report["generation"]) == ("applied", 2)
    assert world.link("host", "br0")["mtu"] == 1400
    assert world.link("host", "br0")["ifindex"] == ifindex
    files.write("lan.json", BRIDGE)
    world.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: world.generations() == {"lan": 3})
    assert world.link("host", "br0")["mtu"] == 1500


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_what_has_no_file_any_more_goes(files, how):
    """In an order that works, whatever uses what."""
    world = files.world
    port = files.write("90-port.json", PORT)
    bridge = files.write("99-bridge.json", BRIDGE)
    files.start()
    files.reload()
    assert world.netns_names() == ["a"]
    port.unlink()
    bridge.unlink()
    if how == "reload":
        assert files.states() == {"90-port.json": "removed", "99-bridge.json": "removed"}
    else:
        files.restart()
    assert world.generations() == {}
    world.assert_clean()


def test_what_uses_each_other_goes_in_the_end(files):
    """Whatever the files are called."""
    world = files.world
    port = {"namespaces": PORT["namespaces"] | {"a": {"links": {
        "eth0": {"veth": {"bridge": "host/br0"}}, "br1": {"bridge": {}}}}}}
    beyond = {"namespaces": {"a": {"external": True, "links": {"br1": {"external": True}}},
                             "b": {"links": {"eth0": {"veth": {"bridge": "a/br1"}}}}}}
    paths = [files.write("1.json", BRIDGE), files.write("2.json", port),
             files.write("3.json", beyond)]
    files.start()
    assert world.netns_names() == ["a", "b"]
    for path in paths:
        path.unlink()
    assert set(files.states().values()) == {"removed"}
    world.assert_clean()


def test_what_another_still_uses_stays(files):
    world = files.world
    bridge = files.write("10-bridge.json", BRIDGE)
    files.write("20-port.json", PORT)
    files.start()
    bridge.unlink()
    report = files.reload()
    assert report["10-bridge.json"]["state"] == "failed"
    assert report["20-port.json"]["state"] == "unchanged"
    assert "20-port" in report["10-bridge.json"]["problems"][0]["message"]
    assert world.link("host", "br0") and world.netns_names() == ["a"]


def test_taken_over_by_another_file(files):
    """The old one goes first."""
    old = files.write("old.json", BRIDGE)
    files.start()
    files.write("anew.json", BRIDGE)
    old.unlink()
    assert files.states() == {"old.json": "removed", "anew.json": "applied"}
    assert files.world.generations() == {"anew": 1}


def test_a_missing_directory_removes_nothing(files):
    files.write("lan.json", BRIDGE)
    files.start()
    away = files.directory.rename(files.world.directory / "away")
    ((name, report),) = files.reload().items()
    assert name == "topologies.d" and report["state"] == "failed"
    files.restart()
    assert files.world.link("host", "br0")
    away.rename(files.directory)
    assert files.states() == {"lan.json": "unchanged"}


def test_topologies_follow_their_directory(files):
    """They belong to the file that was read last."""
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    ifindex = world.link("host", "br0")["ifindex"]
    changes = world.kernel_changes()
    files.directory = files.directory.rename(world.directory / "elsewhere")
    files.configure()
    assert files.states() == {"lan.json": "applied"}
    path = str(files.directory / "lan.json")
    assert managed(world, world.remove, "lan")["file"] == path
    assert world.link("host", "br0")["ifindex"] == ifindex
    assert world.kernel_changes() == changes
    files.restart()
    assert managed(world, world.remove, "lan")["file"] == path
    assert files.states() == {"lan.json": "unchanged"}


BROKEN = {
    "syntax": ('{\n  "namespaces": {,}\n}', 2, "line 2, column"),
    "key": ('{\n  "namespaces": {\n    "a": {"lnks": {}}\n  }\n}', 3, "links"),
    "reference": ('{"namespaces": {"a": {"links": {\n"x": {"veth": {"peer": "b/x"}}}}}}', 2, "b"),
    "missing": ('{"namespaces": {"a": {"links": {\n"x": {}}}}}', 2, "kind"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_stops_nothing_else(files, name):
    text, line, says = BROKEN[name]
    world = files.world
    files.write("1-good.json", {"namespaces": {"one": {}}})
    path = files.write("2-broken.json", text)
    files.write("3-good.json", {"namespaces": {"three": {}}})
    files.start()
    assert world.netns_names() == ["one", "three"]
    rows = {os.path.basename(row["file"]): row
            for row in world.call("io.netnsd.Manager.Status")["files"]}
    assert {key: row["state"] for key, row in rows.items()} == {
        "1-good.json": "applied", "2-broken.json": "failed", "3-good.json": "applied"}
    (problem,) = rows["2-broken.json"]["problems"]
    assert says in problem["message"]
    assert problem.get("line", line) == line
    assert f"{path}" in world.ctl_fails("reload")
    assert f"{path}" in world.log.read_text()
    path.write_text('{"namespaces": {"two": {}}}')
    assert files.states()["2-broken.json"] == "applied"


def test_a_change_that_is_wrong_leaves_what_there_is(files):
    world = files.world
    path = files.write("lan.json", BRIDGE)
    files.start()
    before = world.snapshot()
    path.write_text('{"namespaces": 7}')
    assert files.states() == {"lan.json": "failed"}
    world.assert_becomes(before)
    assert world.generations() == {"lan": 1}


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_refused(files, mode):
    files.write("lan.json", BRIDGE).chmod(mode)
    files.start()
    report = files.reload()["lan.json"]
    assert report["state"] == "failed" and "chmod" in report["problems"][0]["message"]
    assert files.world.generations() == {}


def test_a_file_of_somebody_else_is_refused(files):
    os.chown(files.write("lan.json", BRIDGE), 65534, 65534)
    files.start()
    report = files.reload()["lan.json"]
    assert report["state"] == "failed" and "chown" in report["problems"][0]["message"]


def test_a_directory_that_others_may_write_is_refused(files):
    files.write("lan.json", BRIDGE)
    files.directory.chmod(0o777)
    files.start()
    ((name, report),) = files.reload().items()
    assert name == "topologies.d" and "chmod" in report["problems"][0]["message"]
    assert files.world.generations() == {}


def test_what_waits_is_tried_again(files):
    """As it was read; what is being edited meanwhile is left alone."""
    world = files.world
    path = files.write("port.json", PORT)
    files.write("other.json", {"namespaces": {"before": {}}})
    files.start()
    rows = {row["topology"]: row["state"]
            for row in world.call("io.netnsd.Manager.Status")["files"]}
    assert rows == {"port": "waiting", "other": "applied"}
    path.write_text("being edited")
    files.write("other.json", {"namespaces": {"after": {}}})
    world.run("ip", "link", "add", "br0", "type", "bridge")
    wait_until(lambda: "a" in world.netns_names())
    wait_until(lambda: {row["state"] for row in world.call("io.netnsd.Manager.Status")["files"]}
               == {"applied"})
    assert world.netns_names() == ["a", "before"]
    assert world.log.read_text().count(f"{path}:1:") == 1


def test_a_file_with_many_problems_is_told_in_part(files):
    count = 10000
    files.write("lan.json", json.dumps({"namespaces": {
        f"n{i}": {"links": {"x": {"veth": {"peer": f"m{i}/x"}}}} for i in range(count)}}, indent=1))
    files.start()
    problems = files.reload()["lan.json"]["problems"]
    assert all("line" in problem for problem in problems[:-1])
    assert problems[-1]["message"].startswith(f"{count - len(problems) + 1} more")
    assert len(problems) < 100


# Whose a topology is.


def test_calls_do_not_change_what_belongs_to_a_file(files):
    world = files.world
    path = files.write("lan.json", BRIDGE)
    files.start()
    files.write("lan.json", PORT)
    for change in (
            lambda: world.apply("lan", {}), lambda: world.patch("lan", {"namespaces": {"b": {}}}),
            lambda: world.remove("lan"),
            lambda: world.call("io.netnsd.Topology.Revert", topology="lan")):
        parameters = managed(world, change)
        assert (parameters["topology"], parameters["file"]) == ("lan", str(path))
        assert "netnsctl reload" in parameters["message"]
    assert str(path) in world.ctl_fails("delete", "lan")
    assert world.apply("lan", {}, dryRun=True)["outcome"] == "planned"
    assert world.generations() == {"lan": 1} and world.link("host", "br0")


def test_that_it_belongs_to_a_file_outlives_a_crash(files):
    world = files.world
    path = files.write("lan.json", BRIDGE)
    files.start()
    path.rename(files.directory / "away")
    files.directory.rename(world.directory / "elsewhere")
    world.kill()
    files.start()
    assert managed(world, world.remove, "lan")["file"] == str(path)


def test_drift_is_repaired_all_the_same(files):
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    world.run("ip", "link", "del", "br0")
    wait_until(lambda: world.link("host", "br0"))


def test_a_file_does_not_take_over_what_was_made_by_calls(files):
    world = files.world
    files.start()
    world.apply("lan", BRIDGE)
    files.write("lan.json", {"namespaces": {"a": {}}})
    report = files.reload()["lan.json"]
    assert report["state"] == "failed"
    assert "netnsctl delete lan" in report["problems"][0]["message"]
    assert world.netns_names() == [] and world.link("host", "br0")
    world.remove("lan")
    assert files.states() == {"lan.json": "applied"}


def test_delete_all_leaves_files(files):
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    world.apply("mine", {"namespaces": {"a": {}}})
    world.ctl("delete", "--all", "--yes")
    assert world.generations() == {"lan": 1}


def test_reloads_at_the_same_time(files):
    """Each is answered, by a reading that began after it was asked for."""
    world = files.world
    files.write("lan.json", BRIDGE)
    files.start()
    connections = [world.connect() for _ in range(5)]
    for index, connection in enumerate(connections):
        files.write(f"n{index}.json", {"namespaces": {f"n{index}": {}}})
        connection.send("io.netnsd.Manager.Reload")
    for index, connection in enumerate(connections):
        names = {os.path.basename(row["file"])
                 for row in connection.receive()["parameters"]["files"]}
        assert {"lan.json", f"n{index}.json"} <= names
        connection.close()
    assert world.netns_names() == [f"n{index}" for index in range(5)]


def test_stopped_in_the_middle(files):
    """Whoever waits for a reload has no answer then, or a late one; nothing leaks."""
    world = files.world
    for index in range(50):
        files.write(f"n{index}.json", {"namespaces": {f"n{index}": {"links": {"d": {"bridge": {}}}}}})
    files.start()
    connections = [world.connect() for _ in range(3)]
    for connection in connections:
        connection.send("io.netnsd.Manager.Reload")
    world.stop()
    for connection in connections:
        connection.close()


def test_reload_shows_what_came_of_it(files):
    world = files.world
    path = files.write("lan.json", BRIDGE)
    files.start()
    assert str(path) in world.ctl("reload") and "unchanged" in world.ctl("reload")
    path.write_text('{"namespaces": {\n"a": 7}}')
    assert f"{path}:2:1: " in world.ctl_fails("reload")
    assert world.ctl("status")


# What systemd is told.


@pytest.fixture
def systemd(files):
    world = files.world
    path = world.directory / "systemd"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(PATIENCE)
        files.write("good.json", BRIDGE)
        world.daemon = world.popen(["--config", str(files.configuration)],
                                   SANITIZER_ENVIRONMENT | {"NOTIFY_SOCKET": str(path)})
        yield notify


def received(notify, until):
    lines = []
    while until not in lines:
        lines += notify.recv(4096).decode().split("\n")
    return lines


def test_systemd_hears_of_the_start_and_of_hangups(files, systemd):
    assert "STATUS=Files applied: 1" in received(systemd, "READY=1")
    files.write("broken.json", "{")
    files.world.daemon.send_signal(signal.SIGHUP)
    lines = received(systemd, "READY=1")
    assert lines[0] == "RELOADING=1" and lines[1].startswith("MONOTONIC_USEC=")
    assert any(line.startswith("STATUS=Files applied: 1 of 2;") for line in lines)


def test_systemd_hears_of_what_is_wrong(files, systemd):
    received(systemd, "READY=1")
    files.configure("Frobnicate=1")
    files.reload()
    assert systemd.recv(4096).decode().startswith(f"STATUS={files.configuration}:2: ")
