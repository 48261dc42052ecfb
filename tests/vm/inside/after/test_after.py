"""After the boot: networks came back before the services that need them began."""

import json

from system import run, show, wait_until


def when(unit, what):
    """Seconds after the kernel began."""
    return int(show(unit, what)) / 1e6


def test_networks_came_back_before_the_service():
    wait_until(lambda: show("in-bridge.service", "ActiveState") in ("active", "failed"))
    assert show("in-bridge.service", "ActiveState") == "active"
    ready = when("netnsd.service", "ActiveEnterTimestampMonotonic")
    waited = when("netns@net0.service", "ActiveEnterTimestampMonotonic")
    began = when("in-bridge.service", "ExecMainStartTimestampMonotonic")
    assert 0 < ready < waited < began
    print(f"netnsd began {when('netnsd.service', 'ExecMainStartTimestampMonotonic'):.2f} s, "
          f"was ready {ready:.2f} s, net0 was complete {waited:.2f} s, and the service that needs it "
          f"began {began:.2f} s after the kernel")


def test_both_are_as_they_were():
    topologies = {row["topology"]: row for row in json.loads(
        run("netnsctl", "--json", "list"))["topologies"]}
    assert topologies["bridge"]["file"] == "/etc/netnsd/topologies.d/bridge.json"
    assert {row["state"] for row in topologies.values()} == {"active"}
    assert set(topologies) == {"bridge", "router"}
    assert run("netnsctl", "--json", "audit").find("pointer") < 0


def test_the_journal_says_what_was_restored():
    for topology in ("bridge", "router"):
        lines = run("journalctl", "--boot", "--output=cat", f"TOPOLOGY={topology}")
        assert "restored" in lines
