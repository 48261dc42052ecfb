#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/netns.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <string.h>

static int read_number(const struct nlmsghdr *message, void *context)
{
    const struct nlattr *attribute;
    mnl_attr_for_each (attribute, message, sizeof(struct rtgenmsg)) {
        if (mnl_attr_get_type(attribute) == NETNSA_NSID)
            *(int32_t *)context = (int32_t)message_u32(attribute);
    }
    return MNL_CB_OK;
}

static struct nlmsghdr *put_request(char *buffer, uint16_t type, int fd)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    mnl_nlmsg_put_extra_header(request, sizeof(struct rtgenmsg));
    mnl_attr_put_u32(request, NETNSA_FD, (uint32_t)fd);
    return request;
}

/* For each message the kernel looks the number of the sender's namespace up for every listener,
 * from the lowest number upwards (net/netlink/af_netlink.c, do_one_broadcast();
 * net/core/net_namespace.c, __peernet2id()), and messages come mostly from what was made last: so
 * each namespace is numbered below those before it, and hubs below all others. What the kernel
 * numbers by itself begins at 0. */
#define NUMBER_MAX 0xffffff /* the kernel's tree of them grows deeper with larger ones */
#define NUMBER_HUB_MAX 0x7fffff
#define NUMBER_HUB_MIN 0x3fffff

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mnl_socket *own; /* in the daemon's namespace, kept */
/* Of the thread that makes namespaces: in the hub that they were introduced to last. */
static int32_t next_number = NUMBER_MAX, next_hub_number = NUMBER_HUB_MAX;

/* A number that was given before, perhaps by an earlier netnsd: the next ones are below it. */
static void note_given(int32_t number)
{
    if (number > NUMBER_HUB_MAX && number <= next_number)
        next_number = number - 1;
    else if (number > NUMBER_HUB_MIN && number <= next_hub_number)
        next_hub_number = number - 1;
}

/* The number in the namespace that is TARGET here; NETNSA_NSID_NOT_ASSIGNED: in the daemon's own.
 */
static bool ask(int fd, int32_t target, int32_t *number, struct error *error)
{
    char buffer[256];
    *number = NETNSA_NSID_NOT_ASSIGNED;
    struct nlmsghdr *request = put_request(buffer, RTM_GETNSID, fd);
    if (target != NETNSA_NSID_NOT_ASSIGNED)
        mnl_attr_put_u32(request, NETNSA_TARGET_NSID, (uint32_t)target);
    struct error reason = {0};
    return netlink_ask(own, request, read_number, number, &reason) ||
           error_set(error, ERROR_KERNEL, reason.errnum, "a namespace's number cannot be read: %s",
                     reason.text);
}

static bool assign(struct mnl_socket *socket, int fd, int32_t number, struct error *error)
{
    char buffer[256];
    struct nlmsghdr *request = put_request(buffer, RTM_NEWNSID, fd);
    mnl_attr_put_u32(request, NETNSA_NSID, (uint32_t)number);
    return netlink_change(socket, request, error);
}

/* After some millions the first ones are free again. */
static int32_t next_hub(void)
{
    if (next_hub_number <= NUMBER_HUB_MIN)
        next_hub_number = NUMBER_HUB_MAX;
    return next_hub_number--;
}

static int32_t next_other(void)
{
    if (next_number <= NUMBER_HUB_MAX)
        next_number = NUMBER_MAX;
    return next_number--;
}

/* What is refused as given already may be the number, or the namespace may have one. */
static bool assign_next(struct netns *netns, struct error *error)
{
    for (;;) {
        struct error reason = {0};
        int32_t number = netns->hub ? next_hub() : next_other();
        if (assign(own, netns->fd, number, &reason)) {
            netns->number = number;
            return true;
        }
        if (reason.errnum != EEXIST)
            return error_set(error, reason.code, reason.errnum,
                             "namespace \"%s\" cannot be numbered: %s", netns->name, reason.text);
        if (!ask(netns->fd, NETNSA_NSID_NOT_ASSIGNED, &netns->number, error))
            return false;
        if (netns->number != NETNSA_NSID_NOT_ASSIGNED)
            return true;
    }
}

static bool number_locked(struct netns *netns, bool fresh, struct error *error)
{
    bool known = fresh || netns->number != NETNSA_NSID_NOT_ASSIGNED;
    if (!known && !ask(netns->fd, NETNSA_NSID_NOT_ASSIGNED, &netns->number, error))
        return false;
    if (netns->number == NETNSA_NSID_NOT_ASSIGNED)
        return assign_next(netns, error);
    note_given(netns->number);
    return true;
}

bool netns_number_prepare(struct error *error)
{
    pthread_mutex_lock(&lock);
    bool good = own || (own = netlink_open(error));
    pthread_mutex_unlock(&lock);
    return good;
}

bool netns_number(struct netns *netns, bool fresh, struct error *error)
{
    pthread_mutex_lock(&lock);
    bool good = number_locked(netns, fresh, error);
    pthread_mutex_unlock(&lock);
    return good;
}

bool netns_number_in(const struct netns *in, const struct netns *netns, int32_t *number,
                     struct error *error)
{
    pthread_mutex_lock(&lock);
    bool good = ask(netns->fd, in->host ? NETNSA_NSID_NOT_ASSIGNED : in->number, number, error);
    pthread_mutex_unlock(&lock);
    return good;
}

void netns_introduce(const struct netns *netns, const struct netns *hub,
                     struct introduction *introduction)
{
    char buffer[256];
    struct error ignored = {0};
    if (introduction->hub_cookie != hub->cookie)
        netns_introduce_end(introduction);
    if (!introduction->socket && !(introduction->socket = netlink_open_in(hub, &ignored)))
        return;
    introduction->hub_cookie = hub->cookie;
    struct nlmsghdr *request = put_request(buffer, RTM_NEWNSID, netns->fd);
    mnl_attr_put_u32(request, NETNSA_NSID, (uint32_t)netns->number);
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (mnl_socket_sendto(introduction->socket, request, request->nlmsg_len) >= 0)
        mnl_socket_recvfrom(introduction->socket, buffer, sizeof(buffer));
}

void netns_introduce_end(struct introduction *introduction)
{
    netlink_closep(&introduction->socket);
    *introduction = (struct introduction){0};
}
