"""What the tests in a system begin with: the package, and a network."""

import json

import pytest
from system import EXAMPLES, kernel, run, wait_until


@pytest.fixture(scope="session")
def package():
    """The package, installed in the running system as an administrator does it. Nothing is downloaded:
    what it depends on is there."""
    return run("apt-get", "--yes", "-o", "APT::Sandbox::User=root", "install", "/srv/netnsd.deb")


@pytest.fixture(scope="session")
def bridge(package):
    """The network of examples/bridge.json: net0, net1 and net2 around a bridge of the system's own."""
    run("netnsctl", "apply", f"{EXAMPLES}/bridge.json")
    names = ("net0", "net1", "net2")
    # The kernel gives each link an address of its own, which it tries for a second.
    wait_until(lambda: "tentative" not in json.dumps(kernel(*names)))
    return names
