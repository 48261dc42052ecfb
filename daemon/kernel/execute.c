#include "kernel/execute.h"

#include "common/log.h"
#include "kernel/batch.h"
#include "kernel/message.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the thread that carries out plans. */
static _Thread_local struct batch *batch;

/* One call of execute_operations(). */
struct run {
    const struct execution *execution;
    const struct operation *operations;
    size_t current;
    struct netns *home; /* where what is in the batch will be sent */
    size_t *failed;
    struct error *error;
};

static struct mnl_socket *obtain_socket(struct netns *netns, struct error *error)
{
    if (!netns->socket && netns_wait(netns, error) && !netns->socket)
        netns->socket = netlink_open_in(netns, error);
    return netns->socket;
}

/* The namespace called NAME, made. */
static struct netns *find_namespace(const struct run *run, const char *name)
{
    struct netns *netns = netns_table_find(run->execution->namespaces, name);
    if (!netns)
        error_set(run->error, ERROR_KERNEL, 0, "namespace \"%s\" is not there", name);
    return netns && netns_wait(netns, run->error) ? netns : NULL;
}

static const char *verb(enum operation_type type)
{
    switch (type) {
    case OPERATION_NAMESPACE_MAKE:
        return "bring up";
    case OPERATION_LINK_CREATE:
        return "make link";
    case OPERATION_LINK_SET:
    case OPERATION_LINK_FINISH:
        return "change link";
    case OPERATION_LINK_PARK:
    case OPERATION_LINK_DELETE:
        return "take away link";
    case OPERATION_ADDRESS_ADD:
        return "add address";
    case OPERATION_ADDRESS_REMOVE:
        return "remove address";
    case OPERATION_ROUTE_ADD:
        return "add route";
    case OPERATION_ROUTE_CHANGE:
        return "change route";
    case OPERATION_ROUTE_REMOVE:
        return "remove route";
    case OPERATION_RULE_ADD:
        return "add rule";
    case OPERATION_RULE_REMOVE:
        return "remove rule";
    default:
        return "change";
    }
}

/* What the operation is about, as its key in a document. */
static const char *object_name(const struct operation *operation, char *buffer, size_t size)
{
    char text[IP_PREFIX_TEXT_MAX];
    switch (operation->type) {
    case OPERATION_NAMESPACE_MAKE:
        snprintf(buffer, size, "lo");
        break;
    case OPERATION_LINK_CREATE:
    case OPERATION_LINK_SET:
    case OPERATION_LINK_FINISH:
    case OPERATION_LINK_PARK:
    case OPERATION_LINK_DELETE:
        snprintf(buffer, size, "%s", operation->link->name);
        break;
    case OPERATION_ADDRESS_ADD:
    case OPERATION_ADDRESS_REMOVE:
        snprintf(buffer, size, "%s of %s", ip_prefix_format(&operation->address->prefix, text),
                 operation->link->name);
        break;
    case OPERATION_RULE_ADD:
    case OPERATION_RULE_REMOVE:
        snprintf(buffer, size, "%u", operation->rule->key.priority);
        break;
    default:
        route_key_format(&operation->route->key, buffer, size);
        break;
    }
    return buffer;
}

/* Says what was tried around the kernel's words. */
static void explain(const struct operation *operation, struct error *error)
{
    char words[sizeof(error->text)], name[80];
    if (error->code != ERROR_KERNEL)
        return;
    snprintf(words, sizeof(words), "%s",
             error->errnum == EXFULL ? "its bridge has all the 1,023 ports that one can have, "
                                       "others' included: use several bridges"
                                     : error->text);
    snprintf(error->text, sizeof(error->text),
             "the kernel did not %s %s in namespace \"%.64s\": %.150s", verb(operation->type),
             object_name(operation, name, sizeof(name)), operation->namespace->name, words);
}

/* Of a namespace that is made the socket serves its reader as well, and to hubs many batches go. */
static void close_socket(struct netns *netns)
{
    if (!netns->fresh && !netns->hub)
        netns_rest(netns);
}

static bool flush(struct run *run)
{
    if (!batch || batch_empty(batch))
        return true;
    struct mnl_socket *socket = obtain_socket(run->home, run->error);
    size_t failed = run->current;
    bool sent = socket && batch_send(batch, socket, &failed, run->error);
    close_socket(run->home);
    if (sent)
        return true;
    *run->failed = failed;
    explain(&run->operations[failed], run->error);
    return false;
}

static bool fault(struct run *run)
{
    error_set(run->error, ERROR_KERNEL, EIO, "%s", strerror(EIO));
    explain(&run->operations[run->current], run->error);
    return false;
}

