"""Drift, by the number of namespaces: how long a foreign change stands, and what one costs netnsd
and whoever makes it."""

import argparse
import json
import os
import re
import time
from pathlib import Path

from addresses import Addresses
from measure import running_world, summary
from world import PATIENCE, bridged_namespaces

SIZES = (10, 1000, 5000)
LINK = "eth0"
MILLISECOND, MICROSECOND = 1e-3, 1e-6
FOREIGN = "192.0.2.1/32"
# When netnsd has not run for so many seconds, it is done: it waits for nothing longer than that.
REST = 0.25
# Nor for the kernel, whose carrier events travel up to a second (net/core/link_watch.c).
REST_AFTER_MAKING = 1.25
# Bursts of changes are repeated until netnsd has run for so many seconds, but not without end.
SECONDS_ENOUGH = 1
ROUNDS_MAX = 10
SOURCE = Path(__file__).resolve().parents[2] / "daemon" / "engine" / "drift.h"


def settling_seconds():
    """How long netnsd waits for more of a burst before it compares."""
    defined = re.search(r"^#define DRIFT_SETTLE (\d+)$", SOURCE.read_text(), re.MULTILINE)
    assert defined, f"{SOURCE} defines no DRIFT_SETTLE any more: say here where it is"
    return int(defined[1]) * MILLISECOND


# The daemon's processor time.

def nanoseconds_run(process):
    """The processor time of all threads, exactly."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in Path(f"/proc/{process}/task").iterdir())


def wait_at_rest(process, rest=REST):
    before, now = None, nanoseconds_run(process)
    deadline = time.monotonic() + PATIENCE
    while now != before:
        assert time.monotonic() < deadline, "netnsd does not come to rest"
        time.sleep(rest)
        before, now = now, nanoseconds_run(process)


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
        self.document = bridged_namespaces(count)

    def make(self):
        start = time.monotonic()
        self.world.apply("large", self.document)
        took = time.monotonic() - start
        wait_at_rest(self.world.daemon.pid, REST_AFTER_MAKING)
        return took

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


def repairs(topology, samples):
    """Samples over the whole range, each in another namespace as long as there are."""
    each_round = min(samples, topology.count)
    done = []
    while len(done) < samples:
        position = len(done) % each_round
        if done and position == 0:
            topology.make_again()
        index = position * (topology.count - 1) // max(1, each_round - 1)
        done.append(repair(topology, index))
    away, processor = zip(*done)
    return {"away": summary(away), "processor": summary(processor)}


def change_times(topology, pairs):
    """What a change costs whoever makes it, which includes telling those who listen."""
    medians = {}
    for place, index in topology.places().items():
        times = []
        with topology.addresses(index) as addresses:
            for request in (addresses.addition(FOREIGN), addresses.removal(FOREIGN)) * pairs:
                start = time.perf_counter()
                addresses.send(request)
                times.append(time.perf_counter() - start)
            addresses.check()
        medians[place] = summary(times)["median"]
    return medians


def change_costs(topology, pairs):
    """What a change that needs no repair costs its maker and netnsd. The clock of netnsd's
    processor time is coarse, and takes many of them."""
    process = topology.world.daemon.pid
    before = seconds_run(process)
    for rounds in range(1, ROUNDS_MAX + 1):
        maker = change_times(topology, pairs)
        wait_at_rest(process)
        spent = {mode: seconds - before[mode] for mode, seconds in seconds_run(process).items()}
        if sum(spent.values()) >= SECONDS_ENOUGH:
            break
    changes = 2 * pairs * len(maker) * rounds
    return maker, {mode: seconds / changes for mode, seconds in spent.items()}


def measure(count, samples, pairs):
    with running_world() as world:
        topology = Disturbed(world, count)
        row = {"namespaces": count, "made": topology.make(),
               "repair": repairs(topology, samples)}
        row["maker"], row["netnsd"] = change_costs(topology, pairs)
        world.stop()
        row["makerUnheard"] = change_times(topology, pairs)
    return row


# What is shown.

def ratio(value, base):
    return f"{value / base:.1f}x" if base > 0 else "-"


def show(title, rows, unit, columns_of):
    """A table: a size in a line, each figure with its ratio to that of the first line."""
    first = columns_of(rows[0])
    print(f"\n{title}\n{'namespaces':>10}" + "".join(f" {name:>18}" for name in first))
    for row in rows:
        cells = (f" {value / unit:10.2f} {ratio(value, first[name]):>7}"
                 for name, value in columns_of(row).items())
        print(f"{row['namespaces']:>10}" + "".join(cells))


def repair_columns(settling):
    def columns(row):
        away, processor = row["repair"]["away"], row["repair"]["processor"]
        return {"median": away["median"], "p99": away["p99"],
                "median - settling": away["median"] - settling,
                "processor time": processor["median"]}
    return columns


def show_all(rows, settling):
    show("From a foreign change until it is repaired, in ms. For "
         f"{settling / MILLISECOND:.0f} ms netnsd waits whether more comes\n(DRIFT_SETTLE in "
         "daemon/engine/drift.h); the rest is what it takes. And netnsd's processor time\n"
         "for all of it:", rows, MILLISECOND, repair_columns(settling))
    show("Processor time of netnsd for a foreign change that needs no repair, in us:", rows,
         MICROSECOND, lambda row: {"its own": row["netnsd"]["user"],
                                   "in the kernel": row["netnsd"]["system"]})
    show("Time of that change's maker, in us, by the namespace that it is in:", rows, MICROSECOND,
         lambda row: row["maker"])
    show("The same while netnsd is stopped:", rows, MICROSECOND, lambda row: row["makerUnheard"])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", metavar="NAMESPACES", type=int, nargs="*", default=SIZES,
                        help=f"sizes to compare (default: {' '.join(map(str, SIZES))})")
    parser.add_argument("--samples", type=int, default=48, help="repairs a size (default: 48)")
    parser.add_argument("--pairs", type=int, default=10000,
                        help="how often a foreign address is added and removed in each of three "
                        "namespaces (default: 10000)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    return parser.parse_args()


def main():
    chosen = arguments()
    settling = settling_seconds()
    rows = []
    for size in sorted(chosen.sizes):
        print(f"drift among {size} namespaces ...", flush=True)
        rows.append(measure(size, chosen.samples, chosen.pairs))
    show_all(rows, settling)
    if chosen.json:
        figures = {"unit": "s", "settling": settling, "sizes": rows}
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
