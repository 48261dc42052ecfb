#include "kernel/lower.h"

#include "kernel/message.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct lower_finder {
    struct mnl_socket *socket;
};

struct lower_finder *lower_finder_new(const struct netns *netns, struct error *error)
{
    struct lower_finder *finder = calloc(1, sizeof(*finder));
    if (!finder) {
        error_memory(error);
        return NULL;
    }
    finder->socket = netlink_open_in(netns, error);
    if (finder->socket)
        return finder;
    free(finder);
    return NULL;
}

void lower_finder_free(struct lower_finder *finder)
{
    if (!finder)
        return;
    netlink_closep(&finder->socket);
    free(finder);
}

static int read_nsid(const struct nlmsghdr *message, void *context)
{
    const struct nlattr *attribute;
    mnl_attr_for_each (attribute, message, sizeof(struct rtgenmsg)) {
        if (mnl_attr_get_type(attribute) == NETNSA_NSID)
            *(int32_t *)context = (int32_t)message_u32(attribute);
    }
    return MNL_CB_OK;
}

/* Is the namespace that FD is open on number NSID to the finder's? */
static bool is_number(struct lower_finder *finder, int fd, int32_t nsid, bool *is,
                      struct error *error)
{
    char buffer[1024];
    int32_t found = -1;
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETNSID;
    request->nlmsg_flags = NLM_F_REQUEST;
    request->nlmsg_seq = 1;
    mnl_nlmsg_put_extra_header(request, sizeof(struct rtgenmsg));
    mnl_attr_put_u32(request, NETNSA_FD, (uint32_t)fd);
    ssize_t length = mnl_socket_sendto(finder->socket, request, request->nlmsg_len);
    if (length >= 0)
        length = mnl_socket_recvfrom(finder->socket, buffer, sizeof(buffer));
    if (length < 0 || mnl_cb_run(buffer, (size_t)length, 1, mnl_socket_get_portid(finder->socket),
                                 read_nsid, &found) < 0)
        return error_set(error, ERROR_KERNEL, errno, "a namespace's number cannot be read: %s",
                         strerror(errno));
    *is = found == nsid;
    return true;
}

bool lower_find(struct lower_finder *finder, struct link *link, const struct netns_table *table,
                const char *const *guesses, size_t count, struct error *error)
{
    bool is = false;
    for (size_t i = 0; i < count; i++) {
        const struct netns *netns = guesses[i] ? netns_table_find(table, guesses[i]) : NULL;
        if (netns && netns->fd >= 0 && !is_number(finder, netns->fd, link->lower_nsid, &is, error))
            return false;
        if (is) {
            link->lower_cookie = netns->cookie;
            return true;
        }
    }
    const struct netns *netns, *next;
    HASH_ITER (hh, table->entries, netns, next) {
        if (netns->fd >= 0 && !is_number(finder, netns->fd, link->lower_nsid, &is, error))
            return false;
        if (is) {
            link->lower_cookie = netns->cookie;
            return true;
        }
    }
    return true;
}