/* Begins a request of the present operation in the namespace called HOME. NULL when it cannot be.
 */
static struct nlmsghdr *begin(struct run *run, const char *home, uint16_t type, uint16_t flags,
                              bool removal)
{
    struct netns *netns = find_namespace(run, home);
    if (!netns || (!batch && !(batch = batch_new(run->error))))
        return NULL;
    if ((run->home != netns || batch_full(batch)) && !flush(run))
        return NULL;
    run->home = netns;
    size_t step = run->current;
    struct nlmsghdr *request = batch_begin(batch, type, flags, step, removal);
    if (request)
        return request;
    if (flush(run))
        fault(run);
    return NULL;
}

struct search {
    uint32_t ifindex;
};

static int found_link(const struct nlmsghdr *message, void *context)
{
    const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
    struct search *search = context;
    search->ifindex = (uint32_t)header->ifi_index;
    return MNL_CB_OK;
}

/* Asks for the number of the link called NAME. */
static bool look_up(struct mnl_socket *socket, const char *name, uint32_t *ifindex,
                    struct error *error)
{
    char buffer[256];
    struct search search = {0};
    struct error reason = {0};
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETLINK;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (!netlink_ask(socket, request, found_link, &search, &reason))
        return error_set(error, ERROR_KERNEL, reason.errnum, "link \"%s\" is not there: %s", name,
                         reason.text);
    *ifindex = search.ifindex;
    return true;
}

/* The kernel numbers links in shared namespaces: what refers to one must know its number. */
static bool ensure_ifindex(struct run *run, struct link *link)
{
    if (!link || link->ifindex)
        return true;
    struct netns *netns = find_namespace(run, link->namespace->name);
    struct mnl_socket *socket = netns && flush(run) ? obtain_socket(netns, run->error) : NULL;
    bool found = socket && look_up(socket, link->name, &link->ifindex, run->error);
    if (netns)
        close_socket(netns);
    return found;
}

/* For each device that comes up the kernel goes through all IPv6 routes of its namespace, which has
 * one for each device that has IPv6 (net/ipv6/route.c, rt6_sync_up()): among thousands of ports
 * that takes longer than all else. What a port is a port of has IPv6 without it. */
static bool set_quiet(struct run *run, struct netns *netns, bool quiet)
{
    struct error reason = {0};
    if (netns->quiet == quiet)
        return true;
    if (!flush(run) || !netns_enter(netns, run->error))
        return false;
    bool good = sysctl_write("net/ipv6/conf/default/disable_ipv6", quiet ? "1" : "0", &reason) ||
                reason.code == ERROR_NOT_FOUND;
    netns->quiet = quiet;
    if (!good)
        *run->error = reason;
    return netns_leave(good ? run->error : NULL) && good;
}

/* Links are about to be born: LINK in its own namespace, MAIN in another. */
static bool set_quiet_for(struct run *run, const struct link *link, const struct link *main)
{
    struct netns *home = find_namespace(run, link->namespace->name);
    struct netns *target = find_namespace(run, main->namespace->name);
    return home && target && (home == target || set_quiet(run, home, false)) &&
           set_quiet(run, target, message_link_is_plain_port(main));
}

/* It may have been born as a port, though it need not be one any more. */
static bool may_lack_ipv6(const struct link *link)
{
    return link->match && link->kind && link->kind->paired && !namespace_is_shared(link->namespace);
}

/* What was born without IPv6 is to have it after all. */
static bool give_ipv6(struct run *run, const struct link *link)
{
    char path[64];
    struct error reason = {0};
    const struct netns *netns = find_namespace(run, link->namespace->name);
    if (!netns || !flush(run) || !netns_enter(netns, run->error))
        return false;
    snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", link->name);
    bool good = sysctl_write(path, "0", &reason) || reason.code == ERROR_NOT_FOUND;
    if (!good)
        *run->error = reason;
    return netns_leave(good ? run->error : NULL) && good;
}

static bool create_link(struct run *run, const struct operation *operation)
{
    struct link *link = operation->link;
    const struct link *main = link->kind->paired ? link_peer(link) : link;
    const char *home = message_link_home(link);
    int target_fd = -1;
    if (!ensure_ifindex(run, link_lower(link)) || !ensure_ifindex(run, link_master(main)) ||
        !set_quiet_for(run, link, main))
        return false;
    const struct link *away = strcmp(main->namespace->name, home) != 0 ? main : link;
    if (strcmp(away->namespace->name, home) != 0) {
        const struct netns *target = find_namespace(run, away->namespace->name);
        if (!target)
            return false;
        target_fd = target->fd;
    }
    struct nlmsghdr *request = begin(run, home, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, false);
    if (request)
        message_link_create(request, link, target_fd);
    return request;
}

