#include "kernel/message.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void put(struct nlmsghdr *request, uint16_t type, const struct ip_address *address)
{
    mnl_attr_put(request, type, ip_family_size(address->family), address->bytes);
}

/* A gateway of the other family (RFC 8950) travels as RTA_VIA. */
static void put_gateway(struct nlmsghdr *request, uint8_t family, const struct ip_address *via)
{
    struct {
        uint16_t family;
        uint8_t bytes[16];
    } other = {.family = via->family};
    if (via->family == AF_UNSPEC)
        return;
    if (via->family == family) {
        put(request, RTA_GATEWAY, via);
        return;
    }
    size_t size = ip_family_size(via->family);
    memcpy(other.bytes, via->bytes, size);
    mnl_attr_put(request, RTA_VIA, sizeof(other.family) + size, &other);
}

static uint32_t hop_ifindex(const struct namespace *namespace, const struct next_hop *hop)
{
    const struct link *link = hop->device[0] ? namespace_link(namespace, hop->device) : NULL;
    return link ? link->ifindex : hop->ifindex;
}

static void put_hops(struct nlmsghdr *request, const struct namespace *namespace,
                     const struct route *route)
{
    uint8_t family = route->key.destination.address.family;
    struct nlattr *hops = mnl_attr_nest_start(request, RTA_MULTIPATH);
    hops->nla_type = RTA_MULTIPATH; /* an array of structs, not of attributes */
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct next_hop *hop = &route->hops[i];
        struct rtnexthop *header = mnl_nlmsg_get_payload_tail(request);
        *header = (struct rtnexthop){
            .rtnh_flags = hop->on_link ? RTNH_F_ONLINK : 0,
            .rtnh_hops = (unsigned char)(hop->weight - 1),
            .rtnh_ifindex = (int)hop_ifindex(namespace, hop),
        };
        request->nlmsg_len += (uint32_t)MNL_ALIGN(sizeof(*header));
        put_gateway(request, family, &hop->via);
        header->rtnh_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(request) - (char *)header);
    }
    mnl_attr_nest_end(request, hops);
}

static void put_hop(struct nlmsghdr *request, const struct namespace *namespace,
                    const struct route *route, struct rtmsg *header)
{
    const struct next_hop *hop = &route->hops[0];
    uint32_t ifindex = hop_ifindex(namespace, hop);
    if (hop->on_link)
        header->rtm_flags |= RTNH_F_ONLINK;
    put_gateway(request, route->key.destination.address.family, &hop->via);
    if (ifindex)
        mnl_attr_put_u32(request, RTA_OIF, ifindex);
}

static void put_metrics(struct nlmsghdr *request, const struct route *route)
{
    if (!route->mtu && !route->advmss)
        return;
    struct nlattr *metrics = mnl_attr_nest_start(request, RTA_METRICS);
    if (route->mtu)
        mnl_attr_put_u32(request, RTAX_MTU, route->mtu);
    if (route->advmss)
        mnl_attr_put_u32(request, RTAX_ADVMSS, route->advmss);
    mnl_attr_nest_end(request, metrics);
}

/* What ip-route(8) takes when no scope is said. IPv6 has none. */
static uint8_t route_scope(const struct route *route)
{
    if (route->scope != RT_SCOPE_NOWHERE)
        return route->scope;
    if (route->key.destination.address.family == AF_INET6)
        return RT_SCOPE_UNIVERSE;
    bool gateway = false;
    for (size_t i = 0; i < route->hop_count; i++)
        gateway |= route->hops[i].via.family != AF_UNSPEC;
    switch (route->type) {
    case RTN_LOCAL:
        return RT_SCOPE_HOST;
    case RTN_UNICAST:
        return gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    case RTN_BROADCAST:
    case RTN_MULTICAST:
        return RT_SCOPE_LINK;
    default:
        return RT_SCOPE_UNIVERSE;
    }
}

void message_route(struct nlmsghdr *request, const struct namespace *namespace,
                   const struct route *route, bool removal)
{
    const struct route_key *key = &route->key;
    struct rtmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    *header = (struct rtmsg){
        .rtm_family = key->destination.address.family,
        .rtm_dst_len = key->destination.length,
        .rtm_protocol = route->protocol,
        .rtm_scope = removal ? route->scope : route_scope(route),
        .rtm_type = route->type,
    };
    mnl_attr_put_u32(request, RTA_TABLE, key->table);
    if (key->destination.length)
        put(request, RTA_DST, &key->destination.address);
    if (key->metric)
        mnl_attr_put_u32(request, RTA_PRIORITY, key->metric);
    if (route->source.family)
        put(request, RTA_PREFSRC, &route->source);
    if (route->hop_count == 1)
        put_hop(request, namespace, route, header);
    else if (route->hop_count > 1)
        put_hops(request, namespace, route);
    if (!removal)
        put_metrics(request, route);
}

static void read_address(const struct nlattr *attribute, uint8_t family, struct ip_address *address)
{
    if (mnl_attr_get_payload_len(attribute) != ip_family_size(family))
        return;
    address->family = family;
    memcpy(address->bytes, mnl_attr_get_payload(attribute), ip_family_size(family));
}

static void read_via(const struct nlattr *attribute, struct ip_address *via)
{
    const char *payload = mnl_attr_get_payload(attribute);
    size_t length = mnl_attr_get_payload_len(attribute);
    uint16_t family = 0;
    if (length < sizeof(family))
        return;
    memcpy(&family, payload, sizeof(family));
    if (length - sizeof(family) < ip_family_size((uint8_t)family))
        return;
    via->family = (uint8_t)family;
    memcpy(via->bytes, payload + sizeof(family), ip_family_size(via->family));
}

