#include "engine/mirror_internal.h"

#include "common/log.h"
#include "engine/drift.h"
#include "engine/events.h"
#include "engine/holders.h"
#include "kernel/message.h"
#include "model/network_compare.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* A message, and the namespace that it comes from. */
struct hearing {
    struct mirror *mirror;
    struct mirror_entry *entry;
    struct namespace *namespace; /* in the mirror */
    const struct nlmsghdr *message;
    bool gone;
};

/* A link that changes can take routes along, or bring them. */
static void changed(const struct hearing *hearing, const char *link)
{
    hearing->entry->routes_changed = true;
    drift_mark(hearing->mirror->engine, hearing->entry->namespace, link, false);
}

static void doubt(const struct hearing *hearing, enum mirror_doubt doubt)
{
    mirror_entry_doubt(hearing->mirror, hearing->entry, doubt);
}

/* The routes of TOPOLOGY may be changed. Where others have most of the routes the mirror has none.
 */
static void doubt_routes_of(const struct hearing *hearing, struct topology *topology)
{
    struct engine *engine = hearing->mirror->engine;
    const char *namespace = hearing->entry->namespace;
    if (holders_owner(engine, namespace))
        mirror_entry_doubt(hearing->mirror, hearing->entry, DOUBT_REST);
    else
        drift_mark_part(engine, topology, namespace, HOLDERS_ROUTES, false);
}

/* What OWNER, which may be NULL, asks of the namespace. */
static const struct namespace *asked(const struct hearing *hearing, const struct topology *owner)
{
    return owner ? network_namespace(owner->network, hearing->entry->namespace) : NULL;
}

static bool reaches(const struct address *address, const struct ip_address *via)
{
    const struct ip_prefix peer = {.address = address->peer, .length = address->prefix.length};
    return ip_prefix_contains(&address->prefix, via) ||
           (peer.address.family && ip_prefix_contains(&peer, via));
}

/* Can a gateway be reached through LINK, or (not NULL) by GONE, an address that it had? */
static bool is_reached(const struct ip_address *via, const struct link *link,
                       const struct address *gone)
{
    if (gone)
        return reaches(gone, via);
    const struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        if (reaches(address, via))
            return true;
    }
    return false;
}

/* Does ROUTE go with LINK, or with GONE? */
static bool goes_with(const struct route *route, const struct link *link,
                      const struct address *gone)
{
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct next_hop *hop = &route->hops[i];
        if (strcmp(hop->device, link->name) == 0 ||
            (hop->via.family && is_reached(&hop->via, link, gone)))
            return true;
    }
    return gone && ip_address_equal(&route->source, &gone->prefix.address);
}

struct loss {
    const struct hearing *hearing;
    const struct link *link;
    const struct address *gone;
};

static void find_lost(void *context, struct topology *topology)
{
    struct loss *loss = context;
    const struct namespace *wanted = asked(loss->hearing, topology);
    const struct route *route, *next;
    const struct route *routes = wanted ? wanted->routes : NULL;
    HASH_ITER (hh, routes, route, next) {
        if (goes_with(route, loss->link, loss->gone)) {
            doubt_routes_of(loss->hearing, topology);
            return;
        }
    }
}

/* Routes go with a link that is down or gone, or (GONE not NULL) with its address, and the kernel
 * does not tell. */
static void doubt_routes(const struct hearing *hearing, const struct link *link,
                         const struct address *gone)
{
    struct loss loss = {.hearing = hearing, .link = link, .gone = gone};
    holders_each(hearing->mirror->engine, hearing->entry->namespace, HOLDERS_ROUTES, find_lost,
                 &loss);
}

static void out_of_memory(const struct hearing *hearing)
{
    log_about(LOG_WARNING, &(struct log_subject){.namespace = hearing->entry->namespace},
              "out of memory: it is read again");
    doubt(hearing, DOUBT_ALL);
}

static void find_topology(void *context, struct topology *topology)
{
    const char **name = context;
    *name = topology->name;
}

