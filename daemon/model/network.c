#include "model/network.h"

#include <ctype.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

static void sysctl_free(struct sysctl *sysctl)
{
    free(sysctl->path);
    free(sysctl->value);
    free(sysctl->earlier);
    free(sysctl);
}

static void values_free(const struct attribute_table *table, struct value *values)
{
    for (size_t i = 0; values && i < table->count; i++)
        value_clear(&table->rows[i], &values[i]);
}

static void alt_names_free(char **names)
{
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

static void link_free(struct link *link)
{
    values_free(&link_attributes, link->common);
    if (link->kind)
        values_free(&link->kind->attributes, link->attributes);
    free(link->attributes);
    values_free(&bridge_port_attributes, link->port);
    free(link->port);
    free(link->master);
    free(link->lower);
    free(link->peer);
    free(link->bridge);
    free(link->underlay);
    alt_names_free(link->alt_names);
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        HASH_DEL(link->addresses, address);
        free(address);
    }
    free(link);
}

static void namespace_free(struct namespace *namespace)
{
    link_index_clear(&namespace->links_by_ifindex);
    struct link *link, *next_link;
    HASH_ITER (hh, namespace->links, link, next_link) {
        HASH_DEL(namespace->links, link);
        link_free(link);
    }
    struct route *route, *next_route;
    HASH_ITER (hh, namespace->routes, route, next_route) {
        HASH_DEL(namespace->routes, route);
        free(route->hops);
        free(route);
    }
    struct rule *rule, *next_rule;
    HASH_ITER (hh, namespace->rules, rule, next_rule) {
        HASH_DEL(namespace->rules, rule);
        free(rule);
    }
    struct sysctl *sysctl, *next_sysctl;
    HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
        HASH_DEL(namespace->sysctls, sysctl);
        sysctl_free(sysctl);
    }
    free(namespace->name);
    free(namespace->path);
    free(namespace);
}

struct network *network_new(const char *topology)
{
    struct network *network = calloc(1, sizeof(*network));
    if (network && topology && !(network->topology = strdup(topology))) {
        free(network);
        return NULL;
    }
    return network;
}

void network_free(struct network *network)
{
    if (!network)
        return;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        HASH_DEL(network->namespaces, namespace);
        namespace_free(namespace);
    }
    free(network->topology);
    json_text_put(network->text);
    free(network);
}

void network_freep(struct network **network)
{
    network_free(*network);
}

bool namespace_is_shared(const struct namespace *namespace)
{
    return namespace->external;
}

bool namespace_is_silent(const struct namespace *namespace)
{
    return namespace->hub && !namespace->ipv6 && !namespace->match &&
           !namespace_is_shared(namespace);
}

bool address_is_of_kernel(const struct address *address)
{
    return address->protocol == IFAPROT_KERNEL_LO || address->protocol == IFAPROT_KERNEL_RA ||
           address->protocol == IFAPROT_KERNEL_LL;
}

struct namespace *network_namespace(const struct network *network, const char *name)
{
    struct namespace *namespace = NULL;
    if (network)
        HASH_FIND_STR(network->namespaces, name, namespace);
    return namespace;
}

struct link *network_link(const struct network *network, const char *namespace, const char *link)
{
    const struct namespace *found = network_namespace(network, namespace);
    return found ? namespace_link(found, link) : NULL;
}

struct link *namespace_link(const struct namespace *namespace, const char *name)
{
    struct link *link;
    HASH_FIND_STR(namespace->links, name, link);
    return link;
}

struct link *namespace_link_by_ifindex(const struct namespace *namespace, uint32_t ifindex)
{
    return link_index_find(&namespace->links_by_ifindex, ifindex);
}

struct address *link_address(const struct link *link, const struct ip_prefix *prefix)
{
    struct address *address;
    HASH_FIND(hh, link->addresses, prefix, sizeof(*prefix), address);
    return address;
}

struct route *namespace_route(const struct namespace *namespace, const struct route_key *key)
{
    struct route *route;
    HASH_FIND(hh, namespace->routes, key, sizeof(*key), route);
    return route;
}

struct rule *namespace_rule(const struct namespace *namespace, const struct rule_key *key)
{
    struct rule *rule;
    HASH_FIND(hh, namespace->rules, key, sizeof(*key), rule);
    return rule;
}

struct sysctl *namespace_sysctl(const struct namespace *namespace, const char *path)
{
    struct sysctl *sysctl;
    HASH_FIND_STR(namespace->sysctls, path, sysctl);
    return sysctl;
}

/* An element that uthash had no memory for has no table afterwards (uthash, "Out of memory"). */

struct namespace *namespace_add(struct network *network, const char *name)
{
    struct namespace *namespace = calloc(1, sizeof(*namespace));
    if (!namespace || !(namespace->name = strdup(name))) {
        free(namespace);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, network->namespaces, namespace->name, strlen(namespace->name), namespace);
    if (namespace->hh.tbl)
        return namespace;
    namespace_free(namespace);
    return NULL;
}

struct link *link_add(struct namespace *namespace, const char *name)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    link->namespace = namespace;
    strncpy(link->name, name, IFNAMSIZ - 1);
    HASH_ADD_STR(namespace->links, name, link);
    if (link->hh.tbl)
        return link;
    link_free(link);
    return NULL;
}

bool link_set_kind(struct link *link, const struct link_kind *kind)
{
    link->kind = kind;
    link->namespace->hub |= kind->can_be_master;
    if (!kind->attributes.count)
        return true;
    link->attributes = calloc(kind->attributes.count, sizeof(*link->attributes));
    return link->attributes;
}

