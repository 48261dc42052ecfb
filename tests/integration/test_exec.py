"""netnsctl exec as a user who is not root, beside ip netns exec as root: what a command has, and how it
and its terminal behave."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from terminal import Terminal
from world import NETNSCTL, NETNSD, PATIENCE, SANITIZER_ENVIRONMENT, example, wait_until

NETNSD_EXEC = os.environ.get("NETNSD_EXEC", str(Path(NETNSD).parent / "netnsd-exec"))
INETD = Path(__file__).with_name("inetd.py")

USER, GROUP = 4711, 4712
STRANGER = 4713
ACCOUNTS = {
    "passwd": f"member:x:{USER}:{USER}::/:/bin/sh\nstranger:x:{STRANGER}:{STRANGER}::/:/bin/sh\n",
    "group": f"member:x:{USER}:\nstranger:x:{STRANGER}:\nnetnsd:x:{GROUP}:member\n",
}
MEMBER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", f"--groups={GROUP}", "--inh-caps=-all"]
OUTSIDER = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]

# LeakSanitizer stops a process by ptrace(2) when it ends. The SIGCONT that comes with the hang-up of a
# terminal takes that stop away, and it waits for ever.
WITHOUT_LEAKS = SANITIZER_ENVIRONMENT | {
    "ASAN_OPTIONS": SANITIZER_ENVIRONMENT["ASAN_OPTIONS"].replace("leaks=1", "leaks=0")}

CAPABILITIES = "grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status"


def add_accounts(world):
    for name, lines in ACCOUNTS.items():
        file = world.directory / name
        file.write_text(Path("/etc", name).read_text() + lines)
        file.chmod(0o644)
        world.run("mount", "--bind", file, f"/etc/{name}")
    world.directory.chmod(0o755)


@pytest.fixture
def exec_world(bare_world):
    """A world with the namespaces of the example 'pair', and a netnsd-exec."""
    add_accounts(bare_world)
    world = bare_world.start()
    world.apply("pair", example("pair"))
    with world.log.open("ab") as log:
        inetd = subprocess.Popen(
            [*world.namespaces.enter(), "/usr/bin/python3", str(INETD), f"{world.socket}.exec",
             str(GROUP), NETNSD_EXEC, "--socket", str(world.socket)],
            stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | WITHOUT_LEAKS)
    world.processes.append(inetd)
    assert inetd.stdout.readline() == "ready\n"
    return world


class Way:
    """One of the two ways to run a command in net0."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.user = MEMBER if name == "netnsctl" else []
        self.words = [NETNSCTL, "--socket", str(world.socket), "exec", "net0"] \
            if name == "netnsctl" else ["ip", "netns", "exec", "net0"]

    def command(self, *command):
        return [*self.world.namespaces.enter(), *self.user, *self.words, *command]

    def run(self, *command, **options):
        return subprocess.run(self.command(*command), capture_output=True, timeout=PATIENCE,
                              check=False, **options)

    def popen(self, *command, **options):
        return subprocess.Popen(self.command(*command), **options)

    def shell(self):
        """An interactive bash of the user at a terminal, in which `ns` stands for the way."""
        settings = self.world.directory / "bashrc"
        settings.write_text("ns() { " + " ".join(self.words) + ' "$@"; }\nPS1="now> "\n')
        terminal = Terminal([*self.world.namespaces.enter(), *self.user, "bash", "--noediting",
                             "--rcfile", str(settings), "-i"], PATIENCE,
                            env=os.environ | WITHOUT_LEAKS | {"TERM": "xterm"})
        terminal.expect("now> ")
        return terminal


@pytest.fixture(params=["ip", "netnsctl"])
def way(request, exec_world):
    return Way(exec_world, request.param)


@pytest.fixture
def member(exec_world):
    return Way(exec_world, "netnsctl")


# What a command is.


