#include "kernel/netns.h"

#include "kernel/fault.h"
#include "kernel/netlink.h"
#include "kernel/netns_directory.h"
#include "kernel/sysctl.h"
#include "model/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* enum in6_addr_gen_mode (linux/if_link.h), as a sysctl has it. */
#define IN6_ADDR_GEN_MODE_NONE_TEXT "1"

static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t state_changed = PTHREAD_COND_INITIALIZER;

/* The daemon's own namespace, where threads return to. Opened before any thread leaves it. */
static pthread_once_t own_once = PTHREAD_ONCE_INIT;
static int own_fd = -1;

static void open_own(void)
{
    own_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

struct netns *netns_new(const char *name)
{
    struct netns *netns = calloc(1, sizeof(*netns));
    if (!netns)
        return NULL;
    netns->fd = -1;
    netns->number = -1;
    netns->name = strdup(name);
    if (netns->name)
        return netns;
    free(netns);
    return NULL;
}

void netns_free(struct netns *netns)
{
    if (!netns)
        return;
    close_descriptor(&netns->fd);
    netlink_closep(&netns->socket);
    free(netns->name);
    free(netns);
}

void netns_rest(struct netns *netns)
{
    netlink_closep(&netns->socket);
    netns->socket = NULL;
    netns->fresh = false;
}

void netns_freep(struct netns **netns)
{
    netns_free(*netns);
}

bool netns_table_add(struct netns_table *table, struct netns *netns)
{
    HASH_ADD_KEYPTR(hh, table->entries, netns->name, strlen(netns->name), netns);
    return netns->hh.tbl;
}

bool netns_table_add_new(struct netns_table *table, const struct namespace *namespace)
{
    auto_netns struct netns *netns = netns_new(namespace->name);
    if (!netns)
        return false;
    netns->hub = namespace->hub;
    netns->silent = namespace_is_silent(namespace);
    if (!netns_table_add(table, netns))
        return false;
    (void)TAKE(netns);
    return true;
}

struct netns *netns_table_find(const struct netns_table *table, const char *name)
{
    struct netns *netns;
    HASH_FIND_STR(table->entries, name, netns);
    return netns;
}

void netns_table_take(struct netns_table *table, struct netns *netns)
{
    HASH_DEL(table->entries, netns);
    netns->hh.tbl = NULL;
}

void netns_table_clear(struct netns_table *table)
{
    struct netns *netns, *next;
    HASH_ITER (hh, table->entries, netns, next) {
        netns_table_take(table, netns);
        netns_free(netns);
    }
}

static void set_state(struct netns *netns, bool ready)
{
    pthread_mutex_lock(&state_lock);
    netns->state = ready ? NETNS_READY : NETNS_FAILED;
    pthread_cond_broadcast(&state_changed);
    pthread_mutex_unlock(&state_lock);
}

bool netns_wait(struct netns *netns, struct error *error)
{
    pthread_mutex_lock(&state_lock);
    while (netns->state == NETNS_PENDING)
        pthread_cond_wait(&state_changed, &state_lock);
    bool ready = netns->state == NETNS_READY;
    pthread_mutex_unlock(&state_lock);
    return ready ||
           error_set(error, ERROR_KERNEL, 0, "namespace \"%s\" could not be made", netns->name);
}

void netns_abandon(struct netns *netns)
{
    set_state(netns, false);
}

static bool enter(int fd, const char *name, struct error *error)
{
    pthread_once(&own_once, open_own);
    if (own_fd < 0)
        return error_set(error, ERROR_SYSTEM, 0,
                         "netnsd's own namespace cannot be opened: is /proc mounted?");
    if (setns(fd, CLONE_NEWNET) < 0)
        return error_set(error, errno == EINVAL ? ERROR_NOT_FOUND : ERROR_KERNEL, errno,
                         "namespace \"%s\" cannot be entered: %s", name, strerror(errno));
    return true;
}

bool netns_enter(const struct netns *netns, struct error *error)
{
    return enter(netns->fd, netns->name, error);
}

bool netns_leave(struct error *error)
{
    if (setns(own_fd, CLONE_NEWNET) == 0)
        return true;
    return error_set(error, ERROR_SYSTEM, errno, "netnsd cannot return to its namespace: %s",
                     strerror(errno));
}

/* Reads the identity of the namespace that SOCKET is in, and takes a descriptor of it. */
static bool hold(struct netns *netns, int socket, struct error *error)
{
    socklen_t size = sizeof(netns->cookie);
    if (getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &netns->cookie, &size) < 0 ||
        (netns->fd = ioctl(socket, SIOCGSKNS)) < 0)
        return error_set(error, ERROR_KERNEL, errno, "namespace \"%s\" cannot be held: %s",
                         netns->name, strerror(errno));
    return true;
}

