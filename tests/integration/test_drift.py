"""Drift: what others change is noticed, told as what it is, and put back."""

import json
import re
import time
from pathlib import Path

import pytest

from subscriber import Subscriber
from world import example, wait_until

# A bridge in a namespace, and three on it, with a route, a sysctl and an MTU of their own.
LEAVES = ("net0", "net1", "net2")
DOCUMENT = {"namespaces": {
    "switch": {"links": {"br0": {"bridge": {}, "addresses": ["10.0.1.254/24"]}}}}}
for _index, _name in enumerate(LEAVES, 1):
    DOCUMENT["namespaces"][_name] = {
        "links": {"eth0": {"veth": {"bridge": "switch/br0",
                                    "port": {"bridgePort": {"isolated": _index == 1}}},
                           "mtu": 1400,
                           "addresses": [f"10.0.1.{_index}/24"]}},
        "routes": {"default": {"via": "10.0.1.254"},
                   "192.0.2.0/24": {"via": "10.0.1.254", "dev": "eth0"}}}
DOCUMENT["namespaces"]["net0"]["links"]["eth0"]["addresses"].append("fd00::1/64")
DOCUMENT["namespaces"]["net0"]["routes"]["fd01::/64"] = {"via": "fd00::2"}
DOCUMENT["namespaces"]["net0"]["routes"]["198.51.100.0/24"] = {"dev": "eth0"}
DOCUMENT["namespaces"]["net0"]["sysctl"] = {"net.ipv4.ip_forward": 1}

NET0 = "/namespaces/net0"
ETH0 = f"{NET0}/links/eth0"
PORT = f"{ETH0}/veth"


def switch(*words):
    return lambda world: world.run("ip", "-n", "switch", *words)


def inside(*words):
    return lambda world: world.run("ip", "-n", "net0", *words)


def all_of(*steps):
    def run(world):
        for step in steps:
            step(world)
    return run


def unmount_and_remove(world):
    world.resident("net0")
    world.run("ip", "netns", "del", "net0")


def delete_and_make_again(world):
    world.run("ip", "netns", "del", "net0")
    world.run("ip", "netns", "add", "net0")


def mount_over(world):
    world.run("mount", "--bind", f"/proc/{world.namespaces.process.pid}/ns/net", "/run/netns/net0")


def write_sysctl(world):
    world.run(*world.inside("net0"), "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")


# What somebody does, and where the drift is then said to be: kind and pointer of one difference.
ROWS = {
    "link-renamed": (all_of(inside("link", "set", "eth0", "down"),
                            inside("link", "set", "eth0", "name", "other"),
                            inside("link", "set", "other", "up")), "changed", ETH0),
    "link-down": (inside("link", "set", "eth0", "down"), "changed", ETH0),
    "link-renamed-while-up": (inside("link", "set", "eth0", "name", "other"), "changed", ETH0),
    "group": (inside("link", "set", "eth0", "group", "5"), "changed", ETH0),
    "link-moved": (inside("link", "set", "eth0", "netns", "net1", "name", "stray"),
                   "missing", ETH0),
    "near-end-deleted": (inside("link", "del", "eth0"), "missing", ETH0),
    "far-end-deleted": (switch("link", "del", "net0.eth0"), "missing", ETH0),
    "addresses-flushed": (inside("address", "flush", "dev", "eth0"), "missing",
                          f"{ETH0}/addresses/10.0.1.1~124"),
    "mtu": (inside("link", "set", "eth0", "mtu", "1300"), "changed", ETH0),
    "mac": (inside("link", "set", "eth0", "address", "02:00:00:00:00:77"), "changed", ETH0),
    "master": (switch("link", "set", "net0.eth0", "nomaster"), "changed", PORT),
    "bridge-deleted": (switch("link", "del", "br0"), "missing", "/namespaces/switch/links/br0"),
    "namespace-unmounted": (unmount_and_remove, "missing", NET0),
    "namespace-made-again": (delete_and_make_again, "missing", NET0),
    "default-route-deleted": (inside("route", "del", "default"), "missing",
                              f"{NET0}/routes/default"),
    "routes-lost-by-down-and-up": (all_of(inside("link", "set", "eth0", "down"),
                                          inside("link", "set", "eth0", "up")), "missing",
                                   f"{NET0}/routes/192.0.2.0~124"),
    "device-route-lost": (all_of(inside("link", "set", "eth0", "down"),
                                 inside("link", "set", "eth0", "up")), "missing",
                          f"{NET0}/routes/198.51.100.0~124"),
    "ipv6-routes-lost": (all_of(inside("link", "set", "eth0", "down"),
                                inside("link", "set", "eth0", "up")), "missing",
                         f"{NET0}/routes/fd01::~164"),
    "sysctl": (write_sysctl, "changed", f"{NET0}/sysctl/net.ipv4.ip_forward"),
    "mounted-over": (mount_over, "missing", NET0),
}


