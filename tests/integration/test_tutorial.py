"""Every step of the tutorial on network namespaces, done with netnsctl."""

import os
import shutil

import pytest

from world import EXAMPLES


def test_identify(world):
    assert world.ctl("identify").split()[0] == "host"
    world.ctl("ns", "add", "mynet")
    process = world.resident("mynet")
    assert world.ctl("identify", str(process.pid)).split()[0] == "mynet"


def test_ns_add_is_seen_by_ip(world):
    world.ctl("ns", "add", "mynet")
    assert world.run("ip", "netns", "list").split()[0] == "mynet"
    assert world.netns_names() == ["mynet"]
    assert "mynet" in world.ctl("ns", "list")
    world.ctl("ns", "del", "mynet")
    assert world.netns_names() == []


def test_exec_shell_in_another_namespace(world):
    world.ctl("ns", "add", "mynet")
    here = world.run("readlink", "/proc/self/ns/net")
    there = world.ctl("exec", "mynet", "sh", "-c", "readlink /proc/$$/ns/net")
    assert there.startswith("net:[") and there != here
    assert there == world.run("ip", "netns", "exec", "mynet", "readlink", "/proc/self/ns/net")


def test_lo_is_up_from_the_start(world):
    world.ctl("ns", "add", "mynet")
    links = world.links("mynet")
    assert list(links) == ["lo"]
    assert "UP" in links["lo"]["flags"]
    assert world.ping("mynet", "127.0.0.1")
    shown = world.ctl("ns", "show", "mynet")
    assert "mynet" in shown and "lo" in shown and "127.0.0.1/8" in shown


def test_network_a(world):
    world.ctl("apply", EXAMPLES / "pair.json")
    assert world.run("ip", "netns", "list").split("\n")[:-1]
    assert world.netns_names() == ["net0", "net1"]
    assert set(world.links("net0")) == {"lo", "vethmother"}
    assert set(world.links("net1")) == {"lo", "vethfather"}
    assert world.addresses("net0", "vethmother") == ["10.0.1.1/24"]
    assert "UP" in world.link("net1", "vethfather")["flags"]
    assert "vethmother" in world.ctl("link", "list", "net0")
    route = world.route("net0", "10.0.1.0/24")
    assert route["dev"] == "vethmother" and route["protocol"] == "kernel"
    assert "10.0.1.0/24" in world.ctl("route", "list", "net0")
    assert "3 received" in world.ctl("exec", "net0", "ping", "-c", "3", "-i", "0.05", "10.0.1.2")


def test_network_b(world):
    world.ctl("apply", EXAMPLES / "bridge.json")
    assert world.links("host")["mybridge0"]["linkinfo"]["info_kind"] == "bridge"
    for index in range(3):
        assert world.addresses(f"net{index}", "eth0") == [f"10.0.1.{index + 1}/24"]
    assert "3 received" in world.ctl("exec", "net0", "ping", "-c", "3", "-i", "0.05", "10.0.1.3")


def test_bridge_ports_are_listed(world):
    world.ctl("apply", EXAMPLES / "bridge.json")
    lines = world.ctl("link", "list", "host").splitlines()
    ports = [line for line in lines if line.startswith("net") or " net" in line]
    assert sum("mybridge0" in line for line in ports) >= 3
    assert len(world.run("bridge", "link").splitlines()) == 3


def test_graph(world):
    world.ctl("apply", EXAMPLES / "bridge.json")
    tree = world.ctl("graph").splitlines()
    assert tree[0] == "host"
    assert any("mybridge0  bridge  10.0.1.254/24" in line for line in tree)
    for index in range(3):
        assert any(f"net{index}.eth0 \u2500\u2500 net{index}/eth0  10.0.1.{index + 1}/24" in line
                   for line in tree)
    edges = [line.strip() for line in world.ctl("graph", "--format", "dot").splitlines()
             if " -- " in line]
    assert sorted(edges) == sorted(
        [f'"host/net{index}.eth0" -- "net{index}/eth0";' for index in range(3)]
        + [f'"host/mybridge0" -- "host/net{index}.eth0" [style=bold];' for index in range(3)])


@pytest.mark.skipif(not shutil.which("dot"), reason="dot is missing (Debian: graphviz)")
def test_graph_as_svg(world):
    world.ctl("apply", EXAMPLES / "bridge.json")
    drawing = world.ctl("graph", "--format", "svg")
    assert "<svg" in drawing and "10.0.1.254/24" in drawing


def test_networks_own_address_warns_and_is_given(world, tmp_path):
    document = tmp_path / "lan.json"
    document.write_text('{"namespaces": {"host": {"links": {"mybridge0": {"bridge": {},\n'
                        ' "addresses": ["10.0.1.0/24"]}}}}}')
    done = world.ctl("apply", document, check=False)
    assert done.returncode == 0
    assert "warning" in done.stderr
    assert "/namespaces/host/links/mybridge0/addresses" in done.stderr
    assert world.addresses("host", "mybridge0") == ["10.0.1.0/24"]


def test_undo(world):
    world.ctl("apply", EXAMPLES / "bridge.json")
    assert os.listdir(world.namespaces.path("/run/netns"))
    world.ctl("delete", "bridge")
    world.assert_clean()


def test_both_networks_in_turn(world):
    """Both use net0 and net1."""
    world.ctl("apply", EXAMPLES / "pair.json")
    refused = world.ctl_fails("apply", EXAMPLES / "bridge.json")
    assert "pair" in refused
    world.ctl("delete", "pair")
    world.ctl("apply", EXAMPLES / "bridge.json")
    assert world.ping("net1", "10.0.1.254")
