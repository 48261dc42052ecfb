"""What there is once the package is installed, and who may use it."""

import json
import os
import stat

import pytest
from system import EXAMPLES, attempt, process, run, show

UNITS = ("netnsd.service", "netnsd.socket", "netns@blue.service", "netnsd-exec.socket",
         "netnsd-exec@1.service")

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
    registered = {name: os.path.realpath(f"/run/varlink/registry/{name}")
                  for name in os.listdir("/run/varlink/registry")}
    assert registered.pop("io.netnsd.Exec") == "/run/netnsd/io.netnsd.exec"
    reply = json.loads(run("netnsctl", "call", "org.varlink.service.GetInfo"))
    assert registered == {name: "/run/netnsd/io.netnsd" for name in reply["interfaces"]
                          if name.startswith("io.netnsd.")}


def test_member_of_the_group_changes_networks_and_uses_them():
    run("runuser", "-u", "member", "--", "netnsctl", "apply", f"{EXAMPLES}/bridge.json")
    ping = run("runuser", "-u", "member", "--", "netnsctl", "exec", "net0", "ping", "-c", "1", "10.0.1.3")
    assert "1 received" in ping
    assert "uid" in run("runuser", "-u", "member", "--", "netnsctl", "exec", "net0", "id")
    run("runuser", "-u", "member", "--", "netnsctl", "delete", "bridge")


def test_another_user_is_refused():
    done = attempt("runuser", "-u", "other", "--", "netnsctl", "apply", f"{EXAMPLES}/pair.json")
    assert done.returncode != 0
    assert "members of the group netnsd" in done.stdout
    assert run("netnsctl", "ns", "list").find("net0") < 0
    done = attempt("runuser", "-u", "other", "--", "netnsctl", "exec", "host", "id")
    assert done.returncode != 0
    assert "usermod -aG netnsd other" in done.stdout


def test_units_are_hardened():
    """The number is ten times what systemd-analyze(1) calls the exposure."""
    print(run("systemd-analyze", "security", "--no-pager", "--threshold=45",
              "netnsd.service").splitlines()[-1])
    print(run("systemd-analyze", "security", "--no-pager", "--threshold=15",
              "netns@blue.service").splitlines()[-1])


def test_units_are_as_systemd_wants_them():
    assert run("systemd-analyze", "verify", "--man=no", *UNITS) == ""


def test_daemon_sees_and_shows_the_systems_mounts():
    assert os.readlink(f"/proc/{process()}/ns/mnt") == os.readlink("/proc/1/ns/mnt")


def test_daemon_has_no_more_rights_than_its_unit_says():
    with open(f"/proc/{process()}/status", encoding="utf-8") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert lines["CapEff"] == lines["CapBnd"] == lines["CapPrm"]
    assert int(lines["CapEff"], 16).bit_count() == 5
    assert lines["NoNewPrivs"] == "1"
    assert lines["Seccomp"] == "2"