def drift(world, method="List", **parameters):
    return world.call(f"io.netnsd.Drift.{method}", **parameters)["differences"]


def reporting(document):
    document = json.loads(json.dumps(document))
    for namespace in document["namespaces"].values():
        namespace["drift"] = "report"
    return document


def port_of(row):
    """What a link is as a bridge's port."""
    return row.get("linkinfo", {}).get("info_slave_data", {}).get("isolated")


def links_of(world, namespace):
    return {row["ifname"]: (row["address"], row["mtu"], "UP" in row["flags"], row.get("master"),
                            port_of(row))
            for row in world.ip(namespace, "link", "show")}


def addresses_of(world, namespace):
    return sorted((row["ifname"], address["local"], address["prefixlen"])
                  for row in world.ip(namespace, "address", "show")
                  for address in row["addr_info"] if address.get("scope") != "link")


def routes_of(world, namespace):
    """Of both families; the link-local route is the kernel's own, which comes with an address."""
    rows = world.routes(namespace) + world.ip(namespace, "-6", "route", "show")
    return sorted((row["dst"], row.get("gateway", ""), row["dev"]) for row in rows
                  if row["dst"] != "fe80::/64")


def state(world):
    """What DOCUMENT makes of the kernel, as `ip` shows it; of a namespace that is not there, why."""
    found = {}
    for namespace in ("switch", *LEAVES):
        try:
            found[namespace] = (links_of(world, namespace), addresses_of(world, namespace),
                                routes_of(world, namespace),
                                world.sysctl(namespace, "net/ipv4/ip_forward"))
        except AssertionError as error:
            found[namespace] = str(error)
    return found


@pytest.mark.parametrize("row", ROWS)
def test_repaired(world, row):
    disturb, kind, pointer = ROWS[row]
    world.apply("lan", DOCUMENT)
    before = state(world)
    with Subscriber(world, topology="lan") as subscriber:
        with world.paused():
            disturb(world)
        told = {"pointer": pointer, "difference": kind}
        found, _ = subscriber.wait("driftFound", **told)
        assert subscriber.wait("driftRepaired", **told)[0] > found
    wait_until(lambda: state(world) == before)
    wait_until(lambda: world.ping("net0", "10.0.1.3"))
    assert audit(world) == ([], [])
    if row in ("namespace-made-again", "mounted-over"):
        return
    world.remove("lan")
    world.assert_clean()


@pytest.mark.parametrize("row", ROWS)
def test_reported(world, row):
    disturb, kind, pointer = ROWS[row]
    world.apply("lan", reporting(DOCUMENT))
    assert drift(world, "Audit") == []
    before = state(world)
    disturb(world)
    disturbed = state(world)
    found = {difference["pointer"]: difference for difference in drift(world, "Audit")}
    assert (found[pointer]["kind"], found[pointer]["state"]) == (kind, "reported"), found
    listed = {difference["pointer"]: difference for difference in drift(world)}
    assert listed[pointer]["kind"] == kind
    assert world.ctl("drift", "--exit-code", "lan", check=False).returncode == 3
    assert state(world) == disturbed
    assert drift(world, "Repair", topology="lan")
    assert drift(world, "Audit") == []
    assert state(world) == before
    assert world.ping("net0", "10.0.1.3")
    assert world.ctl("audit", "--exit-code", check=False).returncode == 0


HOST_ROWS = {
    "bridge-deleted": ("link", "del", "mybridge0"),
    "port-deleted": ("link", "del", "net0.eth0"),
    "port-freed": ("link", "set", "net0.eth0", "nomaster"),
    "bridge-down": ("link", "set", "mybridge0", "down"),
    "address-deleted": ("address", "del", "10.0.1.254/24", "dev", "mybridge0"),
    "bridge-renamed": ("link", "set", "mybridge0", "name", "other"),
}


@pytest.mark.parametrize("row", HOST_ROWS)
def test_repaired_in_host(world, row):
    world.apply("bridge", example("bridge"))
    before = links_of(world, "host"), addresses_of(world, "host")
    if row == "bridge-renamed":
        world.run("ip", "link", "set", "mybridge0", "down")
    world.run("ip", *HOST_ROWS[row])
    wait_until(lambda: (links_of(world, "host"), addresses_of(world, "host")) == before)
    wait_until(lambda: world.ping("net0", "10.0.1.2") and world.ping("net0", "10.0.1.254"))
    assert drift(world, "Audit") == []


