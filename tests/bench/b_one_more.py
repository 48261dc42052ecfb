"""b. One more namespace, with a cable to a bridge, an address and a route, when N exist: by the
client, started twice (ns add, patch); by one Patch on an open connection, of a small topology and
of that which has the N; and by the bound.

By how much the kernel itself gets slower when there are many shows in the same changes of a netnsd
that has nothing, while there are as many that the bound has built.

All but the client's come at a fixed rate: what the kernel and the machine do now and then, whoever
works, comes so many times a second, and meets all alike.

The bridge is another one than those of the N, or what is measured would be how bridges get slower
by their ports."""

import json
import statistics
import time

from contestants import bound, netnsd
from measure import (PROGRAMS, REST_AFTER_MAKING, command, fsync_seconds, output, paced, run, say,
                     summary, wait_at_rest)
from table import Table, at_most, at_most_time, milliseconds, quotient
from topology import document, namespace

SIZES = (0, 1000, 10000)
CLIENT_SAMPLES = 50
SAMPLES = 200
INTERVAL = 0.01

# p99 among 10,000 is at most so many times p99 among none, after what the kernel adds is taken off.
GROWTH_LIMIT = 1.5
# The median of a Patch, where an fsync takes a millisecond.
MEDIAN_LIMIT = 0.005


def by_bound(turn):
    return json.loads(output(turn.namespaces, [PROGRAMS / "bound", "more", SAMPLES,
                                               round(INTERVAL * 1000)]))


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
        for number in paced(SAMPLES, INTERVAL):
            index = first + number
            patch = {"namespaces": {f"{prefix}{index}": namespace(index, "spare")}}
            start = time.perf_counter()
            connection.call("io.netnsd.Topology.Patch", {"topology": topology, "patch": patch})
            times.append(time.perf_counter() - start)
    return times


def measure_netnsd(count):
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
        return {"client": summary(by_client(world)),
                "patch": summary(by_patch(world, "default", "p", CLIENT_SAMPLES)),
                "large": summary(by_patch(world, "large", "l", CLIENT_SAMPLES + SAMPLES)),
                "fsync": fsync_seconds(world.directory)}


def measure_round(count, number):
    say(f"b: one more than {count} namespaces, round {number}")
    with bound(count) as turn:
        if count:
            run(turn.namespaces, turn.make)
            time.sleep(REST_AFTER_MAKING)
        row = {"bound": summary(by_bound(turn)), "beside": measure_netnsd(0)}
    return {**row, "own": measure_netnsd(count)}


def medians(rounds):
    """Of what each round has of a size, at the same place."""
    if not isinstance(rounds[0], dict):
        return statistics.median(rounds)
    return {name: medians([each[name] for each in rounds]) for name in rounds[0]}


def measure(options):
    sizes = options.sizes(SIZES)
    rounds = [[measure_round(count, number + 1) for count in sizes]
              for number in range(options.rounds(min(sizes)))]
    return [{"namespaces": count, **medians(of_size)}
            for count, of_size in zip(sizes, zip(*rounds))]


# What is shown.

TITLES = {"client": "netnsctl, twice", "patch": "one Patch", "large": "one Patch of the N"}


def growth(row, first, name):
    """How p99 grows from the fewest on, without what it does when the N are none of netnsd's."""
    least = first["own"][name]["p99"]
    added = max(0, row["beside"][name]["p99"] - least)
    return quotient(max(0, row["own"][name]["p99"] - added), least)


def bound_lines(rows):
    for row in rows:
        yield ["lower bound", f"{row['namespaces']:,}", milliseconds(row["bound"]["median"]), None,
               milliseconds(row["bound"]["p99"]), None, None, None]


def lines(rows, name):
    for row in rows:
        own, grown = row["own"][name], growth(row, rows[0], name)
        yield [TITLES[name], f"{row['namespaces']:,}", milliseconds(own["median"]),
               at_most_time(None if name == "client" else MEDIAN_LIMIT, own["median"]),
               milliseconds(own["p99"]), milliseconds(row["beside"][name]["p99"]),
               f"{grown:.2f}x", at_most(GROWTH_LIMIT if row["namespaces"] == 10000 else None, grown)]


def tables(data):
    fsync = ", ".join(milliseconds(row["own"]["fsync"]) for row in data)
    yield Table("One more namespace, with a cable, an address and a route, when so many exist.",
                ["", "namespaces", "median", "limit", "p99", "when they are others'",
                 "growth less that", "limit"],
                [*bound_lines(data), *(line for name in TITLES for line in lines(data, name))],
                f"Each is committed to the disk, where an fsync took {fsync}.")
