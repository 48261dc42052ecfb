"""d. Reading one thing: how many reads a second on one connection that has many under way; and how
long a single one takes at 200 a second, at rest and while many namespaces are built and removed.
Small changes of another topology go on meanwhile, a few a second, and are measured too.

What of that is the kernel's shows with a server that only answers, while the lower bound builds and
removes as many: a kernel that is not preemptible runs nothing else on a processor on which it
destroys namespaces.

The client is tests/bench/reader.c. It counts from when a read was due, not from when it was
sent."""

import contextlib
import itertools
import json
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cleanup import Cleanups
from contestants import bound, netnsd
from measure import PROGRAMS, REST_AFTER_MAKING, run, say, summary, wait_at_rest
from table import Table, at_least, at_most_time, milliseconds
from topology import document

SIZES = (1000, 10000)
RATE = 200
CHANGE_INTERVAL = 0.2
REST_SECONDS = 10
PIPELINED_SECONDS = 3

READS = {
    "io.netnsd.Link.List": {"namespace": "q0", "link": "eth0"},
    "io.netnsd.Namespace.List": {"namespace": "q0"},
}
PACED = "io.netnsd.Link.List"

CALLS_LIMIT = 50000
# p99 under load is at most so much above that at rest.
EXCESS_LIMIT = 0.001


def reader(path, method, *how):
    return [PROGRAMS / "reader", path, method, json.dumps(READS[method]), *map(str, how)]


def pipelined(world, method):
    done = subprocess.run(reader(world.socket, method, "pipelined", PIPELINED_SECONDS), check=True,
                          stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


@contextlib.contextmanager
def reading(path, seconds):
    """Reads at a fixed rate meanwhile, and adds to SECONDS what each read took."""
    with subprocess.Popen(reader(path, PACED, "paced", RATE), stdout=subprocess.PIPE,
                          text=True) as process:
        yield
        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate()
    assert process.returncode == 0
    seconds += json.loads(text)


@contextlib.contextmanager
def changing(world, seconds):
    """Changes another topology now and then, and adds to SECONDS what each change took."""
    ending = threading.Event()

    def change():
        with world.connect() as connection:
            for mtu in itertools.cycle((1401, 1400)):
                patch = {"namespaces": {"q0": {"links": {"eth0": {"mtu": mtu}}}}}
                start = time.perf_counter()
                connection.call("io.netnsd.Topology.Patch", {"topology": "quiet", "patch": patch})
                seconds.append(time.perf_counter() - start)
                if ending.wait(CHANGE_INTERVAL):
                    break

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


class Others:
    """What other clients do while something goes on."""

    def __init__(self):
        self.reads = []
        self.changes = []

    @contextlib.contextmanager
    def at_work(self, world):
        with reading(world.socket, self.reads), changing(world, self.changes):
            yield

    def summary(self):
        return {"reads": summary(self.reads), "changes": summary(self.changes)}


def measure_one(count, rounds, cleanups):
    """Others at rest, while N are built, and while they are removed."""
    phases = {name: Others() for name in ("rest", "make", "remove")}
    with netnsd(count) as turn:
        world = turn.world
        world.apply("quiet", document(1, "quiet", "q"))
        for number in range(rounds):
            say(f"d: reads, and {count} namespaces, round {number + 1}")
            wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
            with phases["rest"].at_work(world):
                time.sleep(REST_SECONDS / rounds)
            with phases["make"].at_work(world):
                run(turn.namespaces, turn.make)
            wait_at_rest(world.daemon.pid, REST_AFTER_MAKING)
            with phases["remove"].at_work(world):
                run(turn.namespaces, turn.remove)
                cleanups.wait(lambda: len(turn.names()) == 2)
    return {"namespaces": count, **{name: each.summary() for name, each in phases.items()}}


@contextlib.contextmanager
def answering():
    """The path of a server that does nothing but answer one client."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "socket"
        with subprocess.Popen([PROGRAMS / "reader", path, "echo"], stdout=subprocess.PIPE,
                              text=True) as process:
            assert process.stdout.readline() == "ready\n", "nothing answers"
            yield path


def measure_kernel(count, rounds, cleanups):
    """The same reads of a server that only answers, while the lower bound is at work."""
    seconds = {name: [] for name in ("rest", "make", "remove")}

    @contextlib.contextmanager
    def at_work(phase):
        with answering() as path, reading(path, seconds[phase]):
            yield

    for number in range(rounds):
        say(f"d: the kernel, and {count} namespaces, round {number + 1}")
        with bound(count) as turn:
            with at_work("rest"):
                time.sleep(REST_SECONDS / rounds)
            with at_work("make"):
                run(turn.namespaces, turn.make)
            time.sleep(REST_AFTER_MAKING)
            with at_work("remove"):
                run(turn.namespaces, turn.remove)
                cleanups.wait(lambda: not turn.names())
    return {phase: {"reads": summary(each)} for phase, each in seconds.items()}


def measure_pipelined():
    with netnsd(0) as turn:
        turn.world.apply("quiet", document(1, "quiet", "q"))
        wait_at_rest(turn.world.daemon.pid, REST_AFTER_MAKING)
        say("d: pipelined reads")
        return {method: pipelined(turn.world, method) for method in READS}


def measure(options):
    data = {"pipelined": measure_pipelined(), "sizes": []}
    with Cleanups() as cleanups:
        for count in options.sizes(SIZES):
            rounds = min(3, options.rounds(count))
            row = measure_one(count, rounds, cleanups)
            row["kernel"] = {"namespaces": count, **measure_kernel(count, rounds, cleanups)}
            data["sizes"].append(row)
    return data


# What is shown.

PHASES = {"rest": "at rest", "make": "while they are built", "remove": "while they are removed"}


def latency_lines(row, kind, limit):
    rest = row["rest"][kind]["p99"]
    for phase, title in PHASES.items():
        figures = row[phase][kind]
        excess = None if phase == "rest" else figures["p99"] - rest
        yield [f"{row['namespaces']:,}", title, f"{figures['count']:,}",
               milliseconds(figures["median"]), milliseconds(figures["p99"]),
               milliseconds(figures["longest"]), milliseconds(excess),
               at_most_time(limit, excess)]


def latencies(rows, title, kind, limit):
    columns = ["namespaces", "", "calls", "median", "p99", "longest", "p99 over rest", "limit"]
    return Table(title, columns,
                 [line for row in rows for line in latency_lines(row, kind, limit)])


def tables(data):
    yield Table("Reads of one thing a second, on one connection with many under way.",
                ["method", "a second", "limit"],
                [[method, f"{calls:,.0f}", at_least(CALLS_LIMIT, calls, "{:,}")]
                 for method, calls in data["pipelined"].items()])
    yield latencies(data["sizes"], f"One read ({PACED}), {RATE} a second, each counted from when "
                    "it was due.", "reads", EXCESS_LIMIT)
    yield latencies([row["kernel"] for row in data["sizes"]], "The same of a server that only "
                    "answers, while the lower bound builds and removes: what the kernel adds.",
                    "reads", None)
    yield latencies(data["sizes"], "One small change of another topology meanwhile.", "changes",
                    None)
