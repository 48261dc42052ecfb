/* What every link has. */
#include "model/kind.h"

#include <linux/if_link.h>

/* include/linux/if.h, IFALIASZ, with its NUL. */
#define ALIAS_MAX 255
/* net/core/rtnetlink.c, rtnl_create_link(). */
#define QUEUES_MAX 4096

static const struct attribute_word addr_gen_modes[] = {
    {"eui64", IN6_ADDR_GEN_MODE_EUI64},
    {"none", IN6_ADDR_GEN_MODE_NONE},
    {"stableSecret", IN6_ADDR_GEN_MODE_STABLE_PRIVACY},
    {"random", IN6_ADDR_GEN_MODE_RANDOM},
    {NULL, 0},
};

static const struct attribute rows[LINK_ATTRIBUTE_COUNT] = {
    [LINK_UP] = {.name = "up",
                 .type = ATTRIBUTE_BOOL,
                 .encoding = ENCODING_NONE,
                 .has_default = true,
                 .default_value = 1,
                 .meaning = "Whether the link is administratively up."},
    [LINK_MTU] = {.name = "mtu",
                  .type = ATTRIBUTE_INTEGER,
                  .encoding = ENCODING_U32,
                  .netlink = IFLA_MTU,
                  .indifferent = true,
                  .minimum = 68,
                  .maximum = 65536,
                  .meaning = "Largest packet in bytes, without the link's own header."},
    [LINK_MAC] = {.name = "mac",
                  .type = ATTRIBUTE_MAC,
                  .encoding = ENCODING_MAC,
                  .netlink = IFLA_ADDRESS,
                  .indifferent = true,
                  .meaning = "The link's hardware address."},
    [LINK_ALIAS] = {.name = "alias",
                    .type = ATTRIBUTE_STRING,
                    .encoding = ENCODING_STRING,
                    .netlink = IFLA_IFALIAS,
                    .maximum = ALIAS_MAX,
                    .meaning = "A text for people, shown with the link."},
    [LINK_TX_QUEUE_LENGTH] = {.name = "txQueueLength",
                              .type = ATTRIBUTE_INTEGER,
                              .encoding = ENCODING_U32,
                              .netlink = IFLA_TXQLEN,
                              .has_default = true,
                              .default_value = 1000,
                              .minimum = 0,
                              .maximum = INT32_MAX,
                              .meaning = "Most packets that wait to be sent."},
    [LINK_TX_QUEUES] = {.name = "txQueues",
                        .type = ATTRIBUTE_INTEGER,
                        .encoding = ENCODING_U32,
                        .netlink = IFLA_NUM_TX_QUEUES,
                        .birth = true,
                        .has_default = true,
                        .default_value = 1,
                        .minimum = 1,
                        .maximum = QUEUES_MAX,
                        .meaning = "Number of transmit queues."},
    [LINK_RX_QUEUES] = {.name = "rxQueues",
                        .type = ATTRIBUTE_INTEGER,
                        .encoding = ENCODING_U32,
                        .netlink = IFLA_NUM_RX_QUEUES,
                        .birth = true,
                        .has_default = true,
                        .default_value = 1,
                        .minimum = 1,
                        .maximum = QUEUES_MAX,
                        .meaning = "Number of receive queues."},
    [LINK_ADDR_GEN_MODE] = {.name = "addrGenMode",
                            .type = ATTRIBUTE_WORD,
                            .encoding = ENCODING_NONE,
                            .netlink = IFLA_INET6_ADDR_GEN_MODE,
                            .has_default = true,
                            .default_value = IN6_ADDR_GEN_MODE_EUI64,
                            .words = addr_gen_modes,
                            .meaning = "How the kernel makes IPv6 addresses for the link."},
};

const struct attribute_table link_attributes = {rows, LINK_ATTRIBUTE_COUNT};
