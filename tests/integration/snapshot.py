"""The configuration of all namespaces of a world, as `ip` shows it: what must not change when netnsd
says that nothing did. Counters, timers, carrier and what follows from it are left out."""

import difflib
import json
from pathlib import Path

QUERIES = {"-4": ("link show", "address show", "route show table all", "rule show"),
           "-6": ("address show", "route show table all", "rule show")}
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")

VOLATILE_KEYS = {"operstate", "state", "valid_life_time", "preferred_life_time", "expires",
                 "topology_change", "topology_change_detected", "designated_port",
                 "designated_bridge", "root_id", "root_port", "root_path_cost", "config_pending",
                 "topology_change_ack", "used", "linkmode", "designated_root", "designated_cost"}
VOLATILE_FLAGS = {"LOWER_UP", "NO-CARRIER", "M-DOWN", "linkdown", "tentative"}


def is_volatile(row):
    """Link-local addresses come with the carrier, and IPv6's own routes with the addresses."""
    if not isinstance(row, dict):
        return False
    return row.get("local", "").startswith("fe80::") or (
        row.get("protocol") == "kernel" and row.get("dst", "").startswith(("fe80::", "ff00::")))


def is_empty(item):
    """A link is listed for its addresses, which may all be such."""
    return item == {} or (isinstance(item, dict) and item.get("addr_info") == [])


def cleaned(value):
    """VALUE without what comes and goes by itself."""
    if isinstance(value, dict):
        kept = {key: cleaned(item) for key, item in value.items()
                if key not in VOLATILE_KEYS and "timer" not in key}
        for flag in VOLATILE_FLAGS:
            kept.pop(flag, None)
        return kept
    if isinstance(value, list):
        items = [cleaned(item) for item in value
                 if not (isinstance(item, str) and item in VOLATILE_FLAGS)
                 and not is_volatile(item)]
        return sorted((item for item in items if not is_empty(item)), key=json.dumps)
    return value


def configuration(world, namespace):
    text = "".join(world.batch(namespace, "\n".join(queries), "-j", "-d", family)
                   for family, queries in QUERIES.items())
    decoder = json.JSONDecoder()
    answers = []
    while text := text.lstrip():
        answer, end = decoder.raw_decode(text)
        answers.append(cleaned(answer))
        text = text[end:]
    files = [f"/proc/sys/{path}" for path in SYSCTLS]
    values = world.run(*world.inside(namespace), "grep", "-s", "", *files, check=False).stdout
    return {"ip": answers, "sysctls": values.splitlines()}


def take(world):
    names = world.netns_names()
    mounted = world.netns_mounts()
    return {
        "names": names,
        "mounts": mounted,
        "inodes": {name: world.netns_inode(name) for name in names},
        "namespaces": {name: configuration(world, name)
                       for name in ["host", *names] if name == "host"
                       or f"/run/netns/{name}" in mounted},
    }


# What things that are made anew have anew.
FRESH_KEYS = {"ifindex", "link", "link_index", "link_netnsid", "port_id", "id", "no", "label",
              "tso_max_size"}


def is_of_others(row, foreign):
    """A row that others caused, or that only says that a link has no addresses (any more): those
    that the kernel gives links come and go."""
    if not isinstance(row, dict):
        return isinstance(row, str) and row.startswith(foreign)
    return row.get("addr_info") == [] or any(is_of_others(item, foreign) for item in row.values()
                                             if isinstance(item, str))


def without(value, foreign):
    if isinstance(value, dict):
        return {key: without(item, foreign) for key, item in value.items()
                if key not in FRESH_KEYS and not key.startswith(foreign)}
    if isinstance(value, list):
        rows = [row for item in value if not is_of_others(row := without(item, foreign), foreign)]
        return rows if rows and isinstance(rows[0], list) else sorted(rows, key=json.dumps)
    return value


def lasting(taken, foreign=()):
    """What a repair brings back of a snapshot, even when it makes things anew. What begins with a
    word of FOREIGN was added by others."""
    mounted = {Path(mount).name for mount in taken["mounts"]}
    return without({"names": taken["names"], "mounted": sorted(mounted),
                    "namespaces": taken["namespaces"]}, foreign)


def difference(before, after):
    """What differs, line by line."""
    texts = [json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (before, after)]
    return "\n" + "\n".join(difflib.unified_diff(*texts, "before", "after", lineterm="", n=8))
