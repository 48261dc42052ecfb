"""f. Starting netnsd when N namespaces exist and nothing has changed, until it says that it is
ready. Beside it, what it takes to read the same namespaces from the kernel (tests/bench/dump.c)."""

import time

from contestants import netnsd
from measure import PROGRAMS, REST_AFTER_MAKING, each_size, run, summary, wait_at_rest
from table import Table, at_most, milliseconds, quotient, ratio

SIZES = (1000, 10000)
LIMIT = 1.5


def restart(world):
    world.stop()
    start = time.monotonic()
    world.start("--audit", "0")
    took = time.monotonic() - start
    wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
    return took


def measure_one(count, rounds):
    times = {"dump": [], "start": []}
    with netnsd(count) as turn:
        run(turn.namespaces, turn.make)
        wait_at_rest(turn.world.daemon.pid, REST_AFTER_MAKING)
        for _ in range(rounds):
            times["dump"].append(run(turn.namespaces, [PROGRAMS / "dump"])[1])
            times["start"].append(restart(turn.world))
    return {"namespaces": count, **{name: summary(values) for name, values in times.items()}}


def measure(options):
    return each_size(options, SIZES, "f: starting with {} namespaces", measure_one)


def tables(data):
    lines = []
    for row in data:
        dump, start = row["dump"]["median"], row["start"]["median"]
        lines.append([f"{row['namespaces']:,}", milliseconds(dump), milliseconds(start),
                      ratio(start, dump), at_most(LIMIT, quotient(start, dump))])
    yield Table("Starting netnsd when so many namespaces exist, until it is ready.",
                ["namespaces", "bare dump", "start", "ratio", "limit"], lines)
