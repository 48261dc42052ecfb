"""What netnsd logs to the journal: kinds of messages, and their fields."""

import errno
import re
from pathlib import Path

import pytest

from journal import Journal
from varlink import VarlinkError
from world import wait_until

TOP = Path(__file__).resolve().parents[2]
IDS = dict(re.findall(r'^#define LOG_ID_(\w+) "([0-9a-f]{32})"$',
                      (TOP / "common/log_id.h").read_text(), re.MULTILINE))

LAN = {"namespaces": {"a": {"links": {"br0": {"bridge": {}, "mtu": 1500}}}}}
PLACE = {"TOPOLOGY": "lan", "NAMESPACE": "a", "LINK": "br0", "POINTER": "/namespaces/a/links/br0"}


@pytest.fixture
def journal(bare_world):
    journal = Journal(bare_world)
    yield journal
    journal.socket.close()


@pytest.fixture
def logged(bare_world, journal):
    """A world with a netnsd that has told the journal that it is ready."""
    bare_world.start(**journal.environment)
    assert journal.wait(IDS["READY"])["MESSAGE"].endswith(" is ready")
    return bare_world


def told(entry):
    """The fields that say what it is about."""
    return {name: value for name, value in entry.items()
            if name not in {"MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER"}}


def test_change(logged, journal):
    logged.apply("lan", LAN)
    entry = journal.wait(IDS["COMMITTED"])
    assert told(entry) == {"TOPOLOGY": "lan", "GENERATION": "1"}
    assert entry["MESSAGE"] == "topology lan: committed generation 1, 2 changes"
    assert entry["PRIORITY"] == "6"
    assert entry["SYSLOG_IDENTIFIER"] == "netnsd"
    logged.remove("lan")
    assert told(journal.wait(IDS["REMOVED"])) == {"TOPOLOGY": "lan", "GENERATION": "1"}
    logged.stop()
    journal.wait(IDS["STOPPING"])
    assert logged.log_end() == ""


def test_failure(bare_world, journal, fault_injection):
    bare_world.start()
    bare_world.apply("lan", {"namespaces": {"a": {}}})
    bare_world.restart(NETNSD_FAULT="1", **journal.environment)
    with pytest.raises(VarlinkError):
        bare_world.apply("lan", LAN)
    entry = journal.wait(IDS["ROLLED_BACK"])
    fields = told(entry)
    assert fields == PLACE | {"ERRNO": str(errno.EIO)}
    assert entry["MESSAGE"].startswith(f"topology lan: {fields['POINTER']}: a change failed")
    assert entry["PRIORITY"] == "5"


def test_drift(logged, journal):
    logged.apply("lan", LAN)
    logged.run("ip", "-n", "a", "link", "set", "br0", "mtu", "1400")
    entry = journal.wait(IDS["DRIFT_FOUND"])
    assert told(entry) == PLACE
    assert entry["MESSAGE"] == ("topology lan: /namespaces/a/links/br0: drift: was changed: "
                                "mtu: 1400, not 1500")
    assert told(journal.wait(IDS["DRIFT_REPAIRED"])) == PLACE


def test_drift_that_is_blocked(logged, journal):
    logged.apply("lan", LAN)
    with logged.paused():
        logged.batch("a", "link del br0\nlink add br0 type ifb\n")
    entry = journal.wait(IDS["DRIFT_BLOCKED"])
    assert told(entry) == PLACE
    assert "drift: it cannot be put right now: " in entry["MESSAGE"]
    logged.run("ip", "-n", "a", "link", "del", "br0")
    assert told(journal.wait(IDS["DRIFT_REPAIRED"])) == PLACE


def test_crash(bare_world, journal, fault_injection):
    """When it would get its name: what comes before that is nobody's yet."""
    bare_world.start(NETNSD_FAULT="9:kill", **journal.environment)
    with pytest.raises(ConnectionError):
        bare_world.apply("lan", LAN)
    bare_world.wait_killed()
    bare_world.start(**journal.environment)
    assert told(journal.wait(IDS["UNDONE"])) == {"TOPOLOGY": "lan"}


def test_confirmation(logged, journal):
    logged.apply("lan", LAN, confirmSeconds=86400)
    logged.call("io.netnsd.Topology.Confirm", topology="lan")
    assert told(journal.wait(IDS["CONFIRMED"])) == {"TOPOLOGY": "lan", "GENERATION": "1"}


def test_without_journal(world):
    """Another standard error than the one that JOURNAL_STREAM tells of gets lines."""
    world.apply("lan", LAN)
    wait_until(lambda: "netnsd: topology lan: committed generation 1" in world.log_end())
    world.restart(JOURNAL_STREAM="1:1")
    wait_until(lambda: world.log_end().count(" is ready\n") == 2)


def test_kinds_are_described():
    """In the manual, and in the catalog, in order."""
    assert len(set(IDS.values())) == len(IDS) > 0
    manual = re.findall(r'^\.It Li ([0-9a-f]{32})\n\.\\" (\w+)$',
                        (TOP / "doc/netnsd.8").read_text(), re.MULTILINE)
    assert [(number, name) for name, number in IDS.items()] == manual
    catalog = (TOP / "systemd/netnsd.catalog").read_text()
    assert re.findall(r"^-- (\w+)\nSubject: ", catalog, re.MULTILINE) == list(IDS.values())
