#include "kernel/netlink.h"

#include "kernel/fault.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

/* include/linux/netlink.h, NLMSG_GOODSIZE for dumps into large buffers. */
#define RECEIVE_SIZE 32768

struct mnl_socket *netlink_open(struct error *error)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        error_set(error, ERROR_SYSTEM, errno, "no netlink socket can be opened: %s",
                  strerror(errno));
        netlink_closep(&socket);
        return NULL;
    }
    int on = 1;
    if (mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on)) < 0 ||
        mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
        mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0) {
        error_set(error, ERROR_SYSTEM, errno, "the kernel is too old for netnsd: %s",
                  strerror(errno));
        mnl_socket_close(socket);
        return NULL;
    }
    return socket;
}

struct mnl_socket *netlink_open_in(const struct netns *netns, struct error *error)
{
    if (!netns_enter(netns, error))
        return NULL;
    auto_netlink struct mnl_socket *socket = netlink_open(error);
    if (!netns_leave(error))
        return NULL;
    return TAKE(socket);
}

static int read_attribute(const struct nlattr *attribute, void *context)
{
    struct netlink_ack *ack = context;
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
        ack->message = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

bool netlink_ack_read(const struct nlmsghdr *message, struct netlink_ack *ack)
{
    if (message->nlmsg_type != NLMSG_ERROR ||
        message->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr)))
        return false;
    const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
    *ack = (struct netlink_ack){.sequence = message->nlmsg_seq,
                                .errnum = (int)(0U - (unsigned)answer->error)};
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
        return true;
    /* Without NLM_F_CAPPED the request itself comes before the attributes. */
    size_t offset = sizeof(*answer);
    if (!(message->nlmsg_flags & NLM_F_CAPPED))
        offset += MNL_ALIGN((size_t)answer->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
    if (offset >= sizeof(*answer) && offset <= mnl_nlmsg_get_payload_len(message))
        mnl_attr_parse(message, (unsigned)offset, read_attribute, ack);
    return true;
}

static bool fails(struct error *error, int errnum)
{
    return error_set(error, ERROR_SYSTEM, errnum, "netlink: %s", strerror(errnum));
}

static bool send_request(struct mnl_socket *socket, struct nlmsghdr *request, struct error *error)
{
    if (mnl_socket_sendto(socket, request, request->nlmsg_len) >= 0)
        return true;
    return fails(error, errno);
}

static ssize_t receive(struct mnl_socket *socket, void *buffer, size_t size, struct error *error)
{
    ssize_t length;
    do {
        length = mnl_socket_recvfrom(socket, buffer, size);
    } while (length < 0 && errno == EINTR);
    if (length < 0)
        fails(error, errno);
    return length;
}

/* Sends REQUEST and receives one answer. Returns its length, or -1. */
static ssize_t exchange(struct mnl_socket *socket, struct nlmsghdr *request, uint16_t flags,
                        char *buffer, size_t size, struct error *error)
{
    request->nlmsg_flags |= NLM_F_REQUEST | flags;
    request->nlmsg_seq = 1;
    return send_request(socket, request, error) ? receive(socket, buffer, size, error) : -1;
}

bool netlink_change(struct mnl_socket *socket, struct nlmsghdr *request, struct error *error)
{
    char buffer[8192];
    struct netlink_ack ack;
    if (fault_here())
        return error_set(error, ERROR_KERNEL, EIO, "%s", strerror(EIO));
    ssize_t length = exchange(socket, request, NLM_F_ACK, buffer, sizeof(buffer), error);
    if (length < 0)
        return false;
    if (!mnl_nlmsg_ok((struct nlmsghdr *)buffer, (int)length) ||
        !netlink_ack_read((struct nlmsghdr *)buffer, &ack))
        return fails(error, EBADMSG);
    return !ack.errnum ||
           error_set(error, ERROR_KERNEL, ack.errnum, "%s%s%s", ack.message ? ack.message : "",
                     ack.message ? ": " : "", strerror(ack.errnum));
}

bool netlink_ask(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context,
                 struct error *error)
{
    char buffer[RECEIVE_SIZE];
    ssize_t length = exchange(socket, request, 0, buffer, sizeof(buffer), error);
    if (length < 0)
        return false;
    return mnl_cb_run(buffer, (size_t)length, 1, mnl_socket_get_portid(socket), each, context) >=
               0 ||
           fails(error, errno);
}

/* The kernel tells of a failure in the middle of a dump at its end. */
static bool dump_ended(const struct nlmsghdr *message, struct error *error)
{
    int result = 0;
    if (mnl_nlmsg_get_payload_len(message) >= sizeof(result))
        memcpy(&result, mnl_nlmsg_get_payload(message), sizeof(result));
    return result >= 0 || fails(error, -result);
}

bool netlink_dump(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context,
                  bool *interrupted, struct error *error)
{
    auto_free char *buffer = malloc(RECEIVE_SIZE);
    if (!buffer)
        return error_memory(error);
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    if (!send_request(socket, request, error))
        return false;
    for (;;) {
        ssize_t length = receive(socket, buffer, RECEIVE_SIZE, error);
        if (length < 0)
            return false;
        int left = (int)length;
        for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            struct netlink_ack ack;
            *interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (message->nlmsg_type == NLMSG_DONE)
                return dump_ended(message, error);
            if (netlink_ack_read(message, &ack))
                return fails(error, ack.errnum);
            if (each(message, context) == MNL_CB_ERROR)
                return false;
        }
    }
}
