"""A Varlink client that shows everything: replies, errors, and the bytes themselves."""

import json
import socket

MESSAGE_MAX = 16 * 1024 * 1024


class VarlinkError(Exception):
    """An error reply."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {json.dumps(parameters)}")
        self.name = name
        self.parameters = parameters


class Connection:
    """One connection. It can be used as a context manager."""

    def __init__(self, path, timeout=120, made=None):
        """MADE is a socket that is connected already."""
        self.socket = made or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if not made:
            self.socket.connect(str(path))
        self.buffer = b""
        self.descriptors = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, parameters=None, **flags):
        message = {"method": method, **flags}
        if parameters is not None:
            message["parameters"] = parameters
        self.send_bytes(json.dumps(message).encode() + b"\0")

    def receive_bytes(self):
        """The next message without its NUL; None when the peer has closed the connection."""
        while b"\0" not in self.buffer:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.socket, 1 << 16, 8)
            except ConnectionResetError:
                return None
            self.descriptors += descriptors
            if not data:
                return None
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return message

    def receive(self):
        """The next reply as it is; None at the end."""
        message = self.receive_bytes()
        return None if message is None else json.loads(message)

    def closed(self):
        """Waits for the peer to close without a further message."""
        return self.receive_bytes() is None

    def call(self, method, parameters=None):
        self.send(method, parameters)
        return result(self.receive())

    def stream(self, method, parameters=None):
        """All replies to a call with 'more'."""
        self.send(method, parameters, more=True)
        replies = []
        while True:
            reply = self.receive()
            replies.append(result(reply))
            if not reply.get("continues"):
                return replies


def result(reply):
    if reply is None:
        raise ConnectionError("netnsd closed the connection instead of answering")
    unknown = set(reply) - {"parameters", "continues", "error"}
    assert not unknown, f"a reply holds {unknown}"
    if "error" in reply:
        raise VarlinkError(reply["error"], reply.get("parameters") or {})
    return reply.get("parameters") or {}
