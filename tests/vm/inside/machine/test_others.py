"""Others who would manage all links leave those alone that are netnsd's: networkd, which is told to
manage whatever there is, and udev, which would give each link another MAC address, name and MTU."""

import json
import os

import pytest
from system import run, wait_until

GREEDY = """
[Match]
Name=*
[Network]
Address=192.0.2.1/24
LinkLocalAddressing=yes
"""

RENAMING = """
[Match]
OriginalName=*
[Link]
MACAddressPolicy=persistent
MTUBytes=1400
Name=taken
"""

DOCUMENT = {"namespaces": {
    "host": {"links": {
        "lan": {"bridge": {}, "addresses": ["10.9.0.1/24"]},
        "own": {"macvlan": {"link": "lan"}, "addresses": ["10.9.1.1/24"]},
        # The name and the number of its other end are taken in the system's own namespace.
        "cable": {"veth": {"peer": "green/lan"}}}},
    "green": {},
    "blue": {"links": {
        "eth0": {"veth": {"bridge": "host/lan"}, "addresses": ["10.9.0.2/24"]},
        "far": {"veth": {"peer": "host/near"}, "addresses": ["10.9.2.2/24"]}}}}}

OURS = {"lan", "own", "cable", "near", "blue.eth0"}

# What netnsd makes links with (daemon/model/network.h), and sets them aside with (daemon/model/plan.h).
GROUP = "78"
PARKED = ("1313865728", "1314914303")


def links():
    return {row["ifname"]: row for row in json.loads(run("ip", "-json", "-details", "address"))}


def setups():
    rows = json.loads(run("networkctl", "--json=short", "list"))["Interfaces"]
    return {row["Name"]: row["AdministrativeState"] for row in rows}


def wait_for_others():
    """A link of somebody else's, which udev and networkd take, says that they have seen all before it."""
    number = 4711
    run("ip", "link", "add", "last", "index", str(number), "type", "dummy")
    run("udevadm", "settle")
    (name,) = (name for name, row in links().items() if row["ifindex"] == number)
    assert links()[name]["mtu"] == 1400
    wait_until(lambda: setups().get(name) in ("configuring", "configured"))
    run("ip", "link", "delete", name)


@pytest.fixture(scope="module", autouse=True)
def others(package):
    os.makedirs("/run/systemd/network", exist_ok=True)
    for name, text in (("10-greedy.network", GREEDY), ("10-renaming.link", RENAMING)):
        with open(f"/run/systemd/network/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    run("systemctl", "restart", "systemd-udevd.service")
    run("systemctl", "start", "systemd-networkd.service")


def test_links_stay_as_they_are_asked_to_be():
    with open("/run/document.json", "w", encoding="utf-8") as file:
        json.dump(DOCUMENT, file)
    run("netnsctl", "apply", "-t", "own", "/run/document.json")
    made = links()
    wait_for_others()
    found = links()
    assert OURS <= set(found)
    for name in OURS:
        assert setups()[name] == "unmanaged"
        assert found[name]["ifindex"] == made[name]["ifindex"]
        assert found[name]["address"] == made[name]["address"]
        assert found[name]["mtu"] == 1500
    addresses = {(name, address["local"]) for name in OURS for address in found[name]["addr_info"]
                 if address["family"] == "inet"}
    assert addresses == {("lan", "10.9.0.1"), ("own", "10.9.1.1")}
    assert run("netnsctl", "--json", "audit").find("pointer") < 0


@pytest.mark.parametrize("group", PARKED)
def test_links_stay_ours_while_a_change_has_them_set_aside(group):
    """As they may come back."""
    run("ip", "link", "add", "comes", "group", GROUP, "type", "dummy")
    wait_for_others()
    run("ip", "link", "set", "comes", "name", "~0123456789ab", "group", group)
    wait_for_others()
    assert setups()["~0123456789ab"] == "unmanaged"
    run("ip", "link", "set", "~0123456789ab", "name", "comes", "group", GROUP)
    wait_for_others()
    assert setups()["comes"] == "unmanaged"
    assert "192.0.2.1" not in run("ip", "address", "show", "comes")
    run("ip", "link", "delete", "comes")


def test_networkmanager_is_told_to_leave_them():
    for name in OURS:
        said = run("udevadm", "info", f"/sys/class/net/{name}").splitlines()
        assert "E: NM_UNMANAGED=1" in said and "E: ID_NET_MANAGED_BY=io.netnsd" in said


def test_ip_knows_who_made_routes():
    run("netnsctl", "apply", "/usr/share/doc/netnsd/examples/router.json")
    assert "proto netnsd" in run("ip", "-netns", "pc1", "route")
