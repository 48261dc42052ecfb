#include "kernel/dump.h"

#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* How often a dump is repeated because the namespace changed meanwhile. What keeps changing longer
 * than that is taken as it came. */
#define DUMPS_MAX 10

typedef bool read_message(const struct nlmsghdr *message, struct namespace *namespace);

/* One reading of a namespace. */
struct reading {
    struct mnl_socket *socket;
    struct namespace *namespace;
    bool interrupted;
    read_message *read;
    struct error *error;
};

static int read_one(const struct nlmsghdr *message, void *context)
{
    const struct reading *reading = context;
    if (reading->read(message, reading->namespace))
        return MNL_CB_OK;
    error_memory(reading->error);
    return MNL_CB_ERROR;
}

static bool dump(struct reading *reading, struct nlmsghdr *request, read_message *read)
{
    reading->read = read;
    return netlink_dump(reading->socket, request, read_one, reading, &reading->interrupted,
                        reading->error);
}

static struct nlmsghdr *put_link_request(char *buffer, uint32_t ifindex)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETLINK;
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->ifi_index = (int)ifindex;
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return request;
}

static bool dump_links(struct reading *reading)
{
    char buffer[256];
    return dump(reading, put_link_request(buffer, 0), message_link_read);
}

/* IFINDEX 0: of all links. */
static bool dump_addresses_of(struct reading *reading, unsigned char family, uint32_t ifindex)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETADDR;
    struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->ifa_family = family;
    header->ifa_index = ifindex;
    return dump(reading, request, message_address_read);
}

/* One family's addresses, or routes, are read without the lock that everybody waits for, those of
 * all families at once with it (net/core/rtnetlink.c, rtnl_dump_all()). */
static bool dump_addresses(struct reading *reading, uint32_t ifindex)
{
    return dump_addresses_of(reading, AF_INET, ifindex) &&
           dump_addresses_of(reading, AF_INET6, ifindex);
}

static bool is_gone(int errnum)
{
    return errnum == ENODEV;
}

/* Asks for one link, by its name, or by IFINDEX when that is not 0. One that is not there is left
 * out. */
static bool ask_link(struct reading *reading, const char *name, uint32_t ifindex)
{
    char buffer[256];
    struct error reason = {0};
    struct nlmsghdr *request = put_link_request(buffer, ifindex);
    if (!ifindex)
        mnl_attr_put_strz(request, IFLA_IFNAME, name);
    reading->read = message_link_read;
    if (netlink_ask(reading->socket, request, read_one, reading, &reason) || is_gone(reason.errnum))
        return true;
    return error_set(reading->error, ERROR_KERNEL, reason.errnum, "a link cannot be read: %s",
                     reason.text);
}

static bool read_addresses_of(struct reading *reading, uint32_t ifindex)
{
    struct error *error = reading->error, reason = {0};
    reading->error = &reason;
    bool good = dump_addresses(reading, ifindex) || is_gone(reason.errnum);
    reading->error = error;
    return good || error_set(error, reason.code, reason.errnum, "%s", reason.text);
}

/* A link that has not the name that was asked for is found by the ifindex that it had, as masters
 * are. */
static bool read_asked_link(struct reading *reading, const struct link *asked)
{
    struct namespace *namespace = reading->namespace;
    if (namespace_link(namespace, asked->name))
        return true;
    if (!ask_link(reading, asked->name, 0))
        return false;
    const struct link *link = namespace_link(namespace, asked->name);
    if (!link && asked->ifindex && !namespace_link_by_ifindex(namespace, asked->ifindex)) {
        if (!ask_link(reading, NULL, asked->ifindex))
            return false;
        link = namespace_link_by_ifindex(namespace, asked->ifindex);
    }
    if (!link)
        return true;
    return read_addresses_of(reading, link->ifindex) &&
           (!link->master_ifindex || namespace_link_by_ifindex(namespace, link->master_ifindex) ||
            (ask_link(reading, NULL, link->master_ifindex) &&
             read_addresses_of(reading, link->master_ifindex)));
}

static bool read_asked_links(struct reading *reading, const struct namespace *asked)
{
    const struct link *link, *next;
    const struct link *links = asked ? asked->links : NULL;
    HASH_ITER (hh, links, link, next) {
        if (!read_asked_link(reading, link))
            return false;
    }
    return true;
}

