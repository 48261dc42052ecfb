"""What both kinds of packages are tested with."""

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]

# What a build can test anywhere, as the packages' own builds do.
TESTS = "$(unit_tests) tests/fuzz/run tests/packages/versions"


def run(*command, **options):
    """Runs a command that must succeed, and says what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def only(directory, pattern):
    """The one file in the folder that the pattern matches."""
    (path,) = pathlib.Path(directory).glob(pattern)
    return path


@pytest.fixture(scope="session")
def tarball():
    """The release that the packages are made from. It builds, tests, installs and uninstalls itself
    first, with nothing but what is in it (automake's distcheck).
    """
    build = pathlib.Path(os.environ["BUILD"])
    for old in build.glob("netnsd-*.tar.xz"):
        old.unlink()
    run("make", f"-j{os.cpu_count()}", "-C", build, "distcheck", f"TESTS={TESTS}")
    return only(build, "netnsd-*.tar.xz")
