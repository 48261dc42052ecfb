#include "exec/peer.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.5 (asm-generic/socket.h) */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define CGROUP_DIRECTORY "/sys/fs/cgroup"
#define LIMIT_NAME_SIZE 25 /* the first column of /proc/PID/limits */
#define FILE_SIZE 8192     /* more than the files of /proc/PID that are read here have */

static bool fail(struct error *error, const char *what)
{
    return error_set(error, ERROR_SYSTEM, errno, "%s: %s", what, strerror(errno));
}

static bool read_credentials(int fd, struct peer *peer, struct error *error)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return fail(error, "cannot tell who calls");
    peer->pid = credentials.pid;
    peer->user = credentials.uid;
    peer->group = credentials.gid;
    size = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0)
        return true; /* there are none */
    if (errno != ERANGE)
        return fail(error, "cannot tell the caller's groups");
    peer->groups = malloc(size);
    if (!peer->groups)
        return error_memory(error);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size) < 0)
        return fail(error, "cannot tell the caller's groups");
    peer->group_count = size / sizeof(*peer->groups);
    return true;
}

/* Is who connected FD still there? A kernel that cannot say is believed that it is. */
static bool is_alive(int fd)
{
    int descriptor = -1;
    socklen_t size = sizeof(descriptor);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &descriptor, &size) < 0)
        return errno == ENOPROTOOPT;
    auto_close int pidfd = descriptor;
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    return poll(&ended, 1, 0) == 0;
}

/* The directory of PEER in /proc; what is opened through it is that process's, or fails. */
static int open_process(int fd, const struct peer *peer, struct error *error)
{
    char path[32];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", (int)peer->pid);
    auto_close int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (process >= 0 && fstat(process, &status) == 0 && status.st_uid == peer->user && is_alive(fd))
        return TAKE_FD(process);
    error_set(error, ERROR_DENIED, 0, "the caller has gone");
    return -1;
}

static bool is_same(int process, const char *theirs, const char *ours)
{
    struct stat one, other;
    return fstatat(process, theirs, &one, 0) == 0 && stat(ours, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* A container or sandbox of the caller's is nothing to enter for root, and nothing to lead out of.
 */
static bool check_view(int process, struct error *error)
{
    return (is_same(process, "ns/mnt", "/proc/self/ns/mnt") &&
            is_same(process, "ns/user", "/proc/self/ns/user") && is_same(process, "root", "/")) ||
           error_set(error, ERROR_DENIED, 0,
                     "the caller sees other files or users than netnsd-exec, which cannot run "
                     "commands out of a container or sandbox");
}

static bool read_file(int process, const char *name, char text[FILE_SIZE], struct error *error)
{
    auto_close int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, FILE_SIZE - 1);
    if (length < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot read %s of the caller: %s", name,
                         strerror(errno));
    text[length] = '\0';
    return true;
}

/* What follows KEY at the beginning of one of the lines of TEXT; NULL: nothing does. */
static const char *find_line(const char *text, const char *key)
{
    while (text && strncmp(text, key, strlen(key)) != 0) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return text ? text + strlen(key) : NULL;
}

static bool read_status(int process, struct peer *peer, struct error *error)
{
    char text[FILE_SIZE];
    if (!read_file(process, "status", text, error))
        return false;
    const char *mask = find_line(text, "Umask:"), *capabilities = find_line(text, "CapBnd:");
    const char *none = find_line(text, "NoNewPrivs:");
    if (!mask || !capabilities || !none)
        return error_set(error, ERROR_SYSTEM, 0, "the kernel does not tell enough of the caller");
    peer->mask = (mode_t)strtoul(mask, NULL, 8);
    peer->capabilities = strtoull(capabilities, NULL, 16);
    peer->no_new_privileges = strtoul(none, NULL, 10) != 0;
    if (!read_file(process, "oom_score_adj", text, error))
        return false;
    peer->oom_score = (int)strtol(text, NULL, 10);
    return true;
}

/* "unlimited", or a number; *REST is what follows it. */
static rlim_t read_limit(const char *text, char **rest)
{
    static const char unlimited[] = "unlimited";
    text += strspn(text, " ");
    if (strncmp(text, unlimited, strlen(unlimited)) != 0)
        return strtoull(text, rest, 10);
    *rest = (char *)text + strlen(unlimited);
    return RLIM_INFINITY;
}

/* A line each under a heading, in the order of their numbers (fs/proc/base.c). prlimit() would take
 * CAP_SYS_RESOURCE, which containers lack. */
static bool read_limits(int process, struct peer *peer, struct error *error)
{
    char text[FILE_SIZE];
    if (!read_file(process, "limits", text, error))
        return false;
    const char *line = text;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        line = strchr(line, '\n');
        if (!line || strnlen(++line, LIMIT_NAME_SIZE) < LIMIT_NAME_SIZE)
            return error_set(error, ERROR_SYSTEM, 0, "the caller's limits cannot be read");
        char *rest;
        peer->limits[i].rlim_cur = read_limit(line + LIMIT_NAME_SIZE, &rest);
        peer->limits[i].rlim_max = read_limit(rest, &rest);
    }
    errno = 0;
    peer->nice = getpriority(PRIO_PROCESS, (id_t)peer->pid);
    return errno == 0 || fail(error, "cannot read the caller's priority");
}

