#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/netns.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
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

bool netlink_namespace_number(struct mnl_socket *socket, int fd, int32_t *number,
                              struct error *error)
{
    char buffer[256];
    *number = NETNSA_NSID_NOT_ASSIGNED;
    struct nlmsghdr *request = put_request(buffer, RTM_GETNSID, fd);
    struct error reason = {0};
    return netlink_ask(socket, request, read_number, number, &reason) ||
           error_set(error, ERROR_KERNEL, reason.errnum, "a namespace's number cannot be read: %s",
                     reason.text);
}

/* The kernel chooses the number (net/core/net_namespace.c, rtnl_net_newid()). Somebody else may
 * have given one meanwhile. */
static bool assign(struct mnl_socket *socket, int fd, struct error *error)
{
    char buffer[256];
    struct error reason = {0};
    struct nlmsghdr *request = put_request(buffer, RTM_NEWNSID, fd);
    mnl_attr_put_u32(request, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
    return netlink_change(socket, request, &reason) || reason.errnum == EEXIST ||
           error_set(error, reason.code, reason.errnum, "%s", reason.text);
}

bool netns_number(struct netns *netns, struct error *error)
{
    auto_netlink struct mnl_socket *socket = netlink_open(error);
    if (!socket || !netlink_namespace_number(socket, netns->fd, &netns->number, error))
        return false;
    if (netns->number != NETNSA_NSID_NOT_ASSIGNED)
        return true;
    return assign(socket, netns->fd, error) &&
           netlink_namespace_number(socket, netns->fd, &netns->number, error);
}
