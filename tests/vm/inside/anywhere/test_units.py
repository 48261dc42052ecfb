"""How systemd starts and ends the daemon, and what others can rely on."""

import json

from system import (attempt, kernel, process, remove_unit, run, show, status, wait_for_another,
                    wait_until, write_unit)

NEEDS_NET0 = """
[Unit]
Requires=netns@net0.service
After=netns@net0.service
[Service]
Type=oneshot
NetworkNamespacePath=/run/netns/net0
ExecStart=ping -c 1 -w 10 10.0.1.3
"""


def journal(*matches):
    run("journalctl", "--sync")
    lines = run("journalctl", "--output=json", *matches).splitlines()
    return [json.loads(line) for line in lines]


def test_call_starts_the_daemon(bridge):
    before = kernel(*bridge)
    run("systemctl", "stop", "netnsd.service")
    assert process() == "0"
    assert kernel(*bridge) == before
    assert status()["topologies"] == 1
    assert show("netnsd.service", "ActiveState") == "active"
    assert kernel(*bridge) == before


def test_nothing_starts_it_once_the_socket_is_stopped(bridge):
    before = kernel(*bridge)
    run("systemctl", "stop", "netnsd.socket")
    assert attempt("netnsctl", "status").returncode != 0
    assert process() == "0"
    assert kernel(*bridge) == before
    run("systemctl", "start", "netnsd.service")
    status()


def test_daemon_that_hangs_is_replaced(bridge):
    before = kernel(*bridge)
    write_unit("netnsd.service.d/watchdog.conf", "[Service]\nWatchdogSec=1\n")
    run("systemctl", "restart", "netnsd.service")
    former = process()
    run("kill", "-STOP", former)
    wait_for_another(former)
    remove_unit("netnsd.service.d/watchdog.conf")
    assert any("Watchdog" in entry["MESSAGE"] for entry in journal("--unit=netnsd.service"))
    assert kernel(*bridge) == before
    run("systemctl", "restart", "netnsd.service")


def test_service_runs_in_a_namespace(bridge):
    write_unit("needs-net0.service", NEEDS_NET0)
    run("systemctl", "start", "needs-net0.service")
    assert show("netns@net0.service", "ActiveState") == "active"
    run("systemctl", "restart", "netnsd.service")
    assert show("netns@net0.service", "ActiveState") == "active"
    remove_unit("needs-net0.service")


def test_what_waits_for_a_namespace_starts_when_it_comes(bridge):
    run("systemctl", "start", "--no-block", "netns@late.service")
    wait_until(lambda: show("netns@late.service", "ActiveState") == "activating")
    run("netnsctl", "ns", "add", "late")
    wait_until(lambda: show("netns@late.service", "ActiveState") == "active")
    run("netnsctl", "ns", "del", "late")
    run("systemctl", "stop", "netns@late.service")


def test_journal_knows_topologies_and_namespaces(bridge):
    entries = journal("TOPOLOGY=bridge", "_SYSTEMD_UNIT=netnsd.service")
    assert any("MESSAGE_ID" in entry for entry in entries)
    before = len(journal("NAMESPACE=net0"))
    run("ip", "-netns", "net0", "link", "set", "eth0", "down")
    wait_until(lambda: len(journal("NAMESPACE=net0")) > before)
    number = journal("NAMESPACE=net0")[-1]["MESSAGE_ID"]
    assert "bridge" in run("journalctl", "--catalog", f"MESSAGE_ID={number}")
    run("netnsctl", "wait", "net0")


def test_names_are_not_unmounted_one_by_one_at_shutdown(bridge):
    for unit in ("run-netns.mount", "run-netns-net0.mount"):
        assert show(unit, "ActiveState") == "active"
        assert "umount.target" not in show(unit, "Conflicts")
