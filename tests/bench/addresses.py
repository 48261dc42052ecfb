"""IPv4 addresses of a link, added and removed over netlink by this process itself: what takes
microseconds cannot be measured by starting ip."""

import contextlib
import ctypes
import os
import select
import socket
import struct

CLONE_NEWNET = 0x40000000  # linux/sched.h

# linux/netlink.h
NLMSG_ERROR = 2
NLM_F_REQUEST = 0x1
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1

# linux/rtnetlink.h, linux/if_addr.h
RTM_NEWADDR = 20
RTM_DELADDR = 21
RTNLGRP_IPV4_IFADDR = 5
IFA_LOCAL = 2

MESSAGE_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
ADDRESS_HEADER = struct.Struct("=BBBBI")  # struct ifaddrmsg
ATTRIBUTE_HEADER = struct.Struct("=HH")  # struct nlattr
ERROR_NUMBER = struct.Struct("=i")  # the beginning of struct nlmsgerr

RECEIVE_MAX = 1 << 16

libc = ctypes.CDLL(None, use_errno=True)


def set_namespace(file):
    if libc.setns(file.fileno(), CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), f"setns to {file.name} failed")


@contextlib.contextmanager
def inside(path):
    """Puts this thread into the network namespace at PATH meanwhile."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(path, "rb") as namespace:
        set_namespace(namespace)
        try:
            yield
        finally:
            set_namespace(home)


def records(data, header, length):
    """What stands one after the other in DATA: the fields of its header, and what it holds. The
    field number LENGTH tells how long it is."""
    while data:
        fields = header.unpack_from(data)
        end = fields[length]
        yield fields, data[header.size:end]
        data = data[end + -end % 4:]


def local_address(payload):
    """The address that an RTM_NEWADDR tells of."""
    attributes = records(payload[ADDRESS_HEADER.size:], ATTRIBUTE_HEADER, length=0)
    return next(socket.inet_ntoa(value) for fields, value in attributes if fields[1] == IFA_LOCAL)


class Addresses:
    """The addresses of one link, for a with statement."""

    def __init__(self, namespace, link):
        with inside(namespace):
            self.index = socket.if_nametoindex(link)
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, kind, prefix, flags):
        address, _, length = prefix.partition("/")
        value = socket.inet_aton(address)
        body = (ADDRESS_HEADER.pack(socket.AF_INET, int(length), 0, 0, self.index)
                + ATTRIBUTE_HEADER.pack(ATTRIBUTE_HEADER.size + len(value), IFA_LOCAL) + value)
        return MESSAGE_HEADER.pack(MESSAGE_HEADER.size + len(body), kind, NLM_F_REQUEST | flags,
                                   0, 0) + body

    def addition(self, prefix):
        """What send() takes to add an address."""
        return self.request(RTM_NEWADDR, prefix, NLM_F_CREATE | NLM_F_EXCL)

    def removal(self, prefix):
        """What send() takes to remove an address."""
        return self.request(RTM_DELADDR, prefix, 0)

    def send(self, request):
        """Has the kernel do what is asked for. It is done on return, or a refusal can be read."""
        self.socket.send(request)

    def listen(self):
        """From now on additions are told, by whomever."""
        self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_IFADDR)

    def receive(self, seconds):
        """The types and payloads of what the kernel says next; nothing when it says nothing in so
        many seconds."""
        readable, _, _ = select.select([self.socket], [], [], seconds)
        data = self.socket.recv(RECEIVE_MAX) if readable else b""
        for fields, payload in records(data, MESSAGE_HEADER, length=0):
            kind = fields[1]
            if kind == NLMSG_ERROR:
                [number] = ERROR_NUMBER.unpack_from(payload)
                raise OSError(-number, f"an address cannot be changed: {os.strerror(-number)}")
            yield kind, payload

    def check(self):
        """Insists that nothing was refused."""
        assert not list(self.receive(0))

    def wait_added(self, address, seconds):
        """Waits until an address is added. False when that takes longer."""
        while said := list(self.receive(seconds)):
            if any(kind == RTM_NEWADDR and local_address(payload) == address
                   for kind, payload in said):
                return True
        return False
