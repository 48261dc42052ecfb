/* Link kinds. Each is one const table in a file of its own under kinds/; everything that is
 * particular to a kind is in its table. */
#pragma once

#include "model/attribute.h"

struct link;

/* What a kind's link stands on. */
enum kind_lower {
    LOWER_NONE,
    LOWER_OPTIONAL, /* document key "link" */
    LOWER_REQUIRED,
};

struct link_kind {
    const char *name; /* document key and IFLA_INFO_KIND */
    const char *meaning;
    struct attribute_table attributes; /* carried in IFLA_INFO_DATA */
    enum kind_lower lower;
    uint16_t lower_netlink; /* its attribute in IFLA_INFO_DATA; 0: it is IFLA_LINK */
    bool lower_must_be_up;  /* the kernel refuses to bring the link up while its lower is down */
    bool underlay;          /* document key "underlayNamespace": outer packets travel there */
    bool paired;            /* made and destroyed in pairs (veth) */
    bool can_be_master;     /* other links may name it as "master" */
    bool mtu_follows_ports; /* until an MTU is set; one given at birth does not count as set */
    bool mac_settable;      /* the link may be given a MAC, and gets a derived one */
    bool ethernet;          /* has a MAC at all, so that segments can be checked for duplicates */
    /* Does LINK, even when down, keep another like it from being made? Then it is destroyed, not
     * parked, before one is made anew (NULL: links of this kind never do). */
    bool (*exclusive)(const struct link *link);
    /* Does the kernel give LINK the MAC of its lower link, whatever is asked (NULL: never)? */
    bool (*mac_inherited)(const struct link *link);
    /* How many bytes LINK's outer headers take of the MTU that they travel in (NULL: none). */
    uint32_t (*overhead)(const struct link *link);
    /* Gives LINK the values (derived) that follow from those that are said (NULL when none do). */
    void (*complete)(struct link *link);
    /* Checks across attributes of one link (NULL when there are none). The link is complete;
     * PLACE is that of the kind's object. */
    void (*check)(const struct link *link, const struct json_place *place,
                  struct problems *problems);
};

extern const struct link_kind kind_bridge;
extern const struct link_kind kind_macvlan;
extern const struct link_kind kind_veth;
extern const struct link_kind kind_vxlan;

/* All kinds by name, ended by NULL. */
extern const struct link_kind *const link_kinds[];

/* The kind named NAME, or NULL. */
const struct link_kind *link_kind_find(const char *name);

/* Attributes that every link has, carried at the top level of a link message. The enum gives the
 * indexes of those that code must know by name. */
enum link_attribute {
    LINK_UP,
    LINK_MTU,
    LINK_MAC,
    LINK_ALIAS,
    LINK_TX_QUEUE_LENGTH,
    LINK_TX_QUEUES,
    LINK_RX_QUEUES,
    LINK_ADDR_GEN_MODE,
    LINK_ATTRIBUTE_COUNT,
};
extern const struct attribute_table link_attributes;

/* Attributes of a bridge's port (document key "bridgePort"), carried in IFLA_INFO_SLAVE_DATA. */
#define BRIDGE_PORT_ATTRIBUTE_MAX 24
extern const struct attribute_table bridge_port_attributes;
