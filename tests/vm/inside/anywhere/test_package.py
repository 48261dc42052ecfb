"""What there is once the package is installed, and who may use it."""

import json
import os
import stat

import pytest
from system import EXAMPLES, attempt, process, process_status, run, show

UNITS = ("netnsd.service", "netnsd.socket", "netns@blue.service", "netnsd-exec.socket",
         "netnsd-exec@blue.service")

# CAP_KILL, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_ADMIN
CAPABILITIES = (5, 11, 12, 19, 21)

pytestmark = pytest.mark.usefixtures("package")


@pytest.fixture(scope="module", autouse=True)
def users():
    run("useradd", "--groups", "netnsd", "member")
    run("useradd", "other")


def test_service_and_socket_run():
    assert show("netnsd.service", "ActiveState") == "active"
    assert show("netnsd.socket", "ActiveState") == "active"
    assert show("netnsd.service", "UnitFileState") == "enabled"
    assert show("netnsd.socket", "UnitFileState") == "enabled"
    status = os.stat("/run/netnsd/io.netnsd")
    assert stat.filemode(status.st_mode) == "srw-rw----"
    assert run("getent", "group", str(status.st_gid)).startswith("netnsd:")
    assert stat.filemode(os.stat("/var/lib/netnsd").st_mode) == "drwx------"


def test_every_interface_is_registered():
    """systemd's tools find who serves an interface below /run/varlink/registry."""
    registered = os.listdir("/run/varlink/registry")
    for name in registered:
        server = "io.netnsd.exec" if name == "io.netnsd.Exec" else "io.netnsd"
        assert os.path.samefile(f"/run/varlink/registry/{name}", f"/run/netnsd/{server}")
    reply = json.loads(run("netnsctl", "call", "org.varlink.service.GetInfo"))
    described = {name for name in reply["interfaces"] if name.startswith("io.netnsd.")}
    assert set(registered) == described | {"io.netnsd.Exec"}


def as_user(name, *command):
    return attempt("runuser", "-u", name, "--", *command)


def test_member_of_the_group_makes_a_network_and_works_in_it():
    for command in (
        ("netnsctl", "apply", f"{EXAMPLES}/bridge.json"),
        ("netnsctl", "exec", "net0", "ping", "-c", "1", "10.0.1.3"),
        ("netnsctl", "delete", "bridge"),
    ):
        done = as_user("member", *command)
        assert done.returncode == 0, done.stdout


def test_another_user_is_refused():
    done = as_user("other", "netnsctl", "apply", f"{EXAMPLES}/bridge.json")
    assert done.returncode != 0
    assert "members of the group netnsd" in done.stdout
    assert run("netnsctl", "ns", "list").find("net0") < 0


# Ten times what systemd-analyze(1) calls the exposure. A command that netnsd-exec runs is its user's, and must
# be able to do what it can elsewhere: so little can be taken from that.
@pytest.mark.parametrize("unit, exposure", [
    ("netnsd.service", 45), ("netns@blue.service", 15), ("netnsd-exec@blue.service", 96),
])
def test_units_are_hardened(unit, exposure):
    shown = run("systemd-analyze", "security", "--no-pager", f"--threshold={exposure}", unit)
    print(shown.splitlines()[-1])


def test_units_are_as_systemd_wants_them():
    assert run("systemd-analyze", "verify", "--man=no", *UNITS) == ""


def test_daemon_sees_and_shows_the_systems_mounts():
    assert os.readlink(f"/proc/{process()}/ns/mnt") == os.readlink("/proc/1/ns/mnt")


def test_daemon_has_no_more_rights_than_its_unit_says():
    rights = process_status(process())
    assert int(rights["CapEff"], 16) == int(rights["CapBnd"], 16) == sum(
        1 << number for number in CAPABILITIES)
    assert rights["NoNewPrivs"] == "1"
    assert rights["Seccomp"] == "2"
