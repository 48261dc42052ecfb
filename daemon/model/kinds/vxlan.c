/* Ethernet over UDP (RFC 7348): drivers/net/vxlan/vxlan_core.c. */
#include "model/network.h"

#include <linux/if_link.h>

#define FLAG(key, attribute, value, text)                                                          \
    {                                                                                              \
        .name = key, .type = ATTRIBUTE_BOOL, .encoding = ENCODING_U8, .netlink = attribute,        \
        .birth = true, .has_default = true, .default_value = value, .meaning = text                \
    }

enum {
    ID,
    REMOTE,
    LOCAL,
    PORT,
    SOURCE_PORTS,
    TTL,
    TOS,
    LEARNING,
    AGEING,
    LIMIT,
    UDP_CHECKSUM,
    UDP6_ZERO_CHECKSUM_TX,
    UDP6_ZERO_CHECKSUM_RX,
    PROXY,
    RSC,
    L2_MISS,
    L3_MISS,
    ATTRIBUTE_COUNT,
};

/* What vxlan_changelink() refuses to change is settable at birth only. */
static const struct attribute rows[ATTRIBUTE_COUNT] = {
    [ID] = {.name = "id",
            .type = ATTRIBUTE_INTEGER,
            .encoding = ENCODING_U32,
            .netlink = IFLA_VXLAN_ID,
            .birth = true,
            .minimum = 0,
            .maximum = 0xffffff,
            .meaning = "The network's number (VNI)."},
    [REMOTE] = {.name = "remote",
                .type = ATTRIBUTE_ADDRESS,
                .encoding = ENCODING_ADDRESS,
                .netlink = IFLA_VXLAN_GROUP,
                .netlink6 = IFLA_VXLAN_GROUP6,
                .meaning = "Where frames to unknown addresses go: a host, or a multicast group."},
    [LOCAL] = {.name = "local",
               .type = ATTRIBUTE_ADDRESS,
               .encoding = ENCODING_ADDRESS,
               .netlink = IFLA_VXLAN_LOCAL,
               .netlink6 = IFLA_VXLAN_LOCAL6,
               .birth = true,
               .meaning = "Source address of the outer packets."},
    [PORT] = {.name = "port",
              .type = ATTRIBUTE_INTEGER,
              .encoding = ENCODING_U16_BE,
              .netlink = IFLA_VXLAN_PORT,
              .birth = true,
              .has_default = true,
              .own_default = true,
              .default_value = 4789,
              .minimum = 1,
              .maximum = UINT16_MAX,
              .meaning = "UDP port of the other hosts, and of this one."},
    [SOURCE_PORTS] = {.name = "sourcePorts",
                      .type = ATTRIBUTE_RANGE,
                      .encoding = ENCODING_PORT_RANGE,
                      .netlink = IFLA_VXLAN_PORT_RANGE,
                      .birth = true,
                      .has_default = true,
                      .meaning = "UDP source ports of the outer packets."},
    [TTL] = {.name = "ttl",
             .type = ATTRIBUTE_INTEGER,
             .encoding = ENCODING_U8,
             .netlink = IFLA_VXLAN_TTL,
             .birth = true,
             .has_default = true,
             .minimum = 0,
             .maximum = 255,
             .meaning = "Time to live of the outer packets, 0 for the kernel's."},
    [TOS] = {.name = "tos",
             .type = ATTRIBUTE_INTEGER,
             .encoding = ENCODING_U8,
             .netlink = IFLA_VXLAN_TOS,
             .birth = true,
             .has_default = true,
             .minimum = 0,
             .maximum = 255,
             .meaning = "Type of service of the outer packets, 1 for that of the inner ones."},
    [LEARNING] = {.name = "learning",
                  .type = ATTRIBUTE_BOOL,
                  .encoding = ENCODING_U8,
                  .netlink = IFLA_VXLAN_LEARNING,
                  .birth = true,
                  .has_default = true,
                  .default_value = 1,
                  .meaning = "Learn where MAC addresses are from the packets that come."},
    [AGEING] = {.name = "ageing",
                .type = ATTRIBUTE_DURATION,
                .encoding = ENCODING_U32,
                .netlink = IFLA_VXLAN_AGEING,
                .has_default = true,
                .default_value = 300,
                .minimum = 0,
                .maximum = 3600000,
                .unit = 1000000,
                .meaning = "How long a learned MAC address is kept."},
    [LIMIT] = {.name = "limit",
               .type = ATTRIBUTE_INTEGER,
               .encoding = ENCODING_U32,
               .netlink = IFLA_VXLAN_LIMIT,
               .has_default = true,
               .minimum = 0,
               .maximum = UINT32_MAX,
               .meaning = "Most MAC addresses that are learned, 0 for any number."},
    [UDP_CHECKSUM] = FLAG("udpChecksum", IFLA_VXLAN_UDP_CSUM, 1, "Checksum IPv4's outer packets."),
    [UDP6_ZERO_CHECKSUM_TX] = FLAG("udp6ZeroChecksumTx", IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 0,
                                   "Send outer packets of IPv6 without a checksum."),
    [UDP6_ZERO_CHECKSUM_RX] = FLAG("udp6ZeroChecksumRx", IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0,
                                   "Take outer packets of IPv6 without a checksum."),
    [PROXY] = FLAG("proxy", IFLA_VXLAN_PROXY, 0, "Answer ARP from the neighbour table."),
    [RSC] = FLAG("rsc", IFLA_VXLAN_RSC, 0, "Short-circuit routes between segments."),
    [L2_MISS] = FLAG("l2miss", IFLA_VXLAN_L2MISS, 0, "Tell of unknown MAC addresses."),
    [L3_MISS] = FLAG("l3miss", IFLA_VXLAN_L3MISS, 0, "Tell of unknown IP addresses."),
};

