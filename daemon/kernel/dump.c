#include "kernel/dump.h"

#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/sysctl.h"

#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* How often a dump is repeated because the namespace changed meanwhile. What keeps changing longer
 * than that is taken as it came. */
#define DUMPS_MAX 10

typedef bool read_message(const struct nlmsghdr *message, struct namespace *namespace);

struct reading {
    struct namespace *namespace;
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

static bool dump(struct mnl_socket *socket, struct nlmsghdr *request, read_message *read,
                 struct namespace *namespace, bool *interrupted, struct error *error)
{
    struct reading reading = {.namespace = namespace, .read = read, .error = error};
    return netlink_dump(socket, request, read_one, &reading, interrupted, error);
}

static bool dump_links(struct mnl_socket *socket, struct namespace *namespace, bool *interrupted,
                       struct error *error)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETLINK;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return dump(socket, request, message_link_read, namespace, interrupted, error);
}

static bool dump_addresses(struct mnl_socket *socket, struct namespace *namespace,
                           bool *interrupted, struct error *error)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETADDR;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
    return dump(socket, request, message_address_read, namespace, interrupted, error);
}

static bool dump_routes(struct mnl_socket *socket, unsigned char family,
                        struct namespace *namespace, bool *interrupted, struct error *error)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETROUTE;
    struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->rtm_family = family;
    return dump(socket, request, message_route_read, namespace, interrupted, error);
}

static bool dump_rules(struct mnl_socket *socket, unsigned char family, struct namespace *namespace,
                       bool *interrupted, struct error *error)
{
    char buffer[256];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETRULE;
    struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->family = family;
    return dump(socket, request, message_rule_read, namespace, interrupted, error);
}

/* Links first: everything else refers to them. */
static bool dump_all(struct mnl_socket *socket, struct namespace *namespace, bool *interrupted,
                     struct error *error)
{
    return dump_links(socket, namespace, interrupted, error) &&
           dump_addresses(socket, namespace, interrupted, error) &&
           dump_routes(socket, AF_INET, namespace, interrupted, error) &&
           dump_routes(socket, AF_INET6, namespace, interrupted, error) &&
           dump_rules(socket, AF_INET, namespace, interrupted, error) &&
           dump_rules(socket, AF_INET6, namespace, interrupted, error);
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
static bool read_sysctls(const struct namespace *const *sysctls, size_t count,
                         struct namespace *namespace, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct sysctl *sysctl, *next;
        struct sysctl *first = sysctls[i] ? sysctls[i]->sysctls : NULL;
        HASH_ITER (hh, first, sysctl, next) {
            if (!read_sysctl(sysctl->path, namespace, error))
                return false;
        }
    }
    return true;
}

/* One reading, in the namespace. */
static struct namespace *read_namespace(const struct netns *netns,
                                        const struct namespace *const *sysctls, size_t count,
                                        struct network *into, bool *interrupted,
                                        struct error *error)
{
    auto_netlink struct mnl_socket *socket = netlink_open(error);
    struct namespace *namespace = socket ? namespace_add(into, netns->name) : NULL;
    if (!namespace) {
        if (socket)
            error_memory(error);
        return NULL;
    }
    namespace->external = netns->host;
    namespace->cookie = netns->cookie;
    if (dump_all(socket, namespace, interrupted, error) &&
        read_sysctls(sysctls, count, namespace, error))
        return namespace;
    namespace_remove(into, namespace);
    return NULL;
}

struct namespace *dump_namespace(const struct netns *netns, const struct namespace *const *sysctls,
                                 size_t count, struct network *into, struct error *error)
{
    struct namespace *namespace = NULL;
    bool interrupted = true;
    if (!netns_enter(netns, error))
        return NULL;
    for (unsigned i = 0; i < DUMPS_MAX && interrupted; i++) {
        if (namespace)
            namespace_remove(into, namespace);
        interrupted = false;
        namespace = read_namespace(netns, sysctls, count, into, &interrupted, error);
    }
    if (netns_leave(error))
        return namespace;
    if (namespace)
        namespace_remove(into, namespace);
    return NULL;
}
