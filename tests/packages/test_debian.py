"""The Debian package: built from the release, checked, installed in a fresh root, and purged from it.

What netnsd does there, under systemd, is told by tests/vm.
"""

import platform

import pytest
from conftest import TOP, only, run

# What apt and dpkg note about packages that came and went.
NOTES = (
    "/etc/ld.so.cache",
    "/var/cache/apt/",
    "/var/cache/ldconfig/",
    "/var/lib/apt/",
    "/var/lib/dpkg/",
    "/var/lib/systemd/deb-systemd-helper-",
    "/var/log/",
)

MOUNT_AND_RUN = """
root=$1; shift
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
exec chroot "$root" "$@"
"""


class Root:
    """A Debian system below a folder, in which nothing runs but the commands that it is given."""

    def __init__(self, path):
        self.path = path

    def run(self, *command):
        """Runs a command in the root, and says what it printed."""
        return run(
            "unshare", "--mount", "--propagation=private", "sh", "-ec", MOUNT_AND_RUN, "sh",
            self.path, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND=noninteractive", *command,
        )

    def apt_get(self, *words):
        self.run("apt-get", "--yes", "--no-install-recommends", *words)

    def files(self):
        """All paths but what apt and dpkg note."""
        paths = run("find", self.path, "-xdev", "-printf", "/%P\n").splitlines()
        return {path for path in paths if not path.startswith(NOTES)}


@pytest.fixture(scope="module")
def packages(tarball):
    """The folder with what was built from the release."""
    directory = tarball.parent / "packages"
    run(TOP / "packaging/debian-build", tarball, directory)
    return directory


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("debian") / "root"
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    run(
        "mmdebstrap", "--quiet", "--variant=minbase", "--include=systemd",
        "--skip=cleanup/apt/lists", suite, path,
    )
    yield Root(path)
    run("rm", "-r", "--one-file-system", path)


def install(root, packages):
    run("cp", only(packages, "netnsd_*.deb"), root.path / "netnsd.deb")
    root.apt_get("install", "--reinstall", "/netnsd.deb")
    (root.path / "netnsd.deb").unlink()


def check_installed(root):
    assert root.run("netnsd", "--version").startswith("netnsd ")
    assert root.run("netnsctl", "--version").startswith("netnsctl ")
    for unit in ("netnsd.service", "netnsd.socket"):
        assert root.run("systemctl", "is-enabled", unit) == "enabled\n"
    assert root.run("getent", "group", "netnsd").startswith("netnsd:")
    assert (root.path / "usr/share/doc/netnsd/examples/bridge.json").exists()
    root.run("systemd-analyze", "verify", "--man=no", "netnsd.service", "netnsd.socket",
             "netns@blue.service")


def test_lintian_finds_nothing(packages):
    run(
        "lintian", "--allow-root", "--info", "--pedantic",
        "--fail-on=error,warning,info,pedantic", only(packages, "netnsd_*.changes"),
    )


def test_comes_and_goes(root, packages):
    """Installed over itself, it is still there; removed, it leaves the configuration and what it
    knows, and purged, nothing.
    """
    before = root.files()
    install(root, packages)
    check_installed(root)
    install(root, packages)
    check_installed(root)

    state = root.path / "var/lib/netnsd"
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "state.db").touch()
    root.apt_get("remove", "netnsd")
    assert (state / "state.db").exists()

    root.apt_get("purge", "--autoremove", "netnsd")
    assert root.files() == before
