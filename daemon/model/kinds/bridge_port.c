/* A link as the port of a bridge. */
#include "model/kind.h"

#include <linux/if_link.h>

#define FLAG(key, attribute, value, text)                                                          \
    {                                                                                              \
        .name = key, .type = ATTRIBUTE_BOOL, .encoding = ENCODING_U8, .netlink = attribute,        \
        .has_default = true, .default_value = value, .meaning = text                               \
    }

static const struct attribute rows[] = {
    {.name = "priority",
     .type = ATTRIBUTE_INTEGER,
     .encoding = ENCODING_U16,
     .netlink = IFLA_BRPORT_PRIORITY,
     .has_default = true,
     .default_value = 32,
     .minimum = 0,
     .maximum = 63,
     .meaning = "Priority of the port in the spanning tree."},
    {.name = "cost",
     .type = ATTRIBUTE_INTEGER,
     .encoding = ENCODING_U32,
     .netlink = IFLA_BRPORT_COST,
     .indifferent = true,
     .minimum = 1,
     .maximum = 65535,
     .meaning = "Path cost of the port in the spanning tree."},
    FLAG("hairpin", IFLA_BRPORT_MODE, 0, "Send frames back through the port that they came from."),
    FLAG("guard", IFLA_BRPORT_GUARD, 0, "Ignore the spanning tree's messages from the port."),
    FLAG("rootBlock", IFLA_BRPORT_PROTECT, 0, "Never let the port lead to the root bridge."),
    FLAG("fastLeave", IFLA_BRPORT_FAST_LEAVE, 0, "Leave a multicast group at the first report."),
    FLAG("learning", IFLA_BRPORT_LEARNING, 1, "Learn MAC addresses from the port."),
    FLAG("flood", IFLA_BRPORT_UNICAST_FLOOD, 1, "Send frames to unknown addresses to the port."),
    FLAG("mcastFlood", IFLA_BRPORT_MCAST_FLOOD, 1, "Send unregistered multicast to the port."),
    FLAG("bcastFlood", IFLA_BRPORT_BCAST_FLOOD, 1, "Send broadcasts to the port."),
    FLAG("mcastToUnicast", IFLA_BRPORT_MCAST_TO_UCAST, 0, "Copy multicast to each member."),
    FLAG("proxyArp", IFLA_BRPORT_PROXYARP, 0, "Answer ARP for hosts behind other ports."),
    FLAG("neighSuppress", IFLA_BRPORT_NEIGH_SUPPRESS, 0,
         "Answer ARP and neighbour discovery from the bridge's own tables."),
    FLAG("isolated", IFLA_BRPORT_ISOLATED, 0, "Do not forward between isolated ports."),
    FLAG("vlanTunnel", IFLA_BRPORT_VLAN_TUNNEL, 0, "Map VLANs to tunnel identifiers."),
    FLAG("locked", IFLA_BRPORT_LOCKED, 0, "Take frames from known addresses only."),
};

const struct attribute_table bridge_port_attributes = {rows, sizeof(rows) / sizeof(rows[0])};

_Static_assert(sizeof(rows) / sizeof(rows[0]) <= BRIDGE_PORT_ATTRIBUTE_MAX,
               "raise BRIDGE_PORT_ATTRIBUTE_MAX");
