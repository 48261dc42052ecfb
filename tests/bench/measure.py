"""What the measurements share: worlds, times, medians. It makes the integration tests' modules
known: import it first."""

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from cleanup import all_destroyed  # noqa: E402
from world import NETNSCTL, PATIENCE, World  # noqa: E402 (found by the line above)

# Where bound, dump, parse and reader are.
PROGRAMS = Path(os.environ.get("BENCH_PROGRAMS", HERE))

# When netnsd has not run for so many seconds, it is done: it waits for nothing longer than that.
REST = 0.25
# Nor for the kernel, whose carrier events travel up to a second (net/core/link_watch.c).
REST_AFTER_MAKING = 1.25


class Options:
    """What the user chose: sizes (None: those of each work), and rounds (None: by the size)."""

    def __init__(self, sizes, rounds):
        self.chosen_sizes = sizes
        self.chosen_rounds = rounds

    def sizes(self, default):
        return sorted(self.chosen_sizes or default)

    def rounds(self, size):
        """What is soon over takes more of them, or noise would decide."""
        return self.chosen_rounds or (15 if size == 1 else 5 if size <= 1000 else 3)


def say(*words):
    """Tells how far it is, for whoever waits."""
    print("..", *words, file=sys.stderr, flush=True)


def each_size(options, default, words, measure_one):
    """What MEASURE_ONE makes of each size and its rounds, in a list."""
    rows = []
    for count in options.sizes(default):
        say(words.format(count))
        rows.append(measure_one(count, options.rounds(count)))
    return rows


# Worlds.

def end(*_):
    sys.exit("bench: ended by SIGTERM")


@contextlib.contextmanager
def running_world():
    """A world with a netnsd that logs as usual, and makes no audits: they would be counted with
    whatever is measured. It is gone afterwards, however this ends, and all that was in it."""
    signal.signal(signal.SIGTERM, end)
    with all_destroyed(), contextlib.closing(World(log_level="info")) as world:
        yield world.start("--audit", "0")


def command(world, *words):
    """A command that asks the world's netnsd."""
    return [NETNSCTL, "--socket", str(world.socket), *map(str, words)]


def run(namespaces, words):
    """Runs a command in namespaces. Returns when it started, and for how many seconds it ran. All
    that are compared are run by this, so that what starting takes is the same for all."""
    start = time.monotonic()
    done = subprocess.run([*namespaces.enter(), *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          check=False)
    took = time.monotonic() - start
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stderr}"
    return start, took


def output(namespaces, words):
    """What a command prints."""
    return subprocess.run([*namespaces.enter(), *map(str, words)], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


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


# Numbers.

def paced(count, interval):
    """Counts up to COUNT, a number each INTERVAL, or as fast as they are taken."""
    due = time.perf_counter()
    for index in range(count):
        time.sleep(max(0, due - time.perf_counter()))
        yield index
        due += interval


def summary(values):
    """The median, the 99th percentile and the maximum of what was measured."""
    several = len(values) > 1
    centiles = statistics.quantiles(values, n=100, method="inclusive") if several else values
    return {"median": statistics.median(values), "p99": centiles[-1], "longest": max(values),
            "count": len(values)}


def fsync_seconds(directory):
    """What it takes to have a few bytes for sure on the disk that DIRECTORY is on."""
    times = []
    path = Path(directory) / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    path.unlink()
    return statistics.median(times)
