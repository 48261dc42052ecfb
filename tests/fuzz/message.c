/* What the kernel sends: a stream of rtnetlink messages, as a dump and as they are heard, into the
 * model and out as a document. */
#include "fuzz.h"

#include "common/cleanup.h"
#include "kernel/message.h"
#include "kernel/netlink.h"
#include "model/document.h"

#include <linux/rtnetlink.h>
#include <string.h>

static bool is_of_bridge(const struct nlmsghdr *message)
{
    const struct ifinfomsg *header = message_header(message, sizeof(*header));
    return header && header->ifi_family == AF_BRIDGE;
}

static void hear_port(const struct nlmsghdr *message)
{
    struct value values[BRIDGE_PORT_ATTRIBUTE_MAX] = {0};
    PROMISE(message_port_read(message, values));
    for (size_t i = 0; i < bridge_port_attributes.count; i++)
        value_clear(&bridge_port_attributes.rows[i], &values[i]);
}

static void hear_address(const struct nlmsghdr *message, const struct namespace *namespace)
{
    struct address address;
    uint32_t ifindex;
    if (!message_address_parse(message, &address, &ifindex))
        return;
    struct link *link = namespace_link_by_ifindex(namespace, ifindex);
    struct address *known = link ? link_address(link, &address.prefix) : NULL;
    if (known && message->nlmsg_type == RTM_DELADDR)
        address_remove(link, known);
}

static void hear_route(const struct nlmsghdr *message, const struct namespace *namespace)
{
    struct route_key key;
    uint8_t protocol;
    char text[128];
    if (!message_route_key(message, &key, &protocol))
        return;
    PROMISE(route_key_format(&key, text, sizeof(text)) == text);
    PROMISE(message->nlmsg_type != RTM_NEWROUTE || namespace_route(namespace, &key));
}

static void hear_message(const struct nlmsghdr *message, const struct namespace *namespace)
{
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        if (is_of_bridge(message))
            hear_port(message);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        hear_address(message, namespace);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        hear_route(message, namespace);
        break;
    }
}

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
        hear_message(message, namespace);
        message = mnl_nlmsg_next(message, &rest);
    }
    write_all(namespace);
    return 0;
}
