#include "kernel/message.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

/* net/core/net_namespace.c: lo is the first link of all namespaces. */
#define LOOPBACK_IFINDEX 1

static const struct value absent;

/* Before Linux 6.15 a number, or else a name, for a link elsewhere must not be taken in the
 * namespace that is asked for it either (net/core/rtnetlink.c, __rtnl_newlink()). Is that of MAIN
 * taken where LINK, its other end, is to be made? */
static bool is_taken_at_home(const struct link *link, const struct link *main)
{
    const struct namespace *home = link->namespace;
    if (main->ifindex)
        return !link->ifindex || main->ifindex < link->ifindex;
    return strcmp(main->name, link->name) != 0 &&
           (namespace_link(home, main->name) ||
            (home->match && namespace_link(home->match, main->name)));
}

const char *message_link_home(const struct link *link)
{
    const struct link *main = link->kind->paired ? link_peer(link) : NULL;
    if (main && main->namespace != link->namespace && is_taken_at_home(link, main))
        return main->namespace->name;
    if (link->underlay)
        return link->underlay;
    const struct link *lower = link_lower(link);
    return lower ? lower->namespace->name : link->namespace->name;
}

static bool is_passed_at_birth(const struct link *link, size_t i)
{
    const struct attribute *row = &link_attributes.rows[i];
    return row->encoding != ENCODING_NONE && row->encoding != ENCODING_STRING &&
           (link->common[i].present || row->birth) &&
           !(i == LINK_MTU && link->kind->mtu_follows_ports);
}

static uint32_t wanted_group(const struct link *link)
{
    return link->group ? link->group : NETNSD_GROUP;
}

/* Attributes of every link, after its struct ifinfomsg. */
static void put_common_birth(struct nlmsghdr *request, const struct link *link)
{
    mnl_attr_put_strz(request, IFLA_IFNAME, link->name);
    mnl_attr_put_u32(request, IFLA_GROUP, wanted_group(link));
    for (size_t i = 0; i < link_attributes.count; i++) {
        const struct attribute *row = &link_attributes.rows[i];
        struct value value = attribute_effective(row, &link->common[i]);
        if (is_passed_at_birth(link, i))
            message_put_value(request, row, &value, NULL);
    }
}

static uint32_t wanted_master(const struct link *link)
{
    const struct link *master = link_master(link);
    return master ? master->ifindex : link->master_ifindex;
}

/* The unwritten end of a cable is the main link of its request, which gives it all that others get
 * afterwards: it can be born as a port, and up. The other end cannot (drivers/net/veth.c,
 * veth_open()). */
static bool is_born_complete(const struct link *link)
{
    return link->derived && link->kind && link->kind->paired && !link->sysctls;
}

void message_link_header(struct nlmsghdr *request, const struct link *link, unsigned flags,
                         unsigned change)
{
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    *header = (struct ifinfomsg){
        .ifi_index = (int)link->ifindex, .ifi_flags = flags, .ifi_change = change};
    if (!link->ifindex)
        mnl_attr_put_strz(request, IFLA_IFNAME, link->name);
}

/* What a row is when the link has just been made: birth attributes as desired, the others unset. */
static const struct value *former(const struct link *link, const struct link *from, size_t row)
{
    if (from)
        return &from->common[row];
    return link->kind && is_passed_at_birth(link, row) ? &link->common[row] : &absent;
}

static bool row_differs(const struct link *link, const struct link *from, size_t i)
{
    const struct attribute *row = &link_attributes.rows[i];
    if (from || (link->common[i].present && row->encoding != ENCODING_NONE))
        return !attribute_equal(row, &link->common[i], former(link, from, i));
    return false;
}

static bool changes_addr_gen_mode(const struct link *link, const struct link *from)
{
    const struct attribute *row = &link_attributes.rows[LINK_ADDR_GEN_MODE];
    const struct value *mode = &link->common[LINK_ADDR_GEN_MODE];
    if (from)
        return !attribute_equal(row, mode, &from->common[LINK_ADDR_GEN_MODE]);
    bool silent = mode->number == IN6_ADDR_GEN_MODE_NONE && namespace_is_silent(link->namespace);
    return mode->present && !silent;
}

static bool changes_master(const struct link *link, const struct link *from)
{
    if (!from && is_born_complete(link))
        return false;
    return wanted_master(link) != (from ? from->master_ifindex : 0);
}

static bool changes_name(const struct link *link, const struct link *from)
{
    return from && strcmp(link->name, from->name) != 0;
}

static bool common_needed(const struct link *link, const struct link *from)
{
    if (changes_name(link, from) || changes_master(link, from) ||
        changes_addr_gen_mode(link, from) || (from && wanted_group(link) != from->group))
        return true;
    for (size_t i = 0; i < link_attributes.count; i++) {
        if (link_attributes.rows[i].encoding != ENCODING_NONE && row_differs(link, from, i))
            return true;
    }
    return false;
}