static void read_hop_attribute(const struct nlattr *attribute, uint8_t family, struct next_hop *hop)
{
    switch (mnl_attr_get_type(attribute)) {
    case RTA_GATEWAY:
        read_address(attribute, family, &hop->via);
        break;
    case RTA_VIA:
        read_via(attribute, &hop->via);
        break;
    case RTA_OIF:
        hop->ifindex = message_u32(attribute);
        break;
    }
}

static void read_metrics(const struct nlattr *metrics, struct route *route)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested (attribute, metrics) {
        if (mnl_attr_get_type(attribute) == RTAX_MTU)
            route->mtu = message_u32(attribute);
        else if (mnl_attr_get_type(attribute) == RTAX_ADVMSS)
            route->advmss = message_u32(attribute);
    }
}

static void read_hop_attributes(const void *payload, size_t size, uint8_t family,
                                struct next_hop *hop)
{
    const struct nlattr *attr; /* the name that the macro wants */
    mnl_attr_for_each_payload(payload, size) read_hop_attribute(attr, family, hop);
}

static bool read_hops(const struct nlattr *hops, uint8_t family, struct route *route)
{
    const char *at = mnl_attr_get_payload(hops);
    size_t left = mnl_attr_get_payload_len(hops);
    while (left >= sizeof(struct rtnexthop)) {
        const struct rtnexthop *header = (const struct rtnexthop *)at;
        if (header->rtnh_len < sizeof(*header) || header->rtnh_len > left)
            return true;
        struct next_hop *hop = route_add_hop(route);
        if (!hop)
            return false;
        hop->ifindex = (uint32_t)header->rtnh_ifindex;
        hop->weight = (uint16_t)(header->rtnh_hops + 1);
        hop->on_link = header->rtnh_flags & RTNH_F_ONLINK;
        read_hop_attributes(at + sizeof(*header), header->rtnh_len - sizeof(*header), family, hop);
        size_t step = MNL_ALIGN(header->rtnh_len);
        at += step;
        left -= step < left ? step : left;
    }
    return true;
}

/* What the kernel keeps for itself: caches, and what follows from addresses in the local table. */
static bool is_kept(const struct rtmsg *header, uint32_t table)
{
    return !(header->rtm_flags & RTM_F_CLONED) && ip_family_size(header->rtm_family) &&
           (table != RT_TABLE_LOCAL || header->rtm_protocol != RTPROT_KERNEL);
}

static struct route_key read_key(const struct nlmsghdr *message)
{
    const struct rtmsg *header = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    struct route_key key;
    memset(&key, 0, sizeof(key));
    key.destination.address.family = header->rtm_family;
    key.destination.length = header->rtm_dst_len;
    key.table = header->rtm_table;
    mnl_attr_for_each (attribute, message, sizeof(*header)) {
        switch (mnl_attr_get_type(attribute)) {
        case RTA_DST:
            read_address(attribute, header->rtm_family, &key.destination.address);
            break;
        case RTA_TABLE:
            key.table = message_u32(attribute);
            break;
        case RTA_PRIORITY:
            key.metric = message_u32(attribute);
            break;
        }
    }
    return key;
}

static void name_devices(const struct namespace *namespace, struct route *route)
{
    for (size_t i = 0; i < route->hop_count; i++) {
        struct next_hop *hop = &route->hops[i];
        const struct link *link = namespace_link_by_ifindex(namespace, hop->ifindex);
        if (link)
            memcpy(hop->device, link->name, sizeof(hop->device));
    }
}

static bool has_hops(uint8_t type)
{
    return type != RTN_BLACKHOLE && type != RTN_UNREACHABLE && type != RTN_PROHIBIT &&
           type != RTN_THROW;
}

static bool read_route(const struct nlmsghdr *message, struct route *route)
{
    const struct rtmsg *header = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute, *hops = NULL;
    struct next_hop single = {.weight = 1, .on_link = (header->rtm_flags & RTNH_F_ONLINK) != 0};
    mnl_attr_for_each (attribute, message, sizeof(*header)) {
        uint16_t type = mnl_attr_get_type(attribute);
        if (type == RTA_PREFSRC)
            read_address(attribute, header->rtm_family, &route->source);
        else if (type == RTA_METRICS)
            read_metrics(attribute, route);
        else if (type == RTA_MULTIPATH)
            hops = attribute;
        else
            read_hop_attribute(attribute, header->rtm_family, &single);
    }
    if (!has_hops(route->type)) /* IPv6 shows lo as the device of these */
        return true;
    if (hops)
        return read_hops(hops, header->rtm_family, route);
    if (!single.ifindex && !single.via.family)
        return true;
    struct next_hop *hop = route_add_hop(route);
    if (hop)
        *hop = single;
    return hop;
}

bool message_route_key(const struct nlmsghdr *message, struct route_key *key, uint8_t *protocol)
{
    const struct rtmsg *header = message_header(message, sizeof(*header));
    if (!header)
        return false;
    *key = read_key(message);
    *protocol = header->rtm_protocol;
    return is_kept(header, key->table);
}

bool message_route_read(const struct nlmsghdr *message, struct namespace *namespace)
{
    struct route_key key;
    uint8_t protocol;
    if (!message_route_key(message, &key, &protocol))
        return true;
    while (namespace_route(namespace, &key))
        key.ordinal++;
    struct route *route = route_add(namespace, &key);
    if (!route)
        return false;
    const struct rtmsg *header = mnl_nlmsg_get_payload(message);
    route->type = header->rtm_type;
    route->scope = header->rtm_scope;
    route->protocol = protocol;
    if (!read_route(message, route))
        return false;
    name_devices(namespace, route);
    return true;
}
