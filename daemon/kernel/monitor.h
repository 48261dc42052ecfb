/* What anybody changes in the kernel, as it happens: one rtnetlink socket that hears the daemon's
 * own namespace and all that have a number there (NETLINK_LISTEN_ALL_NSID, netlink(7)), the
 * directory of named namespaces, where names come and go (inotify(7)), and the mount table, which
 * tells when one leads elsewhere (/proc/PID/mountinfo, proc(5)).
 *
 * A message says where to look, and not what is: routes vanish without one when a link goes down,
 * and messages are lost when too many come at once. */
#pragma once

#include "common/error.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

/* The number of the daemon's own namespace. */
#define MONITOR_OWN (-1)

struct monitor;

/* Must be called in the daemon's namespace. In a build with fault injection,
 * NETNSD_RECEIVE_BUFFER=N stands for the size of the buffer in bytes, so that messages get lost. */
struct monitor *monitor_new(struct error *error);
void monitor_free(struct monitor *monitor);

/* Are sysctls told of as well? Not at first: of each new link the kernel tells many. */
bool monitor_hear_settings(struct monitor *monitor, bool hear, struct error *error);

/* Readable when there are messages. */
int monitor_messages_fd(const struct monitor *monitor);

/* Can always be read, and need not be; each mount and unmount is an error (EPOLLERR), until that is
 * told (fs/proc_namespace.c, mounts_poll()). */
int monitor_mounts_fd(const struct monitor *monitor);
/* Was anything mounted or unmounted since that was last told, here or of the descriptor? */
bool monitor_mounts_changed(const struct monitor *monitor);

/* Readable when names have come or gone. */
int monitor_names_fd(const struct monitor *monitor);

typedef void monitor_name_callback(void *context, const char *name, bool gone);

/* Tells the names that have come and gone in NETNS_DIRECTORY, without blocking; NULL when some were
 * lost. */
void monitor_read_names(struct monitor *monitor, monitor_name_callback *each, void *context);

enum monitor_subject {
    MONITOR_LINK,
    MONITOR_PORT, /* a link, as the bridge tells that it is a port of (AF_BRIDGE) */
    MONITOR_ADDRESS,
    MONITOR_ROUTE,
    MONITOR_RULE,
    MONITOR_SETTING, /* a sysctl of those that the kernel tells (NETCONF) */
    MONITOR_NUMBER,  /* of a namespace as the daemon's own knows it */
};

/* Valid during the call. */
struct monitor_event {
    int32_t number; /* of the namespace that it happened in; NUMBER: the number */
    enum monitor_subject subject;
    bool gone;                      /* removed, and not added or changed */
    uint32_t ifindex;               /* LINK, PORT and SETTING, there as in NETCONFA_IFINDEX */
    const struct nlmsghdr *message; /* for kernel/message.h */
};

typedef void monitor_callback(void *context, const struct monitor_event *event);

enum monitor_result {
    MONITOR_EMPTY, /* all is read */
    MONITOR_LOST,  /* all is read, but messages were lost: anything may have changed */
    MONITOR_MORE,  /* there may be more */
};

/* Reads what waits, without blocking, until there is no more or about BUDGET datagrams are read. */
enum monitor_result monitor_read(struct monitor *monitor, size_t budget, monitor_callback *each,
                                 void *context);
