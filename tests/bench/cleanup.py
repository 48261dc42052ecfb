"""When the kernel has destroyed namespaces.

No call tells. When a namespace has lost its last name, process and descriptor, the kernel puts it
on a list, and later a function of its own, cleanup_net(), destroys all that are on the list by
then; it runs on one queue, never twice at once. The kernel's tracing tells when it begins and ends,
by the same clock as time.monotonic(). So "all gone" is the end of its last run, whoever let the
namespaces go and in whatever portions, and watching takes nothing from those who are watched."""

import contextlib
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path

# When for so many seconds no run goes on, and nothing has a name any more, none will come. A netnsd
# that removes in portions pauses less.
QUIET = 0.5
PATIENCE = 600


def address_of(function):
    with open("/proc/kallsyms") as symbols:
        return next(line.split()[0] for line in symbols if line.split()[2] == function)


class Cleanups:
    """Watches cleanup_net() from the time it is made, for a with statement."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        tracing = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="tracefs-")))
        subprocess.run(["mount", "-t", "tracefs", "tracefs", tracing], check=True)
        self.stack.callback(subprocess.run, ["umount", tracing], check=True)
        # an instance is a trace of its own, apart from others'
        instance = Path(tempfile.mkdtemp(prefix="netnsd-bench-", dir=tracing / "instances"))
        self.stack.callback(instance.rmdir)
        (instance / "trace_clock").write_text("mono")
        for name in ("workqueue_execute_start", "workqueue_execute_end"):
            event = instance / "events" / "workqueue" / name
            (event / "filter").write_text(f"function == 0x{address_of('cleanup_net')}")
            (event / "enable").write_text("1")
        self.pipe = os.open(instance / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        self.stack.callback(os.close, self.pipe)
        self.running = False
        self.ended = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def read(self):
        for line in os.read(self.pipe, 1 << 16).decode().splitlines():
            before, event, _ = line.partition(": workqueue_execute_")
            if event:
                self.running = "_start:" in line
                if not self.running:
                    self.ended = float(before.split()[-1])

    def wait(self, gone=lambda: True):
        """Waits until GONE() says that nothing has a name any more, and the kernel has destroyed
        all. Returns when the last run ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, "the kernel does not get done"
            readable, _, _ = select.select([self.pipe], [], [], QUIET)
            if readable:
                self.read()
            elif not self.running and gone():
                return self.ended


@contextlib.contextmanager
def all_destroyed():
    """For a with statement, which ends when the kernel has destroyed what it let go of."""
    with Cleanups() as cleanups:
        yield
        cleanups.wait()
