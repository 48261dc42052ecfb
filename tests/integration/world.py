"""A world of its own for a test: a mount and a network namespace, with a netnsd in them.

Nothing of what happens in it is seen outside, and it goes with the process that holds it."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import snapshot
from varlink import Connection

NETNSD = os.environ.get("NETNSD", "netnsd")
NETNSCTL = os.environ.get("NETNSCTL", "netnsctl")
SANITIZED = os.environ.get("NETNSD_SANITIZERS") == "yes"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SANITIZER_STATUS = 99
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": f"detect_leaks=1:exitcode={SANITIZER_STATUS}",
    "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:exitcode={SANITIZER_STATUS}",
}

# Longer than anything takes, even under sanitizers on a busy machine.
PATIENCE = 120

HOLD = "mount -t tmpfs tmpfs /run && ip link set lo up && echo ready && exec cat"

# A bridge takes 1,023 (net/bridge/br_private.h, BR_MAX_PORTS).
BRIDGE_PORTS = 1000


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def kill_steps():
    """The steps that a test has netnsd killed at, one after the other: all; with sanitizers, where
    each takes twice as long, each third."""
    return range(1, 1000, 3 if SANITIZED else 1)


def bridged_namespaces(count):
    """A document of COUNT namespaces in order, n0, n1 and so on, each with a cable from its eth0 to
    a bridge in host, an address and a default route. There are as many bridges, br0, br1 and so
    on, as it takes."""
    bridges = range((count + BRIDGE_PORTS - 1) // BRIDGE_PORTS)
    namespaces = {"host": {"links": {
        f"br{number}": {"bridge": {}, "addresses": [f"10.{number}.0.1/16"]}
        for number in bridges}}}
    for index in range(count):
        number, port = divmod(index, BRIDGE_PORTS)
        high, low = divmod(port + 2, 256)
        namespaces[f"n{index}"] = {
            "links": {"eth0": {"veth": {"bridge": f"host/br{number}"},
                               "addresses": [f"10.{number}.{high}.{low}/16"]}},
            "routes": {"default": {"via": f"10.{number}.0.1"}}}
    return {"namespaces": namespaces}


class Namespaces:
    """A new mount and network namespace, with an empty /run. They live as long as this object."""

    def __init__(self):
        command = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", HOLD]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line == b"ready\n", "cannot make namespaces for the test"

    def enter(self):
        """The words that put a command into them."""
        return ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--"]

    def path(self, path):
        """A file as it is seen in them."""
        return Path(f"/proc/{self.process.pid}/root") / str(path).lstrip("/")

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def of_namespace(namespace):
    """The words that tell ip which namespace; "host" is the world's own."""
    return [] if namespace == "host" else ["-n", namespace]


