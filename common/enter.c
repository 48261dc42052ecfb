#include "common/enter.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SYSFS_PATH "/sys"
#define FILES_DIRECTORY "/etc/netns"

/* A mount below /sys, held while another sysfs is put over it. */
struct held_mount {
    char *path;
    int fd;
};

struct held_mounts {
    struct held_mount *items;
    size_t count;
};

static void held_mounts_clear(struct held_mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++) {
        free(mounts->items[i].path);
        close_descriptor(&mounts->items[i].fd);
    }
    free(mounts->items);
}
#define auto_held_mounts AUTO(held_mounts_clear)

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}
#define auto_file AUTO(close_file)

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}
#define auto_directory AUTO(close_directory)

static bool is_current(int fd)
{
    struct stat wanted, current;
    return fstat(fd, &wanted) == 0 && stat("/proc/self/ns/net", &current) == 0 &&
           wanted.st_dev == current.st_dev && wanted.st_ino == current.st_ino;
}

static bool is_below(const char *path, const char *top)
{
    size_t length = strlen(top);
    return strncmp(path, top, length) == 0 && path[length] == '/';
}

/* Octal escapes of /proc/PID/mountinfo, in place. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in;) {
        if (in[0] == '\\' && in[1] && in[2] && in[3]) {
            *out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
            in += 4;
        } else {
            *out++ = *in++;
        }
    }
    *out = '\0';
}

/* Does one of MOUNTS carry PATH already? They are held with all that is mounted below them. */
static bool is_held(const struct held_mounts *mounts, const char *path)
{
    for (size_t i = 0; i < mounts->count; i++) {
        if (strcmp(path, mounts->items[i].path) == 0 || is_below(path, mounts->items[i].path))
            return true;
    }
    return false;
}

static bool hold_mount(struct held_mounts *mounts, const char *path, struct error *error)
{
    auto_close int fd =
        open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd < 0 && (errno == ENOENT || errno == EACCES))
        return true; /* hidden below another mount: it was not reachable before either */
    if (fd < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot hold the mount at %s: %s", path,
                         strerror(errno));
    struct held_mount *items =
        reallocarray(mounts->items, mounts->count + 1, sizeof(*mounts->items));
    if (!items)
        return error_memory(error);
    mounts->items = items;
    char *copy = strdup(path);
    if (!copy)
        return error_memory(error);
    items[mounts->count++] = (struct held_mount){.path = copy, .fd = TAKE_FD(fd)};
    return true;
}

/* Holds what is mounted below /sys. proc(5) describes the lines: the mount point is their fifth
 * field, and parents come before what is mounted on them. */
static bool hold_mounts(struct held_mounts *mounts, struct error *error)
{
    auto_file FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return error_set(error, ERROR_SYSTEM, errno, "cannot read /proc/self/mountinfo: %s",
                         strerror(errno));
    auto_free char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) >= 0) {
        char *rest = line, *path = NULL;
        for (int field = 0; field < 5 && rest; field++)
            path = strsep(&rest, " ");
        if (!path || !rest)
            continue;
        unescape(path);
        if (is_below(path, SYSFS_PATH) && !is_held(mounts, path) &&
            !hold_mount(mounts, path, error))
            return false;
    }
    return true;
}

static bool put_back(const struct held_mounts *mounts, struct error *error)
{
    for (size_t i = 0; i < mounts->count; i++) {
        const struct held_mount *mount = &mounts->items[i];
        if (move_mount(mount->fd, "", AT_FDCWD, mount->path, MOVE_MOUNT_F_EMPTY_PATH) < 0 &&
            errno != ENOENT)
            return error_set(error, ERROR_SYSTEM, errno, "cannot mount %s again: %s", mount->path,
                             strerror(errno));
    }
    return true;
}

/* A sysfs shows the network devices of the namespace that it was mounted in. */
static bool mount_sysfs(struct error *error)
{
    auto_held_mounts struct held_mounts mounts = {0};
    struct statvfs before;
    if (statvfs(SYSFS_PATH, &before) < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot look at " SYSFS_PATH ": %s",
                         strerror(errno));
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (before.f_flag & ST_RDONLY)
        flags |= MS_RDONLY;
    if (!hold_mounts(&mounts, error))
        return false;
    if (mount("sysfs", SYSFS_PATH, "sysfs", flags, NULL) < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot mount " SYSFS_PATH ": %s",
                         strerror(errno));
    return put_back(&mounts, error);
}

static bool bind_file(const char *directory, const char *name, struct error *error)
{
    char from[sizeof(FILES_DIRECTORY) + 2 * (NAME_MAX + 1)], to[sizeof("/etc/") + NAME_MAX];
    snprintf(from, sizeof(from), "%s/%s", directory, name);
    snprintf(to, sizeof(to), "/etc/%s", name);
    if (mount(from, to, "none", MS_BIND, NULL) == 0)
        return true;
    if (errno == ENOENT) {
        fprintf(stderr, "%s: %s is not used: there is no %s to put it over\n",
                program_invocation_short_name, from, to);
        return true;
    }
    return error_set(error, ERROR_SYSTEM, errno, "cannot mount %s over %s: %s", from, to,
                     strerror(errno));
}

static bool bind_files(const char *name, struct error *error)
{
    char path[sizeof(FILES_DIRECTORY) + 1 + NAME_MAX];
    snprintf(path, sizeof(path), FILES_DIRECTORY "/%s", name);
    auto_directory DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return true;
    if (!directory)
        return error_set(error, ERROR_SYSTEM, errno, "cannot read %s: %s", path, strerror(errno));
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !bind_file(path, entry->d_name, error))
            return false;
    }
    return true;
}

/* A mount namespace of our own: what is mounted outside still comes in, nothing goes out. */
static bool leave_mount_namespace(struct error *error)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("", "/", "none", MS_SLAVE | MS_REC, NULL) == 0)
        return true;
    return error_set(error, ERROR_SYSTEM, errno, "cannot make a mount namespace: %s",
                     strerror(errno));
}

bool enter_namespace(int fd, const char *name, struct error *error)
{
    if (is_current(fd))
        return true;
    if (setns(fd, CLONE_NEWNET) < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot enter namespace '%s': %s%s", name,
                         strerror(errno), errno == EPERM ? "; only root may, use sudo" : "");
    return leave_mount_namespace(error) && mount_sysfs(error) && bind_files(name, error);
}