static void put_addr_gen_mode(struct nlmsghdr *request, const struct link *link)
{
    struct value mode = attribute_effective(&link_attributes.rows[LINK_ADDR_GEN_MODE],
                                            &link->common[LINK_ADDR_GEN_MODE]);
    struct nlattr *families = mnl_attr_nest_start(request, IFLA_AF_SPEC);
    struct nlattr *family = mnl_attr_nest_start(request, AF_INET6);
    mnl_attr_put_u8(request, IFLA_INET6_ADDR_GEN_MODE, (uint8_t)mode.number);
    mnl_attr_nest_end(request, family);
    mnl_attr_nest_end(request, families);
}

static void put_common_changes(struct nlmsghdr *request, const struct link *link,
                               const struct link *from)
{
    message_link_header(request, link, 0, 0);
    if (changes_name(link, from))
        mnl_attr_put_strz(request, IFLA_IFNAME, link->name);
    for (size_t i = 0; i < link_attributes.count; i++) {
        const struct attribute *row = &link_attributes.rows[i];
        struct value value = attribute_effective(row, &link->common[i]);
        if (row->encoding != ENCODING_NONE && row_differs(link, from, i))
            message_put_value(request, row, &value, NULL);
    }
    if (from && wanted_group(link) != from->group)
        mnl_attr_put_u32(request, IFLA_GROUP, wanted_group(link));
    if (changes_master(link, from))
        mnl_attr_put_u32(request, IFLA_MASTER, wanted_master(link));
    if (changes_addr_gen_mode(link, from))
        put_addr_gen_mode(request, link);
}

static bool table_differs(const struct attribute_table *table, const struct value *values,
                          const struct value *from)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!attribute_equal(&table->rows[i], &values[i], from ? &from[i] : &absent))
            return true;
    }
    return false;
}

static void put_table_changes(struct nlmsghdr *request, uint16_t nest,
                              const struct attribute_table *table, const struct value *values,
                              const struct value *from)
{
    struct nlattr *data = mnl_attr_nest_start(request, nest);
    for (size_t i = 0; i < table->count; i++) {
        const struct value *old = from ? &from[i] : &absent;
        struct value value = attribute_effective(&table->rows[i], &values[i]);
        if (!attribute_equal(&table->rows[i], &values[i], old))
            message_put_value(request, &table->rows[i], &value, old);
    }
    mnl_attr_nest_end(request, data);
}

/* Begins what is about the kind of a link; to be ended. */
static struct nlattr *begin_kind(struct nlmsghdr *request, const struct link_kind *kind)
{
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, kind->name);
    return info;
}

static void put_kind_changes(struct nlmsghdr *request, const struct link *link,
                             const struct link *from)
{
    message_link_header(request, link, 0, 0);
    struct nlattr *info = begin_kind(request, link->kind);
    put_table_changes(request, IFLA_INFO_DATA, &link->kind->attributes, link->attributes,
                      from->attributes);
    mnl_attr_nest_end(request, info);
}

/* A link that has just become a port has what the kernel gives ports; but for "cost", that is what
 * absent keys mean. */
static bool port_differs(const struct link *link, const struct link *from)
{
    const struct value *old = from && !changes_master(link, from) ? from->port : NULL;
    if (!link->port)
        return false;
    if (old)
        return table_differs(&bridge_port_attributes, link->port, old);
    for (size_t i = 0; i < bridge_port_attributes.count; i++) {
        if (link->port[i].present)
            return true;
    }
    return false;
}

static void put_port_changes(struct nlmsghdr *request, const struct link *link,
                             const struct link *from)
{
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_SLAVE_KIND, kind_bridge.name);
    put_table_changes(request, IFLA_INFO_SLAVE_DATA, &bridge_port_attributes, link->port,
                      from && !changes_master(link, from) ? from->port : NULL);
    mnl_attr_nest_end(request, info);
}

static bool wants_up(const struct link *link)
{
    return attribute_effective(&link_attributes.rows[LINK_UP], &link->common[LINK_UP]).number;
}

/* Nothing is to be set before it is up. */
static bool is_born_up(const struct link *link)
{
    return is_born_complete(link) && wants_up(link) && !common_needed(link, NULL) &&
           !port_differs(link, NULL);
}

/* A link just made is down, but for lo (message_loopback_birth()). */
static bool changes_state(const struct link *link, const struct link *from)
{
    bool up = from ? from->common[LINK_UP].number : !link->kind || is_born_up(link);
    return wants_up(link) != up;
}

/* A change of nothing means one of all flags (net/core/rtnetlink.c, rtnl_dev_combine_flags()). */
static void put_state(struct nlmsghdr *request, const struct link *link, bool changes)
{
    message_link_header(request, link, changes && wants_up(link) ? IFF_UP : 0,
                        changes ? IFF_UP : 0);
}

