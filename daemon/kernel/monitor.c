#include "kernel/monitor.h"

#include "common/cleanup.h"
#include "kernel/message.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netconf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

/* Holds some ten thousand messages (the kernel counts more than their length). */
#define RECEIVE_BUFFER (64 * 1024 * 1024)
/* Longer than any message that the groups below send. */
#define MESSAGE_MAX 65536

/* Datagrams that one system call reads. */
#define DATAGRAMS 16

/* A 16-bit constant as a filter sees it, which reads in the order of networks. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FILTER_HALF(value) __builtin_bswap16(value)
#else
#define FILTER_HALF(value) (value)
#endif

struct datagram {
    _Alignas(struct nlmsghdr) char buffer[MESSAGE_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int32_t))];
};

struct monitor {
    struct mnl_socket *socket;
    int mounts, names;
    /* Were messages, since the queue was last empty? The kernel says it once (af_netlink.c). */
    bool lost;
    bool settings; /* are heard */
    struct mmsghdr headers[DATAGRAMS];
    struct iovec parts[DATAGRAMS];
    struct datagram datagrams[DATAGRAMS];
};

static const int groups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                             RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
                             RTNLGRP_IPV6_RULE,  RTNLGRP_NSID};
static const int setting_groups[] = {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Drops what message_route_key() leaves out, which is most of what the kernel tells of a new
 * address: the routes that it makes for itself in the local table. */
static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_HALF(RTM_NEWROUTE), 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_HALF(RTM_DELROUTE), 0, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_protocol)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTPROT_KERNEL, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
};

static bool fails(struct error *error, const char *what)
{
    return error_set(error, ERROR_SYSTEM, errno, "the kernel cannot be listened to: %s: %s", what,
                     strerror(errno));
}

static int receive_buffer(void)
{
#ifdef ENABLE_FAULT_INJECTION
    const char *text = getenv("NETNSD_RECEIVE_BUFFER");
    if (text)
        return atoi(text);
#endif
    return RECEIVE_BUFFER;
}

static bool set_membership(struct monitor *monitor, int option, const int *list, size_t count,
                           struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        int group = list[i];
        if (mnl_socket_setsockopt(monitor->socket, option, &group, sizeof(group)) < 0)
            return fails(error, "NETLINK_ADD_MEMBERSHIP");
    }
    return true;
}