def test_field_tells_both_values(world):
    document = json.loads(json.dumps(DOCUMENT))
    document["namespaces"]["net0"]["drift"] = "report"
    world.apply("lan", document)
    world.run("ip", "-n", "net0", "link", "set", "eth0", "mtu", "1300")
    [difference] = [row for row in drift(world, "Audit") if row["pointer"] == ETH0]
    assert difference["fields"] == [{"name": "mtu", "actual": "1300", "wanted": "1400"}]
    assert "mtu: 1300, not 1400" in world.ctl("drift")


def test_foreign_things_are_no_drift(world):
    world.apply("lan", DOCUMENT)
    world.run("ip", "-n", "net0", "link", "add", "foreign", "type", "bridge")
    world.run("ip", "-n", "net0", "address", "add", "10.9.0.1/24", "dev", "eth0")
    world.run("ip", "-n", "net0", "route", "add", "10.8.0.0/16", "via", "10.0.1.254")
    assert drift(world, "Audit") == []
    assert world.link("net0", "foreign")


def test_sysctl_is_found_by_audit(world):
    world.apply("lan", DOCUMENT)
    world.stop()
    world.run(*world.inside("net0"), "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")
    world.start()
    assert world.sysctl("net0", "net/ipv4/ip_forward") == "1"


def test_namespace_destroyed_while_stopped(world):
    world.apply("lan", DOCUMENT)
    before = state(world)
    world.stop()
    world.run("ip", "netns", "del", "net0")
    world.start()
    assert state(world) == before
    assert world.ping("net0", "10.0.1.3")
    assert drift(world, "Audit") == []


def test_namespace_destroyed_while_stopped_and_reported(world):
    world.apply("lan", reporting(DOCUMENT))
    before = state(world)
    world.stop()
    world.run("ip", "netns", "del", "net0")
    world.start()
    assert world.netns_names() == ["net1", "net2", "switch"]
    [difference] = [row for row in drift(world) if row["pointer"] == NET0]
    assert (difference["kind"], difference["state"]) == ("missing", "reported")
    assert drift(world, "Repair")
    assert state(world) == before
    assert drift(world, "Audit") == []


@pytest.mark.parametrize("document", [DOCUMENT, reporting(DOCUMENT)], ids=["repair", "report"])
def test_reboot(world, document):
    """With a new boot id and no namespaces everything is built, whatever "drift" says."""
    world.apply("lan", document)
    before = state(world)
    world.stop()
    for name in world.netns_names():
        world.run("ip", "netns", "del", name)
    boot_id = world.directory / "boot_id"
    boot_id.write_text("01234567-89ab-4cde-8f01-23456789abcd\n")
    world.run("mount", "--bind", boot_id, "/proc/sys/kernel/random/boot_id")
    world.start()
    assert state(world) == before
    assert world.ping("net0", "10.0.1.3")
    assert drift(world, "Audit") == []


def test_process_lives_through_the_loss_of_the_name(world):
    """And so does its traffic: no packet is lost."""
    world.apply("lan", DOCUMENT)
    inode = world.netns_inode("net0")
    with world.popen_inside("net0", "ping", "-n", "-i", "0.002", "-c", "500", "10.0.1.3") as ping:
        assert "bytes from" in ping.stdout.readline() + ping.stdout.readline()
        losses = 0
        while ping.poll() is None:
            # ip unmounts, then unlinks: a repair in between makes it fail
            done = world.run("ip", "netns", "del", "net0", check=False)
            assert done.returncode == 0 or "busy" in done.stderr
            wait_until(lambda: world.netns_names() == ["net0", "net1", "net2", "switch"]
                       and world.netns_inode("net0") == inode)
            losses += 1
        assert losses > 0
        assert " 0% packet loss" in ping.stdout.read()


def test_somebody_who_undoes_every_repair(world):
    """For 20 s: the repairs become rare, and it is called contended."""
    world.apply("lan", DOCUMENT)
    pointer = f"{ETH0}/addresses/10.0.1.1~124"
    deadline = time.monotonic() + 20
    with world.popen_inside("net0", "ip", "-o", "monitor", "address") as monitor:
        while time.monotonic() < deadline:
            if "10.0.1.1/24" in world.addresses("net0", "eth0"):
                world.run("ip", "-n", "net0", "address", "del", "10.0.1.1/24", "dev", "eth0")
            time.sleep(0.05)
        monitor.terminate()
        made = [line for line in monitor.stdout if "10.0.1.1/24" in line and "Deleted" not in line]
    [difference] = [row for row in drift(world) if row["pointer"] == pointer]
    assert difference["state"] == "contended"
    assert difference["repairs"] >= 5
    assert 5 <= len(made) < 20
    shown = world.ctl("drift", "lan")
    assert "contended" in shown
    assert f"changed last at {difference['lastChange']}" in shown
    assert drift(world, "Repair", topology="lan")[0]["state"] == "repaired"
    assert "10.0.1.1/24" in world.addresses("net0", "eth0")


