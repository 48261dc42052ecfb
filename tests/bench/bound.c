/* The lower bound: the fastest that one program builds and removes the topology that all
 * contestants build (tests/bench/topology.py). It has no daemon behind it, checks nothing, keeps
 * nothing, watches nothing and cannot undo: it only makes the system calls that must be made, the
 * cheapest way known.
 *
 *     bound make N     the bridges, and namespaces n0 to n(N-1)
 *     bound watch N    the same, and hears all that the kernel tells of them meanwhile: what it
 *                      costs the kernel to be watched
 *     bound remove     whatever has a name below /run/netns
 *     bound more K I   K namespaces, one each I milliseconds, with a cable to a bridge of their own
 *                      beside what there is; prints how many seconds each took, as JSON
 *
 * What makes it fast, the most useful first:
 * - No IPv6 addresses but those of lo: neighbour discovery of N idle hosts on one bridge floods it
 *   quadratically.
 * - One queue pair. The kernel's default waits for two RCU grace periods a cable.
 * - A cable is one message: its bridge's end is born in place, a port and up; the other end is born
 *   in its namespace. To move a link later costs more than all the rest.
 * - Its index is chosen here, so that nothing has to be asked before the next message is written:
 *   all messages for a namespace go in one sendmsg(), and only the last is acknowledged.
 * - Bridges have MAC and MTU from the beginning, or each new port makes the kernel look at all
 * ports.
 * - The namespaces are numbered downwards where the bridges are. The kernel looks numbers up from
 *   the lowest, so it finds the newest at once.
 * - One thread makes namespaces, another one configures them.
 * - The names are links of one anonymous file, which saves making an inode for each.
 * - On removal each namespace is held until all have lost their names, and then all are let go at
 *   once: the kernel destroys together what dies together. */
#include "common/cleanup.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define NAMES "/run/netns"
#define OWN_NAMESPACE "/proc/thread-self/ns/net"

/* A bridge takes 1,023 (net/bridge/br_private.h, BR_MAX_PORTS). */
#define PORTS 1000
#define BRIDGES_MAX 64
#define NAMESPACES_MAX (PORTS * BRIDGES_MAX)

#define SECOND INT64_C(1000000000) /* in nanoseconds */

#define LO_INDEX 1
#define ETH0_INDEX 2
#define BRIDGE_INDEX 10
/* The first namespace's number where the bridges are; the next ones' are lower. */
#define NUMBER_HIGHEST 1000000
/* The prefixes of the bridges' networks: 10.BRIDGE.0.0/16. */
#define PREFIX_LENGTH 16

#define BATCH_SIZE 8192

/* Messages that are heard are read so often. Whoever slept until there is one would be woken by
 * each. */
#define HEAR_MILLISECONDS 10
#define HEAR_BUFFER (64 * 1024 * 1024)

/* Where namespaces are built: the namespace of the bridges with a socket in it, the file that all
 * names are links of, and what the namespaces' names begin with. OWN_SOCKET, in the namespace that
 * the program began in, hears what happens in them; 0: nobody does. */
struct site {
    int bridges;
    int bridges_socket;
    int own_socket;
    int anchor;
    const char *prefix;
};

/* Messages, to be sent together. */
struct batch {
    struct nlmsghdr *last;
    _Alignas(NLMSG_ALIGNTO) char data[BATCH_SIZE];
};

static struct nlmsghdr *begin(struct batch *batch, uint16_t type, int flags)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(
        batch->last ? mnl_nlmsg_get_payload_tail(batch->last) : (void *)batch->data);
    message->nlmsg_type = type;
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    return batch->last = message;
}

/* Sends all, and waits until all is done. The kernel goes on after an error, and tells it before it
 * acknowledges the last message: so the first answer tells whether all went well. */
static void send_batch(struct batch *batch, int fd)
{
    batch->last->nlmsg_flags |= NLM_F_ACK;
    size_t length = (size_t)((char *)mnl_nlmsg_get_payload_tail(batch->last) - batch->data);
    if (send(fd, batch->data, length, 0) < 0)
        err(EXIT_FAILURE, "messages cannot be sent");
    _Alignas(NLMSG_ALIGNTO) char answer[BATCH_SIZE];
    if (recv(fd, answer, sizeof(answer), 0) < 0)
        err(EXIT_FAILURE, "no answer can be read");
    const struct nlmsgerr *error = mnl_nlmsg_get_payload((struct nlmsghdr *)answer);
    errno = -error->error;
    if (error->error)
        err(EXIT_FAILURE, "the kernel refuses a message of type %u", error->msg.nlmsg_type);
    batch->last = NULL;
}