static bool set_up(struct monitor *monitor, struct error *error)
{
    int on = 1, size = receive_buffer();
    int fd = mnl_socket_get_fd(monitor->socket);
    if (mnl_socket_setsockopt(monitor->socket, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
        return fails(error, "NETLINK_LISTEN_ALL_NSID");
    /* Without CAP_NET_ADMIN in the initial user namespace, the buffer is what others have. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
        return fails(error, "SO_RCVBUF");
    const struct sock_fprog program = {.len = COUNT(filter), .filter = filter};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
        return fails(error, "SO_ATTACH_FILTER");
    return set_membership(monitor, NETLINK_ADD_MEMBERSHIP, groups, COUNT(groups), error);
}

bool monitor_hear_settings(struct monitor *monitor, bool hear, struct error *error)
{
    if (monitor->settings == hear)
        return true;
    monitor->settings = hear;
    return set_membership(monitor, hear ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
                          setting_groups, COUNT(setting_groups), error);
}

struct monitor *monitor_new(struct error *error)
{
    struct monitor *monitor = malloc(sizeof(*monitor));
    if (!monitor) {
        error_memory(error);
        return NULL;
    }
    monitor->lost = monitor->settings = false;
    monitor->socket = netlink_open(error);
    monitor->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (monitor->mounts < 0)
        fails(error, "/proc/self/mountinfo");
    monitor->names = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    bool listens = monitor->names >= 0 &&
                   inotify_add_watch(monitor->names, NETNS_DIRECTORY,
                                     IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) >= 0;
    if (!listens)
        fails(error, NETNS_DIRECTORY);
    if (monitor->socket && monitor->mounts >= 0 && listens && set_up(monitor, error))
        return monitor;
    monitor_free(monitor);
    return NULL;
}

void monitor_free(struct monitor *monitor)
{
    if (!monitor)
        return;
    netlink_closep(&monitor->socket);
    close_descriptor(&monitor->mounts);
    close_descriptor(&monitor->names);
    free(monitor);
}

int monitor_messages_fd(const struct monitor *monitor)
{
    return mnl_socket_get_fd(monitor->socket);
}

int monitor_mounts_fd(const struct monitor *monitor)
{
    return monitor->mounts;
}

bool monitor_mounts_changed(const struct monitor *monitor)
{
    struct pollfd mounts = {.fd = monitor->mounts, .events = POLLPRI};
    return poll(&mounts, 1, 0) > 0;
}

int monitor_names_fd(const struct monitor *monitor)
{
    return monitor->names;
}

void monitor_read_names(struct monitor *monitor, monitor_name_callback *each, void *context)
{
    char *buffer = monitor->datagrams[0].buffer;
    ssize_t length = read(monitor->names, buffer, MESSAGE_MAX);
    const struct inotify_event *event;
    for (const char *at = buffer; length > 0;
         at += sizeof(*event) + event->len, length -= (ssize_t)(sizeof(*event) + event->len)) {
        event = (const struct inotify_event *)at;
        if (event->mask & IN_Q_OVERFLOW)
            each(context, NULL, false);
        else if (event->len)
            each(context, event->name, event->mask & (IN_DELETE | IN_MOVED_FROM));
    }
}

static int32_t read_number(struct msghdr *header)
{
    int32_t number = MONITOR_OWN;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == SOL_NETLINK && control->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            memcpy(&number, CMSG_DATA(control), sizeof(number));
    }
    return number;
}

static const struct nlattr *find_attribute(const struct nlmsghdr *message, size_t offset,
                                           uint16_t type)
{
    const struct nlattr *attribute;
    mnl_attr_for_each (attribute, message, (unsigned)offset) {
        if (mnl_attr_get_type(attribute) == type)
            return attribute;
    }
    return NULL;
}

static bool read_link(const struct nlmsghdr *message, struct monitor_event *event)
{
    const struct ifinfomsg *header = message_header(message, sizeof(*header));
    if (!header)
        return false;
    event->subject = header->ifi_family == AF_BRIDGE ? MONITOR_PORT : MONITOR_LINK;
    event->ifindex = (uint32_t)header->ifi_index;
    return true;
}

static bool read_setting(const struct nlmsghdr *message, struct monitor_event *event)
{
    const struct nlattr *ifindex =
        find_attribute(message, sizeof(struct netconfmsg), NETCONFA_IFINDEX);
    event->subject = MONITOR_SETTING;
    event->ifindex = ifindex ? message_u32(ifindex) : 0;
    return ifindex;
}

/* Numbers are of namespaces as others know them, too: those do not count. */
static bool read_namespace_number(const struct nlmsghdr *message, struct monitor_event *event)
{
    const struct nlattr *number = find_attribute(message, sizeof(struct rtgenmsg), NETNSA_NSID);
    if (!number || event->number != MONITOR_OWN)
        return false;
    event->subject = MONITOR_NUMBER;
    event->number = (int32_t)message_u32(number);
    return true;
}

/* False for what is of no interest. */
static bool read_event(const struct nlmsghdr *message, struct monitor_event *event)
{
    switch (message->nlmsg_type) {
    case RTM_DELLINK:
        event->gone = true; /* fall through */
    case RTM_NEWLINK:
        return read_link(message, event);
    case RTM_DELADDR:
        event->gone = true; /* fall through */
    case RTM_NEWADDR:
        event->subject = MONITOR_ADDRESS;
        return true;
    case RTM_DELROUTE:
        event->gone = true; /* fall through */
    case RTM_NEWROUTE:
        event->subject = MONITOR_ROUTE;
        return true;
    case RTM_DELRULE:
        event->gone = true; /* fall through */
    case RTM_NEWRULE:
        event->subject = MONITOR_RULE;
        return true;
    case RTM_NEWNETCONF:
        return read_setting(message, event);
    case RTM_DELNSID:
        event->gone = true; /* fall through */
    case RTM_NEWNSID:
        return read_namespace_number(message, event);
    }
    return false;
}

/* Hands over the messages of one datagram. */
static void hand_over(const char *buffer, int32_t number, size_t length, monitor_callback *each,
                      void *context)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    for (int rest = (int)length; mnl_nlmsg_ok(message, rest);
         message = mnl_nlmsg_next(message, &rest)) {
        struct monitor_event event = {.number = number, .message = message};
        if (read_event(message, &event))
            each(context, &event);
    }
}

static void prepare(struct monitor *monitor)
{
    for (size_t i = 0; i < DATAGRAMS; i++) {
        struct datagram *datagram = &monitor->datagrams[i];
        monitor->parts[i] =
            (struct iovec){.iov_base = datagram->buffer, .iov_len = sizeof(datagram->buffer)};
        monitor->headers[i].msg_hdr = (struct msghdr){.msg_iov = &monitor->parts[i],
                                                      .msg_iovlen = 1,
                                                      .msg_control = datagram->control,
                                                      .msg_controllen = sizeof(datagram->control)};
    }
}

/* How many datagrams came; -1 and errno when none did. */
static int receive(struct monitor *monitor, monitor_callback *each, void *context)
{
    prepare(monitor);
    int count =
        recvmmsg(monitor_messages_fd(monitor), monitor->headers, DATAGRAMS, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &monitor->headers[i].msg_hdr;
        if (header->msg_flags & MSG_TRUNC)
            monitor->lost = true;
        else
            hand_over(monitor->datagrams[i].buffer, read_number(header),
                      monitor->headers[i].msg_len, each, context);
    }
    return count;
}

enum monitor_result monitor_read(struct monitor *monitor, size_t budget, monitor_callback *each,
                                 void *context)
{
    for (size_t read = 0; read < budget;) {
        int count = receive(monitor, each, context);
        if (count > 0) {
            read += (size_t)count;
        } else if (count < 0 && errno == ENOBUFS) {
            monitor->lost = true;
        } else if (count == 0 || errno != EINTR) {
            bool lost = monitor->lost;
            monitor->lost = false;
            return lost ? MONITOR_LOST : MONITOR_EMPTY;
        }
    }
    return MONITOR_MORE;
}