def test_mtu_that_nobody_wrote(world):
    """Each end of a cable has it; a change of either is told, and put back."""
    world.apply("pair", {"namespaces": {
        "net0": {"drift": "report", "links": {"left": {"veth": {"peer": "net1/right"}}}},
        "net1": {"drift": "report"}}})
    for namespace, link in (("net0", "left"), ("net1", "right")):
        world.run("ip", "-n", namespace, "link", "set", link, "mtu", "1300")
        [difference] = drift(world, "Audit")
        assert difference["fields"] == [{"name": "mtu", "actual": "1300", "wanted": "1500"}]
        assert world.ctl("repair")
        assert world.link(namespace, link)["mtu"] == 1500
        assert drift(world, "Audit") == []
    world.patch("pair", {"namespaces": {"net0": {"links": {"left": {"mtu": 1400}}}}})
    back = world.patch("pair", {"namespaces": {"net0": {"links": {"left": {"mtu": None}}}}})
    assert [change["pointer"] for change in back["changes"]] == ["/namespaces/net0/links/left"]


def test_cable_into_a_reported_namespace(world):
    """It is made again at both ends or not at all: at both it is reported, with what needs it."""
    world.apply("pair", {"namespaces": {
        "net0": {"links": {"left": {"veth": {"peer": "net1/right"}, "addresses": ["10.0.2.1/24"]}},
                 "routes": {"10.9.0.0/16": {"via": "10.0.2.2"}}},
        "net1": {"drift": "report", "links": {"right": {"addresses": ["10.0.2.2/24"],
                                                    "veth": {"peer": "net0/left"}}}}}})
    world.run("ip", "-n", "net0", "address", "del", "10.0.2.1/24", "dev", "left")
    wait_until(lambda: world.addresses("net0", "left") == ["10.0.2.1/24"])
    wait_until(lambda: world.route("net0", "10.9.0.0/16"))
    world.run("ip", "-n", "net0", "link", "del", "left")
    wait_until(lambda: len(drift(world)) >= 2)
    assert {row["state"] for row in drift(world, "Audit")} == {"reported"}
    assert not world.link("net0", "left")
    assert drift(world, "Repair")
    assert world.ping("net0", "10.0.2.2")
    assert drift(world, "Audit") == []


def test_port_in_a_reported_namespace(world):
    """It is the namespace of the cable's written end that says what is done."""
    document = json.loads(json.dumps(DOCUMENT))
    document["namespaces"]["switch"]["drift"] = "report"
    world.apply("lan", document)
    world.run("ip", "-n", "switch", "link", "set", "net0.eth0", "nomaster")
    world.run("ip", "-n", "switch", "link", "set", "br0", "down")
    wait_until(lambda: world.link("switch", "net0.eth0").get("master") == "br0")
    assert [(row["pointer"], row["state"]) for row in drift(world, "Audit")] == [
        ("/namespaces/switch/links/br0", "reported")]


def test_what_stands_on_a_reported_link(world):
    world.apply("lan", {"namespaces": {
        "reported": {"drift": "report", "links": {"low": {"bridge": {}}}},
        "repaired": {"links": {"high": {"macvlan": {"link": "reported/low"},
                                        "addresses": ["10.0.2.1/24"]}}}}})
    world.run("ip", "-n", "reported", "link", "del", "low")
    wait_until(lambda: len(drift(world)) == 2)
    assert [row["state"] for row in drift(world, "Audit")] == ["reported", "reported"]
    assert drift(world, "Repair")
    assert world.addresses("repaired", "high") == ["10.0.2.1/24"]
    assert audit(world) == ([], [])


def test_repair_is_done_when_it_answers(world):
    """Also of what is beside something that others block."""
    namespace = {"links": {name: {"bridge": {}} for name in ("one", "two", "three")}}
    world.apply("lan", {"namespaces": {"net0": {**namespace, "drift": "report"}}})
    world.batch("net0", "link del one\nlink add one type veth peer name other\n"
                        "link set two down\nlink set three down\n")
    states = {row["pointer"].rpartition("/")[2]: row["state"] for row in drift(world, "Repair")}
    assert states == {"one": "blocked", "two": "repaired", "three": "repaired"}
    assert "UP" in world.link("net0", "two")["flags"]


