#include "model/check.h"

#include "common/json.h"
#include "model/finding.h"
#include "model/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Links stand on each other at most this deep (net/core/dev.h, MAX_NEST_DEV). */
#define STACK_MAX 8

/* A MAC on a segment: SEGMENT is any link that stands for it. */
struct station_key {
    const struct link *segment;
    struct mac_address mac;
};

struct station {
    struct station_key key;
    const struct link *link;
    UT_hash_handle hh;
};

/* An alternative name, which the kernel keeps among the names of all links of the namespace. */
struct taken_key {
    const struct namespace *namespace;
    char name[ALT_NAME_SIZE];
};

struct taken_name {
    struct taken_key key;
    const struct link *link;
    UT_hash_handle hh;
};

struct check {
    struct problems *problems;
    struct station *stations;
    struct taken_name *names;
};

static const struct link *next_below(const struct link *link)
{
    return link_lower(link);
}

static const struct link *next_above(const struct link *link)
{
    return link_master(link);
}

static void check_circle(struct check *check, const struct link *link,
                         const struct link *(*next)(const struct link *), const char *member,
                         const char *what)
{
    const struct link *at = next(link);
    unsigned depth = 1;
    for (; at && at != link && depth <= STACK_MAX; depth++)
        at = next(at);
    if (at == link)
        link_finding(check->problems, false, link, member,
                     "this goes round in a circle: following \"%s\" from here leads back here",
                     what);
    else if (at)
        link_finding(check->problems, false, link, member,
                     "links stand on each other more than %d deep here, which the kernel refuses",
                     STACK_MAX);
}

static void check_circles(struct check *check, const struct link *link)
{
    char member[40] = "";
    if (link->kind)
        snprintf(member, sizeof(member), "%s/link", link->kind->name);
    check_circle(check, link, next_below, member, "link");
    check_circle(check, link, next_above, "master", "master");
}

/* Links of one segment hear each other's frames: those at one bridge, at both ends of its cables,
 * or on one lower link. */
static const struct link *segment_of(const struct link *link)
{
    if (link->kind && link->kind->can_be_master)
        return link;
    if (link_master(link))
        return link_master(link);
    const struct link *peer = link_peer(link);
    if (peer && link_master(peer))
        return link_master(peer);
    if (peer)
        return link < peer ? link : peer;
    return link_lower(link) && link->kind->lower == LOWER_REQUIRED ? link_lower(link) : link;
}

static void check_mac(struct check *check, const struct link *link)
{
    const struct value *mac = &link->common[LINK_MAC];
    struct station_key key;
    struct station *station;
    if (!mac->present || !link->kind || !link->kind->ethernet)
        return;
    memset(&key, 0, sizeof(key));
    key.segment = segment_of(link);
    key.mac = mac->mac;
    HASH_FIND(hh, check->stations, &key, sizeof(key), station);
    if (station) {
        link_finding(
            check->problems, false, link, "mac",
            "link \"%s\" in namespace \"%s\" has the same MAC on the same segment: give one "
            "of them another",
            station->link->name, station->link->namespace->name);
        return;
    }
    station = calloc(1, sizeof(*station));
    if (station) {
        memcpy(&station->key, &key, sizeof(key));
        station->link = link;
        HASH_ADD(hh, check->stations, key, sizeof(key), station);
    }
    if (!station || !station->hh.tbl) {
        free(station);
        check->problems->out_of_memory = true;
    }
}

void bridge_ports_finding(const struct link *bridge, size_t ports, size_t others,
                          struct problems *problems)
{
    char also[80] = "";
    if (others)
        snprintf(also, sizeof(also), ", %zu of them by other topologies", others);
    link_finding(problems, false, bridge, "",
                 "this bridge gets %zu ports%s, and the kernel gives a bridge %d at most: use "
                 "several bridges, joined with veths where they are to be one network",
                 ports, also, BRIDGE_PORTS_MAX);
}

static void check_ports(struct check *check, const struct link *bridge)
{
    if (bridge->ports > BRIDGE_PORTS_MAX)
        bridge_ports_finding(bridge, bridge->ports, 0, check->problems);
}

