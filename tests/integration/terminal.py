"""Programs at a pseudo-terminal, as somebody who types sees them."""

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    """A command that has a new pseudo-terminal for its standard descriptors and for its controlling
    terminal."""

    def __init__(self, command, patience, rows=24, columns=80, **options):
        self.patience = patience
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.text = ""
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **options)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits until what is shown matches; the match. What was shown up to its end is forgotten."""
        deadline = time.monotonic() + self.patience
        while not (match := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{pattern!r} is not shown, but {self.text!r}"
            more = self.read()
            assert more, f"{pattern!r} is not shown, but {self.text!r}, and the end"
            self.text += more
        self.text = self.text[match.end():]
        return match

    def read(self):
        """What is shown next, or nothing at the end. The kernel looks for text first and then for the
        other side's end (n_tty_read): what comes in between is there for another look."""
        for _ in range(2):
            try:
                return os.read(self.master, 65536).decode(errors="replace")
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
        return ""

    def rest(self):
        """What is shown from here to the end."""
        while more := self.read():
            self.text += more
        return self.text

    def wait(self):
        return self.process.wait(self.patience)

    def close(self):
        os.close(self.master)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
