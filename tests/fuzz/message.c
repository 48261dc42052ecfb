/* What the kernel sends: a stream of rtnetlink messages, into the model and out as a document. */
#include "fuzz.h"

#include "common/cleanup.h"
#include "kernel/message.h"
#include "kernel/netlink.h"
#include "model/document.h"

#include <linux/rtnetlink.h>
#include <string.h>

static void read_message(const struct nlmsghdr *message, struct namespace *namespace)
{
    struct netlink_ack ack;
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
        PROMISE(message_link_read(message, namespace));
        break;
    case RTM_NEWADDR:
        PROMISE(message_address_read(message, namespace));
        break;
    case RTM_NEWROUTE:
        PROMISE(message_route_read(message, namespace));
        break;
    case RTM_NEWRULE:
        PROMISE(message_rule_read(message, namespace));
        break;
    default:
        netlink_ack_read(message, &ack);
    }
}

static void write_all(const struct namespace *namespace)
{
    struct link *link, *next_link;
    HASH_ITER (hh, namespace->links, link, next_link) {
        auto_json struct json_object *written = document_write_link(link);
        PROMISE(written);
    }
    auto_json struct json_object *written = document_write_namespace(namespace);
    PROMISE(written);
}

/* mnl_nlmsg_ok() takes lengths beyond INT_MAX for negative numbers; the kernel sends none. */
static bool is_whole(const struct nlmsghdr *message, int rest)
{
    return rest >= (int)sizeof(*message) && message->nlmsg_len <= (unsigned)rest &&
           mnl_nlmsg_ok(message, rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_network struct network *network = network_new(NULL);
    struct namespace *namespace = namespace_add(network, "a");
    auto_free char *stream = malloc(size + 1);
    if (!namespace || !stream)
        return 0;
    memcpy(stream, data, size);
    const struct nlmsghdr *message = (const struct nlmsghdr *)stream;
    int rest = (int)size;
    while (is_whole(message, rest)) {
        read_message(message, namespace);
        message = mnl_nlmsg_next(message, &rest);
    }
    write_all(namespace);
    return 0;
}
