"""Many namespaces at once."""

import os
import shutil
import time

import pytest

from world import PATIENCE, bridged_namespaces

COUNT = 1000


def only_address(document, name):
    [address] = document["namespaces"][name]["links"]["eth0"]["addresses"]
    return address


def test_a_thousand_namespaces_on_one_bridge(world):
    document = bridged_namespaces(COUNT)
    world.apply("large", document)
    assert len(world.netns_names()) == COUNT
    ports = [row for row in world.links("host").values() if row.get("master") == "br0"]
    assert len(ports) == COUNT
    assert all("UP" in row["flags"] for row in ports)
    macs = {row["address"] for row in ports}
    for index in range(0, COUNT, 100):
        name = f"n{index}"
        assert world.addresses(name, "eth0") == [only_address(document, name)]
        assert world.route(name, "default")["gateway"] == "10.0.0.1"
        macs.add(world.link(name, "eth0")["address"])
    assert len(macs) == COUNT + COUNT // 100
    assert world.ping("n0", only_address(document, f"n{COUNT - 1}").partition("/")[0])
    assert world.apply("large", document)["outcome"] == "unchanged"

    world.remove("large")
    world.assert_clean()


def written_within(file, seconds):
    """What is written to a file in so many seconds."""
    with file.open() as reader:
        reader.seek(0, os.SEEK_END)
        time.sleep(seconds)
        return reader.read()


def wait_for_silence(file):
    """Waits for a second in which nothing is written to a file."""
    deadline = time.monotonic() + PATIENCE
    while written_within(file, 1):
        assert time.monotonic() < deadline, "netnsd does not come to rest"


def test_idle_when_nothing_happens(world):
    """For 10 s: no system call but the waits that began before. The audit, once a minute, may fall
    into the first 10 s, and the kernel's own late work, which it tells of, into the next."""
    if not shutil.which("strace"):
        pytest.skip("strace is missing (Debian: strace)")
    world.apply("large", bridged_namespaces(COUNT))
    world.batch("n0", "".join(f"address {verb} 192.0.2.{host}/32 dev lo\n"
                              for verb in ("add", "del") for host in range(1, 255)))
    trace = world.directory / "trace"
    with world.traced(trace, "all"):
        for _ in range(4):
            wait_for_silence(trace)
            calls = written_within(trace, 10)
            if not calls:
                break
        assert not calls, calls[:4000]
        world.kernel_changes()
    assert "accept4(" in trace.read_text(), "strace does not see what netnsd does"