/* A kernel without IPv6 gives links no such addresses anyway. */
static bool silence(const struct netns *netns, struct error *error)
{
    struct error reason = {0};
    if (!netns->silent ||
        sysctl_write("net/ipv6/conf/default/addr_gen_mode", IN6_ADDR_GEN_MODE_NONE_TEXT, &reason) ||
        reason.code == ERROR_NOT_FOUND)
        return true;
    *error = reason;
    return false;
}

/* In the new namespace. Numbered before anything is told of it: the kernel would look in vain for
 * its number, for each message (netns_number.c). */
static bool equip(struct netns *netns, struct error *error)
{
    auto_netlink struct mnl_socket *socket = netlink_open(error);
    if (!socket || !hold(netns, mnl_socket_get_fd(socket), error) ||
        !netns_number(netns, true, error) || !silence(netns, error))
        return false;
    netns->socket = TAKE(socket);
    netns->fresh = true;
    return true;
}

bool netns_make(struct netns *netns, struct error *error)
{
    pthread_once(&own_once, open_own);
    if (fault_here())
        return error_set(error, ERROR_KERNEL, EIO, "namespace \"%s\" cannot be made: %s",
                         netns->name, strerror(EIO));
    if (unshare(CLONE_NEWNET) < 0)
        return error_set(error, ERROR_KERNEL, errno, "namespace \"%s\" cannot be made: %s",
                         netns->name, strerror(errno));
    bool good = equip(netns, error);
    return netns_leave(good ? error : NULL) && good;
}

void netns_take_over(struct netns *netns, struct netns *from)
{
    netns->fd = from->fd;
    netns->cookie = from->cookie;
    netns->number = from->number;
    netns->fresh = from->fresh;
    netns->socket = TAKE(from->socket);
    from->fd = -1;
}

void netns_present(struct netns *netns, struct introduction *introduction)
{
    if (netns->neighbour && netns->neighbour->fd >= 0)
        netns_introduce(netns, netns->neighbour, introduction);
    netns->neighbour = NULL;
    set_state(netns, true);
}

/* In the namespace to be held. */
static bool hold_present(struct netns *netns, struct error *error)
{
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* the cheapest there is */
    if (fd < 0)
        return error_set(error, ERROR_SYSTEM, errno, "no socket can be opened: %s",
                         strerror(errno));
    return hold(netns, fd, error);
}

static bool open_named(struct netns *netns, const char *path, struct error *error)
{
    char named[PATH_MAX];
    if (!path)
        path = netns_directory_path(netns->name, named);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_KERNEL, errno,
                         "namespace \"%s\" cannot be opened at %s: %s", netns->name, path,
                         strerror(errno));
    if (!enter(fd, netns->name, error))
        return false;
    bool good = hold_present(netns, error);
    return netns_leave(good ? error : NULL) && good;
}

struct netns *netns_open(const char *name, const char *path, struct error *error)
{
    auto_netns struct netns *netns = netns_new(name);
    if (!netns) {
        error_memory(error);
        return NULL;
    }
    netns->host = !path && strcmp(name, NAMESPACE_HOST) == 0;
    if (!(netns->host ? hold_present(netns, error) : open_named(netns, path, error)))
        return NULL;
    netns->state = NETNS_READY;
    return TAKE(netns);
}

bool netns_name(const struct netns *netns, struct error *error)
{
    return netns_directory_mount(netns->name, netns->fd, error);
}

bool netns_is_named(const struct netns *netns)
{
    char path[PATH_MAX];
    struct stat named, held;
    return stat(netns_directory_path(netns->name, path), &named) == 0 &&
           fstat(netns->fd, &held) == 0 && named.st_dev == held.st_dev &&
           named.st_ino == held.st_ino;
}

bool netns_unmount(const char *name, struct error *error)
{
    return netns_directory_unmount(name, error);
}

bool netns_park(const struct netns *netns, struct error *error)
{
    if (!netns_directory_park(netns->name, netns->fd, error))
        return false;
    if (netns_directory_unmount(netns->name, error))
        return true;
    netns_forget(netns->name, NULL);
    return false;
}

bool netns_unpark(const struct netns *netns, struct error *error)
{
    return netns_directory_mount_over(netns->name, netns->fd, error) &&
           netns_forget(netns->name, error);
}
