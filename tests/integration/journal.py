"""A journal for a world: what systemd-journald would get."""

import select
import socket

from world import PATIENCE

PATH = "/run/systemd/journal/socket"


def fields(datagram):
    """The fields of an entry (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    entry = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, sign, value = line.partition(b"=")
        if not sign:
            length = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8:8 + length], datagram[8 + length + 1:]
        entry[name.decode()] = value.decode()
    return entry


class Journal:
    """Where netnsd's standard error is connected to, as JOURNAL_STREAM tells it."""

    def __init__(self, world):
        path = world.namespaces.path(PATH)
        path.parent.mkdir(parents=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        world.log.touch()
        status = world.log.stat()
        self.environment = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}

    def next(self):
        self.socket.settimeout(PATIENCE)
        return fields(self.socket.recv(1 << 16))

    def wait(self, message_id):
        """The next entry of that kind; others are passed over."""
        entry = self.next()
        while entry.get("MESSAGE_ID") != message_id:
            entry = self.next()
        return entry

    def waiting(self):
        """Those that are there already."""
        entries = []
        while select.select([self.socket], [], [], 0)[0]:
            entries.append(self.next())
        return entries