void mirror_publish_link(const struct mirror *mirror, const struct link *link,
                         enum engine_event_type type)
{
    const char *topology = NULL, *namespace = link->namespace->name;
    const struct mirror_entry *entry = mirror_entry_find(mirror, namespace);
    if (park_group_is(link->group) || (entry && entry->unborn))
        return;
    holders_each(mirror->engine, namespace, link->name, find_topology, &topology);
    events_publish(mirror->engine, &(struct engine_event){.type = type,
                                                          .topology = topology,
                                                          .namespace = namespace,
                                                          .link = link->name});
}

void mirror_publish_running(const struct mirror *mirror, const struct link *former,
                            const struct link *link)
{
    bool running = link->flags & IFF_RUNNING, was_running = former->flags & IFF_RUNNING;
    if (running != was_running)
        mirror_publish_link(mirror, link, running ? EVENT_LINK_UP : EVENT_LINK_DOWN);
}

void mirror_find_lower(const struct mirror *mirror, struct link *link)
{
    struct mirror_entry *entry;
    if (!link->lower_elsewhere)
        return;
    HASH_FIND(hh_number, mirror->by_number, &link->lower_nsid, sizeof(link->lower_nsid), entry);
    link->lower_cookie = entry ? entry->cookie : 0;
}

static bool move_addresses(struct link *from, struct link *to)
{
    struct address *address, *next;
    HASH_ITER (hh, from->addresses, address, next) {
        HASH_DEL(from->addresses, address);
        HASH_ADD(hh, to->addresses, prefix, sizeof(address->prefix), address);
        if (!address->hh.tbl) {
            free(address);
            return false;
        }
    }
    return true;
}

/* What the message does not tell. */
static bool inherit(const struct mirror *mirror, struct link *former, struct link *link)
{
    bool same_lower = former && former->lower_ifindex == link->lower_ifindex &&
                      former->lower_elsewhere == link->lower_elsewhere &&
                      former->lower_nsid == link->lower_nsid;
    if (link->lower_elsewhere && same_lower)
        link->lower_cookie = former->lower_cookie;
    else if (strcmp(link->namespace->name, NAMESPACE_HOST) == 0)
        mirror_find_lower(mirror, link);
    return !former || move_addresses(former, link);
}

/* Puts LINK, of a namespace of its own, into the mirror. */
static void replace(const struct hearing *hearing, struct link *former, struct link *link)
{
    struct namespace *namespace = hearing->namespace;
    char name[IFNAMSIZ];
    memcpy(name, link->name, sizeof(name));
    changed(hearing, name);
    bool down = former && former->common[LINK_UP].number && !link->common[LINK_UP].number;
    bool good = inherit(hearing->mirror, former, link);
    bool renamed = former && strcmp(former->name, name) != 0;
    if (renamed) {
        changed(hearing, former->name);
        mirror_publish_link(hearing->mirror, former, EVENT_LINK_REMOVED);
    }
    if (!former || renamed)
        mirror_publish_link(hearing->mirror, link, EVENT_LINK_ADDED);
    else
        mirror_publish_running(hearing->mirror, former, link);
    if (former)
        link_remove(former);
    /* Another one has the name: its own message was not heard. */
    struct link *other = namespace_link(namespace, name);
    if (other)
        link_remove(other);
    good = link_move(link, namespace) && good && link_index(namespace_link(namespace, name));
    if (!good)
        out_of_memory(hearing);
    else if (other)
        doubt(hearing, DOUBT_ALL);
    else if (down)
        doubt_routes(hearing, namespace_link(namespace, name), NULL);
}

static void hear_link(const struct hearing *hearing, uint32_t ifindex)
{
    struct namespace *namespace = hearing->namespace;
    struct link *former = namespace_link_by_ifindex(namespace, ifindex);
    if (hearing->gone) {
        if (!former)
            return;
        changed(hearing, former->name);
        mirror_publish_link(hearing->mirror, former, EVENT_LINK_REMOVED);
        doubt_routes(hearing, former, NULL);
        link_remove(former);
        return;
    }
    auto_network struct network *scratch = network_new(NULL);
    struct namespace *home = scratch ? namespace_add(scratch, namespace->name) : NULL;
    if (home)
        home->cookie = namespace->cookie;
    if (!home || !message_link_read(hearing->message, home) || !home->links) {
        out_of_memory(hearing);
        return;
    }
    struct link *link = home->links;
    if (former && link_same(former, link)) {
        mirror_publish_running(hearing->mirror, former, link);
        former->flags = link->flags;
        former->oper_state = link->oper_state;
    } else {
        replace(hearing, former, link);
    }
}