def test_namespace_and_network(way):
    done = way.run("sh", "-c", "readlink /proc/self/ns/net; ls /sys/class/net; ls /sys/fs/cgroup")
    there = way.world.run("nsenter", "--net=/run/netns/net0", "readlink", "/proc/self/ns/net")
    assert done.stdout.decode().startswith(there)
    assert b"vethmother" in done.stdout
    assert way.run("ping", "-c", "1", "-W", "5", "10.0.1.2").returncode == 0


def test_user(member):
    assert member.run("id").stdout.decode().strip() == \
        f"uid={USER}(member) gid={USER}(member) groups={USER}(member),{GROUP}(netnsd)"


def test_no_capabilities(member):
    lines = member.run("sh", "-c", CAPABILITIES).stdout.decode().splitlines()
    assert [line.split()[1] for line in lines] == ["0" * 16] * 4


def test_bounds_are_the_callers(member):
    """What the caller could not get by a set-user-ID program, the command cannot either."""
    member.user = [*MEMBER, "--bounding-set=-all,+net_raw", "--no-new-privs"]
    done = member.run("grep", "-E", "^(CapBnd|NoNewPrivs)", "/proc/self/status")
    status = [line.split()[1] for line in done.stdout.decode().splitlines()]
    assert sorted(status) == [f"{1 << 13:016x}", "1"]


def test_descriptors(way):
    """Nothing is open but the standard ones (and the directory that ls reads)."""
    assert way.run("ls", "/proc/self/fd").stdout.split() == [b"0", b"1", b"2", b"3"]


def test_surroundings(member):
    """Directory, umask, limits, priority and environment are the caller's."""
    script = "pwd; umask; ulimit -Hn; nice; cat /proc/self/oom_score_adj; echo $SOME"
    done = subprocess.run(
        [*member.world.namespaces.enter(), "sh", "-c",
         'cd /var && umask 027 && ulimit -Sn 345 && ulimit -Hn 345 && echo 321 >/proc/self/oom_score_adj'
         ' && exec nice -n 7 "$@"', "sh", *member.user, *member.words, "sh", "-c", script],
        capture_output=True, check=True, timeout=PATIENCE, env=os.environ | {"SOME": "thing"})
    assert done.stdout.decode().split() == ["/var", "0027", "345", "7", "321", "thing"]


def test_words_are_bytes(way):
    odd = [b"\xff\xfe", "ä".encode(), b"a b", b"", b"\x01\n"]
    environment = os.environb | {b"ODD": b"\xc3\xff"}
    script = "printf '%s|' \"$@\" \"$ODD\""
    done = way.run("sh", "-c", script, "sh", *odd, env=environment)
    assert done.stdout == b"|".join([*odd, b"\xc3\xff", b""])


def test_cgroup(member):
    """The command is where the caller is."""
    world = member.world
    world.run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    name = f"netnsd-test-{os.getpid()}"
    world.run("mkdir", f"/sys/fs/cgroup/{name}")
    try:
        done = subprocess.run(
            [*world.namespaces.enter(), "sh", "-c",
             f'echo $$ >/sys/fs/cgroup/{name}/cgroup.procs && exec "$@"', "sh", *member.user,
             *member.words, "sh", "-c", "cat /proc/self/cgroup; ls /sys/fs/cgroup"],
            capture_output=True, check=True, timeout=PATIENCE)
        lines = done.stdout.decode().splitlines()
        assert f"0::/{name}" in lines and "cgroup.procs" in lines
    finally:
        wait_until(lambda: not world.run("cat", f"/sys/fs/cgroup/{name}/cgroup.procs"))
        world.run("rmdir", f"/sys/fs/cgroup/{name}")


