"""Whatever others do, and however much of it at once: everything is put back."""

import contextlib
import json
import random
import time

import pytest

import snapshot
from world import PATIENCE, SANITIZED

# Bridges in host and in a namespace, cables, macvlans and tunnels upon one another, in five
# namespaces with addresses, routes, rules and sysctls.
DOCUMENT = {"namespaces": {
    "host": {
        "links": {"br0": {"bridge": {}, "mtu": 1400, "addresses": ["10.0.1.254/24"]},
                  "up": {"veth": {"peer": "switch/down"}, "addresses": ["10.0.9.1/30"]}},
        "routes": {"10.0.2.0/24": {"via": "10.0.9.2"}}},
    "switch": {
        "links": {"br0": {"bridge": {"stp": False, "ageingTime": "60s"}, "mtu": 1500,
                          "addresses": ["10.0.2.254/24", "fd00:2::254/64"]},
                  "down": {"veth": {"peer": "host/up"}, "addresses": ["10.0.9.2/30"]}},
        "routes": {"10.0.1.0/24": {"via": "10.0.9.1"}},
        "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}},
    "a": {
        "links": {"eth0": {"veth": {"bridge": "host/br0"}, "mtu": 1400,
                           "addresses": ["10.0.1.1/24", "10.0.1.11/24"]},
                  "shadow": {"macvlan": {"link": "eth0", "mode": "private"},
                             "addresses": ["10.0.3.1/24"]}},
        "routes": {"default": {"via": "10.0.1.254"}, "10.7.0.0/16": {"dev": "eth0"},
                   "10.8.0.0/16 table 100": {"via": "10.0.3.2", "dev": "shadow"},
                   "10.66.0.0/16": {"type": "blackhole"}},
        "rules": {"1000": {"from": "10.0.1.11/32", "table": 100}}},
    "b": {
        "extra": "remove",
        "links": {"eth0": {"veth": {"bridge": "switch/br0"},
                           "addresses": ["10.0.2.1/24", "fd00:2::1/64"]},
                  "lan": {"macvlan": {"link": "host/br0"}, "addresses": ["10.0.1.2/24"]},
                  "tunnel": {"vxlan": {"id": 7, "local": "10.0.2.1", "remote": "10.0.2.2"},
                             "addresses": ["10.0.4.1/24"]}},
        "routes": {"default": {"via": "10.0.2.254"}, "fd01::/64": {"via": "fd00:2::254"}},
        "rules": {"1000": {"from": "10.0.2.1/32", "table": 101},
                  "1001": {"to": "fd01::/64", "table": 102}}},
    "c": {
        "links": {"eth0": {"veth": {"bridge": "switch/br0",
                                    "port": {"bridgePort": {"isolated": True}}},
                           "mac": "02:00:00:00:0c:01",
                           "addresses": ["10.0.2.2/24", "fd00:2::2/64"]},
                  "tunnel": {"vxlan": {"id": 8, "local": "10.0.2.254",
                                       "underlayNamespace": "switch"},
                             "addresses": ["10.0.4.2/24"]}},
        "routes": {"default": {"via": "10.0.2.254"}},
        "sysctl": {"net.ipv4.ip_forward": 1}}}}

NAMESPACES = ("switch", "a", "b", "c")
LINKS = (("host", "br0"), ("host", "up"), ("host", "a.eth0"), ("switch", "br0"), ("switch", "down"),
         ("switch", "b.eth0"), ("switch", "c.eth0"), ("a", "eth0"), ("a", "shadow"), ("b", "eth0"),
         ("b", "lan"), ("b", "tunnel"), ("c", "eth0"), ("c", "tunnel"), ("a", "lo"))
ADDRESSES = (("host", "br0", "10.0.1.254/24"), ("switch", "br0", "fd00:2::254/64"),
             ("a", "eth0", "10.0.1.1/24"), ("a", "shadow", "10.0.3.1/24"),
             ("b", "eth0", "fd00:2::1/64"), ("b", "tunnel", "10.0.4.1/24"))
ROUTES = (("host", "10.0.2.0/24"), ("switch", "10.0.1.0/24"), ("a", "default"),
          ("a", "10.7.0.0/16"), ("a", "10.8.0.0/16 table 100"), ("a", "blackhole 10.66.0.0/16"),
          ("b", "default"), ("b", "fd01::/64"), ("c", "default"))
RULES = (("a", "-4", 1000), ("b", "-4", 1000), ("b", "-6", 1001))

# What others add begins with one of these.
FOREIGN = ("foreign", "10.99.")


def ip(namespace, words):
    return f"ip {'' if namespace == 'host' else f'-n {namespace} '}{words}"


# What somebody may do: each is a line for a shell, whose failures do not matter.


def change_link(dice):
    namespace, link = dice.choice(LINKS[:-1])
    change = dice.choice(("down", f"mtu {dice.randint(1280, 1450)}", "nomaster", "alias x",
                          f"address 02:00:00:00:01:{dice.randint(16, 99)}"))
    return ip(namespace, f"link set {link} {change}")


def down_and_up(dice):
    namespace, link = dice.choice(LINKS)
    return "; ".join(ip(namespace, f"link set {link} {state}") for state in ("down", "up"))


def rename_link(dice):
    namespace, link = dice.choice(LINKS)
    return ip(namespace, f"link set {link} name foreign{dice.randrange(1000)}")


def delete_link(dice):
    namespace, link = dice.choice(LINKS)
    return ip(namespace, f"link del {link}")


def move_link(dice):
    """Not tunnels: one that is elsewhere keeps its number where its packets go."""
    namespace, link = dice.choice([each for each in LINKS if each[1] != "tunnel"])
    return ip(namespace, f"link set {link} netns {dice.choice(NAMESPACES)} "
                         f"name foreign{dice.randrange(1000)}")


def enslave_link(dice):
    namespace, link = dice.choice(LINKS)
    bridge = f"foreign{dice.randrange(1000)}"
    return "; ".join((ip(namespace, f"link add {bridge} type bridge"),
                      ip(namespace, f"link set {link} master {bridge}")))


def replace_link(dice):
    """Somebody else's link is in our place, for a moment."""
    namespace, link = dice.choice(LINKS[:-1])
    return "; ".join(ip(namespace, words) for words in (
        f"link del {link}", f"link add {link} type dummy", f"link del {link}"))


def flush_addresses(dice):
    namespace, link = dice.choice(LINKS[:-1])
    return ip(namespace, f"address flush dev {link}")


def change_address(dice):
    namespace, link, address = dice.choice(ADDRESSES)
    return dice.choice((ip(namespace, f"address del {address} dev {link}"),
                        ip(namespace, f"address change {address} dev {link} metric 5")))


def add_address(dice):
    namespace, link = dice.choice(LINKS)
    return ip(namespace, f"address add 10.99.{dice.randrange(250)}.1/32 dev {link}")


def delete_route(dice):
    namespace, route = dice.choice(ROUTES)
    return ip(namespace, f"route del {route}")


def replace_route(dice):
    namespace, route = dice.choice(ROUTES)
    return ip(namespace, f"route replace {dice.choice(('', 'blackhole '))}"
                         f"{route.replace('blackhole ', '')} dev lo")


def add_route(dice):
    namespace = dice.choice(NAMESPACES)
    return ip(namespace, f"route add blackhole 10.99.{dice.randrange(250)}.0/24")


def flush_routes(dice):
    """Those that come with addresses only come with those."""
    return ip(dice.choice(NAMESPACES), "route flush table all proto 78")


def change_rule(dice):
    namespace, family, priority = dice.choice(RULES)
    return dice.choice((ip(namespace, f"{family} rule del priority {priority}"),
                        ip(namespace, f"rule add from 10.99.0.{dice.randrange(250)} priority 5")))


def delete_namespace(dice):
    return f"ip netns del {dice.choice(NAMESPACES)}"


def replace_namespace(dice):
    name = dice.choice(NAMESPACES)
    return f"ip netns del {name}; ip netns add {name}"


def unmount_namespace(dice):
    return f"umount /run/netns/{dice.choice(NAMESPACES)}"


def add_namespace(dice):
    return f"ip netns add foreign{dice.randrange(1000)}"


def write_sysctl(dice):
    return f"ip netns exec {dice.choice(('switch', 'c'))} sysctl -qw net.ipv4.ip_forward=0"


DEEDS = (change_link, change_link, down_and_up, rename_link, delete_link, move_link, enslave_link,
         replace_link, flush_addresses, change_address, add_address, delete_route, replace_route,
         add_route, flush_routes, change_rule, delete_namespace, replace_namespace,
         unmount_namespace, add_namespace, write_sysctl)


def look(world):
    return snapshot.lasting(world.snapshot(), FOREIGN)


def is_restored(world, before, now):
    """Everything is as before, and netnsd knows it; nothing was changed without its knowledge."""
    if now != before:
        return False
    audit = world.call("io.netnsd.Drift.Audit")
    if audit["unheard"]:
        raise AssertionError(f"{audit['unheard']} was not heard")
    return not audit["differences"]


def wait_restored(world, before):
    deadline = time.monotonic() + PATIENCE / 4
    while not is_restored(world, before, now := look(world)):
        if time.monotonic() > deadline:
            raise AssertionError(f"{world.call('io.netnsd.Drift.List')}"
                                 f"{snapshot.difference(before, now)}")


@pytest.mark.parametrize("seed", range(4 if SANITIZED else 8))
def test_chaos(world, seed):
    dice = random.Random(seed)
    world.apply("lan", DOCUMENT)
    before = look(world)
    done = []
    try:
        for at_once in (1, 6, 12):
            lines = [dice.choice(DEEDS)(dice) for _ in range(at_once)]
            done += [lines]
            with world.paused() if dice.randrange(2) else contextlib.nullcontext():
                world.run("sh", "-c", "\n".join(lines), check=False)
            wait_restored(world, before)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: after {json.dumps(done, indent=1)}: {error}") from None
    assert world.call("io.netnsd.Manager.Status")["unheard"] == 0