static bool change_alt_names(struct run *run, const struct operation *operation, uint16_t type,
                             char *const *names, char *const *keep_names)
{
    for (; names && *names; names++) {
        bool kept_name = false;
        for (char *const *other = keep_names; other && *other; other++)
            kept_name |= strcmp(*other, *names) == 0;
        if (kept_name)
            continue;
        struct nlmsghdr *request =
            begin(run, operation->namespace->name, type,
                  type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0,
                  type == RTM_DELLINKPROP);
        if (!request)
            return false;
        message_link_alt_name(request, operation->link, *names);
    }
    return true;
}

static bool set_link(struct run *run, const struct operation *operation)
{
    struct link *link = operation->link;
    const struct link *from = operation->from;
    if (!ensure_ifindex(run, link_master(link)))
        return false;
    for (enum message_link_part part = 0; part < LINK_PART_COUNT; part++) {
        if (!message_link_part_needed(link, from, part))
            continue;
        struct nlmsghdr *request = begin(run, operation->namespace->name, RTM_NEWLINK, 0, false);
        if (!request)
            return false;
        message_link_set(request, link, from, part);
    }
    char *const *old = from ? from->alt_names : NULL;
    return change_alt_names(run, operation, RTM_DELLINKPROP, old, link->alt_names) &&
           change_alt_names(run, operation, RTM_NEWLINKPROP, link->alt_names, old);
}

static bool finish_link(struct run *run, const struct operation *operation)
{
    struct nlmsghdr *request = begin(run, operation->namespace->name, RTM_NEWLINK, 0, false);
    if (request)
        message_link_finish(request, operation->link);
    return request;
}

/* A link that is up cannot be renamed before Linux 6.2 (net/core/dev.c, dev_change_name()). */
static bool park_link(struct run *run, const struct operation *operation)
{
    const struct link *link = operation->link;
    const char *home = operation->namespace->name;
    char parked[IFNAMSIZ];
    park_name(link->name, parked);
    struct nlmsghdr *request = begin(run, home, RTM_NEWLINK, 0, true);
    if (!request)
        return false;
    message_link_header(request, link, 0, IFF_UP);
    if (link->master_ifindex)
        mnl_attr_put_u32(request, IFLA_MASTER, 0);
    if (!change_alt_names(run, operation, RTM_DELLINKPROP, link->alt_names, NULL) ||
        !(request = begin(run, home, RTM_NEWLINK, 0, true)))
        return false;
    message_link_header(request, link, 0, 0);
    mnl_attr_put_u32(request, IFLA_GROUP, run->execution->park_group);
    mnl_attr_put_strz(request, IFLA_IFNAME, parked);
    return true;
}

static bool delete_link(struct run *run, const struct operation *operation)
{
    struct nlmsghdr *request = begin(run, operation->namespace->name, RTM_DELLINK, 0, true);
    if (request)
        message_link_header(request, operation->link, 0, 0);
    return request;
}

static bool change_address(struct run *run, const struct operation *operation)
{
    bool removal = operation->type == OPERATION_ADDRESS_REMOVE;
    bool ipv6 = operation->address->prefix.address.family == AF_INET6;
    if (!ensure_ifindex(run, operation->link) ||
        (!removal && ipv6 && may_lack_ipv6(operation->link) && !give_ipv6(run, operation->link)))
        return false;
    struct nlmsghdr *request =
        begin(run, operation->namespace->name, removal ? RTM_DELADDR : RTM_NEWADDR,
              removal ? 0 : NLM_F_CREATE | NLM_F_EXCL, removal);
    if (request)
        message_address(request, operation->link, operation->address);
    return request;
}

static bool change_route(struct run *run, const struct operation *operation)
{
    const struct route *route = operation->route;
    bool removal = operation->type == OPERATION_ROUTE_REMOVE;
    uint16_t flags = operation->type == OPERATION_ROUTE_CHANGE ? NLM_F_CREATE | NLM_F_REPLACE
                     : removal                                 ? 0
                                                               : NLM_F_CREATE | NLM_F_EXCL;
    for (size_t i = 0; i < route->hop_count; i++) {
        const char *device = route->hops[i].device;
        if (*device && !ensure_ifindex(run, namespace_link(operation->namespace, device)))
            return false;
    }
    struct nlmsghdr *request = begin(run, operation->namespace->name,
                                     removal ? RTM_DELROUTE : RTM_NEWROUTE, flags, removal);
    if (request)
        message_route(request, operation->namespace, route, removal);
    return request;
}