class World:
    def __init__(self, log_level="debug"):
        self.directory = Path(tempfile.mkdtemp(prefix="netnsd-"))
        self.socket = self.directory / "socket"
        self.state = self.directory / "state"
        self.log = self.directory / "log"
        self.log_level = log_level
        self.namespaces = Namespaces()
        self.daemon = None
        self.processes = []

    # The daemon.

    def start(self, *options, **environment):
        """Starts netnsd and waits until it says that it is ready."""
        assert self.daemon is None
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify_path = self.directory / "notify"
            notify_path.unlink(missing_ok=True)
            notify.bind(str(notify_path))
            self.daemon = self.popen(options, environment | {"NOTIFY_SOCKET": str(notify_path)})
            self.wait_ready(notify)
        return self

    def command(self, *options):
        return [*self.namespaces.enter(), NETNSD, "--foreground", "--socket", str(self.socket),
                "--state", str(self.state), "--log-level", self.log_level, *options]

    def popen(self, options, environment):
        log = self.log.open("ab")
        with log:
            return subprocess.Popen(self.command(*options), stderr=log, stdout=log,
                                    stdin=subprocess.DEVNULL,
                                    env=os.environ | SANITIZER_ENVIRONMENT | environment)

    def wait_ready(self, notify):
        process = os.pidfd_open(self.daemon.pid)
        try:
            poll = select.poll()
            poll.register(notify, select.POLLIN)
            poll.register(process, select.POLLIN)
            deadline = time.monotonic() + PATIENCE
            while True:
                events = poll.poll(max(0, deadline - time.monotonic()) * 1000)
                assert events, "netnsd does not get ready"
                if notify.fileno() in dict(events):
                    if b"READY=1" in notify.recv(4096).split(b"\n"):
                        return
                else:
                    status = self.daemon.wait()
                    self.daemon = None
                    raise AssertionError(f"netnsd ended with status {status} before it was ready\n"
                                         + self.log_end())
        finally:
            os.close(process)

    def stop(self):
        """Ends netnsd as systemd does, and insists that it ends well."""
        daemon, self.daemon = self.daemon, None
        daemon.send_signal(signal.SIGTERM)
        try:
            status = daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise AssertionError("netnsd does not end on SIGTERM") from None
        assert status == 0, f"netnsd ended with status {status}\n{self.log_end()}"

    def kill(self):
        """Ends netnsd as a crash does."""
        daemon, self.daemon = self.daemon, None
        daemon.kill()
        assert daemon.wait(PATIENCE) == -signal.SIGKILL

    def try_start(self, **environment):
        """Starts netnsd, unless it kills itself before it is ready."""
        try:
            self.start(**environment)
        except AssertionError:
            if self.log_end():
                return False
            raise
        return True

    @contextlib.contextmanager
    def paused(self):
        """What happens meanwhile, netnsd hears of all at once."""
        self.daemon.send_signal(signal.SIGSTOP)
        yield
        self.daemon.send_signal(signal.SIGCONT)

    def wait_killed(self):
        """Waits for netnsd to kill itself (NETNSD_FAULT=N:kill)."""
        daemon, self.daemon = self.daemon, None
        assert daemon.wait(PATIENCE) == -signal.SIGKILL

    def restart(self, *options, **environment):
        self.stop()
        return self.start(*options, **environment)

    def close(self):
        try:
            if self.daemon is not None:
                self.stop()
        finally:
            for process in self.processes:
                process.kill()
                process.communicate()
            self.namespaces.close()
            shutil.rmtree(self.directory)

    def log_end(self):
        """The last of what netnsd wrote."""
        return self.log.read_text(errors="replace")[-20000:] if self.log.exists() else ""

    # Commands.

    def run(self, *command, check=True, stdin=None):
        """Runs a command in the world; its standard output, when it must succeed."""
        done = subprocess.run([*self.namespaces.enter(), *map(str, command)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, input=stdin,
                              timeout=PATIENCE, check=False,
                              env=os.environ | SANITIZER_ENVIRONMENT)
        assert done.returncode != SANITIZER_STATUS, done.stderr
        if not check:
            return done
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ip(self, namespace, *words):
        """What `ip -j -d` says about a namespace."""
        text = self.run("ip", "-j", "-d", *of_namespace(namespace), *words)
        # ip prints an empty object for each line that a filter drops
        return [row for row in json.loads(text or "[]") if row]

    def batch(self, namespace, text, *options):
        """Runs many commands of ip, one a line of TEXT, in a burst; what it prints."""
        return self.run("ip", *options, *of_namespace(namespace), "-batch", "-", stdin=text)

    def link(self, namespace, name):
        """One link as `ip` shows it; None when there is none."""
        return next((row for row in self.ip(namespace, "link", "show")
                     if row["ifname"] == name), None)

    def links(self, namespace):
        return {row["ifname"]: row for row in self.ip(namespace, "link", "show")}

    def addresses(self, namespace, name):
        """The addresses of a link as PREFIX strings, IPv6 link-local ones left out."""
        rows = self.ip(namespace, "address", "show", "dev", name)
        return sorted(f"{row['local']}/{row['prefixlen']}" for row in rows[0]["addr_info"]
                      if not (row["family"] == "inet6" and row["scope"] == "link"))

    def routes(self, namespace, *words):
        return self.ip(namespace, "route", "show", *words)

    def route(self, namespace, destination, *words):
        rows = [row for row in self.routes(namespace, *words) if row["dst"] == destination]
        assert len(rows) <= 1, rows
        return rows[0] if rows else None

    def sysctl(self, namespace, path):
        """The value of a file below /proc/sys."""
        return self.run(*self.inside(namespace), "cat", f"/proc/sys/{path}").strip()

    def inside(self, namespace):
        """The words that put a command of the world into one of its namespaces."""
        return [] if namespace == "host" else ["nsenter", f"--net=/run/netns/{namespace}", "--"]

    def ping(self, namespace, address):
        """Does an address answer? The text of ping, "" when it doesn't."""
        done = self.run(*self.inside(namespace), "ping", "-n", "-c", "1", "-W", "5", address,
                        check=False)
        return done.stdout if done.returncode == 0 else ""

    def spawn(self, namespace, *command, stderr=None):
        """Starts a process in a namespace, which ends with the world at the latest."""
        process = subprocess.Popen([*self.namespaces.enter(), *self.inside(namespace), *command],
                                   stdout=subprocess.PIPE, stderr=stderr, text=True)
        self.processes.append(process)
        return process

    def popen_inside(self, namespace, *command):
        """A process in a namespace, for a with statement."""
        return subprocess.Popen([*self.namespaces.enter(), *self.inside(namespace), *command],
                                stdout=subprocess.PIPE, text=True)

    def resident(self, namespace):
        """A process that is in a namespace for sure."""
        process = self.spawn(namespace, "sh", "-c", "echo ready && exec sleep infinity")
        assert process.stdout.readline() == "ready\n"
        return process

    @contextlib.contextmanager
    def traced(self, output, calls):
        """Writes the system calls named that netnsd makes meanwhile to a file."""
        command = ["strace", "-f", "-s", "64", "-o", str(output), "-e", f"trace={calls}",
                   "-p", str(self.daemon.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            line = strace.stderr.readline()
            assert "attached" in line, line
            try:
                yield
            finally:
                strace.send_signal(signal.SIGINT)

    def netns_names(self):
        """The names below /run/netns."""
        directory = self.namespaces.path("/run/netns")
        return sorted(os.listdir(directory)) if directory.exists() else []

    def netns_inode(self, name):
        return self.namespaces.path(f"/run/netns/{name}").stat().st_ino

    def netns_mounts(self):
        """What is mounted below /run/netns."""
        lines = Path(f"/proc/{self.namespaces.process.pid}/mounts").read_text().splitlines()
        mounts = [line.split()[1] for line in lines]
        return sorted(mount for mount in mounts if mount.startswith("/run/netns/"))

    # netnsd's clients.

    def ctl(self, *words, check=True, stdin=None):
        return self.run(NETNSCTL, "--socket", self.socket, *words, check=check, stdin=stdin)

    def ctl_fails(self, *words, stdin=None):
        """What netnsctl says when it must fail."""
        done = self.ctl(*words, check=False, stdin=stdin)
        assert done.returncode == 1, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def connect(self):
        return Connection(self.socket)

    def call(self, method, **parameters):
        with self.connect() as connection:
            return connection.call(method, parameters)

    def apply(self, topology, document, **parameters):
        return self.call("io.netnsd.Topology.Apply", topology=topology, document=document,
                         **parameters)

    def patch(self, topology, patch, **parameters):
        return self.call("io.netnsd.Topology.Patch", topology=topology, patch=patch, **parameters)

    def remove(self, topology, **parameters):
        return self.call("io.netnsd.Topology.Remove", topology=topology, **parameters)

    def get(self, topology):
        return self.call("io.netnsd.Topology.Get", topology=topology)["document"]

    def generations(self):
        """What is stored: the generation of each topology."""
        return self.topologies("generation")

    def topologies(self, member):
        """What is said of each topology."""
        rows = self.call("io.netnsd.Topology.List")["topologies"]
        return {row["topology"]: row[member] for row in rows}

    def kernel_changes(self):
        return self.call("io.netnsd.Manager.Status")["kernelChanges"]

    def reader_waits(self):
        """How often netnsd's reader has run when it waits for work; None when it is at work."""
        for task in Path(f"/proc/{self.daemon.pid}/task").iterdir():
            if (task / "comm").read_text() == "reader\n":
                runs = (task / "schedstat").read_text()
                return runs if "futex" in (task / "wchan").read_text() else None
        raise AssertionError("netnsd has no reader")

    def descriptors(self):
        """How many netnsd has, when it has closed what earlier clients left, and those that it reads
        the kernel with."""
        counts = []

        def counted():
            before = self.reader_waits()
            counts.append(len(os.listdir(f"/proc/{self.daemon.pid}/fd")))
            return before and self.reader_waits() == before

        with self.connect() as connection:
            for _ in range(2):
                connection.call("io.netnsd.Manager.Status")
            wait_until(counted)
        return counts[-1]

    def snapshot(self):
        return snapshot.take(self)

    def assert_becomes(self, expected, where="", view=lambda now: now):
        """The kernel's configuration, or what VIEW makes of it, is as EXPECTED, as soon as its own
        late work is done: carrier events travel up to a second after their cause
        (net/core/link_watch.c)."""
        deadline = time.monotonic() + 3
        now = view(self.snapshot())
        while now != expected and time.monotonic() < deadline:
            time.sleep(0.1)
            now = view(self.snapshot())
        assert now == expected, where + snapshot.difference(expected, now)

    def assert_clean(self):
        """Nothing is left of any topology."""
        assert self.netns_names() == []
        assert self.netns_mounts() == []
        assert self.run("ip", "netns", "list").strip() == ""
        assert set(self.links("host")) == {"lo"}
        assert self.routes("host", "table", "all", "proto", "78") == []
        assert self.generations() == {}
