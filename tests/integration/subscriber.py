"""A listener to what netnsd tells (io.netnsd.Events)."""

import select

from varlink import Connection, result


class Subscriber(Connection):
    """A subscription, which has begun."""

    def __init__(self, world, **parameters):
        super().__init__(world.socket)
        self.send("io.netnsd.Events.Subscribe", parameters, more=True)
        first = self.receive()
        assert first["continues"] and "event" not in first["parameters"]
        self.number = first["parameters"]["number"]

    def next(self):
        """The number of the next reply, and its event."""
        reply = self.receive()
        self.number = result(reply)["number"]
        assert reply["continues"]
        return self.number, reply["parameters"]["event"]

    def wait(self, kind, **members):
        """The next event of that kind, with those members; others are passed over."""
        wanted = members | {"kind": kind}
        number, event = self.next()
        while not wanted.items() <= event.items():
            number, event = self.next()
        return number, event

    def until(self, last):
        """All events up to that number."""
        events = []
        while self.number < last:
            events.append(self.next())
        return events

    def is_silent(self):
        return not self.buffer and not select.select([self.socket], [], [], 0)[0]
