"""How long `netnsctl status` takes, from its start to its end: at rest, and while the daemon makes
and removes a large topology."""

import json
import subprocess
import sys
import threading
import time

from measure import running_world, summary
from world import NETNSCTL, bridged_namespaces

REST_SECONDS = 1


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
    """Runs netnsctl, asking for the status meanwhile: how long it took, and each of the calls."""
    start = time.monotonic()
    thread = threading.Thread(target=world.ctl, args=words)
    thread.start()
    asked = ask_while(world, thread.is_alive)
    thread.join()
    return time.monotonic() - start, asked


def show(what, asked, took=None):
    words = "  ".join(f"{name} {value * 1000:6.2f} ms" for name, value in summary(asked).items())
    print(f"{what:<24} {len(asked):5} calls  {words}" + (f"  in {took:.2f} s" if took else ""))


def main(count=1000):
    with running_world() as world:
        path = world.directory / "large.json"
        path.write_text(json.dumps(bridged_namespaces(count)))
        end = time.monotonic() + REST_SECONDS
        print(f"netnsctl status, {count} namespaces with a cable to a bridge:")
        show("at rest", ask_while(world, lambda: time.monotonic() < end))
        for verb, word in (("apply", path), ("delete", "large")):
            took, asked = change(world, verb, word)
            show(f"while they are {'made' if verb == 'apply' else 'removed'}", asked, took)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
