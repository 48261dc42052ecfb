"""Whether netnsd is alive, as it tells systemd (sd_watchdog_enabled(3))."""

import contextlib
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from journal import Journal
from test_journal import IDS
from world import PATIENCE, wait_until

INTERVAL = 0.2


@pytest.fixture
def systemd(bare_world):
    """A socket that takes what netnsd tells, and a world with a netnsd that is watched."""
    journal = Journal(bare_world)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = bare_world.directory / "systemd"
        notify.bind(str(path))
        notify.settimeout(PATIENCE)
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(INTERVAL * 1e6))}
        bare_world.daemon = bare_world.popen((), environment | journal.environment)
        bare_world.wait_ready(notify)
        yield notify, bare_world, journal
    journal.socket.close()


def await_life(notify):
    while notify.recv(4096) != b"WATCHDOG=1":
        pass


def is_silent(notify, seconds):
    return not select.select([notify], [], [], seconds)[0]


def drain(notify):
    while not is_silent(notify, 0):
        notify.recv(4096)


@contextlib.contextmanager
def slow_disk(world):
    """The disk takes an hour to write, as long as this lasts."""
    command = ["strace", "-f", "-p", str(world.daemon.pid), "-e", "trace=fsync,fdatasync",
               "-e", "inject=fsync,fdatasync:delay_enter=3600000000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert "attached" in strace.stderr.readline()
        yield
        strace.send_signal(signal.SIGINT)
        strace.communicate()


def test_alive(systemd):
    notify, _, _ = systemd
    for _ in range(3):
        await_life(notify)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing (Debian: strace)")
def test_stuck_thread(systemd):
    notify, world, journal = systemd
    await_life(notify)
    with world.connect() as client:
        with slow_disk(world):
            client.send("io.netnsd.Topology.Apply",
                        {"topology": "lan", "document": {"namespaces": {"a": {}}}})
            entry = journal.wait(IDS["STALLED"])
            assert '"store"' in entry["MESSAGE"]
            drain(notify)
            assert is_silent(notify, 4 * INTERVAL)
            assert world.call("io.netnsd.Manager.Status")["state"] == "running"
        await_life(notify)
        assert client.receive()["parameters"]["outcome"] == "committed"


def test_stuck_event_loop(systemd):
    notify, world, _ = systemd
    await_life(notify)
    with world.paused():
        wait_until(lambda: "State:\tT" in Path(f"/proc/{world.daemon.pid}/status").read_text())
        drain(notify)
        assert is_silent(notify, 4 * INTERVAL)
    await_life(notify)
