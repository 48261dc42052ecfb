"""netnsd gives back what it takes."""

import json
import os

import pytest

from varlink import VarlinkError
from world import SANITIZED, example, wait_until


def test_descriptors(world):
    documents = {name: example(name) for name in ("pair", "router", "vxlan")}

    def rounds(count):
        for index in range(count):
            name = list(documents)[index % len(documents)]
            assert world.apply(name, documents[name])["outcome"] == "committed"
            assert world.remove(name)["outcome"] == "committed"

    rounds(3)  # what is opened once and kept
    before = world.descriptors()
    rounds(20 if SANITIZED else 100)
    assert world.descriptors() == before
    world.assert_clean()


def test_descriptors_after_refusals(world):
    bad = {"namespaces": {"a": {"links": {"x": {}}}}}
    world.apply("pair", example("pair"))
    with world.connect() as connection:

        def rounds(count):
            for _ in range(count):
                connection.send("io.netnsd.Topology.Apply", {"topology": "bad", "document": bad})
                assert "error" in connection.receive()
                connection.send("io.netnsd.Namespace.Open", {"namespace": "net0"})
                assert connection.receive()["parameters"] == {"fileDescriptor": 0}
                while connection.descriptors:
                    os.close(connection.descriptors.pop())

        rounds(3)
        before = world.descriptors()
        rounds(50)
        assert world.descriptors() == before


def test_namespaces_made_for_a_refused_change(world):
    """They are made while it is not known yet that another name is taken."""
    world.run("ip", "netns", "add", "taken")
    document = {"namespaces": {"new": {}, "taken": {}}}

    def rounds(count):
        for _ in range(count):
            with pytest.raises(VarlinkError) as caught:
                world.apply("lan", document)
            assert "taken" in str(caught.value)
        wait_until(lambda: json.loads(world.run("ip", "-j", "netns", "list-id")) == [])

    rounds(3)
    before = world.descriptors()
    rounds(20)
    assert world.descriptors() == before
    assert world.netns_names() == ["taken"]