static bool change_rule(struct run *run, const struct operation *operation)
{
    bool removal = operation->type == OPERATION_RULE_REMOVE;
    struct nlmsghdr *request =
        begin(run, operation->namespace->name, removal ? RTM_DELRULE : RTM_NEWRULE,
              removal ? 0 : NLM_F_CREATE | NLM_F_EXCL, removal);
    if (request)
        message_rule(request, operation->rule);
    return request;
}

/* In the namespace. */
static bool write_sysctl(const struct operation *operation, struct error *error)
{
    struct sysctl *sysctl = operation->sysctl;
    if (!sysctl->earlier && !(sysctl->earlier = sysctl_read(sysctl->path, error)))
        return false;
    return sysctl_write(sysctl->path, operation->value, error);
}

static bool set_sysctl(struct run *run, const struct operation *operation)
{
    const struct netns *netns = find_namespace(run, operation->namespace->name);
    if (!netns || !flush(run) || !netns_enter(netns, run->error))
        return false;
    bool good = write_sysctl(operation, run->error);
    return netns_leave(good ? run->error : NULL) && good;
}

static bool name_namespace(struct run *run, const struct operation *operation)
{
    const struct netns *netns = find_namespace(run, operation->namespace->name);
    if (!netns || !flush(run))
        return false;
    return operation->type == OPERATION_NAMESPACE_PARK ? netns_park(netns, run->error)
                                                       : netns_unpark(netns, run->error);
}

static bool begin_namespace(struct run *run, const struct operation *operation)
{
    struct nlmsghdr *request = begin(run, operation->namespace->name, RTM_NEWLINK, 0, false);
    if (request)
        message_loopback_birth(request);
    return request;
}

static bool carry_out(struct run *run, const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_NAMESPACE_MAKE:
        return begin_namespace(run, operation);
    case OPERATION_NAMESPACE_PARK:
    case OPERATION_NAMESPACE_UNPARK:
        return name_namespace(run, operation);
    case OPERATION_LINK_CREATE:
        return create_link(run, operation);
    case OPERATION_LINK_SET:
        return set_link(run, operation);
    case OPERATION_LINK_FINISH:
        return finish_link(run, operation);
    case OPERATION_LINK_PARK:
        return park_link(run, operation);
    case OPERATION_LINK_DELETE:
        return delete_link(run, operation);
    case OPERATION_ADDRESS_ADD:
    case OPERATION_ADDRESS_REMOVE:
        return change_address(run, operation);
    case OPERATION_ROUTE_ADD:
    case OPERATION_ROUTE_CHANGE:
    case OPERATION_ROUTE_REMOVE:
        return change_route(run, operation);
    case OPERATION_RULE_ADD:
    case OPERATION_RULE_REMOVE:
        return change_rule(run, operation);
    case OPERATION_SYSCTL_SET:
        return set_sysctl(run, operation);
    }
    return true;
}

bool execute_operations(const struct execution *execution, const struct operation *operations,
                        size_t count, size_t *failed, struct error *error)
{
    struct run run = {
        .execution = execution, .operations = operations, .failed = failed, .error = error};
    bool good = true;
    for (; good && run.current < count; run.current++) {
        *failed = run.current;
        good = carry_out(&run, &operations[run.current]);
    }
    return good && flush(&run);
}

void execute_end(const struct execution *execution)
{
    struct error error = {0};
    struct run run = {.execution = execution, .error = &error};
    batch_free(batch);
    batch = NULL;
    for (struct netns *netns = execution->namespaces->entries; netns; netns = netns->hh.next) {
        if (netns->quiet && netns->fd >= 0 && !set_quiet(&run, netns, false))
            log_about(LOG_WARNING, &(struct log_subject){.namespace = netns->name, .error = &error},
                      "its sysctls could not be reset");
    }
}

static bool request_deletion(const struct netns *netns, const char *name, uint32_t group,
                             struct error *error)
{
    char buffer[256];
    struct error reason = {0};
    auto_netlink struct mnl_socket *socket = netlink_open_in(netns, error);
    if (!socket)
        return false;
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_DELLINK;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    if (name)
        mnl_attr_put_strz(request, IFLA_IFNAME, name);
    else
        mnl_attr_put_u32(request, IFLA_GROUP, group);
    if (netlink_change(socket, request, &reason) || reason.errnum == ENODEV)
        return true;
    return error_set(error, reason.code, reason.errnum, "links cannot be deleted: %s", reason.text);
}

bool execute_destroy_parked(const struct netns *netns, uint32_t park_group, struct error *error)
{
    return request_deletion(netns, NULL, park_group, error);
}

bool execute_delete_link(const struct netns *netns, const char *name, struct error *error)
{
    return request_deletion(netns, name, 0, error);
}
