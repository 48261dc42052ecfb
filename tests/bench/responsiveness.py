"""How long `netnsctl status` takes, from its start to its end: at rest, and while the daemon makes
and removes a large topology."""

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from world import NETNSCTL, World  # noqa: E402 (found by the line above)

REST_SECONDS = 1


def topology(count):
    """COUNT namespaces at one bridge, each with an address and a default route."""
    namespaces = {"host": {"links": {"br0": {"bridge": {}, "addresses": ["10.0.0.1/16"]}}}}
    for index in range(count):
        address = f"10.0.{(index + 2) // 256}.{(index + 2) % 256}/16"
        namespaces[f"n{index}"] = {
            "links": {"eth0": {"veth": {"bridge": "host/br0"}, "addresses": [address]}},
            "routes": {"default": {"via": "10.0.0.1"}}}
    return {"namespaces": namespaces}


def ask_while(world, goes_on):
    """Calls `netnsctl status` again and again; the seconds that each call took."""
    seconds = []
    while goes_on() or not seconds:
        start = time.monotonic()
        subprocess.run([NETNSCTL, "--socket", world.socket, "status"], check=True,
                       stdout=subprocess.DEVNULL)
        seconds.append(time.monotonic() - start)
    return seconds


def change(world, *words):
    """Runs netnsctl, asking for the status meanwhile: the seconds it took, and those of the calls."""
    start = time.monotonic()
    thread = threading.Thread(target=world.ctl, args=words)
    thread.start()
    asked = ask_while(world, thread.is_alive)
    thread.join()
    return time.monotonic() - start, asked


def show(what, asked, took=None):
    quantiles = statistics.quantiles(asked, n=100, method="inclusive") if len(asked) > 1 else asked
    row = {"calls": len(asked), "median": statistics.median(asked), "p99": quantiles[-1],
           "longest": max(asked)}
    words = "  ".join(f"{name} {value * 1000:6.2f} ms" for name, value in row.items()
                      if name != "calls")
    print(f"{what:<24} {len(asked):5} calls  {words}" + (f"  in {took:.2f} s" if took else ""))
    return row | ({"seconds": took} if took else {})


def main(count=1000):
    world = World().start()
    path = world.directory / "large.json"
    path.write_text(json.dumps(topology(count)))
    end = time.monotonic() + REST_SECONDS
    print(f"netnsctl status, {count} namespaces on one bridge:")
    show("at rest", ask_while(world, lambda: time.monotonic() < end))
    for verb, word in (("apply", path), ("delete", "large")):
        took, asked = change(world, verb, word)
        show(f"while they are {'made' if verb == 'apply' else 'removed'}", asked, took)
    world.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
