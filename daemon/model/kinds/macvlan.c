/* Links with a MAC of their own on another link: drivers/net/macvlan.c. */
#include "model/network.h"

#include <linux/if_link.h>

static const struct attribute_word modes[] = {
    {"private", MACVLAN_MODE_PRIVATE}, {"vepa", MACVLAN_MODE_VEPA},
    {"bridge", MACVLAN_MODE_BRIDGE},   {"passthru", MACVLAN_MODE_PASSTHRU},
    {"source", MACVLAN_MODE_SOURCE},   {NULL, 0},
};

enum {
    MODE,
    BC_QUEUE_LENGTH,
    ATTRIBUTE_COUNT,
};

static const struct attribute rows[ATTRIBUTE_COUNT] = {
    [MODE] = {.name = "mode",
              .type = ATTRIBUTE_WORD,
              .encoding = ENCODING_U32,
              .netlink = IFLA_MACVLAN_MODE,
              .birth_value = MACVLAN_MODE_PASSTHRU,
              .has_default = true,
              .own_default = true,
              .default_value = MACVLAN_MODE_BRIDGE,
              .words = modes,
              .meaning = "How links on the same lower link reach each other."},
    [BC_QUEUE_LENGTH] = {.name = "bcQueueLength",
                         .type = ATTRIBUTE_INTEGER,
                         .encoding = ENCODING_U32,
                         .netlink = IFLA_MACVLAN_BC_QUEUE_LEN,
                         .has_default = true,
                         .default_value = 1000,
                         .minimum = 1,
                         .maximum = INT32_MAX,
                         .meaning = "Most broadcasts that wait to be handed to the links."},
};

/* In this mode the lower link takes no second one, and shares its MAC. */
static bool is_passthru(const struct link *link)
{
    return link->attributes[MODE].number == MACVLAN_MODE_PASSTHRU;
}

static void check(const struct link *link, const struct json_place *place,
                  struct problems *problems)
{
    const struct value *mac = &link->common[LINK_MAC];
    const struct json_place member = {.parent = place->parent, .key = "mac"};
    if (is_passthru(link) && mac->present && !mac->derived)
        json_problem(problems, false, &member,
                     "in mode \"passthru\" the link has the MAC of its lower link: leave this key "
                     "out");
}

const struct link_kind kind_macvlan = {
    .name = "macvlan",
    .meaning = "A link with a MAC of its own on another link.",
    .attributes = {rows, ATTRIBUTE_COUNT},
    .lower = LOWER_REQUIRED,
    .lower_must_be_up = true,
    .mac_settable = true,
    .ethernet = true,
    .exclusive = is_passthru,
    .mac_inherited = is_passthru,
    .check = check,
};
