#include "kernel/netns_directory.h"

#include "common/log.h"
#include "kernel/fault.h"
#include "kernel/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static pthread_mutex_t prepared_lock = PTHREAD_MUTEX_INITIALIZER;
static bool prepared;

char *netns_directory_path(const char *name, char buffer[PATH_MAX])
{
    snprintf(buffer, PATH_MAX, "%s/%s", NETNS_DIRECTORY, name);
    return buffer;
}

static bool fails(struct error *error, const char *what, const char *path)
{
    return error_set(error, ERROR_KERNEL, errno, "%s cannot be %s: %s", path, what,
                     strerror(errno));
}

/* A mount point that is shared hands on what is mounted below it; one that is none yet (EINVAL)
 * becomes one by being mounted on itself. */
static bool make_shared(struct error *error)
{
    if (mount("", NETNS_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) == 0)
        return true;
    if (errno != EINVAL)
        return fails(error, "made a shared mount", NETNS_DIRECTORY);
    if (mount(NETNS_DIRECTORY, NETNS_DIRECTORY, "none", MS_BIND | MS_REC, NULL) < 0)
        return fails(error, "mounted on itself", NETNS_DIRECTORY);
    if (mount("", NETNS_DIRECTORY, "none", MS_SHARED | MS_REC, NULL) < 0)
        return fails(error, "made a shared mount", NETNS_DIRECTORY);
    return true;
}

bool netns_directory_prepare(struct error *error)
{
    if (mkdir(NETNS_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return fails(error, "made", NETNS_DIRECTORY);
    auto_close int lock = open(NETNS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return fails(error, "locked", NETNS_DIRECTORY);
    return make_shared(error);
}

static bool prepare_once(struct error *error)
{
    pthread_mutex_lock(&prepared_lock);
    prepared = prepared || netns_directory_prepare(error);
    bool good = prepared;
    pthread_mutex_unlock(&prepared_lock);
    return good;
}

enum netns_presence netns_probe(const char *name)
{
    char path[PATH_MAX];
    struct statfs status;
    if (statfs(netns_directory_path(name, path), &status) < 0)
        return errno == ENOENT ? NETNS_ABSENT : NETNS_PRESENT;
    return status.f_type == NSFS_MAGIC ? NETNS_PRESENT : NETNS_STALE;
}

/* Makes the file that is mounted over, unless a stale one is there. */
static bool make_file(const char *path, struct error *error)
{
    auto_close int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (fd < 0 && errno == ENOENT && netns_directory_prepare(error))
        fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    return fd >= 0 || errno == EEXIST || fails(error, "made", path);
}

/* Mounts the namespace that FD is open on at PATH. */
static bool mount_at(const char *path, int fd, struct error *error)
{
    char source[40];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (fault_here())
        return error_set(error, ERROR_KERNEL, EIO, "%s cannot be mounted: %s", path, strerror(EIO));
    if (!make_file(path, error))
        return false;
    if (mount(source, path, "none", MS_BIND, NULL) == 0)
        return true;
    fails(error, "mounted", path);
    unlink(path);
    return false;
}

static bool unmount_at(const char *path, struct error *error)
{
    if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
        return fails(error, "unmounted", path);
    /* What somebody else mounted there as well is not ours to take away. */
    return unlink(path) == 0 || errno == ENOENT || errno == EBUSY || fails(error, "removed", path);
}

bool netns_directory_mount(const char *name, int fd, struct error *error)
{
    char path[PATH_MAX];
    netns_directory_path(name, path);
    if (!prepare_once(error))
        return false;
    if (netns_probe(name) == NETNS_PRESENT)
        return error_set(error, ERROR_EXISTS, EEXIST, "%s exists already", path);
    return mount_at(path, fd, error);
}

bool netns_directory_mount_over(const char *name, int fd, struct error *error)
{
    char path[PATH_MAX];
    return prepare_once(error) && mount_at(netns_directory_path(name, path), fd, error);
}

bool netns_directory_unmount(const char *name, struct error *error)
{
    char path[PATH_MAX];
    netns_directory_path(name, path);
    if (fault_here())
        return error_set(error, ERROR_KERNEL, EIO, "%s cannot be unmounted: %s", path,
                         strerror(EIO));
    return unmount_at(path, error);
}

static char *parked_path(const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", NETNS_PARKED_DIRECTORY, name);
    return path;
}

bool netns_directory_park(const char *name, int fd, struct error *error)
{
    char path[PATH_MAX];
    if ((mkdir(NETNSD_DIRECTORY, 0755) < 0 && errno != EEXIST) ||
        (mkdir(NETNS_PARKED_DIRECTORY, 0700) < 0 && errno != EEXIST))
        return fails(error, "made", NETNS_PARKED_DIRECTORY);
    return unmount_at(parked_path(name, path), error) && mount_at(path, fd, error);
}

const char *netns_parked_path(const char *name, char *buffer)
{
    struct statfs status;
    bool parked = statfs(parked_path(name, buffer), &status) == 0 && status.f_type == NSFS_MAGIC;
    return parked ? buffer : NULL;
}

bool netns_forget(const char *name, struct error *error)
{
    char path[PATH_MAX];
    return unmount_at(parked_path(name, path), error);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static void names_free(char ***names)
{
    strings_free(*names);
}

#define auto_names AUTO(names_free)

static char **directory_names(const char *path, struct error *error)
{
    AUTO(close_directory) DIR *directory = opendir(path);
    auto_names char **names = calloc(1, sizeof(*names));
    size_t count = 0;
    if (!directory && errno != ENOENT) {
        fails(error, "read", path);
        return NULL;
    }
    struct dirent *entry;
    while (names && directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char **grown = reallocarray(names, count + 2, sizeof(*names));
        if (!grown) {
            error_memory(error);
            return NULL;
        }
        names = grown;
        names[count + 1] = NULL;
        names[count] = strdup(entry->d_name);
        if (!names[count++]) {
            error_memory(error);
            return NULL;
        }
    }
    if (!names)
        error_memory(error);
    return TAKE(names);
}

char **netns_names(struct error *error)
{
    return directory_names(NETNS_DIRECTORY, error);
}

void netns_forget_others(const struct netns_table *held)
{
    struct error error = {0};
    auto_names char **names = directory_names(NETNS_PARKED_DIRECTORY, &error);
    for (char **name = names; name && *name; name++) {
        if (!netns_table_find(held, *name))
            netns_forget(*name, &error);
    }
    if (error.code)
        log_warning("%s", error.text);
}
