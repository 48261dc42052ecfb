#include "kernel/message.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static bool read_alt_names(const struct nlattr *list, struct link *link)
{
    const struct nlattr *attribute;
    size_t count = 0;
    if (link->alt_names)
        return true;
    mnl_attr_for_each_nested (attribute, list)
        count++;
    link->alt_names = calloc(count + 1, sizeof(*link->alt_names));
    if (!link->alt_names)
        return false;
    count = 0;
    mnl_attr_for_each_nested (attribute, list) {
        if (mnl_attr_get_type(attribute) != IFLA_ALT_IFNAME)
            continue;
        link->alt_names[count] =
            strndup(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
        if (!link->alt_names[count++])
            return false;
    }
    return true;
}

static void read_addr_gen_mode(const struct nlattr *families, struct link *link)
{
    const struct nlattr *family, *attribute;
    mnl_attr_for_each_nested (family, families) {
        if (mnl_attr_get_type(family) != AF_INET6)
            continue;
        mnl_attr_for_each_nested (attribute, family) {
            if (mnl_attr_get_type(attribute) == IFLA_INET6_ADDR_GEN_MODE)
                link->common[LINK_ADDR_GEN_MODE] =
                    (struct value){.present = true, .number = message_u8(attribute)};
        }
    }
}

static void copy_name(const struct nlattr *attribute, char name[IFNAMSIZ])
{
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
        strncpy(name, mnl_attr_get_str(attribute), IFNAMSIZ - 1);
}

static void read_kind_lower(const struct nlattr *data, struct link *link)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested (attribute, data) {
        if (mnl_attr_get_type(attribute) == link->kind->lower_netlink)
            link->lower_ifindex = message_u32(attribute);
    }
}

static bool read_kind(const struct nlattr *data, struct link *link)
{
    const struct link_kind *kind = link_kind_find(link->kind_name);
    if (!kind)
        return true;
    if (!link_set_kind(link, kind))
        return false;
    if (kind->lower_netlink)
        link->lower_ifindex = 0;
    if (data && kind->lower_netlink)
        read_kind_lower(data, link);
    return !data || message_read_values(data, NULL, 0, &kind->attributes, link->attributes);
}

static bool read_info(const struct nlattr *info, struct link *link)
{
    const struct nlattr *attribute, *data = NULL, *port = NULL;
    char master_kind[IFNAMSIZ] = "";
    mnl_attr_for_each_nested (attribute, info) {
        switch (mnl_attr_get_type(attribute)) {
        case IFLA_INFO_KIND:
            copy_name(attribute, link->kind_name);
            break;
        case IFLA_INFO_DATA:
            data = attribute;
            break;
        case IFLA_INFO_SLAVE_KIND:
            copy_name(attribute, master_kind);
            break;
        case IFLA_INFO_SLAVE_DATA:
            port = attribute;
            break;
        }
    }
    if (!read_kind(data, link))
        return false;
    return !port || strcmp(master_kind, kind_bridge.name) != 0 ||
           (link_add_port(link) &&
            message_read_values(port, NULL, 0, &bridge_port_attributes, link->port));
}

bool message_port_read(const struct nlmsghdr *message, struct value *port)
{
    const struct nlattr *attribute;
    mnl_attr_for_each (attribute, message, sizeof(struct ifinfomsg)) {
        if (mnl_attr_get_type(attribute) == IFLA_PROTINFO &&
            !message_read_values(attribute, NULL, 0, &bridge_port_attributes, port))
            return false;
    }
    return true;
}

static bool read_attribute(const struct nlattr *attribute, struct link *link)
{
    switch (mnl_attr_get_type(attribute)) {
    case IFLA_GROUP:
        link->group = message_u32(attribute);
        break;
    case IFLA_OPERSTATE:
        link->oper_state = message_u8(attribute);
        break;
    case IFLA_MASTER:
        link->master_ifindex = message_u32(attribute);
        break;
    case IFLA_LINK:
        link->lower_ifindex = message_u32(attribute);
        break;
    case IFLA_LINK_NETNSID:
        link->lower_elsewhere = true;
        link->lower_nsid = (int32_t)message_u32(attribute);
        break;
    case IFLA_PROP_LIST:
        return read_alt_names(attribute, link);
    case IFLA_AF_SPEC:
        read_addr_gen_mode(attribute, link);
        break;
    }
    return true;
}

static const char *read_name(const struct nlmsghdr *message)
{
    const struct nlattr *attribute;
    mnl_attr_for_each (attribute, message, sizeof(struct ifinfomsg)) {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
            return mnl_attr_get_str(attribute);
    }
    return NULL;
}

bool message_link_read(const struct nlmsghdr *message, struct namespace *namespace)
{
    const struct ifinfomsg *header = message_header(message, sizeof(*header));
    const char *name = header ? read_name(message) : NULL;
    const struct nlattr *attribute, *info = NULL;
    if (!name || namespace_link(namespace, name))
        return true; /* renamed while the dump ran: the dump is interrupted */
    struct link *link = link_add(namespace, name);
    if (!link)
        return false;
    link->ifindex = (uint32_t)header->ifi_index;
    link->flags = header->ifi_flags;
    mnl_attr_for_each (attribute, message, sizeof(*header)) {
        if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
            info = attribute;
        else if (!read_attribute(attribute, link))
            return false;
    }
    if ((info && !read_info(info, link)) ||
        !message_read_values(NULL, message, sizeof(*header), &link_attributes, link->common))
        return false;
    if (!link->lower_elsewhere && link->lower_ifindex)
        link->lower_cookie = namespace->cookie;
    link->common[LINK_UP] = (struct value){.present = true, .number = (link->flags & IFF_UP) != 0};
    return namespace_link_by_ifindex(namespace, link->ifindex) || link_index(link);
}