bool message_link_part_needed(const struct link *link, const struct link *from,
                              enum message_link_part part)
{
    switch (part) {
    case LINK_PART_COMMON:
        return common_needed(link, from);
    case LINK_PART_KIND:
        return from && link->kind &&
               table_differs(&link->kind->attributes, link->attributes, from->attributes);
    default:
        return port_differs(link, from) || changes_state(link, from);
    }
}

void message_link_set(struct nlmsghdr *request, const struct link *link, const struct link *from,
                      enum message_link_part part)
{
    switch (part) {
    case LINK_PART_COMMON:
        put_common_changes(request, link, from);
        break;
    case LINK_PART_KIND:
        put_kind_changes(request, link, from);
        break;
    default:
        put_state(request, link, changes_state(link, from));
        if (port_differs(link, from))
            put_port_changes(request, link, from);
        break;
    }
}

void message_link_finish(struct nlmsghdr *request, const struct link *link)
{
    const struct attribute_table *table = &link->kind->attributes;
    message_link_header(request, link, 0, 0);
    struct nlattr *info = begin_kind(request, link->kind);
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    for (size_t i = 0; i < table->count; i++) {
        struct value value = attribute_effective(&table->rows[i], &link->attributes[i]);
        if (table->rows[i].late)
            message_put_value(request, &table->rows[i], &value, NULL);
    }
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
}

void message_loopback_birth(struct nlmsghdr *request)
{
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    *header = (struct ifinfomsg){
        .ifi_index = LOOPBACK_IFINDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    mnl_attr_put_u32(request, IFLA_GROUP, NETNSD_GROUP);
}

void message_link_alt_name(struct nlmsghdr *request, const struct link *link, const char *name)
{
    message_link_header(request, link, 0, 0);
    struct nlattr *list = mnl_attr_nest_start(request, IFLA_PROP_LIST);
    mnl_attr_put_strz(request, IFLA_ALT_IFNAME, name);
    mnl_attr_nest_end(request, list);
}

static void put_kind_birth(struct nlmsghdr *request, const struct link *link)
{
    const struct link_kind *kind = link->kind;
    const struct link *lower = link_lower(link);
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    for (size_t i = 0; i < kind->attributes.count; i++) {
        const struct attribute *row = &kind->attributes.rows[i];
        struct value value = attribute_effective(row, &link->attributes[i]);
        if (row->late)
            message_put_value(request, row, &(struct value){.present = true}, NULL);
        else if (link->attributes[i].present || row->own_default)
            message_put_value(request, row, &value, NULL);
    }
    if (lower && kind->lower_netlink)
        mnl_attr_put_u32(request, kind->lower_netlink, lower->ifindex);
    mnl_attr_nest_end(request, data);
}

bool message_link_is_plain_port(const struct link *link)
{
    const struct namespace *namespace = link->namespace;
    return is_born_complete(link) && wanted_master(link) && !namespace->ipv6 &&
           !namespace_is_shared(namespace) && !namespace->sysctls;
}

/* The other end, within the request for the main one. Its header is a struct ifinfomsg of its own
 * (drivers/net/veth.c, veth_newlink()). */
static void put_pair(struct nlmsghdr *request, const struct link *near, int target_fd)
{
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
    struct ifinfomsg *header = mnl_nlmsg_get_payload_tail(request);
    *header = (struct ifinfomsg){.ifi_index = (int)near->ifindex};
    request->nlmsg_len += (uint32_t)MNL_ALIGN(sizeof(*header));
    put_common_birth(request, near);
    if (target_fd >= 0)
        mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)target_fd);
    mnl_attr_nest_end(request, peer);
    mnl_attr_nest_end(request, data);
}

/* The kernel chooses the number of a link that is made from where its lower one is, as many numbers
 * are taken there: those of a new namespace's links it gives in the same order. */
void message_link_create(struct nlmsghdr *request, const struct link *link, int target_fd)
{
    const struct link *main = link->kind->paired ? link_peer(link) : link;
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    bool main_elsewhere = strcmp(main->namespace->name, message_link_home(link)) != 0;
    header->ifi_index = (int)(main_elsewhere && main == link ? 0 : main->ifindex);
    if (is_born_up(main))
        header->ifi_flags = header->ifi_change = IFF_UP;
    put_common_birth(request, main);
    if (main_elsewhere)
        mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)target_fd);
    if (link_lower(link) && !link->kind->lower_netlink)
        mnl_attr_put_u32(request, IFLA_LINK, link_lower(link)->ifindex);
    if (wanted_master(main))
        mnl_attr_put_u32(request, IFLA_MASTER, wanted_master(main));
    struct nlattr *info = begin_kind(request, link->kind);
    if (link->kind->paired)
        put_pair(request, link, main_elsewhere ? -1 : target_fd);
    else
        put_kind_birth(request, link);
    mnl_attr_nest_end(request, info);
}