/* Messages. */

static struct nlmsghdr *put_link(struct batch *batch, int flags, int ifindex, unsigned int up)
{
    struct nlmsghdr *message = begin(batch, RTM_NEWLINK, flags);
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->ifi_index = ifindex;
    header->ifi_flags = header->ifi_change = up;
    return message;
}

static void put_address(struct batch *batch, int ifindex, in_addr_t address)
{
    struct nlmsghdr *message = begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->ifa_family = AF_INET;
    header->ifa_prefixlen = PREFIX_LENGTH;
    header->ifa_index = (uint32_t)ifindex;
    mnl_attr_put_u32(message, IFA_LOCAL, address);
    mnl_attr_put_u32(message, IFA_ADDRESS, address);
}

static void put_default_route(struct batch *batch, in_addr_t gateway)
{
    struct nlmsghdr *message = begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->rtm_family = AF_INET;
    header->rtm_table = RT_TABLE_MAIN;
    header->rtm_protocol = RTPROT_STATIC;
    header->rtm_scope = RT_SCOPE_UNIVERSE;
    header->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(message, RTA_GATEWAY, gateway);
}

static void put_queues(struct nlmsghdr *message)
{
    mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, 1);
    mnl_attr_put_u32(message, IFLA_NUM_RX_QUEUES, 1);
}

/* A cable from eth0, where the message is sent, to a bridge. Of its ends only this one can be born
 * up: the kernel opens a veth only when it has its peer. */
static void put_cable(struct batch *batch, const char *port, int bridges, int bridge_index)
{
    struct nlmsghdr *message = put_link(batch, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);
    mnl_attr_put_strz(message, IFLA_IFNAME, port);
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)bridges);
    mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)bridge_index);
    put_queues(message);
    struct nlattr *information = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    header->ifi_index = ETH0_INDEX;
    mnl_attr_put_strz(message, IFLA_IFNAME, "eth0");
    put_queues(message);
    mnl_attr_nest_end(message, peer);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, information);
}

static void put_no_link_local_address(struct batch *batch, int ifindex)
{
    struct nlmsghdr *message = put_link(batch, 0, ifindex, 0);
    struct nlattr *families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
    struct nlattr *ipv6 = mnl_attr_nest_start(message, AF_INET6);
    mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(message, ipv6);
    mnl_attr_nest_end(message, families);
}

static void put_bridge(struct batch *batch, int number)
{
    const uint8_t mac[] = {2, 0, 0, 0, 1, (uint8_t)number};
    char name[IFNAMSIZ];
    (void)snprintf(name, sizeof(name), "br%d", number);
    int ifindex = BRIDGE_INDEX + number;
    struct nlmsghdr *message = put_link(batch, NLM_F_CREATE | NLM_F_EXCL, ifindex, IFF_UP);
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac), mac);
    struct nlattr *information = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(message, information);
    /* Only an MTU that is set after the birth ends the bridge's looking for the lowest of its
     * ports'. */
    mnl_attr_put_u32(put_link(batch, 0, ifindex, 0), IFLA_MTU, 1500);
}

/* The number, in the namespace that the message is sent in, of the one at FD. */
static void put_number(struct batch *batch, int fd, int number)
{
    struct nlmsghdr *message = begin(batch, RTM_NEWNSID, 0);
    mnl_nlmsg_put_extra_header(message, sizeof(struct rtgenmsg));
    mnl_attr_put_u32(message, NETNSA_NSID, (uint32_t)number);
    mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)fd);
}

/* Namespaces. */

static int netlink_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        err(EXIT_FAILURE, "no netlink socket can be made");
    return fd;
}

static int open_namespace(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(EXIT_FAILURE, "%s cannot be opened", path);
    return fd;
}