static const struct link *take_name(struct check *check, const struct link *link, const char *name)
{
    struct taken_key key;
    struct taken_name *taken;
    memset(&key, 0, sizeof(key));
    key.namespace = link->namespace;
    snprintf(key.name, sizeof(key.name), "%s", name);
    HASH_FIND(hh, check->names, &key, sizeof(key), taken);
    if (taken)
        return taken->link;
    taken = calloc(1, sizeof(*taken));
    if (taken) {
        memcpy(&taken->key, &key, sizeof(key));
        taken->link = link;
        HASH_ADD(hh, check->names, key, sizeof(key), taken);
    }
    if (!taken || !taken->hh.tbl) {
        free(taken);
        check->problems->out_of_memory = true;
    }
    return NULL;
}

static void check_alt_names(struct check *check, const struct link *link)
{
    for (size_t i = 0; link->alt_names && link->alt_names[i]; i++) {
        const char *name = link->alt_names[i];
        const struct link *other = namespace_link(link->namespace, name);
        char member[32];
        if (!other)
            other = take_name(check, link, name);
        snprintf(member, sizeof(member), "altNames/%zu", i);
        if (other)
            link_finding(check->problems, false, link, member,
                         "link \"%s\" in this namespace has the name already", other->name);
    }
}

static bool says_down(const struct link *link)
{
    return link->common[LINK_UP].present && !link->common[LINK_UP].number;
}

static void check_lower(struct check *check, const struct link *link)
{
    const struct link *lower = link_lower(link);
    if (lower && link->kind->lower_must_be_up && says_down(lower) && !says_down(link))
        link_kind_finding(
            check->problems, link, "link",
            "link \"%s\" is \"up\": false, and the kernel brings no %s up on a link that "
            "is down",
            lower->name, link->kind->name);
}

static void check_port_attributes(struct check *check, const struct link *link)
{
    const struct link *master = link_master(link);
    if (link->port && !link->master)
        link_finding(check->problems, false, link, "bridgePort",
                     "this link is no port of a bridge: name that in \"master\"");
    else if (link->port && master && !master->external && master->kind != &kind_bridge)
        link_finding(check->problems, false, link, "bridgePort", "\"%s\" is no bridge",
                     master->name);
}

/* Of two links, the one that is spoken of second. */
static bool is_later(const struct link *link, const struct link *other)
{
    int order = strcmp(link->namespace->name, other->namespace->name);
    return order ? order > 0 : strcmp(link->name, other->name) > 0;
}

static void check_mtu(struct check *check, const struct link *link)
{
    const struct link *peer = link_peer(link);
    const struct value *mtu = &link->common[LINK_MTU];
    if (!peer || link->derived || mtu->derived || peer->common[LINK_MTU].derived ||
        (!peer->derived && is_later(peer, link)) || mtu->number == peer->common[LINK_MTU].number)
        return;
    link_finding(
        check->problems, true, link, "mtu",
        "the two ends of this cable have different MTUs (%u here, %u at the other): packets "
        "larger than the smaller one are lost",
        (unsigned)mtu->number, (unsigned)peer->common[LINK_MTU].number);
}

static void check_kind(struct check *check, const struct link *link)
{
    static const struct json_place namespaces = {.key = "namespaces"};
    const struct json_place home = {.parent = &namespaces, .key = link->namespace->name};
    const struct json_place links = {.parent = &home, .key = "links"};
    const struct json_place self = {.parent = &links, .key = link->name};
    const struct json_place place = {.parent = &self, .key = link->kind->name};
    if (link->kind->check && !link->derived)
        link->kind->check(link, &place, check->problems);
}

static void check_link(struct check *check, const struct link *link)
{
    check_circles(check, link);
    check_mac(check, link);
    check_ports(check, link);
    check_port_attributes(check, link);
    check_mtu(check, link);
    check_alt_names(check, link);
    if (!link->kind || link->flawed)
        return;
    check_lower(check, link);
    check_kind(check, link);
}

static void clear(struct check *check)
{
    struct station *station, *next_station;
    HASH_ITER (hh, check->stations, station, next_station) {
        HASH_DEL(check->stations, station);
        free(station);
    }
    struct taken_name *name, *next_name;
    HASH_ITER (hh, check->names, name, next_name) {
        HASH_DEL(check->names, name);
        free(name);
    }
}

void network_check(const struct network *network, struct problems *problems)
{
    struct check check = {.problems = problems};
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link)
            check_link(&check, link);
    }
    clear(&check);
}
