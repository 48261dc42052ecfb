"""Whatever happens to the daemon, networks go on: no packet is lost, and nothing is made anew."""

import contextlib
import os

import pytest
from system import Monitor, Ping, kernel, process, run, status, wait_for_another

ROUNDS = int(os.environ.get("ROUNDS", "100"))


def restart():
    run("systemctl", "restart", "netnsd.service")


def kill():
    former = process()
    run("kill", "-KILL", former)
    wait_for_another(former)


def stop_and_start():
    run("systemctl", "stop", "netnsd.service")
    status()


def upgrade():
    former = process()
    run("apt-get", "--yes", "-o", "APT::Sandbox::User=root", "install", "--reinstall",
        "/srv/netnsd.deb")
    assert process() not in ("0", former)


@pytest.mark.parametrize("rounds, event", [
    (ROUNDS, restart), (ROUNDS, kill), (1, stop_and_start), (1, upgrade),
], ids=lambda value: getattr(value, "__name__", value))
def test_goes_on(bridge, rounds, event):
    before = kernel(*bridge)
    with contextlib.ExitStack() as stack:
        monitors = [stack.enter_context(Monitor(name)) for name in bridge]
        ping = stack.enter_context(Ping("net0", "10.0.1.3"))
        for _ in range(rounds):
            event()
        assert ping.lost() == 0
        sent, _ = ping.counts()
        for monitor in monitors:
            assert monitor.told() == []
    assert kernel(*bridge) == before
    print(f"{rounds} of {event.__name__}: {sent} packets sent, none lost")