/* Makes a namespace, which the calling thread is in from then on. */
static void make_namespace(const struct site *site, const char *name)
{
    char anchor[64], path[PATH_MAX];
    (void)snprintf(anchor, sizeof(anchor), "/proc/self/fd/%d", site->anchor);
    (void)snprintf(path, sizeof(path), NAMES "/%s", name);
    if (unshare(CLONE_NEWNET) < 0)
        err(EXIT_FAILURE, "no namespace can be made");
    if (linkat(AT_FDCWD, anchor, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ||
        mount(OWN_NAMESPACE, path, "none", MS_BIND, NULL) < 0)
        err(EXIT_FAILURE, "%s cannot be made", path);
}

static void disable_ipv6(void)
{
    const char path[] = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    /* A kernel without IPv6 has no such file. */
    if (fd < 0 ? errno != ENOENT : write(fd, "1", 1) != 1)
        err(EXIT_FAILURE, "%s cannot be written", path);
}

static in_addr_t address(int bridge, int host)
{
    return htonl(10u << 24 | (uint32_t)bridge << 16 | (uint32_t)host);
}

/* The kernel tells of namespaces that have a number where it is heard. */
static void be_heard(const struct site *site, int fd, int number)
{
    struct batch batch = {0};
    if (!site->own_socket)
        return;
    put_number(&batch, fd, number);
    send_batch(&batch, site->own_socket);
}

/* Makes a namespace with enough bridges for COUNT ports. */
static struct site make_site(const char *name, const char *prefix, int count, int own_socket)
{
    struct site site = {.prefix = prefix, .own_socket = own_socket};
    if (mkdir(NAMES, 0755) < 0 && errno != EEXIST)
        err(EXIT_FAILURE, "%s cannot be made", NAMES);
    site.anchor = open(NAMES, O_TMPFILE | O_RDWR | O_CLOEXEC, 0);
    if (site.anchor < 0)
        err(EXIT_FAILURE, "no file can be made in %s", NAMES);
    make_namespace(&site, name);
    site.bridges = open_namespace(OWN_NAMESPACE);
    site.bridges_socket = netlink_socket();
    be_heard(&site, site.bridges, NUMBER_HIGHEST - NAMESPACES_MAX);
    disable_ipv6();

    struct batch batch = {0};
    put_link(&batch, 0, LO_INDEX, IFF_UP);
    for (int number = 0; number * PORTS < count; number++) {
        put_bridge(&batch, number);
        put_address(&batch, BRIDGE_INDEX + number, address(number, 1));
    }
    send_batch(&batch, site.bridges_socket);
    return site;
}

/* Makes namespace INDEX. Returns a socket in it. */
static int make(const struct site *site, int index)
{
    char name[NAME_MAX];
    (void)snprintf(name, sizeof(name), "%s%d", site->prefix, index);
    make_namespace(site, name);
    auto_close int own = open_namespace(OWN_NAMESPACE);
    struct batch batch = {0};
    put_number(&batch, own, NUMBER_HIGHEST - index);
    send_batch(&batch, site->bridges_socket);
    be_heard(site, own, NUMBER_HIGHEST - index);
    return netlink_socket();
}

/* Configures namespace INDEX by a socket in it. */
static void configure(const struct site *site, int index, int fd)
{
    int bridge = index / PORTS;
    char port[IFNAMSIZ];
    (void)snprintf(port, sizeof(port), "%s%d.eth0", site->prefix, index);
    struct batch batch = {0};
    put_cable(&batch, port, site->bridges, BRIDGE_INDEX + bridge);
    put_no_link_local_address(&batch, ETH0_INDEX);
    put_link(&batch, 0, LO_INDEX, IFF_UP);
    put_link(&batch, 0, ETH0_INDEX, IFF_UP);
    put_address(&batch, ETH0_INDEX, address(bridge, index % PORTS + 2));
    put_default_route(&batch, address(bridge, 1));
    send_batch(&batch, fd);
}

/* What the commands do. */

/* The way from the thread that makes namespaces to the one that configures them: as many sockets as
 * MADE counts. */
struct pipeline {
    const struct site *site;
    int count;
    sem_t made;
    int sockets[NAMESPACES_MAX];
};

static void *make_each(void *argument)
{
    struct pipeline *pipeline = argument;
    for (int index = 0; index < pipeline->count; index++) {
        pipeline->sockets[index] = make(pipeline->site, index);
        if (sem_post(&pipeline->made) < 0)
            err(EXIT_FAILURE, "the other thread cannot be told");
    }
    return NULL;
}

struct hearing {
    int fd;
    atomic_size_t count; /* of messages */
};

static int hearing_socket(void)
{
    const enum rtnetlink_groups groups[] = {
        RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
        RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,   RTNLGRP_NSID,
    };
    const struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = netlink_socket(), size = HEAR_BUFFER, on = 1;
    /* Without an address it would be taken for the kernel, which is not told of its own changes
     * (net/netlink/af_netlink.c, do_one_broadcast()). */
    bool good = bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0 &&
                setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) == 0;
    for (size_t i = 0; good && i < sizeof(groups) / sizeof(*groups); i++)
        good =
            setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])) == 0;
    if (!good)
        err(EXIT_FAILURE, "the kernel cannot be heard");
    return fd;
}

