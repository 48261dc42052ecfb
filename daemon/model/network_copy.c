#include "model/network.h"

#include <stdlib.h>
#include <string.h>

/* Both hold strings of the reader's own; NULL stays NULL. */
static bool copy_string(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool copy_reference(const struct reference *from, struct reference **to)
{
    return !from || reference_set(to, from->namespace, from->name);
}

static bool copy_values(const struct attribute_table *table, const struct value *from,
                        struct value *to)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!value_copy(&table->rows[i], &from[i], &to[i]))
            return false;
    }
    return true;
}

static bool copy_alt_names(char *const *from, char ***to)
{
    size_t count = 0;
    while (from && from[count])
        count++;
    if (!count)
        return true;
    *to = calloc(count + 1, sizeof(**to));
    for (size_t i = 0; *to && i < count; i++) {
        if (!copy_string(from[i], &(*to)[i]))
            return false;
    }
    return *to;
}

static bool copy_addresses(const struct link *from, struct link *to)
{
    struct address *address, *next;
    HASH_ITER (hh, from->addresses, address, next) {
        struct address *copy = address_add(to, &address->prefix);
        if (!copy)
            return false;
        UT_hash_handle handle = copy->hh;
        *copy = *address;
        copy->hh = handle;
    }
    return true;
}

static void copy_plain(const struct link *from, struct link *to)
{
    to->external = from->external;
    to->derived = from->derived;
    to->ports = from->ports;
    to->ifindex = from->ifindex;
    to->flags = from->flags;
    to->oper_state = from->oper_state;
    to->group = from->group;
    to->master_ifindex = from->master_ifindex;
    to->lower_ifindex = from->lower_ifindex;
    to->lower_cookie = from->lower_cookie;
    to->lower_elsewhere = from->lower_elsewhere;
    to->lower_nsid = from->lower_nsid;
    memcpy(to->kind_name, from->kind_name, sizeof(to->kind_name));
}

static bool copy_content(const struct link *from, struct link *to)
{
    copy_plain(from, to);
    return (!from->kind ||
            (link_set_kind(to, from->kind) &&
             copy_values(&from->kind->attributes, from->attributes, to->attributes))) &&
           (!from->port ||
            (link_add_port(to) && copy_values(&bridge_port_attributes, from->port, to->port))) &&
           copy_values(&link_attributes, from->common, to->common) &&
           copy_reference(from->master, &to->master) && copy_reference(from->lower, &to->lower) &&
           copy_reference(from->peer, &to->peer) && copy_reference(from->bridge, &to->bridge) &&
           copy_string(from->underlay, &to->underlay) &&
           copy_alt_names(from->alt_names, &to->alt_names) && copy_addresses(from, to) &&
           (!from->indexed || link_index(to));
}

static bool copy_route(const struct route *from, struct namespace *into)
{
    struct route *to = route_add(into, &from->key);
    if (!to)
        return false;
    to->type = from->type;
    to->scope = from->scope;
    to->protocol = from->protocol;
    to->source = from->source;
    to->mtu = from->mtu;
    to->advmss = from->advmss;
    for (size_t i = 0; i < from->hop_count; i++) {
        struct next_hop *hop = route_add_hop(to);
        if (!hop)
            return false;
        *hop = from->hops[i];
    }
    return true;
}

static bool copy_rule(const struct rule *from, struct namespace *into)
{
    struct rule *to = rule_add(into, &from->key);
    if (!to)
        return false;
    UT_hash_handle handle = to->hh;
    *to = *from;
    to->hh = handle;
    return true;
}

static bool copy_sysctl(const struct sysctl *from, struct namespace *into)
{
    struct sysctl *to = sysctl_add(into, from->path, from->value);
    if (!to || !copy_string(from->earlier, &to->earlier))
        return false;
    to->shared = from->shared;
    return true;
}

/* The sysctls of a link, in its order. */
static bool copy_sysctls(const struct link *from, struct link *to)
{
    struct sysctl **last = &to->sysctls;
    for (const struct sysctl *sysctl = from->sysctls; sysctl; sysctl = sysctl->next) {
        if (!copy_sysctl(sysctl, to->namespace))
            return false;
        *last = namespace_sysctl(to->namespace, sysctl->path);
        (*last)->link = to;
        last = &(*last)->next;
    }
    return true;
}

struct link *link_copy(const struct link *link, struct namespace *into)
{
    struct link *copy = link_add(into, link->name);
    return copy && copy_content(link, copy) && copy_sysctls(link, copy) ? copy : NULL;
}

bool namespace_copy_rest(const struct namespace *from, struct namespace *into)
{
    struct route *route, *next_route;
    HASH_ITER (hh, from->routes, route, next_route) {
        if (!copy_route(route, into))
            return false;
    }
    struct rule *rule, *next_rule;
    HASH_ITER (hh, from->rules, rule, next_rule) {
        if (!copy_rule(rule, into))
            return false;
    }
    struct sysctl *sysctl, *next_sysctl;
    HASH_ITER (hh, from->sysctls, sysctl, next_sysctl) {
        if (!sysctl->link && !copy_sysctl(sysctl, into))
            return false;
    }
    return true;
}

struct namespace *namespace_copy_bare(const struct namespace *namespace, struct network *into)
{
    struct namespace *copy = namespace_add(into, namespace->name);
    if (!copy)
        return NULL;
    copy->external = namespace->external;
    copy->ipv6 = namespace->ipv6;
    copy->report = namespace->report;
    copy->remove_extra = namespace->remove_extra;
    copy->ipv6_written = namespace->ipv6_written;
    copy->some_links = namespace->some_links;
    copy->no_rest = namespace->no_rest;
    copy->referred = namespace->referred;
    copy->named_twice = namespace->named_twice;
    copy->cookie = namespace->cookie;
    copy->number = namespace->number;
    copy->parked = namespace->parked;
    if (copy_string(namespace->path, &copy->path))
        return copy;
    namespace_remove(into, copy);
    return NULL;
}

struct namespace *namespace_copy(const struct namespace *namespace, struct network *into)
{
    struct namespace *copy = namespace_copy_bare(namespace, into);
    if (!copy)
        return NULL;
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!link_copy(link, copy))
            return NULL;
    }
    return namespace_copy_rest(namespace, copy) ? copy : NULL;
}
