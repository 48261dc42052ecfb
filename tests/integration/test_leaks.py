"""netnsd gives back what it takes."""

import os

from world import SANITIZED, example


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