bool link_add_port(struct link *link)
{
    if (!link->port)
        link->port = calloc(bridge_port_attributes.count, sizeof(*link->port));
    return link->port;
}

static void unindex(struct link *link)
{
    if (link->indexed)
        link_index_remove(&link->namespace->links_by_ifindex, link);
    link->indexed = false;
}

bool link_index(struct link *link)
{
    link->indexed = link_index_add(&link->namespace->links_by_ifindex, link);
    return link->indexed;
}

struct address *address_add(struct link *link, const struct ip_prefix *prefix)
{
    struct address *address = calloc(1, sizeof(*address));
    if (!address)
        return NULL;
    address->prefix = *prefix;
    HASH_ADD(hh, link->addresses, prefix, sizeof(address->prefix), address);
    if (address->hh.tbl)
        return address;
    free(address);
    return NULL;
}

struct route *route_add(struct namespace *namespace, const struct route_key *key)
{
    struct route *route = calloc(1, sizeof(*route));
    if (!route)
        return NULL;
    memcpy(&route->key, key, sizeof(route->key));
    HASH_ADD(hh, namespace->routes, key, sizeof(route->key), route);
    if (route->hh.tbl)
        return route;
    free(route);
    return NULL;
}

struct next_hop *route_add_hop(struct route *route)
{
    struct next_hop *grown = reallocarray(route->hops, route->hop_count + 1, sizeof(*route->hops));
    if (!grown)
        return NULL;
    route->hops = grown;
    struct next_hop *hop = &grown[route->hop_count++];
    *hop = (struct next_hop){.weight = 1};
    return hop;
}

struct rule *rule_add(struct namespace *namespace, const struct rule_key *key)
{
    struct rule *rule = calloc(1, sizeof(*rule));
    if (!rule)
        return NULL;
    rule->key = *key;
    rule->suppress_prefix_length = -1;
    HASH_ADD(hh, namespace->rules, key, sizeof(rule->key), rule);
    if (rule->hh.tbl)
        return rule;
    free(rule);
    return NULL;
}

struct sysctl *sysctl_add(struct namespace *namespace, const char *path, const char *value)
{
    struct sysctl *sysctl = calloc(1, sizeof(*sysctl));
    if (!sysctl)
        return NULL;
    sysctl->path = strdup(path);
    sysctl->value = strdup(value);
    if (sysctl->path && sysctl->value)
        HASH_ADD_KEYPTR(hh, namespace->sysctls, sysctl->path, strlen(sysctl->path), sysctl);
    if (sysctl->hh.tbl)
        return sysctl;
    sysctl_free(sysctl);
    return NULL;
}

void namespace_remove(struct network *network, struct namespace *namespace)
{
    HASH_DEL(network->namespaces, namespace);
    namespace_free(namespace);
}

void link_remove(struct link *link)
{
    struct namespace *namespace = link->namespace;
    HASH_DEL(namespace->links, link);
    unindex(link);
    link_free(link);
}

bool link_move(struct link *link, struct namespace *into)
{
    unindex(link);
    HASH_DEL(link->namespace->links, link);
    link->namespace = into;
    HASH_ADD_STR(into->links, name, link);
    if (link->hh.tbl)
        return true;
    link_free(link);
    return false;
}

void address_remove(struct link *link, struct address *address)
{
    HASH_DEL(link->addresses, address);
    free(address);
}

bool namespace_move(struct network *from, struct namespace *namespace, struct network *into)
{
    struct namespace *former = network_namespace(into, namespace->name);
    HASH_DEL(from->namespaces, namespace);
    if (former)
        namespace_remove(into, former);
    HASH_ADD_KEYPTR(hh, into->namespaces, namespace->name, strlen(namespace->name), namespace);
    if (namespace->hh.tbl)
        return true;
    namespace_free(namespace);
    return false;
}

static void adopt_links(struct namespace *namespace)
{
    for (struct link *link = namespace->links; link; link = link->hh.next)
        link->namespace = namespace;
}

void namespace_exchange(struct namespace *a, struct namespace *b)
{
    const struct namespace former_a = *a, former_b = *b;
    *a = former_b;
    a->name = former_a.name;
    a->hh = former_a.hh;
    *b = former_a;
    b->name = former_b.name;
    b->hh = former_b.hh;
    adopt_links(a);
    adopt_links(b);
}

bool reference_set(struct reference **reference, const char *namespace, const char *name)
{
    size_t size = strlen(namespace) + 1;
    struct reference *made = calloc(1, sizeof(*made) + size);
    if (!made)
        return false;
    strncpy(made->name, name, IFNAMSIZ - 1);
    memcpy(made->namespace, namespace, size);
    free(*reference);
    *reference = made;
    return true;
}

static struct link *referred(const struct reference *reference)
{
    return reference ? reference->link : NULL;
}

struct link *link_master(const struct link *link)
{
    return referred(link->master);
}

struct link *link_lower(const struct link *link)
{
    return referred(link->lower);
}

struct link *link_peer(const struct link *link)
{
    return referred(link->peer);
}

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

bool sysctl_value_equal(const char *a, const char *b)
{
    a = skip_space(a);
    b = skip_space(b);
    while (*a && *a == *b) {
        a++;
        b++;
        bool space_a = isspace((unsigned char)*a), space_b = isspace((unsigned char)*b);
        const char *next_a = skip_space(a), *next_b = skip_space(b);
        if ((space_a && *next_a) != (space_b && *next_b))
            return false;
        a = next_a;
        b = next_b;
    }
    return *a == *b;
}
