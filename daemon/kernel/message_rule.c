#include "kernel/message.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void put_prefix(struct nlmsghdr *request, uint16_t type, const struct ip_prefix *prefix)
{
    if (prefix->address.family)
        mnl_attr_put(request, type, ip_family_size(prefix->address.family), prefix->address.bytes);
}

static void put_ports(struct nlmsghdr *request, uint16_t type, const uint16_t ports[2])
{
    const struct fib_rule_port_range range = {.start = ports[0], .end = ports[1]};
    if (ports[0])
        mnl_attr_put(request, type, sizeof(range), &range);
}

static void put_selector(struct nlmsghdr *request, const struct rule *rule)
{
    put_prefix(request, FRA_SRC, &rule->from);
    put_prefix(request, FRA_DST, &rule->to);
    if (rule->input[0])
        mnl_attr_put_strz(request, FRA_IIFNAME, rule->input);
    if (rule->output[0])
        mnl_attr_put_strz(request, FRA_OIFNAME, rule->output);
    if (rule->mask) {
        mnl_attr_put_u32(request, FRA_FWMARK, rule->mark);
        mnl_attr_put_u32(request, FRA_FWMASK, rule->mask);
    }
    if (rule->ip_protocol)
        mnl_attr_put_u8(request, FRA_IP_PROTO, rule->ip_protocol);
    put_ports(request, FRA_SPORT_RANGE, rule->source_port);
    put_ports(request, FRA_DPORT_RANGE, rule->destination_port);
}

void message_rule(struct nlmsghdr *request, const struct rule *rule)
{
    struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    *header = (struct fib_rule_hdr){
        .family = (uint8_t)rule->key.family,
        .src_len = rule->from.length,
        .dst_len = rule->to.length,
        .tos = rule->tos,
        .action = rule->action,
        .flags = rule->invert ? FIB_RULE_INVERT : 0,
    };
    mnl_attr_put_u32(request, FRA_PRIORITY, rule->key.priority);
    if (rule->table)
        mnl_attr_put_u32(request, FRA_TABLE, rule->table);
    put_selector(request, rule);
    if (rule->suppress_prefix_length >= 0)
        mnl_attr_put_u32(request, FRA_SUPPRESS_PREFIXLEN, (uint32_t)rule->suppress_prefix_length);
    mnl_attr_put_u8(request, FRA_PROTOCOL, rule->protocol);
}

static void read_prefix(const struct nlattr *attribute, uint8_t family, uint8_t length,
                        struct ip_prefix *prefix)
{
    if (mnl_attr_get_payload_len(attribute) != ip_family_size(family))
        return;
    *prefix = (struct ip_prefix){.address.family = family, .length = length};
    memcpy(prefix->address.bytes, mnl_attr_get_payload(attribute), ip_family_size(family));
}

static void read_name(const struct nlattr *attribute, char name[IFNAMSIZ])
{
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
        strncpy(name, mnl_attr_get_str(attribute), IFNAMSIZ - 1);
}

static void read_ports(const struct nlattr *attribute, uint16_t ports[2])
{
    struct fib_rule_port_range range;
    if (mnl_attr_get_payload_len(attribute) < sizeof(range))
        return;
    memcpy(&range, mnl_attr_get_payload(attribute), sizeof(range));
    ports[0] = range.start;
    ports[1] = range.end;
}

static void read_attribute(const struct nlattr *attribute, const struct fib_rule_hdr *header,
                           struct rule *rule)
{
    switch (mnl_attr_get_type(attribute)) {
    case FRA_SRC:
        read_prefix(attribute, header->family, header->src_len, &rule->from);
        break;
    case FRA_DST:
        read_prefix(attribute, header->family, header->dst_len, &rule->to);
        break;
    case FRA_IIFNAME:
        read_name(attribute, rule->input);
        break;
    case FRA_OIFNAME:
        read_name(attribute, rule->output);
        break;
    case FRA_PRIORITY:
        rule->key.priority = message_u32(attribute);
        break;
    case FRA_TABLE:
        rule->table = message_u32(attribute);
        break;
    case FRA_FWMARK:
        rule->mark = message_u32(attribute);
        break;
    case FRA_FWMASK:
        rule->mask = message_u32(attribute);
        break;
    case FRA_IP_PROTO:
        rule->ip_protocol = message_u8(attribute);
        break;
    case FRA_SPORT_RANGE:
        read_ports(attribute, rule->source_port);
        break;
    case FRA_DPORT_RANGE:
        read_ports(attribute, rule->destination_port);
        break;
    case FRA_SUPPRESS_PREFIXLEN:
        rule->suppress_prefix_length = (int32_t)message_u32(attribute);
        break;
    case FRA_PROTOCOL:
        rule->protocol = message_u8(attribute);
        break;
    }
}

bool message_rule_read(const struct nlmsghdr *message, struct namespace *namespace)
{
    const struct fib_rule_hdr *header = message_header(message, sizeof(*header));
    const struct nlattr *attribute;
    if (!header)
        return true;
    struct rule draft = {
        .key.family = header->family,
        .action = header->action,
        .table = header->table,
        .tos = header->tos,
        .invert = header->flags & FIB_RULE_INVERT,
        .suppress_prefix_length = -1,
    };
    mnl_attr_for_each (attribute, message, sizeof(*header))
        read_attribute(attribute, header, &draft);
    if (draft.protocol == RTPROT_KERNEL || !ip_family_size(header->family))
        return true;
    while (namespace_rule(namespace, &draft.key))
        draft.key.ordinal++;
    struct rule *rule = rule_add(namespace, &draft.key);
    if (!rule)
        return false;
    draft.hh = rule->hh;
    *rule = draft;
    return true;
}