def test_files_of_the_namespace(way):
    way.world.run("sh", "-c", "mount -t tmpfs tmpfs /etc/netns 2>/dev/null || "
                  "{ cp -a /etc /run/etc && mkdir -p /run/etc/netns && mount --bind /run/etc /etc; }")
    way.world.run("sh", "-c", "mkdir -p /etc/netns/net0 && echo nameserver 192.0.2.1 "
                  ">/etc/netns/net0/resolv.conf && touch /etc/resolv.conf")
    assert way.run("cat", "/etc/resolv.conf").stdout == b"nameserver 192.0.2.1\n"
    assert "192.0.2.1" not in way.world.run("cat", "/etc/resolv.conf")


# How it ends.


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status(way, status):
    assert way.run("sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSEGV])
def test_killed_by_a_signal(way, number):
    """Whoever waits for netnsctl sees the signal itself."""
    assert way.run("sh", "-c", f"kill -{number} $$").returncode == -number


def test_commands_that_cannot_be_run(member):
    missing = member.run("no-such-command", env=os.environ | {"PATH": "/usr/bin:/bin"})
    unusable = member.run("/etc/passwd")
    assert (missing.returncode, unusable.returncode) == (127, 126)
    assert b"cannot run 'no-such-command': No such file" in missing.stderr
    assert b"cannot run '/etc/passwd': Permission denied" in unusable.stderr


def test_output_is_kept_apart(way):
    done = way.run("sh", "-c", "cat; echo err >&2", input=b"in")
    assert (done.stdout, done.stderr) == (b"in", b"err\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(way, number):
    script = f"trap 'echo heard; exit 3' {number}; echo ready; while :; do sleep 0.1; done"
    with way.popen("sh", "-c", script, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == b"heard\n"
        assert process.wait(PATIENCE) == 3


def test_what_descends_from_the_command_outlives_it(way):
    """As a daemon does, which is no longer the caller's business."""
    done = way.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
    process = Path("/proc", done.stdout.decode().strip())
    assert done.returncode == 0 and process.exists()
    os.kill(int(process.name), signal.SIGKILL)


def test_dies_with_the_connection(member):
    """And so does what it started, in sessions of their own too."""
    script = "trap '' HUP; setsid sleep 1000 & echo $$ $!; wait"
    with member.popen("sh", "-c", script, stdout=subprocess.PIPE, start_new_session=True) as process:
        processes = process.stdout.readline().decode().split()
        process.kill()
    wait_until(lambda: not any(Path("/proc", number).exists() for number in processes))


# Who may.


def test_strangers_are_refused(exec_world):
    done = subprocess.run([*exec_world.namespaces.enter(), *OUTSIDER, NETNSCTL, "--socket",
                           str(exec_world.socket), "exec", "net0", "true"], capture_output=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert b"you are not in the group netnsd: run 'sudo usermod -aG netnsd stranger' and log in " \
           b"again, or use sudo" in done.stderr


def test_strangers_are_refused_where_the_socket_is_open(exec_world):
    exec_world.run("chmod", "666", f"{exec_world.socket}.exec")
    done = subprocess.run([*exec_world.namespaces.enter(), *OUTSIDER, NETNSCTL, "--socket",
                           str(exec_world.socket), "exec", "net0", "touch",
                           f"{exec_world.directory}/touched"],
                          capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and b"for members of the group netnsd" in done.stderr
    assert not (exec_world.directory / "touched").exists()


def test_without_netnsd_exec(world):
    world.directory.chmod(0o755)
    world.run("chmod", "666", world.socket)
    done = subprocess.run([*world.namespaces.enter(), *MEMBER, NETNSCTL, "--socket",
                           str(world.socket), "exec", "net0", "true"], capture_output=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert b"sudo systemctl enable --now netnsd-exec.socket" in done.stderr


def test_no_way_out_of_a_container(member):
    done = subprocess.run([*member.world.namespaces.enter(), "unshare", "--mount", *member.user,
                           *member.words, "true"], capture_output=True, timeout=PATIENCE,
                          check=False)
    assert done.returncode == 1 and b"cannot run commands out of a container" in done.stderr


def test_unknown_namespace(exec_world):
    way = Way(exec_world, "netnsctl")
    way.words[-1] = "nowhere"
    done = way.run("true")
    assert done.returncode == 1 and b"there is no namespace 'nowhere'" in done.stderr


# The protocol, as somebody who means ill speaks it.


# Sends what it reads, with the descriptors of the paths named, and prints what is answered.
ASK = """
import os, socket, sys
path, *files = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    descriptors = [os.open(file, os.O_PATH if file == "/" else os.O_RDWR) for file in files]
    socket.send_fds(connection, [sys.stdin.buffer.read()], descriptors)
    while part := connection.recv(65536):
        sys.stdout.buffer.write(part)
"""
STANDARD = ["/dev/null"] * 3


def ask(world, message, *files):
    """The last of what netnsd-exec answers."""
    text = world.run("/usr/bin/python3", "-c", ASK, f"{world.socket}.exec", *files,
                     stdin=message)
    return json.loads(text.split("\0")[-2])


def run_call(**parameters):
    parameters = {"namespace": "net0", "command": ["true"], "environment": []} | parameters
    return json.dumps({"method": "io.netnsd.Exec.Run", "more": True,
                       "parameters": parameters}) + "\0"


def test_good_request(exec_world):
    """What the next tests spoil."""
    answer = ask(exec_world, run_call(), *STANDARD, "/")
    assert answer == {"parameters": {"outcome": "exited", "number": 0}}


@pytest.mark.parametrize("message", [
    "\0", "{}\0", "no json\0", '{"method":"io.netnsd.Exec.Signal","oneway":true}\0',
    run_call(namespace="../../etc"), run_call(namespace=""), run_call(namespace="."),
    run_call(command=[]), run_call(command=[1]), run_call(command=["\u0100"]),
    run_call(command=["a\0b"]), run_call(environment=[None]), run_call(terminal="sideways"),
    run_call(further=1),
])
def test_bad_requests(exec_world, message):
    assert ask(exec_world, message, *STANDARD, "/")["error"] == "io.netnsd.Exec.Failed"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_descriptors(exec_world, count):
    message = ask(exec_world, run_call(), *STANDARD[:count])["parameters"]["message"]
    assert message == "4 descriptors belong to a call of Run"


def test_odd_descriptors(exec_world):
    """Standard descriptors may be anything, the directory must be one, and a terminal a
    pseudo-terminal."""
    assert ask(exec_world, run_call(), "/", "/", "/", "/")["parameters"]["number"] == 0
    message = ask(exec_world, run_call(), *STANDARD, "/dev/null")["parameters"]["message"]
    assert "cannot enter the working directory" in message
    message = ask(exec_world, run_call(terminal="foreground"), *STANDARD, "/",
                  "/dev/null")["parameters"]["message"]
    assert "no pseudo-terminal" in message


# At a terminal.


def test_terminal(way):
    with way.shell() as shell:
        shell.type("ns sh -c 'tty; tty </dev/tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all'\n")
        shell.expect(r"/dev/pts/\d+\s+/dev/(tty|pts/\d+)\s+all")


def test_interrupt(way):
    with way.shell() as shell:
        shell.type("ns sh -c 'echo re\"\"ady; exec sleep 1000'\n")
        shell.expect("ready")
        shell.type("\x03")
        shell.expect("now> ")
        shell.type("echo is $?\n")
        shell.expect("is 130")
        shell.type("ns sh -c 'trap \"echo caught; exit 5\" INT; echo re\"\"ady; "
                   "while :; do sleep 0.1; done'\n")
        shell.expect("ready")
        shell.type("\x03")
        shell.expect(r"caught\s")
        shell.expect("now> ")
        shell.type("echo is $?\n")
        shell.expect("is 5")


def test_stop_and_go_on(way):
    """The shell that netnsctl was started by gets its prompt back, and its jobs are as ever."""
    with way.shell() as shell:
        shell.type("ns sh -c 'echo re\"\"ady; read word; echo got $word; exit 3'\n")
        shell.expect("ready")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect("now> ")
        shell.type("echo is $?; stty -a | grep -o ' icanon'\n")
        shell.expect("is 148")
        shell.expect(r"\n icanon")
        shell.type("fg\n")
        shell.expect("exec net0")
        shell.type("hello\n")
        shell.expect("got hello")
        shell.expect("now> ")
        shell.type("echo is $?\n")
        shell.expect("is 3")


def test_background(way):
    """A job in the background may write; one that reads is stopped until it is in the foreground."""
    with way.shell() as shell:
        shell.type("ns sh -c 'echo wr\"\"itten; read word; echo got $word' &\n")
        shell.expect("written")
        shell.type("until jobs | grep Stop\"\"ped; do sleep 0.1; done\n")
        shell.expect("Stopped")
        shell.expect("now> ")
        shell.type("fg\n")
        shell.expect("read word")
        shell.type("hello\n")
        shell.expect("got hello")


def test_shell_with_jobs(way):
    """An interactive bash in the namespace has job control of its own."""
    with way.shell() as shell:
        shell.type("ns env PS1='inn\"\"er> ' bash --norc --noediting -i\n")
        shell.expect("inn\"\"er> ")
        shell.type("sh -c 'echo re\"\"ady; exec cat'\n")
        shell.expect("ready")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect("inn\"\"er> ")
        shell.type("fg\n")
        shell.expect("exec cat")
        shell.type("again\n")
        shell.expect(r"again\s+again")
        shell.type("\x03")
        shell.expect("inn\"\"er> ")
        shell.type("exit 7\n")
        shell.expect("now> ")
        shell.type("echo is $?\n")
        shell.expect("is 7")


def test_window_size(way):
    with way.shell() as shell:
        shell.resize(33, 101)
        shell.type("ns bash -c 'stty size; trap \"stty size; exit\" WINCH; echo re\"\"ady; "
                   "while :; do sleep 0.1; done'\n")
        shell.expect("33 101")
        shell.expect("ready")
        shell.resize(44, 55)
        shell.expect("44 55")


def test_pipes(way):
    """Only what is a terminal is one to the command; the pipeline stops as a whole."""
    with way.shell() as shell:
        shell.type("ns sh -c '[ -t 1 ] || echo pi\"\"pe' | cat -A\n")
        shell.expect(r"pipe\$")
        shell.type("ns sh -c '[ -t 0 ] && [ -t 2 ] && echo term\"\"inal >&2' | cat\n")
        shell.expect("terminal")
        shell.type("ns sh -c 'echo re\"\"ady; sleep 1000' | cat\n")
        shell.expect("ready")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.type("fg\n")
        shell.expect(r"\| cat")
        shell.type("\x03")
        shell.expect("now> ")


def test_full_screen(way):
    """vi draws, is stopped and continued, writes a file, and leaves the terminal as it was."""
    file = way.world.directory / f"text-{way.name}"
    file.write_text("some text\n")
    file.chmod(0o666)
    with way.shell() as shell:
        shell.type(f"ns vi -u NONE -n {file}\n")
        shell.expect("some text")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect("now> ")
        shell.type("fg\n")
        shell.expect("some text")
        shell.type("ccother\x1b:wq\r")
        shell.expect("now> ")
        shell.type("stty -a | grep -o ' icanon'\n")
        shell.expect("\n icanon")
    assert file.read_text() == "other\n"


def test_top(way):
    with way.shell() as shell:
        shell.type("ns top -d 1\n")
        shell.expect("PID USER")
        shell.type("q")
        shell.expect("now> ")


def test_killed_at_a_terminal(member):
    """The terminal goes: so does the command."""
    with member.shell() as shell:
        shell.type("ns sh -c 'echo pid $$; sleep 1000'\n")
        number = shell.expect(r"pid (\d+)")[1]
    wait_until(lambda: not Path("/proc", number).exists())
