"""b. One more namespace, with a cable to a bridge, an address and a route, when N exist: by the
client, started twice (ns add, patch); by one Patch on an open connection, of a small topology and
of that which has the N; and by the bound, which shows how much longer the kernel itself takes when
there are many.

The bridge is another one than those of the N, or what is measured would be how bridges get slower
by their ports."""

import json
import time

from contestants import bound, netnsd
from measure import (PROGRAMS, REST_AFTER_MAKING, command, fsync_seconds, output, run, say, summary,
                     wait_at_rest)
from table import Table, at_most, at_most_time, milliseconds, quotient, ratio
from topology import document, namespace

SIZES = (0, 1000, 10000)
CLIENT_SAMPLES = 50
SAMPLES = 200

# p99 among 10,000 is at most so many times p99 among none, after what the kernel adds is taken off.
GROWTH_LIMIT = 1.5
# The median of a Patch, where an fsync takes a millisecond.
MEDIAN_LIMIT = 0.005


def kernel(count):
    """The bound, beside N that it has built."""
    with bound(count) as turn:
        if count:
            run(turn.namespaces, turn.make)
            time.sleep(REST_AFTER_MAKING)
        return json.loads(output(turn.namespaces, [PROGRAMS / "bound", "more", SAMPLES]))


def by_client(world):
    """Pairs of commands, as a person or a script gives them."""
    times = []
    for index in range(CLIENT_SAMPLES):
        name = f"c{index}"
        file = world.directory / "patch.json"
        file.write_text(json.dumps({"namespaces": {name: namespace(index, "spare")}}))
        _, added = run(world.namespaces, command(world, "ns", "add", name))
        _, patched = run(world.namespaces, command(world, "patch", "default", file))
        times.append(added + patched)
    return times


def by_patch(world, topology, prefix, first):
    times = []
    with world.connect() as connection:
        for index in range(first, first + SAMPLES):
            patch = {"namespaces": {f"{prefix}{index}": namespace(index, "spare")}}
            start = time.perf_counter()
            connection.call("io.netnsd.Topology.Patch", {"topology": topology, "patch": patch})
            times.append(time.perf_counter() - start)
    return times


def measure(options):
    rows = []
    for count in options.sizes(SIZES):
        say(f"b: one more than {count} namespaces")
        row = {"namespaces": count, "bound": summary(kernel(count))}
        with netnsd(count) as turn:
            world = turn.world
            if count:
                run(turn.namespaces, turn.make)
            else:
                world.apply("large", document(0))
            world.apply("default", document(0, "spare"))
            world.patch("large", {"namespaces": {"spare": {"external": True, "links": {
                "br0": {"external": True}}}}})
            wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
            row["client"] = summary(by_client(world))
            row["patch"] = summary(by_patch(world, "default", "p", CLIENT_SAMPLES))
            row["large"] = summary(by_patch(world, "large", "l", CLIENT_SAMPLES + SAMPLES))
            row["fsync"] = fsync_seconds(world.directory)
        rows.append(row)
    return rows


# What is shown.

def growth(row, first, name):
    """How p99 grows from the fewest on, without what the bound's grows."""
    added = max(0, row["bound"]["p99"] - first["bound"]["p99"])
    return quotient(row[name]["p99"] - added, first[name]["p99"])


def tables(data):
    titles = {"bound": "lower bound", "client": "netnsctl, twice",
              "patch": "one Patch", "large": "one Patch of the N"}
    lines = []
    for name, title in titles.items():
        for row in data:
            of_growth = growth(row, data[0], name) if name != "bound" else None
            large = row["namespaces"] == 10000
            lines.append([title, f"{row['namespaces']:,}", milliseconds(row[name]["median"]),
                          at_most_time(MEDIAN_LIMIT if name in ("patch", "large") else None,
                                       row[name]["median"]),
                          milliseconds(row[name]["p99"]),
                          ratio(row[name]["p99"], data[0][name]["p99"]),
                          None if of_growth is None else f"{of_growth:.2f}x",
                          at_most(GROWTH_LIMIT if large else None, of_growth)])
    fsync = ", ".join(milliseconds(row["fsync"]) for row in data)
    yield Table("One more namespace, with a cable, an address and a route, when so many exist.",
                ["", "namespaces", "median", "limit", "p99", "grows", "less the kernel's", "limit"],
                lines, f"Each is committed to the disk, where an fsync took {fsync}.")
