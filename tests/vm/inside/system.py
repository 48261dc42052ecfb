"""The system that the tests run in: its units, what the kernel has, and traffic."""

import json
import re
import select
import signal
import subprocess
import time

# Longer than anything takes on an emulated processor.
PATIENCE = 120

EXAMPLES = "/usr/share/doc/netnsd/examples"


def attempt(*command):
    """Runs a command, and returns what became of it, with all that it printed."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def run(*command):
    """Runs a command that must succeed, and says what it printed."""
    done = attempt(*command)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def show(unit, what):
    """A property of a unit, as text."""
    return run("systemctl", "show", "--value", "--property", what, unit).strip()


def process():
    """The daemon's process, or "0" when there is none."""
    return show("netnsd.service", "MainPID")


def status():
    """What the daemon says of itself. systemd's socket keeps the call until there is a daemon."""
    return json.loads(run("netnsctl", "--json", "status"))


def wait_for_another(former):
    """Waits until there is a daemon in place of the former process, and ready."""
    wait_until(lambda: process() not in ("0", former))
    wait_until(lambda: show("netnsd.service", "ActiveState") == "active")


def write_unit(name, text):
    """A unit, or a drop-in, until the next boot."""
    path = f"/run/systemd/system/{name}"
    run("mkdir", "-p", path.rpartition("/")[0])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    run("systemctl", "daemon-reload")


def remove_unit(name):
    run("rm", f"/run/systemd/system/{name}")
    run("systemctl", "daemon-reload")


def process_status(number):
    """What /proc says of the status of a process."""
    with open(f"/proc/{number}/status", encoding="utf-8") as file:
        return dict(re.findall(r"^(\w+):\t(.*)$", file.read(), re.MULTILINE))


def kernel(*namespaces):
    """What nothing that happens to the daemon may change: the identity of the namespaces and of
    their links, with addresses and routes; and those of the system's own."""
    seen = {"host": json.loads(run("ip", "-json", "address"))}
    for name in namespaces:
        seen[name] = [
            run("stat", "--format=%i", f"/run/netns/{name}"),
            json.loads(run("ip", "-json", "-netns", name, "address")),
            json.loads(run("ip", "-json", "-netns", name, "route", "show", "table", "all")),
        ]
    return seen


class Ping:
    """A ping -f from a namespace to an address, while the context lasts."""

    def __init__(self, namespace, address):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "ping", "-f", "-q", address],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def counts(self):
        """How many packets were sent, and how many have come back."""
        self.process.send_signal(signal.SIGQUIT)
        received, sent = self.process.stderr.readline().split()[0].split(b"/")
        return int(sent), int(received)

    def lost(self):
        """How many are lost. One that is on its way seems to be, so it takes some looks."""
        return min(sent - received for sent, received in (self.counts() for _ in range(10)))

    def __enter__(self):
        # The signal that asks for the counts would end it before it has begun.
        wait_until(lambda: int(process_status(self.process.pid)["SigCgt"], 16) >> signal.SIGQUIT - 1 & 1)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Monitor:
    """What the kernel tells of links, addresses and routes in a namespace, while the context lasts."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.process = subprocess.Popen(
            ["ip", "-netns", namespace, "-oneline", "monitor", "link", "address", "route"],
            stdout=subprocess.PIPE, text=True)

    def mark(self, name):
        """Makes a cable that is none of netnsd's, and removes it, to be heard of."""
        run("ip", "-netns", self.namespace, "link", "add", name, "type", "veth",
            "peer", "name", f"{name}-peer")
        run("ip", "-netns", self.namespace, "link", "delete", name)
        return select.select([self.process.stdout], [], [], 0.1)[0]

    def told(self):
        """All that was told since the beginning."""
        self.mark("end")
        lines = iter(self.process.stdout.readline, "")
        heard = []
        for line in lines:
            if line.startswith("Deleted") and " end@" in line:
                return heard
            if "begin" not in line and "end" not in line:
                heard.append(line)
        raise AssertionError("the monitor ended")

    def __enter__(self):
        wait_until(lambda: self.mark("begin"))
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
