"""g. What netnsd takes up with N namespaces, each with a cable, an address and a route: memory,
file descriptors, the store on the disk, and processor time when nothing happens (audits are
off)."""

import os
import time
from pathlib import Path

from contestants import netnsd
from measure import REST_AFTER_MAKING, nanoseconds_run, run, say, wait_at_rest
from table import Table, at_most, at_most_time

SIZES = (10000,)
IDLE_SECONDS = 10
# The ports of a bridge tell that they forward when its forward delay, 15 s, is over.
FORWARD_SECONDS = 20
KIB = 1024

MEMORY_LIMIT = 8 * KIB


def memory(process):
    """Bytes in memory, and bytes of them that no other process has as well."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    fields = {line.split(":")[0]: int(line.split()[1]) * KIB for line in lines}
    return {"resident": fields["Rss"], "proportional": fields["Pss"]}


def store_size(world):
    return sum(path.stat().st_size for path in world.state.glob("state.db*"))


def footprint(world):
    process = world.daemon.pid
    return {**memory(process), "descriptors": len(os.listdir(f"/proc/{process}/fd")),
            "store": store_size(world)}


def idle_seconds(process):
    time.sleep(FORWARD_SECONDS)
    before = nanoseconds_run(process)
    time.sleep(IDLE_SECONDS)
    return (nanoseconds_run(process) - before) / 1e9


def measure_one(count):
    say(f"g: the footprint of {count} namespaces")
    with netnsd(count) as turn:
        world = turn.world
        wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
        empty = footprint(world)
        run(turn.namespaces, turn.make)
        wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
        row = {"namespaces": count, "empty": empty, "full": footprint(world),
               "idle": idle_seconds(world.daemon.pid)}
        world.restart("--audit", "0")
        wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
        row["restarted"] = footprint(world)
    return row


def measure(options):
    return [measure_one(count) for count in options.sizes(SIZES)]


# What is shown.

def memory_lines(row):
    count = row["namespaces"]
    for when, title in (("full", "as built"), ("restarted", "started again")):
        each = (row[when]["resident"] - row["empty"]["resident"]) / count
        yield [f"{count:,}", title, f"{row[when]['resident'] / KIB / KIB:.1f} MiB",
               f"{row[when]['proportional'] / KIB / KIB:.1f} MiB",
               f"{row[when]['resident'] / count / KIB:.2f} KiB", f"{each / KIB:.2f} KiB",
               at_most(MEMORY_LIMIT / KIB if count >= SIZES[0] else None, each / KIB, "{:g} KiB")]


def other_line(row):
    count, full, empty = row["namespaces"], row["full"], row["empty"]
    return [f"{count:,}", f"{full['descriptors']:,}", f"{empty['descriptors']:,}",
            f"{full['store'] / KIB / KIB:.1f} MiB", f"{full['store'] / count / KIB:.2f} KiB",
            f"{row['idle'] * 1000:.1f} ms", at_most_time(0, row["idle"])]


def tables(data):
    yield Table("Memory of netnsd.",
                ["namespaces", "", "resident", "proportional", "a namespace",
                 "less the empty netnsd's", "limit"],
                [line for row in data for line in memory_lines(row)])
    yield Table(f"Other things that it takes, and its processor time in {IDLE_SECONDS} s when "
                "nothing happens.",
                ["namespaces", "descriptors", "when empty", "store", "a namespace", "idle",
                 "limit"], [other_line(row) for row in data])
