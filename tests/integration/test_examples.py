"""The files under examples/ work as they stand."""

import re
import shutil

import pytest

from world import EXAMPLES, SANITIZED, example

NAMES = ("pair", "bridge", "router", "vxlan")


def ttl(text):
    return int(re.search(r"ttl=(\d+)", text).group(1))


def check_pair(world):
    assert world.ping("net0", "10.0.1.2")
    assert world.ping("net1", "10.0.1.1")


def check_bridge(world):
    for index in range(3):
        for address in ("10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.254"):
            assert world.ping(f"net{index}", address)
    assert world.ping("host", "10.0.1.2")
    bridge = world.link("host", "mybridge0")
    ports = [row for row in world.ip("host", "link", "show") if row.get("master") == "mybridge0"]
    assert sorted(port["ifname"] for port in ports) == ["net0.eth0", "net1.eth0", "net2.eth0"]
    assert all(port["group"] == bridge["group"] != "default" for port in ports)


def check_router(world):
    for source in (1, 2, 3):
        assert world.route(f"pc{source}", "default")["gateway"] == f"10.{source}.0.1"
        assert ttl(world.ping(f"pc{source}", f"10.{source}.0.1")) == 64
        for target in (1, 2, 3):
            answer = world.ping(f"pc{source}", f"10.{target}.0.100")
            assert ttl(answer) == (64 if source == target else 63)
    assert world.sysctl("router", "net/ipv4/ip_forward") == "1"


def check_vxlan(world):
    assert world.ping("site1", "192.0.2.2")
    assert world.ping("site1", "10.42.0.2")
    data = world.link("site1", "overlay")["linkinfo"]["info_data"]
    assert (data["id"], data["local"], data["remote"], data["port"]) == (
        42, "192.0.2.1", "192.0.2.2", 4789)
    assert data["link"] == "eth0"


CHECKS = {"pair": check_pair, "bridge": check_bridge, "router": check_router, "vxlan": check_vxlan}


@pytest.mark.parametrize("name", NAMES)
def test_example(world, name):
    before = world.snapshot()
    applied = world.ctl("apply", EXAMPLES / f"{name}.json")
    assert applied.splitlines()[-1].startswith(f"{name}: committed generation 1, ")
    CHECKS[name](world)
    for namespace, content in example(name)["namespaces"].items():
        for link, wanted in content["links"].items():
            assert world.addresses(namespace, link) == wanted["addresses"]
            assert "UP" in world.link(namespace, link)["flags"]
    world.ctl("delete", name)
    world.assert_clean()
    world.assert_becomes(before)


@pytest.mark.parametrize("name", NAMES)
def test_second_apply_changes_nothing(world, name):
    world.ctl("apply", EXAMPLES / f"{name}.json")
    before = world.kernel_changes()
    assert before > 0
    again = world.ctl("apply", EXAMPLES / f"{name}.json")
    assert again == f"{name}: no changes\n"
    assert world.kernel_changes() == before
    assert world.generations() == {name: 1}


@pytest.mark.parametrize("name", NAMES)
def test_canonical_document_means_the_same(world, name):
    """What Get answers, applied, changes nothing; applied after a delete, it makes the same."""
    world.ctl("apply", EXAMPLES / f"{name}.json")
    document = world.get(name)
    assert world.apply(name, document)["outcome"] == "unchanged"
    made = world.snapshot()
    world.remove(name)
    assert world.apply(name, document)["outcome"] == "committed"
    assert world.get(name) == document
    again = world.snapshot()
    assert again["names"] == made["names"]
    assert again["mounts"] == made["mounts"]


@pytest.mark.parametrize("name", NAMES)
def test_plan_touches_nothing(world, name):
    before = world.snapshot()
    changes = world.kernel_changes()
    planned = world.ctl("plan", EXAMPLES / f"{name}.json")
    assert planned.startswith("+ ") and "nothing was touched" in planned.splitlines()[-1]
    assert world.snapshot() == before
    assert world.kernel_changes() == changes
    assert world.generations() == {}
    applied = world.ctl("apply", EXAMPLES / f"{name}.json")
    assert applied.splitlines()[:-1] == planned.splitlines()[:-1]


def request_types(trace):
    """strace names the types in some namespaces alone."""
    return re.findall(r"nlmsg_type=(\w+)", trace)


def only_asks(kind):
    """Of each four message types, the third is the one that only asks (linux/rtnetlink.h)."""
    return kind.startswith("RTM_GET") or (kind.startswith("0x") and int(kind, 16) % 4 == 2)


def test_second_apply_sends_nothing_to_the_kernel(world):
    """As the kernel sees it: no request but dumps and queries."""
    if not shutil.which("strace"):
        pytest.skip("strace is missing (Debian: strace)")
    if SANITIZED:
        pytest.skip("LeakSanitizer does not work under strace")
    calls = "sendmsg,sendto,sendmmsg,mount,umount2,unshare,setns,unlink"
    traces = [world.directory / "first", world.directory / "second"]
    for trace, said in zip(traces, ("committed generation 1", "bridge: no changes\n")):
        with world.traced(trace, calls):
            assert said in world.ctl("apply", EXAMPLES / "bridge.json")
    first, second = (trace.read_text() for trace in traces)
    assert not all(map(only_asks, request_types(first))), first
    assert "mount(" in first and "unshare(" in first, first
    for word in ("mount(", "umount2(", "unshare("):
        assert word not in second, second
    assert "sendmsg(" in second, second  # the answer
    assert all(map(only_asks, request_types(second))), second
