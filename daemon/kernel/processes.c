#include "kernel/processes.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Milliseconds that a killed process has to end. */
#define KILL_PATIENCE 1000

void process_list_clear(struct process_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].namespace);
    free(list->items);
    *list = (struct process_list){0};
}

static int compare(const void *a, const void *b)
{
    const struct process_place *one = a, *other = b;
    if (one->inode != other->inode)
        return one->inode < other->inode ? -1 : 1;
    return (one->device > other->device) - (one->device < other->device);
}

/* Where the process whose directory is PROCESS is; NULL: in none of PLACES. */
static const struct process_place *find_place(int process, const struct process_place *places,
                                              size_t count)
{
    struct stat status;
    if (fstatat(process, "ns/net", &status, 0) < 0)
        return NULL;
    const struct process_place wanted = {.device = status.st_dev, .inode = status.st_ino};
    return bsearch(&wanted, places, count, sizeof(*places), compare);
}

/* Processes may call themselves by any bytes. */
static void read_command(int process, char command[17])
{
    auto_close int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, command, 16);
    command[length > 0 ? length : 0] = '\0';
    command[strcspn(command, "\n")] = '\0';
    for (char *c = command; *c; c++) {
        if (!isprint((unsigned char)*c))
            *c = '?';
    }
}

static bool add(struct process_list *list, pid_t pid, int process, const char *namespace)
{
    struct stat status;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].pid == pid)
            return true;
    }
    if (fstat(process, &status) < 0)
        return true; /* it has ended */
    struct process *items = reallocarray(list->items, list->count + 1, sizeof(*items));
    if (!items)
        return false;
    list->items = items;
    struct process *added = &items[list->count];
    *added = (struct process){.namespace = strdup(namespace), .pid = pid, .user = status.st_uid};
    list->count += added->namespace != NULL;
    read_command(process, added->command);
    return added->namespace;
}

static int open_process(int directory, const char *name)
{
    return isdigit((unsigned char)*name) ? openat(directory, name, O_PATH | O_DIRECTORY | O_CLOEXEC)
                                         : -1;
}

bool processes_find(struct process_place *places, size_t count, struct process_list *list,
                    struct error *error)
{
    DIR *directory = opendir("/proc");
    if (!directory)
        return error_set(error, ERROR_SYSTEM, errno, "cannot read /proc: %s", strerror(errno));
    if (count)
        qsort(places, count, sizeof(*places), compare);
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(directory))) {
        auto_close int process = open_process(dirfd(directory), entry->d_name);
        const struct process_place *place = process < 0 ? NULL : find_place(process, places, count);
        good = !place || add(list, atoi(entry->d_name), process, place->namespace);
    }
    closedir(directory);
    return good || error_memory(error);
}

/* Kills PID if it is in one of PLACES, and waits for its end. A descriptor keeps the number from
 * being another's meanwhile. */
static bool kill_one(pid_t pid, const struct process_place *places, size_t count, int64_t deadline)
{
    char path[32];
    auto_close int pidfd = pidfd_open(pid, 0);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    auto_close int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (pidfd < 0 || process < 0 || !find_place(process, places, count))
        return true;
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int64_t left = deadline - clock_monotonic();
    return pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 ||
           poll(&ended, 1, left > 0 ? (int)left : 0) > 0;
}

/* What is found may have begun others since. */
bool processes_kill(struct process_place *places, size_t count, struct process_list *list,
                    struct error *error)
{
    int64_t deadline = clock_monotonic() + KILL_PATIENCE;
    size_t killed = 0;
    do {
        for (; killed < list->count; killed++) {
            if (!kill_one(list->items[killed].pid, places, count, deadline))
                return true;
        }
        if (!processes_find(places, count, list, error))
            return false;
    } while (killed < list->count && clock_monotonic() < deadline);
    return true;
}