static bool dump_routes(struct reading *reading, unsigned char family)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETROUTE;
    struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->rtm_family = family;
    return dump(reading, request, message_route_read);
}

static bool dump_rules(struct reading *reading)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETRULE;
    mnl_nlmsg_put_extra_header(request, sizeof(struct fib_rule_hdr));
    return dump(reading, request, message_rule_read);
}

static bool read_sysctl(const char *path, struct namespace *namespace, struct error *error)
{
    struct error reason = {0};
    if (namespace_sysctl(namespace, path))
        return true;
    auto_free char *value = sysctl_read(path, &reason);
    if (!value)
        return reason.code != ERROR_MEMORY || error_memory(error);
    return sysctl_add(namespace, path, value) || error_memory(error);
}

/* In the namespace. */
static bool read_sysctls(const struct namespace *asked, struct namespace *namespace,
                         struct error *error)
{
    const struct sysctl *sysctl, *next;
    const struct sysctl *first = asked ? asked->sysctls : NULL;
    HASH_ITER (hh, first, sysctl, next) {
        if (!read_sysctl(sysctl->path, namespace, error))
            return false;
    }
    return true;
}

/* Links first: everything else refers to them. */
static bool read_parts(struct reading *reading, unsigned parts,
                       const struct namespace *const *asked, size_t count)
{
    if (parts & DUMP_LINKS && !(dump_links(reading) && dump_addresses(reading, 0)))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!(parts & DUMP_LINKS) && !read_asked_links(reading, asked[i]))
            return false;
        if (!read_sysctls(asked[i], reading->namespace, reading->error))
            return false;
    }
    return !(parts & DUMP_REST) ||
           (dump_routes(reading, AF_INET) && dump_routes(reading, AF_INET6) && dump_rules(reading));
}

/* One reading. */
static struct namespace *read_namespace(const struct netns *netns, struct mnl_socket *socket,
                                        unsigned parts, const struct namespace *const *asked,
                                        size_t count, struct network *into, bool *interrupted,
                                        struct error *error)
{
    struct namespace *namespace = namespace_add(into, netns->name);
    if (!namespace) {
        error_memory(error);
        return NULL;
    }
    namespace->external = netns->host;
    namespace->cookie = netns->cookie;
    namespace->some_links = !(parts & DUMP_LINKS);
    namespace->no_rest = !(parts & DUMP_REST);
    struct reading reading = {.socket = socket, .namespace = namespace, .error = error};
    bool good = read_parts(&reading, parts, asked, count);
    *interrupted = reading.interrupted;
    if (good)
        return namespace;
    namespace_remove(into, namespace);
    return NULL;
}

static struct namespace *read_repeatedly(const struct netns *netns, struct mnl_socket *socket,
                                         unsigned parts, const struct namespace *const *asked,
                                         size_t count, struct network *into, struct error *error)
{
    struct namespace *namespace = NULL;
    bool interrupted = true;
    for (unsigned i = 0; i < DUMPS_MAX && interrupted; i++) {
        if (namespace)
            namespace_remove(into, namespace);
        interrupted = false;
        namespace = read_namespace(netns, socket, parts, asked, count, into, &interrupted, error);
    }
    return namespace;
}

static bool asks_sysctls(const struct namespace *const *asked, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (asked[i] && asked[i]->sysctls)
            return true;
    }
    return false;
}

struct namespace *dump_namespace(struct netns *netns, unsigned parts,
                                 const struct namespace *const *asked, size_t count,
                                 struct network *into, struct error *error)
{
    auto_netlink struct mnl_socket *socket = NULL;
    if (!netns->hub) {
        socket = TAKE(netns->socket);
        netns->fresh = false;
    }
    /* Sysctls are those of the namespace that the thread is in. */
    bool inside = !socket || asks_sysctls(asked, count);
    if (inside && !netns_enter(netns, error))
        return NULL;
    if (!socket)
        socket = netlink_open(error);
    struct namespace *namespace =
        socket ? read_repeatedly(netns, socket, parts, asked, count, into, error) : NULL;
    if (!inside || netns_leave(namespace ? error : NULL))
        return namespace;
    if (namespace)
        namespace_remove(into, namespace);
    return NULL;
}