/* Reads what was heard; how many messages. */
static size_t hear_all(int fd)
{
    char messages[65536];
    size_t count = 0;
    while (recv(fd, messages, sizeof(messages), MSG_DONTWAIT) > 0)
        count++;
    if (errno != EAGAIN)
        err(EXIT_FAILURE, "what the kernel tells is lost");
    return count;
}

static void *hear(void *argument)
{
    struct hearing *hearing = argument;
    const struct timespec pause = {.tv_nsec = HEAR_MILLISECONDS * 1000 * 1000};
    for (;;) {
        hearing->count += hear_all(hearing->fd);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void make_all(int count, bool watch)
{
    static struct pipeline pipeline;
    static struct hearing hearing;
    pthread_t hearer;
    if (watch) {
        hearing.fd = hearing_socket();
        if ((errno = pthread_create(&hearer, NULL, hear, &hearing)))
            err(EXIT_FAILURE, "no thread can be made");
    }
    struct site site = make_site("br", "n", count, watch ? netlink_socket() : 0);
    pipeline.site = &site;
    pipeline.count = count;
    pthread_t maker;
    if (sem_init(&pipeline.made, 0, 0) < 0 ||
        (errno = pthread_create(&maker, NULL, make_each, &pipeline)))
        err(EXIT_FAILURE, "no thread can be made");
    for (int index = 0; index < count; index++) {
        while (sem_wait(&pipeline.made) < 0)
            if (errno != EINTR)
                err(EXIT_FAILURE, "the other thread cannot be awaited");
        configure(&site, index, pipeline.sockets[index]);
        close(pipeline.sockets[index]);
    }
    pthread_join(maker, NULL);
    if (watch && hear_all(hearing.fd) + hearing.count < (size_t)count)
        errx(EXIT_FAILURE, "the kernel does not tell what it does");
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void sleep_until(int64_t due)
{
    const struct timespec time = {.tv_sec = due / SECOND, .tv_nsec = due % SECOND};
    while ((errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL)))
        if (errno != EINTR)
            err(EXIT_FAILURE, "the time cannot be awaited");
}

static void make_more(int count, int interval)
{
    struct site site = make_site("spare", "m", count, 0);
    int64_t begin = now();
    for (int index = 0; index < count; index++) {
        sleep_until(begin + index * (interval * (SECOND / 1000)));
        int64_t start = now();
        int fd = make(&site, index);
        configure(&site, index, fd);
        close(fd);
        printf("%s%.9f", index > 0 ? ", " : "[", (double)(now() - start) / SECOND);
    }
    puts("]");
}

/* tmpfs tells the names from the newest to the oldest, so the bridges are let go of last, which is
 * faster than first. */
static void remove_all(void)
{
    struct dirent **entries;
    int count = scandir(NAMES, &entries, NULL, NULL);
    struct rlimit descriptors = {.rlim_cur = (rlim_t)count + 16, .rlim_max = (rlim_t)count + 16};
    if (count < 0 || setrlimit(RLIMIT_NOFILE, &descriptors) < 0 || chdir(NAMES) < 0)
        err(EXIT_FAILURE, "%s cannot be read", NAMES);
    for (int i = 0; i < count; i++)
        if (entries[i]->d_name[0] != '.')
            open_namespace(entries[i]->d_name);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (name[0] != '.' && (umount2(name, MNT_DETACH) < 0 || unlink(name) < 0))
            err(EXIT_FAILURE, "%s cannot be removed", name);
        free(entries[i]);
    }
    free(entries);
    /* The end of this process lets go of all. */
}

static int read_count(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > NAMESPACES_MAX)
        errx(EXIT_FAILURE, "\"%s\" is no number from 1 to %d", text, NAMESPACES_MAX);
    return (int)value;
}

int main(int argument_count, char **arguments)
{
    const char *command = argument_count > 1 ? arguments[1] : "";
    if (argument_count == 3 && strcmp(command, "make") == 0)
        make_all(read_count(arguments[2]), false);
    else if (argument_count == 3 && strcmp(command, "watch") == 0)
        make_all(read_count(arguments[2]), true);
    else if (argument_count == 4 && strcmp(command, "more") == 0)
        make_more(read_count(arguments[2]), read_count(arguments[3]));
    else if (argument_count == 2 && strcmp(command, "remove") == 0)
        remove_all();
    else
        errx(EXIT_FAILURE, "usage: bound make N | watch N | remove | more K I");
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
