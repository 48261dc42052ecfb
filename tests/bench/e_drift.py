"""e. Drift: how long a foreign change stands until it is repaired, and what one costs netnsd and
whoever makes it."""

import os
import re
import time
from pathlib import Path

from addresses import Addresses
from measure import (HERE, PATIENCE, REST_AFTER_MAKING, nanoseconds_run, running_world, say,
                     summary, wait_at_rest)
from table import MILLISECOND, Table, at_most_time, microseconds, milliseconds, ratio
from topology import document

SIZES = (10, 1000, 10000)
LINK = "eth0"
FOREIGN = "192.0.2.1/32"
# How many repairs, and how often a foreign address is added and removed in each of three
# namespaces.
SAMPLES = 48
PAIRS = 10000
# Bursts of changes are repeated until netnsd has run for so many seconds, but not without end.
SECONDS_ENOUGH = 1
ROUNDS_MAX = 10
SOURCE = HERE.parents[1] / "daemon" / "engine" / "drift.h"

# The median is at most so much above the settling time.
EXCESS_LIMIT = 0.002


def settling_seconds():
    """How long netnsd waits for more of a burst before it compares."""
    defined = re.search(r"^#define DRIFT_SETTLE (\d+)$", SOURCE.read_text(), re.MULTILINE)
    assert defined, f"{SOURCE} defines no DRIFT_SETTLE any more: say here where it is"
    return int(defined[1]) * MILLISECOND


def seconds_run(process):
    """The processor time in user mode, which is the program's own, and in the kernel; to 10 ms."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return {"user": int(fields[11]) / ticks, "system": int(fields[12]) / ticks}


# A topology to disturb.

class Disturbed:
    def __init__(self, world, count):
        self.world = world
        self.count = count
        self.document = document(count)

    def make(self):
        self.world.apply("large", self.document)
        wait_at_rest(self.world.daemon.pid, REST_AFTER_MAKING)

    def make_again(self):
        """What was repaired lately is repaired later the next time: this makes it forgotten."""
        self.world.remove("large")
        self.make()

    def addresses(self, index):
        return Addresses(self.world.namespaces.path(f"/run/netns/n{index}"), LINK)

    def own_address(self, index):
        [prefix] = self.document["namespaces"][f"n{index}"]["links"][LINK]["addresses"]
        return prefix

    def places(self):
        """Namespaces by when they are made, which the kernel's own cost may depend on."""
        return {"first": 0, "middle": self.count // 2, "last": self.count - 1}


# The measurements, all in seconds.

def repair(topology, index):
    """How long an address stays away that somebody removes, and the processor time that netnsd
    spends until it has put it back, looked again, and is at rest."""
    prefix = topology.own_address(index)
    process = topology.world.daemon.pid
    before = nanoseconds_run(process)
    with topology.addresses(index) as addresses:
        addresses.listen()
        request = addresses.removal(prefix)
        addresses.send(request)
        start = time.perf_counter()
        back = addresses.wait_added(prefix.partition("/")[0], PATIENCE)
        away = time.perf_counter() - start
    assert back, f"{prefix} in n{index} is not repaired"
    wait_at_rest(process)
    return away, (nanoseconds_run(process) - before) / 1e9


def repairs(topology):
    """Samples over the whole range, each in another namespace as long as there are."""
    each_round = min(SAMPLES, topology.count)
    done = []
    while len(done) < SAMPLES:
        position = len(done) % each_round
        if done and position == 0:
            topology.make_again()
        index = position * (topology.count - 1) // max(1, each_round - 1)
        done.append(repair(topology, index))
    away, processor = zip(*done)
    return {"away": summary(away), "processor": summary(processor)}


def change_times(topology):
    """What a change costs whoever makes it, which includes telling those who listen."""
    medians = {}
    for place, index in topology.places().items():
        times = []
        with topology.addresses(index) as addresses:
            for request in (addresses.addition(FOREIGN), addresses.removal(FOREIGN)) * PAIRS:
                start = time.perf_counter()
                addresses.send(request)
                times.append(time.perf_counter() - start)
            addresses.check()
        medians[place] = summary(times)["median"]
    return medians


def change_costs(topology):
    """What a change that needs no repair costs its maker and netnsd. The clock of netnsd's
    processor time is coarse, and takes many of them."""
    process = topology.world.daemon.pid
    before = seconds_run(process)
    for rounds in range(1, ROUNDS_MAX + 1):
        maker = change_times(topology)
        wait_at_rest(process)
        spent = {mode: seconds - before[mode] for mode, seconds in seconds_run(process).items()}
        if sum(spent.values()) >= SECONDS_ENOUGH:
            break
    changes = 2 * PAIRS * len(maker) * rounds
    return maker, {mode: seconds / changes for mode, seconds in spent.items()}


def measure_one(count):
    with running_world() as world:
        topology = Disturbed(world, count)
        topology.make()
        row = {"namespaces": count, "repair": repairs(topology)}
        row["maker"], row["netnsd"] = change_costs(topology)
        world.stop()
        row["makerUnheard"] = change_times(topology)
    return row


def measure(options):
    rows = []
    for count in options.sizes(SIZES):
        say(f"e: drift among {count} namespaces")
        rows.append(measure_one(count))
    return {"settling": settling_seconds(), "sizes": rows}


# What is shown.

def with_ratio(value, base):
    return f"{microseconds(value, 2)} {ratio(value, base) or '-':>7}"


def repair_line(row, settling):
    away, processor = row["repair"]["away"], row["repair"]["processor"]
    excess = away["median"] - settling
    return [f"{row['namespaces']:,}", milliseconds(away["median"]), milliseconds(excess),
            at_most_time(EXCESS_LIMIT, excess), milliseconds(away["p99"]),
            milliseconds(processor["median"])]


def cost_table(title, rows, columns, key):
    """Figures of each size, each with its ratio to that of the first size."""
    return Table(title, ["namespaces", *columns.values()],
                 [[f"{row['namespaces']:,}",
                   *(with_ratio(row[key][name], rows[0][key][name]) for name in columns)]
                  for row in rows])


def tables(data):
    rows, settling = data["sizes"], data["settling"]
    yield Table("From a foreign change until it is repaired, and netnsd's processor time for it.",
                ["namespaces", "median", "less the settling", "limit", "p99", "processor time"],
                [repair_line(row, settling) for row in rows],
                f"For {settling / MILLISECOND:.0f} ms netnsd waits whether more comes "
                "(DRIFT_SETTLE in daemon/engine/drift.h).")
    yield cost_table("Processor time of netnsd for a foreign change that needs no repair.", rows,
                     {"user": "its own", "system": "in the kernel"}, "netnsd")
    places = {"first": "first", "middle": "middle", "last": "last"}
    yield cost_table("Time of that change's maker, by the namespace that it is in.", rows, places,
                     "maker")
    yield cost_table("The same while netnsd is stopped.", rows, places, "makerUnheard")