/* The command stays in the cgroup of netnsd-exec when this fails, which is said in the log. */
static void open_cgroup(int process, struct peer *peer)
{
    char text[FILE_SIZE], path[PATH_MAX];
    struct statfs status;
    struct error error = {0};
    if (!read_file(process, "cgroup", text, &error)) {
        log_warning("%s", error.text);
        return;
    }
    const char *name = find_line(text, "0::");
    if (!name || statfs(CGROUP_DIRECTORY, &status) < 0 ||
        status.f_type != (__typeof__(status.f_type))CGROUP2_SUPER_MAGIC)
        return;
    int length = snprintf(path, sizeof(path), CGROUP_DIRECTORY "%.*s/cgroup.procs",
                          (int)strcspn(name, "\n"), name);
    if (length < (int)sizeof(path))
        peer->cgroup = open(path, O_WRONLY | O_CLOEXEC);
    if (peer->cgroup < 0)
        log_warning("%.200s cannot be joined: %s", path, strerror(errno));
}

bool peer_read(int fd, struct peer *peer, struct error *error)
{
    *peer = (struct peer){.cgroup = -1};
    if (!read_credentials(fd, peer, error))
        return false;
    auto_close int process = open_process(fd, peer, error);
    if (process < 0 || !check_view(process, error) || !read_status(process, peer, error) ||
        !read_limits(process, peer, error))
        return false;
    open_cgroup(process, peer);
    /* What was read by number is the caller's only if that was there all the time. */
    return is_alive(fd) || error_set(error, ERROR_DENIED, 0, "the caller has gone");
}

void peer_clear(struct peer *peer)
{
    free(peer->groups);
    close_descriptor(&peer->cgroup);
}

/* Less than root can set where that lacks CAP_SYS_RESOURCE, as in containers, is as much as there
 * is.
 */
static bool set_limit(int which, struct rlimit limit)
{
    const __rlimit_resource_t resource = (__rlimit_resource_t)which;
    struct rlimit own;
    if (setrlimit(resource, &limit) == 0)
        return true;
    if (errno != EPERM || getrlimit(resource, &own) < 0)
        return false;
    limit.rlim_max = limit.rlim_max < own.rlim_max ? limit.rlim_max : own.rlim_max;
    limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

static bool set_oom_score(const struct peer *peer)
{
    auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && (dprintf(fd, "%d", peer->oom_score) > 0 || errno == EACCES);
}

static bool set_limits(const struct peer *peer, struct error *error)
{
    if (!set_oom_score(peer))
        return fail(error, "cannot set oom_score_adj");
    if (setpriority(PRIO_PROCESS, 0, peer->nice) < 0)
        return fail(error, "cannot set the priority");
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        if (!set_limit(i, peer->limits[i]))
            return fail(error, "cannot set the limits");
    }
    umask(peer->mask);
    return true;
}

/* Capabilities that the caller could not have got by any program are not to be got here. */
static bool bound_capabilities(const struct peer *peer, struct error *error)
{
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!(peer->capabilities >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return fail(error, "cannot drop capabilities");
    }
    return true;
}

static bool drop_capabilities(struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &header, none) < 0)
        return fail(error, "cannot drop capabilities");
    return true;
}

bool peer_become(const struct peer *peer, struct error *error)
{
    if (peer->cgroup >= 0 && write(peer->cgroup, "0", 1) != 1)
        return fail(error, "cannot join the caller's cgroup");
    if (!set_limits(peer, error) || !bound_capabilities(peer, error))
        return false;
    if (setgroups(peer->group_count, peer->groups) < 0 ||
        setresgid(peer->group, peer->group, peer->group) < 0 ||
        setresuid(peer->user, peer->user, peer->user) < 0)
        return fail(error, "cannot become the calling user");
    if (peer->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "cannot give up new privileges");
    return drop_capabilities(error);
}
