#include "kernel/message.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void put(struct nlmsghdr *request, uint16_t type, const struct ip_address *address)
{
    mnl_attr_put(request, type, ip_family_size(address->family), address->bytes);
}

void message_address(struct nlmsghdr *request, const struct link *link,
                     const struct address *address)
{
    const struct ip_address *local = &address->prefix.address;
    struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    *header = (struct ifaddrmsg){
        .ifa_family = local->family,
        .ifa_prefixlen = address->prefix.length,
        .ifa_scope = address->scope,
        .ifa_index = link->ifindex,
    };
    uint32_t flags = address->no_prefix_route ? IFA_F_NOPREFIXROUTE : 0;
    if (local->family == AF_INET6 && !address->dad)
        flags |= IFA_F_NODAD;
    put(request, IFA_LOCAL, local);
    put(request, IFA_ADDRESS, address->peer.family ? &address->peer : local);
    mnl_attr_put_u32(request, IFA_FLAGS, flags);
    if (address->protocol)
        mnl_attr_put_u8(request, IFA_PROTO, address->protocol);
    if (address->metric)
        mnl_attr_put_u32(request, IFA_RT_PRIORITY, address->metric);
}

static bool read_address(const struct nlattr *attribute, uint8_t family, struct ip_address *address)
{
    *address = (struct ip_address){.family = family};
    if (mnl_attr_get_payload_len(attribute) != ip_family_size(family))
        return false;
    memcpy(address->bytes, mnl_attr_get_payload(attribute), ip_family_size(family));
    return true;
}

bool message_address_parse(const struct nlmsghdr *message, struct address *address,
                           uint32_t *ifindex)
{
    const struct ifaddrmsg *header = message_header(message, sizeof(*header));
    struct ip_address local = {0}, other = {0};
    const struct nlattr *attribute;
    if (!header || !ip_family_size(header->ifa_family))
        return false;
    *ifindex = header->ifa_index;
    memset(address, 0, sizeof(*address)); /* the padding of its key is significant */
    address->flags = header->ifa_flags;
    address->scope = header->ifa_scope;
    mnl_attr_for_each (attribute, message, sizeof(*header)) {
        switch (mnl_attr_get_type(attribute)) {
        case IFA_LOCAL:
            read_address(attribute, header->ifa_family, &local);
            break;
        case IFA_ADDRESS:
            read_address(attribute, header->ifa_family, &other);
            break;
        case IFA_FLAGS:
            address->flags = message_u32(attribute);
            break;
        case IFA_PROTO:
            address->protocol = message_u8(attribute);
            break;
        case IFA_RT_PRIORITY:
            address->metric = message_u32(attribute);
            break;
        }
    }
    if (local.family && !ip_address_equal(&local, &other))
        address->peer = other;
    address->prefix.address = local.family ? local : other;
    address->prefix.length = header->ifa_prefixlen;
    address->no_prefix_route = address->flags & IFA_F_NOPREFIXROUTE;
    return true;
}

bool message_address_read(const struct nlmsghdr *message, struct namespace *namespace)
{
    struct address draft;
    uint32_t ifindex;
    if (!message_address_parse(message, &draft, &ifindex))
        return true;
    struct link *link = namespace_link_by_ifindex(namespace, ifindex);
    if (!link || link_address(link, &draft.prefix))
        return true; /* of those that differ in the peer alone, the first stands for all */
    struct address *address = address_add(link, &draft.prefix);
    if (!address)
        return false;
    draft.hh = address->hh;
    *address = draft;
    return true;
}
