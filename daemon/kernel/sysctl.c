#include "kernel/sysctl.h"

#include "common/cleanup.h"
#include "kernel/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel hands out at most a page (fs/proc/proc_sysctl.c). */
#define VALUE_MAX 4096

static int open_sysctl(const char *path, int flags, struct error *error)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "/proc/sys/%s", path);
    int fd = open(full, flags | O_CLOEXEC);
    if (fd < 0)
        error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_KERNEL, errno,
                  "%s cannot be opened: %s%s", full, strerror(errno),
                  errno == ENOENT ? ": this kernel has no such sysctl here, or its module is not "
                                    "loaded"
                                  : "");
    return fd;
}

char *sysctl_read(const char *path, struct error *error)
{
    char value[VALUE_MAX];
    auto_close int fd = open_sysctl(path, O_RDONLY, error);
    if (fd < 0)
        return NULL;
    ssize_t length = read(fd, value, sizeof(value) - 1);
    if (length < 0) {
        error_set(error, ERROR_KERNEL, errno, "/proc/sys/%s cannot be read: %s", path,
                  strerror(errno));
        return NULL;
    }
    value[length] = '\0';
    value[strcspn(value, "\n")] = '\0';
    char *copy = strdup(value);
    if (!copy)
        error_memory(error);
    return copy;
}

bool sysctl_write(const char *path, const char *value, struct error *error)
{
    if (fault_here())
        return error_set(error, ERROR_KERNEL, EIO, "/proc/sys/%s cannot be written: %s", path,
                         strerror(EIO));
    auto_close int fd = open_sysctl(path, O_WRONLY, error);
    if (fd < 0)
        return false;
    size_t length = strlen(value);
    ssize_t written = write(fd, value, length);
    if (written == (ssize_t)length)
        return true;
    return error_set(error, ERROR_KERNEL, written < 0 ? errno : EINVAL,
                     "\"%s\" cannot be written to /proc/sys/%s: %s", value, path,
                     strerror(written < 0 ? errno : EINVAL));
}