static bool is_multicast(const struct ip_address *address)
{
    return address->family == AF_INET ? (address->bytes[0] & 0xf0) == 0xe0
                                      : address->bytes[0] == 0xff;
}

/* vxlan_nl2conf() and vxlan_config_validate(). */
static void check(const struct link *link, const struct json_place *place,
                  struct problems *problems)
{
    const struct value *remote = &link->attributes[REMOTE], *local = &link->attributes[LOCAL];
    if (!link->attributes[ID].present)
        json_problem(problems, false, &(struct json_place){.parent = place, .key = rows[ID].name},
                     "this key is missing: the network's number (VNI), from 0 to 16777215");
    if (remote->present && local->present && remote->address->family != local->address->family)
        json_problem(problems, false,
                     &(struct json_place){.parent = place, .key = rows[LOCAL].name},
                     "\"local\" and \"remote\" must both be IPv4, or both IPv6");
    if (remote->present && is_multicast(remote->address) && !link->lower)
        json_problem(problems, false,
                     &(struct json_place){.parent = place, .key = rows[REMOTE].name},
                     "a multicast group is joined on a link: name that in \"link\"");
}

/* Ethernet, VXLAN, UDP and IP. */
static uint32_t overhead(const struct link *link)
{
    const struct value *remote = &link->attributes[REMOTE], *local = &link->attributes[LOCAL];
    bool ipv6 = (remote->present && remote->address->family == AF_INET6) ||
                (local->present && local->address->family == AF_INET6);
    return ipv6 ? 70 : 50;
}

/* There is one of its number and port in a namespace (vxlan_vni_in_use()). */
static bool is_exclusive(const struct link *link)
{
    (void)link;
    return true;
}

const struct link_kind kind_vxlan = {
    .name = "vxlan",
    .meaning = "A segment stretched over IP networks.",
    .attributes = {rows, ATTRIBUTE_COUNT},
    .lower = LOWER_OPTIONAL,
    .lower_netlink = IFLA_VXLAN_LINK,
    .underlay = true,
    .mac_settable = true,
    .ethernet = true,
    .exclusive = is_exclusive,
    .overhead = overhead,
    .check = check,
};