/* The bridge tells more often than something changes. */
static void hear_port(const struct hearing *hearing, uint32_t ifindex)
{
    struct value values[BRIDGE_PORT_ATTRIBUTE_MAX] = {0};
    struct link *link = namespace_link_by_ifindex(hearing->namespace, ifindex);
    if (!link || !link->port || hearing->gone || !message_port_read(hearing->message, values))
        return;
    bool same = true;
    for (size_t i = 0; i < bridge_port_attributes.count; i++) {
        const struct attribute *row = &bridge_port_attributes.rows[i];
        if (!values[i].present || value_same(row, &values[i], &link->port[i]))
            continue;
        link->port[i] = values[i];
        same = false;
    }
    if (!same)
        changed(hearing, link->name);
}

static void hear_address(const struct hearing *hearing)
{
    struct address told;
    uint32_t ifindex;
    struct link *link = message_address_parse(hearing->message, &told, &ifindex)
                            ? namespace_link_by_ifindex(hearing->namespace, ifindex)
                            : NULL;
    if (!link)
        return;
    struct address *address = link_address(link, &told.prefix);
    if (hearing->gone) {
        if (!address || !ip_address_equal(&address->peer, &told.peer))
            return;
        address_remove(link, address);
        doubt_routes(hearing, link, &told);
    } else if (address && address_same(address, &told)) {
        address->flags = told.flags;
        return;
    } else if (!address && !(address = address_add(link, &told.prefix))) {
        out_of_memory(hearing);
        return;
    } else {
        told.hh = address->hh;
        *address = told;
    }
    changed(hearing, link->name);
}

struct search {
    const struct hearing *hearing;
    const struct route_key *key;
};

static void find_route(void *context, struct topology *topology)
{
    const struct search *search = context;
    const struct namespace *wanted = asked(search->hearing, topology);
    if (wanted && namespace_route(wanted, search->key))
        doubt_routes_of(search->hearing, topology);
}

/* Routes are not kept by messages, which do not tell IPv6 routes with several next hops apart:
 * those that matter are read again. */
static void hear_route(const struct hearing *hearing)
{
    const struct engine *engine = hearing->mirror->engine;
    struct route_key key;
    uint8_t protocol;
    if (!message_route_key(hearing->message, &key, &protocol))
        return;
    hearing->entry->routes_changed = true;
    const struct topology *owner = holders_owner(engine, hearing->entry->namespace);
    const struct namespace *wanted = asked(hearing, owner);
    struct search search = {.hearing = hearing, .key = &key};
    if (owner && (protocol == NETNSD_PROTOCOL || (wanted && wanted->remove_extra)))
        doubt(hearing, DOUBT_REST);
    else
        holders_each(engine, hearing->entry->namespace, HOLDERS_ROUTES, find_route, &search);
}

static void hear_rule(const struct hearing *hearing)
{
    if (holders_owner(hearing->mirror->engine, hearing->entry->namespace))
        doubt(hearing, DOUBT_REST);
    else
        changed(hearing, HOLDERS_RULES);
}

/* IFINDEX is negative for what holds for all links, or for those to come. */
static void hear_setting(const struct hearing *hearing, int32_t ifindex)
{
    const struct topology *owner =
        holders_owner(hearing->mirror->engine, hearing->entry->namespace);
    const struct namespace *wanted = asked(hearing, owner);
    const struct link *link =
        ifindex > 0 ? namespace_link_by_ifindex(hearing->namespace, (uint32_t)ifindex) : NULL;
    if (wanted && wanted->sysctls)
        doubt(hearing, DOUBT_REST);
    else if (!owner && ifindex < 0)
        changed(hearing, HOLDERS_SYSCTLS);
    else if (!owner && link)
        changed(hearing, link->name);
}