def test_apply_ends_what_was_reported(world):
    world.apply("lan", reporting(DOCUMENT))
    world.run("ip", "-n", "net0", "link", "set", "eth0", "mtu", "1300")
    wait_until(lambda: len(drift(world)) == 1)
    world.apply("lan", reporting(DOCUMENT))
    assert world.link("net0", "eth0")["mtu"] == 1400
    assert drift(world) == []


def test_unknown_topology(world):
    assert "nowhere" in world.ctl_fails("drift", "nowhere")
    assert "nowhere" in world.ctl_fails("repair", "nowhere")


# What the daemon keeps of the kernel, and the kernel.

# sys/mount.h
MS_BIND = 4096
MNT_DETACH = 2

BURST = 5200  # addresses: with those that are removed, over 10,000 messages


def burst(world, namespace, device):
    """Adds and removes addresses, each a message, in one go; every 16th stays."""
    lines = []
    for index in range(BURST):
        address = f"10.{20 + index // 62500}.{index // 250 % 250}.{index % 250 + 1}/32"
        lines.append(f"address add {address} dev {device}")
        if index % 16:
            lines.append(f"address del {address} dev {device}")
    world.batch(namespace, "\n".join(lines) + "\n")


def audit(world):
    reply = world.call("io.netnsd.Drift.Audit")
    return reply["differences"], reply["unheard"]


@pytest.mark.parametrize("device", ["lo", "eth0"])
def test_burst(world, device):
    """No wanted route can go with an address of lo: of that the messages alone tell. Where routes may
    have gone, the namespace is read again as well."""
    world.apply("lan", DOCUMENT)
    burst(world, "net0", device)
    assert audit(world) == ([], [])
    assert world.call("io.netnsd.Manager.Status")["resyncs"] == 0
    assert len(world.addresses("net0", device)) > BURST // 16


MOUNTS = 1000
MOUNT_BURST = f"""
import ctypes, os
libc = ctypes.CDLL(None)
os.mkdir("/run/burst")
for _ in range({MOUNTS}):
    assert libc.mount(b"/run/burst", b"/run/burst", None, {MS_BIND}, None) == 0
    assert libc.umount2(b"/run/burst", {MNT_DETACH}) == 0
assert libc.umount2(b"/run/netns/net0", {MNT_DETACH}) == 0
"""


