# What container and machine have in common; they read it with their own words.
#
# The system's root is an overlay: what tests/vm/setup made, read-only, and above it what the system writes. It is
# mounted in a mount namespace, and all that runs is in a process namespace, of its own: so nothing is left,
# however this ends.

# shellcheck shell=sh

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
vm=${VM:-$top/build-check/vm}

fail() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 125
}

if [ -z "${VM_APART-}" ]; then
    [ -d "$vm/root" ] || fail "$vm has no system: tests/vm/setup makes one"
    exec env "VM_APART=$$" unshare --mount --propagation private \
        --pid --fork --kill-child --mount-proc -- "$0" "$@"
fi

# Programs lock what they work on by its name: so there are no two of the same.
name=netnsd-test-$VM_APART
root=/mnt/$name
mount -t tmpfs tmpfs /mnt

# mount_root DIRECTORY LAYER...: mounts the layers at $root, what is written going to the directory, and the folder
# shared with this system at /srv in it.
mount_root() {
    written=$1
    shift
    mkdir "$root"
    mkdir -p "$written/files" "$written/work"
    layers=$(printf '%s:' "$@")
    # A machine's file server knows files by their numbers, which are to stay as they are when it writes (xino).
    mount -t overlay -o "lowerdir=${layers%:},upperdir=$written/files,workdir=$written/work,xino=on" root "$root"
    mount --bind "$vm/shared" "$root/srv"
}

# add_job COMMAND: lets the system run the command, for a shell, when it has started, and then end itself.
add_job() {
    rm -f "$vm/shared/status"
    : >"$vm/shared/output"
    cat >"$vm/shared/job" <<END
cd /srv
($1
) </dev/null >output 2>&1
echo \$? >status
END
    cat >"$root/etc/systemd/system/job.service" <<END
[Unit]
DefaultDependencies=no
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Environment=HOME=/root LANG=C.UTF-8 SYSTEMD_PAGER= SYSTEMD_COLORS=0
ExecStart=/bin/sh /srv/job
TimeoutStopSec=5
END
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -sf ../job.service "$root/etc/systemd/system/multi-user.target.wants/"
}

# follow_job PID CONSOLE: shows what the command says as long as the process, the system, lives, and ends as the
# command did. Where the command did not come to an end, the end of the system's console follows.
follow_job() {
    tail --quiet --bytes=+1 --follow --sleep-interval=0.1 --pid="$1" "$vm/shared/output"
    wait "$1" || true
    [ -s "$vm/shared/status" ] || {
        tail --lines=40 "$2"
        fail "the system ended before the command did; see its console above"
    }
    exit "$(cat "$vm/shared/status")"
}
