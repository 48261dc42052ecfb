/* Bridges: net/bridge/br_netlink.c. The kernel counts their times in USER_HZ, 10 ms. */
#include "model/network.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>

#define USER_HZ_MICROSECONDS 10000

/* The meaning comes last, and may be followed by other members. */
#define FLAG(key, width, attribute, value, ...)                                                    \
    {                                                                                              \
        .name = key, .type = ATTRIBUTE_BOOL, .encoding = width, .netlink = attribute,              \
        .has_default = true, .default_value = value, .meaning = __VA_ARGS__                        \
    }

/* SECONDS is the default; the range is in milliseconds. */
#define TIME(key, attribute, seconds, least, most, text)                                           \
    {                                                                                              \
        .name = key, .type = ATTRIBUTE_DURATION, .encoding = ENCODING_U32, .netlink = attribute,   \
        .has_default = true, .default_value = (seconds)*100, .minimum = (least),                   \
        .maximum = (most), .unit = USER_HZ_MICROSECONDS, .meaning = text                           \
    }

static const struct attribute_word vlan_protocols[] = {
    {"802.1Q", ETH_P_8021Q},
    {"802.1ad", ETH_P_8021AD},
    {NULL, 0},
};

enum {
    STP,
    FORWARD_DELAY,
    HELLO_TIME,
    MAX_AGE,
    AGEING_TIME,
    PRIORITY,
    VLAN_FILTERING,
    VLAN_PROTOCOL,
    VLAN_DEFAULT_PVID,
    GROUP_FWD_MASK,
    MCAST_SNOOPING,
    MCAST_QUERIER,
    ATTRIBUTE_COUNT,
};

static const struct attribute rows[ATTRIBUTE_COUNT] = {
    [STP] = FLAG("stp", ENCODING_U32, IFLA_BR_STP_STATE, 0, "Run the spanning tree protocol."),
    [FORWARD_DELAY] = TIME("forwardDelay", IFLA_BR_FORWARD_DELAY, 15, 0, 30000,
                           "How long a port listens, and learns, before it forwards."),
    [HELLO_TIME] = TIME("helloTime", IFLA_BR_HELLO_TIME, 2, 1000, 10000,
                        "Time between the spanning tree's messages."),
    [MAX_AGE] = TIME("maxAge", IFLA_BR_MAX_AGE, 20, 6000, 40000,
                     "How long the spanning tree believes a message."),
    [AGEING_TIME] = TIME("ageingTime", IFLA_BR_AGEING_TIME, 300, 0, 1000000000,
                         "How long a learned MAC address is kept."),
    [PRIORITY] = {.name = "priority",
                  .type = ATTRIBUTE_INTEGER,
                  .encoding = ENCODING_U16,
                  .netlink = IFLA_BR_PRIORITY,
                  .has_default = true,
                  .default_value = 32768,
                  .minimum = 0,
                  .maximum = UINT16_MAX,
                  .meaning = "Priority of the bridge in the spanning tree."},
    [VLAN_FILTERING] = FLAG("vlanFiltering", ENCODING_U8, IFLA_BR_VLAN_FILTERING, 0,
                            "Forward a VLAN's frames to its ports only."),
    [VLAN_PROTOCOL] = {.name = "vlanProtocol",
                       .type = ATTRIBUTE_WORD,
                       .encoding = ENCODING_U16_BE,
                       .netlink = IFLA_BR_VLAN_PROTOCOL,
                       .has_default = true,
                       .default_value = ETH_P_8021Q,
                       .words = vlan_protocols,
                       .meaning = "The tag that VLANs are known by."},
    [VLAN_DEFAULT_PVID] = {.name = "vlanDefaultPvid",
                           .type = ATTRIBUTE_INTEGER,
                           .encoding = ENCODING_U16,
                           .netlink = IFLA_BR_VLAN_DEFAULT_PVID,
                           .has_default = true,
                           .default_value = 1,
                           .minimum = 0,
                           .maximum = 4094,
                           .meaning = "VLAN of untagged frames on new ports, 0 for none. A bridge "
                                      "that filters has 0 unless said."},
    [GROUP_FWD_MASK] = {.name = "groupFwdMask",
                        .type = ATTRIBUTE_INTEGER,
                        .encoding = ENCODING_U16,
                        .netlink = IFLA_BR_GROUP_FWD_MASK,
                        .has_default = true,
                        .minimum = 0,
                        .maximum = 0xfff8, /* net/bridge/br_private.h, BR_GROUPFWD_RESTRICTED */
                        .meaning = "Link-local group addresses to forward, as a mask of their last "
                                   "four bits."},
    /* With it each port that comes up starts the queries of all ports anew (net/bridge/br_stp.c,
     * br_port_state_selection()). */
    [MCAST_SNOOPING] = FLAG("mcastSnooping", ENCODING_U8, IFLA_BR_MCAST_SNOOPING, 1,
                            "Send multicast only where somebody listens.", .late = true),
    [MCAST_QUERIER] = FLAG("mcastQuerier", ENCODING_U8, IFLA_BR_MCAST_QUERIER, 0,
                           "Ask who listens, when nobody else does."),
};

static void complete(struct link *link)
{
    struct value *pvid = &link->attributes[VLAN_DEFAULT_PVID];
    if (link->attributes[VLAN_FILTERING].number && !pvid->present)
        *pvid = (struct value){.present = true, .derived = true, .number = 0};
}

/* net/bridge/br_stp.c, br_set_forward_delay(). */
static void check(const struct link *link, const struct json_place *place,
                  struct problems *problems)
{
    const struct value *delay = &link->attributes[FORWARD_DELAY];
    const struct json_place member = {.parent = place, .key = rows[FORWARD_DELAY].name};
    if (link->attributes[STP].number && delay->present && delay->number < 200)
        json_problem(
            problems, false, &member,
            "with \"stp\" the kernel takes 2s to 30s: write a longer time, or leave \"stp\" "
            "out");
}

const struct link_kind kind_bridge = {
    .name = "bridge",
    .meaning = "A switch. Links become its ports by naming it as \"master\".",
    .attributes = {rows, ATTRIBUTE_COUNT},
    .can_be_master = true,
    .mtu_follows_ports = true, /* net/bridge/br_if.c, br_mtu_auto_adjust() */
    .mac_settable = true,
    .ethernet = true,
    .complete = complete,
    .check = check,
};