def wakeups(world):
    """How often netnsd's main thread has waited for something."""
    status = Path(f"/proc/{world.daemon.pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[1])


def test_burst_of_mounts(world):
    """To be woken by each would delay whoever mounts. What the last one does is noticed all the
    same."""
    world.apply("lan", DOCUMENT)
    inode, before = world.netns_inode("net0"), wakeups(world)
    world.run("/usr/bin/python3", "-c", MOUNT_BURST)
    assert wakeups(world) - before < MOUNTS / 4
    assert world.netns_inode("net0") != inode
    wait_until(lambda: world.netns_inode("net0") == inode)


def test_overrun(bare_world, fault_injection):
    """With a small buffer messages are lost: all is read again, and the picture is right again."""
    world = bare_world.start(NETNSD_RECEIVE_BUFFER="4096")
    world.apply("lan", DOCUMENT)
    with world.paused():
        burst(world, "net0", "eth0")
        world.run("ip", "-n", "net0", "link", "set", "eth0", "mtu", "1300")
        world.run("ip", "-n", "net1", "link", "set", "eth0", "address", "02:00:00:00:00:77")
    wait_until(lambda: world.link("net0", "eth0")["mtu"] == 1400)
    wait_until(lambda: world.link("net1", "eth0")["address"] != "02:00:00:00:00:77")
    assert world.call("io.netnsd.Manager.Status")["resyncs"] > 0
    wait_until(lambda: audit(world) == ([], []))


def test_audit_finds_what_is_not_told(bare_world):
    """The kernel tells of no change of this sysctl: the periodic audit finds it."""
    document = json.loads(json.dumps(DOCUMENT))
    document["namespaces"]["net0"]["sysctl"] = {"net.ipv4.conf.all.arp_ignore": 1}
    world = bare_world.start("--audit", "1")
    world.apply("lan", document)
    world.run(*world.inside("net0"), "sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/all/arp_ignore")
    wait_until(lambda: world.sysctl("net0", "net/ipv4/conf/all/arp_ignore") == "1")
    assert world.call("io.netnsd.Manager.Status")["unheard"] == 0


# What others add, where it is not wanted.

EXTRA = json.loads(json.dumps(DOCUMENT))
EXTRA["namespaces"]["net0"]["extra"] = "remove"

EXTRAS = {
    "link": (inside("link", "add", "foreign", "type", "bridge"), "/namespaces/net0/links/foreign"),
    "address": (inside("address", "add", "10.9.0.1/24", "dev", "eth0"),
                f"{ETH0}/addresses/10.9.0.1~124"),
    "second-address": (inside("address", "add", "10.0.1.77/24", "dev", "eth0"),
                       f"{ETH0}/addresses/10.0.1.77~124"),
    "address-of-lo": (inside("address", "add", "10.9.0.1/32", "dev", "lo"),
                      f"{NET0}/links/lo/addresses/10.9.0.1~132"),
    "route": (inside("route", "add", "10.8.0.0/16", "via", "10.0.1.254"),
              f"{NET0}/routes/10.8.0.0~116"),
    "rule": (inside("rule", "add", "from", "10.7.0.1", "priority", "77"), f"{NET0}/rules/77"),
}


@pytest.mark.parametrize("row", EXTRAS)
def test_extra_is_removed(world, row):
    disturb, _ = EXTRAS[row]
    world.apply("lan", EXTRA)
    before = world.snapshot()
    assert audit(world) == ([], [])
    assert "127.0.0.1/8" in world.addresses("net0", "lo")
    disturb(world)
    wait_until(lambda: world.snapshot() == before)
    assert audit(world) == ([], [])
    assert world.get("lan")["namespaces"]["net0"]["extra"] == "remove"


@pytest.mark.parametrize("row", EXTRAS)
def test_extra_is_reported(world, row):
    disturb, pointer = EXTRAS[row]
    world.apply("lan", reporting(EXTRA))
    disturb(world)
    [difference] = drift(world, "Audit")
    assert (difference["kind"], difference["pointer"]) == ("extra", pointer)
    assert drift(world, "Repair")[0]["state"] == "repaired"
    assert audit(world) == ([], [])


def test_extra_never_means_another_topology(world):
    """A cable and an address of a second topology in the namespace of the first."""
    world.apply("lan", EXTRA)
    world.apply("guest", {"namespaces": {
        "net0": {"external": True,
                 "links": {"b": {"veth": {"peer": "other/a"}, "addresses": ["10.6.0.1/24"]}}},
        "other": {"links": {"a": {"veth": {"peer": "net0/b"}, "addresses": ["10.6.0.2/24"]}}}}})
    world.run("ip", "-n", "net0", "link", "add", "foreign", "type", "bridge")
    wait_until(lambda: not world.link("net0", "foreign"))
    assert world.ping("net0", "10.6.0.2")
    assert audit(world) == ([], [])


# What stands in the way.


def test_foreign_link_in_our_place(world):
    """It is not replaced, and keeps nothing else from its repair."""
    world.apply("bridge", example("bridge"))
    with world.paused():
        world.batch("host", "link del net0.eth0\nlink add net0.eth0 type bridge\n")
        world.run("ip", "-n", "net1", "link", "set", "eth0", "mtu", "1300")
    wait_until(lambda: world.link("net1", "eth0")["mtu"] == 1500)
    wait_until(lambda: [row["state"] for row in drift(world)] == ["blocked"])
    [difference] = drift(world)
    assert difference["pointer"].startswith("/namespaces/net0/links/eth0")
    assert "netnsd did not make it" in difference["message"]
    assert "blocked" in world.ctl("drift")
    assert "blocked" in world.ctl("audit")
    assert [row["state"] for row in drift(world, "Repair")] == ["blocked"]
    assert world.link("host", "net0.eth0")["linkinfo"]["info_kind"] == "bridge"
    world.run("ip", "link", "del", "net0.eth0")
    wait_until(lambda: world.ping("net0", "10.0.1.2"))
    assert audit(world) == ([], [])


def test_kernel_refuses_one_repair(world):
    """Somebody else's macvlan has the MAC of ours: that keeps nothing else from its repair."""
    world.apply("lan", {"namespaces": {
        "host": {"links": {"br0": {"bridge": {}}}},
        "net0": {"links": {"lan": {"macvlan": {"link": "host/br0"}}}},
        "net1": {"links": {"br0": {"bridge": {}, "mtu": 1400}}}}})
    mac = world.link("net0", "lan")["address"]
    with world.paused():
        world.run("ip", "-n", "net0", "link", "del", "lan")
        world.batch("host", f"link add link br0 name foreign address {mac} type macvlan mode bridge\n"
                            "link set br0 up\nlink set foreign up\n")
        world.run("ip", "-n", "net1", "link", "set", "br0", "mtu", "1300")
    wait_until(lambda: world.link("net1", "br0")["mtu"] == 1400)
    wait_until(lambda: "Address already in use" in world.ctl("drift"))
    assert [row["pointer"] for row in drift(world)] == [f"{NET0}/links/lan"]
    world.run("ip", "link", "del", "foreign")
    wait_until(lambda: world.link("net0", "lan"))
    assert audit(world) == ([], [])


def test_external_link_comes_late(world):
    """As at boot: what is needed of others is waited for."""
    document = {"namespaces": {
        "host": {"links": {"uplink": {"external": True}}},
        "net0": {"links": {"lan": {"macvlan": {"link": "host/uplink"},
                                   "addresses": ["10.0.1.1/24"]}}}}}
    world.run("ip", "link", "add", "uplink", "type", "bridge")
    world.apply("lan", document)
    world.stop()
    world.run("ip", "netns", "del", "net0")
    world.run("ip", "link", "del", "uplink")
    world.start()
    [row] = world.call("io.netnsd.Topology.List")["topologies"]
    assert row["state"] == "waiting"
    world.run("ip", "link", "add", "uplink", "type", "bridge")
    wait_until(lambda: "net0" in world.netns_names() and world.link("net0", "lan")
               and world.addresses("net0", "lan") == ["10.0.1.1/24"])
    wait_until(lambda: list(world.topologies("state").values()) == ["active"])
    assert audit(world) == ([], [])


def test_external_link_goes_and_returns(world):
    """What stands on it is made again with it, long before an audit."""
    document = {"namespaces": {
        "host": {"links": {"uplink": {"external": True}}},
        "net0": {"links": {"lan": {"macvlan": {"link": "host/uplink"},
                                   "addresses": ["10.0.1.1/24"]}}}}}
    world.restart("--audit", "0")
    world.run("ip", "link", "add", "uplink", "type", "bridge")
    world.apply("lan", document)
    world.run("ip", "link", "del", "uplink")
    wait_until(lambda: "blocked" in [row["state"] for row in drift(world)])
    world.run("ip", "link", "add", "uplink", "type", "bridge")
    wait_until(lambda: world.link("net0", "lan"))
    wait_until(lambda: world.addresses("net0", "lan") == ["10.0.1.1/24"])
    wait_until(lambda: audit(world) == ([], []))


def test_external_namespace_made_again(world):
    document = {"namespaces": {
        "theirs": {"external": True,
                   "links": {"ours": {"bridge": {}, "addresses": ["10.0.1.1/24"]}}}}}
    world.restart("--audit", "0")
    world.run("ip", "netns", "add", "theirs")
    world.apply("lan", document)
    world.run("ip", "netns", "del", "theirs")
    wait_until(lambda: [row["state"] for row in drift(world)] == ["blocked"])
    world.run("ip", "netns", "add", "theirs")
    wait_until(lambda: world.link("theirs", "ours"))
    wait_until(lambda: drift(world) == [])
    assert audit(world) == ([], [])
    world.stop()
    world.run("ip", "netns", "del", "theirs")
    world.start("--audit", "0")
    assert list(world.topologies("state").values()) == ["waiting"]
    world.run("ip", "netns", "add", "theirs")
    wait_until(lambda: list(world.topologies("state").values()) == ["active"])
    assert world.link("theirs", "ours")
    assert drift(world) == []


def test_external_namespace_is_mounted_late(world):
    """ip-netns(8) makes the file first. What netnsd finds before the mount is no namespace."""
    world.restart("--audit", "0")
    world.run("ip", "netns", "add", "theirs")
    world.apply("lan", {"namespaces": {
        "theirs": {"external": True, "links": {"ours": {"bridge": {}}}},
        "net0": {"links": {"br0": {"bridge": {}}}}}})
    world.run("ip", "netns", "del", "theirs")
    with Subscriber(world) as subscriber:
        world.run("touch", "/run/netns/theirs")
        subscriber.wait("namespaceAdded")
    # What is repaired second was compared after all that was marked with the first.
    for _ in range(2):
        world.run("ip", "-n", "net0", "link", "del", "br0")
        wait_until(lambda: world.link("net0", "br0"))
    assert [row["state"] for row in drift(world)] == ["blocked"]
    world.run("unshare", "--net", "mount", "--bind", "/proc/self/ns/net", "/run/netns/theirs")
    wait_until(lambda: world.link("theirs", "ours"))
    wait_until(lambda: drift(world) == [])


def test_underlay_comes_late(world):
    """A namespace of others in which a topology has nothing, but which it needs."""
    world.restart("--audit", "0")
    world.run("ip", "netns", "add", "theirs")
    world.apply("lan", {"namespaces": {
        "theirs": {"external": True},
        "net0": {"links": {"tunnel": {"vxlan": {"id": 5, "underlayNamespace": "theirs"}}}}}})
    world.stop()
    world.run("ip", "netns", "del", "net0")
    world.run("ip", "netns", "del", "theirs")
    world.start("--audit", "0")
    world.run("ip", "netns", "add", "theirs")
    wait_until(lambda: "net0" in world.netns_names() and world.link("net0", "tunnel"))
    wait_until(lambda: list(world.topologies("state").values()) == ["active"])
    assert audit(world) == ([], [])


def test_refused_repair_keeps_no_other_from_its_own(world):
    """An address that the kernel does not take, and a link that is down, at the same time."""
    world.restart("--audit", "0")
    document = {"namespaces": {"net0": {"links": {
        "br0": {"bridge": {}, "addresses": ["fd00::1/64"]}, "br1": {"bridge": {}}}}}}
    world.apply("lan", document)
    with world.paused():
        world.run(*world.inside("net0"), "sh", "-c",
                  "echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6")
        world.run("ip", "-n", "net0", "link", "set", "br1", "down")
    wait_until(lambda: "UP" in world.link("net0", "br1")["flags"])
    wait_until(lambda: len(drift(world)) == 1)
    [difference] = drift(world)
    assert difference["pointer"] == "/namespaces/net0/links/br0/addresses/fd00::1~164"
    wait_until(lambda: "message" in drift(world)[0])
    assert drift(world)[0]["state"] == "found"
    world.run(*world.inside("net0"), "sh", "-c",
              "echo 0 > /proc/sys/net/ipv6/conf/br0/disable_ipv6")
    wait_until(lambda: world.addresses("net0", "br0") == ["fd00::1/64"])


def test_contended_thing_holds_nothing_up(world):
    """While one waits for long, another is repaired at once; with the document it is forgotten."""
    document = {"namespaces": {"net0": {"links": {"br0": {"bridge": {}}, "br1": {"bridge": {}}}}}}
    world.restart("--audit", "0")
    world.apply("lan", document)

    def undo():
        if "UP" in world.link("net0", "br0")["flags"]:
            world.run("ip", "-n", "net0", "link", "set", "br0", "down")
        return "contended" in [row["state"] for row in drift(world)]

    wait_until(undo)
    with world.popen_inside("net0", "ip", "-o", "monitor", "link") as monitor:
        world.run("ip", "-n", "net0", "link", "set", "br1", "down")
        while "br1: " not in (line := monitor.stdout.readline()) or ",UP" not in line:
            assert line
        monitor.terminate()
    assert "contended" in [row["state"] for row in drift(world)]
    del document["namespaces"]["net0"]["links"]["br0"]
    world.apply("lan", document)
    assert drift(world) == []


def test_plans_do_not_keep_drift_from_being_heard(world):
    """Dry runs hold the namespaces for a while; what changes meanwhile is repaired after that."""
    world.restart("--audit", "0")
    world.apply("lan", DOCUMENT)
    with world.connect() as connection:
        for _ in range(20):
            connection.send("io.netnsd.Topology.Apply",
                            {"topology": "lan", "document": reporting(DOCUMENT), "dryRun": True})
        world.run("ip", "-n", "net0", "route", "del", "default")
        for _ in range(20):
            connection.receive()
    wait_until(lambda: world.route("net0", "default"))
    wait_until(lambda: audit(world) == ([], []))


def test_namespaces_of_one_name_after_another(world):
    """Numbers of namespaces are given again at once; the new ones are listened to all the same."""
    world.restart("--audit", "0")
    for _ in range(10):
        world.apply("lan", DOCUMENT)
        world.run("ip", "-n", "net0", "link", "set", "eth0", "mtu", "1300")
        world.run("ip", "-n", "net2", "address", "flush", "dev", "eth0")
        wait_until(lambda: world.link("net0", "eth0")["mtu"] == 1400)
        wait_until(lambda: world.addresses("net2", "eth0") == ["10.0.1.3/24"])
        world.remove("lan")


def test_undone_during_its_repair(bare_world):
    """What is undone at once is heard of, although nothing else changes, and no audit finds it."""
    world = bare_world.start("--audit", "0")
    world.apply("lan", DOCUMENT)
    world.run(*world.inside("net0"), "timeout", "0.5", "sh", "-c",
              "while :; do ip route del default; done 2>/dev/null", check=False)
    wait_until(lambda: world.route("net0", "default"))
    assert audit(world) == ([], [])
