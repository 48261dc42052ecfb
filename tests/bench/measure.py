"""What the measurements share. It makes the integration tests' modules known: import it first."""

import contextlib
import signal
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from world import World  # noqa: E402 (found by the line above)


def end(*_):
    sys.exit(1)


@contextlib.contextmanager
def running_world():
    """A world with a netnsd that logs as usual, and makes no audits: they would be counted with
    whatever is measured. It is gone afterwards, however this ends."""
    signal.signal(signal.SIGTERM, end)
    with contextlib.closing(World(log_level="info")) as world:
        yield world.start("--audit", "0")


def summary(values):
    """The median, the 99th percentile and the maximum of what was measured."""
    several = len(values) > 1
    centiles = statistics.quantiles(values, n=100, method="inclusive") if several else values
    return {"median": statistics.median(values), "p99": centiles[-1], "longest": max(values)}
