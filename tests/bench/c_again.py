"""c. Applying a document again when all is as it says; and when one address in it is another one.
Beside it, what it takes to read and parse the file, which no apply can do without."""

import json

from contestants import netnsd
from measure import (PROGRAMS, REST_AFTER_MAKING, command, each_size, run, summary,
                     wait_at_rest)
from table import Table, at_most, milliseconds, quotient, ratio
from topology import PORTS, document

SIZES = (1000, 10000)

# At most so many times the reading and parsing.
LIMIT = {10000: 1.5}


def changed(count):
    """The document with another address in the middle of it."""
    other = document(count)
    index = count // 2
    link = other["namespaces"][f"n{index}"]["links"]["eth0"]
    link["addresses"] = [f"10.{index // PORTS}.255.1/16"]
    return other


def measure_one(count, rounds):
    times = {"parse": [], "same": [], "change": []}
    with netnsd(count) as turn:
        world = turn.world
        files = {name: world.directory / f"{name}.json" for name in ("before", "after")}
        files["before"].write_text(json.dumps(document(count)))
        files["after"].write_text(json.dumps(changed(count)))

        def apply(name):
            return run(turn.namespaces, command(world, "apply", "-t", "large", files[name]))[1]

        apply("before")
        wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
        for number in range(4 * rounds):
            now, then = ("before", "after") if number % 2 == 0 else ("after", "before")
            times["parse"].append(run(turn.namespaces, [PROGRAMS / "parse", files[now]])[1])
            times["same"].append(apply(now))
            times["change"].append(apply(then))
            wait_at_rest(world.daemon.pid)
        size = files["before"].stat().st_size
    return {"namespaces": count, "bytes": size,
            **{name: summary(values) for name, values in times.items()}}


def measure(options):
    return each_size(options, SIZES, "c: applying {} namespaces again", measure_one)


def tables(data):
    lines = []
    for row in data:
        parse, same, change = (row[name]["median"] for name in ("parse", "same", "change"))
        lines.append([f"{row['namespaces']:,}", f"{row['bytes'] / 1e6:.1f} MB",
                      milliseconds(parse), milliseconds(same), ratio(same, parse),
                      at_most(LIMIT.get(row["namespaces"]), quotient(same, parse)),
                      milliseconds(change), milliseconds(change - same)])
    yield Table("Applying the same document again, from the start of the client to its answer; and "
                "with one change.",
                ["namespaces", "file", "read, parse", "apply again", "ratio", "limit",
                 "one change", "more than again"], lines)
