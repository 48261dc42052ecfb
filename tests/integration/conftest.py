import os
import signal
import subprocess

import pytest

from world import NETNSCTL, NETNSD, World

# A shell's background jobs ignore it, and what is ignored at the start a shell cannot trap (POSIX,
# sh, trap): tests of signals would wait forever.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def programs():
    """Both programs are there and run."""
    for program in (NETNSD, NETNSCTL):
        subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def bare_world():
    """A world without a netnsd."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def world(bare_world):
    """A world with a netnsd, which must end well."""
    return bare_world.start()


@pytest.fixture
def fault_injection():
    """For tests that need a build with --enable-fault-injection."""
    if os.environ.get("NETNSD_FAULT_INJECTION") != "yes":
        pytest.skip("netnsd was configured without --enable-fault-injection")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what netnsd wrote."""
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("bare_world")
    if report.failed and report.when == "call" and world is not None:
        report.sections.append(("netnsd's log", world.log_end()))