static void apply(const struct hearing *hearing, const struct monitor_event *event)
{
    switch (event->subject) {
    case MONITOR_LINK:
        hear_link(hearing, event->ifindex);
        break;
    case MONITOR_PORT:
        hear_port(hearing, event->ifindex);
        break;
    case MONITOR_ADDRESS:
        hear_address(hearing);
        break;
    case MONITOR_ROUTE:
        hear_route(hearing);
        break;
    case MONITOR_RULE:
        hear_rule(hearing);
        break;
    case MONITOR_SETTING:
        hear_setting(hearing, (int32_t)event->ifindex);
        break;
    case MONITOR_NUMBER:
        break;
    }
}

/* A namespace has ended. One that netnsd holds cannot: its number was another's before, whose end
 * is told after the number was given again (net/core/net_namespace.c, unhash_nsid()). */
static void hear_end(struct mirror *mirror, struct mirror_entry *entry)
{
    mirror_entry_ends(mirror, entry);
    if (mirror_is_owned(mirror->engine, entry->namespace))
        return;
    drift_mark(mirror->engine, entry->namespace, NULL, false);
    mirror_entry_forget(mirror, entry);
}

/* Beyond so many the namespace is read again. */
#define KEPT_MAX 1024

static void keep(struct mirror *mirror, struct mirror_entry *entry,
                 const struct monitor_event *event)
{
    size_t length = event->message->nlmsg_len;
    struct mirror_message *kept = NULL;
    if (entry->message_count++ < KEPT_MAX)
        kept = malloc(sizeof(*kept) + length);
    if (!kept) {
        entry->message_count = KEPT_MAX + 1;
        return;
    }
    kept->heard = mirror->heard;
    kept->event = *event;
    kept->event.message = memcpy(kept->message, event->message, length);
    STAILQ_INSERT_TAIL(&entry->messages, kept, next);
}

void mirror_forget_kept(struct mirror_entry *entry)
{
    struct mirror_message *kept;
    while ((kept = STAILQ_FIRST(&entry->messages))) {
        STAILQ_REMOVE_HEAD(&entry->messages, next);
        free(kept);
    }
    entry->message_count = 0;
}

void mirror_keep(const struct mirror *mirror, struct mirror_entry *entry)
{
    mirror_forget_kept(entry);
    entry->kept_since = mirror->heard;
}

/* What is kept can raise a doubt, and with that other messages are. */
bool mirror_hear_kept(struct mirror *mirror, struct mirror_entry *entry,
                      struct namespace *namespace)
{
    struct mirror_message *kept;
    struct mirror_messages messages = STAILQ_HEAD_INITIALIZER(messages);
    bool all = entry->message_count <= KEPT_MAX;
    STAILQ_CONCAT(&messages, &entry->messages);
    while ((kept = STAILQ_FIRST(&messages))) {
        STAILQ_REMOVE_HEAD(&messages, next);
        if (kept->heard > namespace->heard)
            apply(&(struct hearing){.mirror = mirror,
                                    .entry = entry,
                                    .namespace = namespace,
                                    .message = kept->event.message,
                                    .gone = kept->event.gone},
                  &kept->event);
        free(kept);
    }
    return all;
}

void mirror_hear(void *context, const struct monitor_event *event)
{
    struct mirror *mirror = context;
    struct mirror_entry *entry;
    mirror->heard++;
    HASH_FIND(hh_number, mirror->by_number, &event->number, sizeof(event->number), entry);
    if (event->subject == MONITOR_NUMBER) {
        if (entry && event->gone)
            hear_end(mirror, entry);
        return;
    }
    if (!entry) {
        mirror->heard_of_unknown = mirror->heard;
        return;
    }
    entry->heard = mirror->heard;
    struct namespace *namespace = mirror_entry_namespace(mirror, entry);
    if (!namespace || entry->doubt)
        keep(mirror, entry, event);
    if (namespace)
        apply(&(struct hearing){.mirror = mirror,
                                .entry = entry,
                                .namespace = namespace,
                                .message = event->message,
                                .gone = event->gone},
              event);
}
