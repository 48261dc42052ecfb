#include "model/network_cut.h"

#include <stdlib.h>
#include <string.h>

struct network *network_cut_new(const struct network *from)
{
    struct network *cut = network_new(from->topology);
    if (cut)
        cut->written_macs = from->written_macs;
    return cut;
}

static struct namespace *obtain(struct network *cut, const struct namespace *from)
{
    struct namespace *namespace = network_namespace(cut, from->name);
    if (namespace)
        return namespace;
    namespace = namespace_copy_bare(from, cut);
    if (!namespace)
        return NULL;
    namespace->some_links = namespace->no_rest = true;
    return namespace;
}

static bool add_link(struct network *cut, const struct link *link)
{
    struct namespace *namespace = obtain(cut, link->namespace);
    return namespace && (namespace_link(namespace, link->name) || link_copy(link, namespace));
}

bool network_cut_link(struct network *cut, const struct network *from, const char *namespace,
                      const char *name)
{
    const struct namespace *home = network_namespace(from, namespace);
    const struct link *link = home ? namespace_link(home, name) : NULL;
    if (link)
        return add_link(cut, link);
    return !home || !home->remove_extra || network_cut_namespace(cut, from, namespace);
}

/* Routes through links need those. */
static bool add_devices(struct network *cut, const struct namespace *from)
{
    const struct route *route, *next;
    HASH_ITER (hh, from->routes, route, next) {
        for (size_t i = 0; i < route->hop_count; i++) {
            const struct link *link = namespace_link(from, route->hops[i].device);
            if (link && !add_link(cut, link))
                return false;
        }
    }
    return true;
}

static bool add_rest(struct network *cut, const struct namespace *from)
{
    struct namespace *namespace = obtain(cut, from);
    if (!namespace || !namespace->no_rest)
        return namespace;
    namespace->no_rest = false;
    return namespace_copy_rest(from, namespace) && add_devices(cut, from);
}

bool network_cut_rest(struct network *cut, const struct network *from, const char *name)
{
    const struct namespace *namespace = network_namespace(from, name);
    return !namespace || add_rest(cut, namespace);
}

bool network_cut_bare(struct network *cut, const struct network *from, const char *name)
{
    const struct namespace *namespace = network_namespace(from, name);
    return !namespace || obtain(cut, namespace);
}

static bool add_links(struct network *cut, const struct namespace *from)
{
    const struct link *link, *next;
    HASH_ITER (hh, from->links, link, next) {
        if (!add_link(cut, link))
            return false;
    }
    return true;
}

bool network_cut_namespace(struct network *cut, const struct network *from, const char *name)
{
    const struct namespace *whole = network_namespace(from, name);
    struct namespace *namespace = whole ? obtain(cut, whole) : NULL;
    if (!namespace)
        return !whole;
    namespace->some_links = namespace_is_shared(whole);
    return add_links(cut, whole) && add_rest(cut, whole);
}

static bool add_referred(struct network *cut, const struct link *link)
{
    return !link || add_link(cut, link);
}

static bool close_link(struct network *cut, const struct network *from, const struct link *copy)
{
    const struct link *link = network_link(from, copy->namespace->name, copy->name);
    const struct namespace *underlay =
        link->underlay ? network_namespace(from, link->underlay) : NULL;
    return add_referred(cut, link_master(link)) && add_referred(cut, link_lower(link)) &&
           add_referred(cut, link_peer(link)) && (!underlay || obtain(cut, underlay));
}

static size_t count_links(const struct network *network)
{
    size_t count = 0;
    for (const struct namespace *each = network->namespaces; each; each = each->hh.next)
        count += HASH_COUNT(each->links);
    return count;
}

/* Maps keep the order of insertion: what is added meanwhile is met later, unless it is in a
 * namespace that is done. */
static bool add_all_referred(struct network *cut, const struct network *from)
{
    for (const struct namespace *each = cut->namespaces; each; each = each->hh.next) {
        for (const struct link *link = each->links; link; link = link->hh.next) {
            if (!close_link(cut, from, link))
                return false;
        }
    }
    return true;
}

static void resolve(const struct network *cut, const struct reference *from, struct reference *to)
{
    if (from && from->link)
        to->link = network_link(cut, from->link->namespace->name, from->link->name);
}

static void resolve_all(const struct network *cut, const struct network *from)
{
    for (const struct namespace *each = cut->namespaces; each; each = each->hh.next) {
        for (struct link *link = each->links; link; link = link->hh.next) {
            const struct link *whole = network_link(from, each->name, link->name);
            resolve(cut, whole->master, link->master);
            resolve(cut, whole->lower, link->lower);
            resolve(cut, whole->peer, link->peer);
            resolve(cut, whole->bridge, link->bridge);
        }
    }
}

bool network_cut_close(struct network *cut, const struct network *from)
{
    size_t before;
    do {
        before = count_links(cut);
        if (!add_all_referred(cut, from))
            return false;
    } while (count_links(cut) != before);
    resolve_all(cut, from);
    return true;
}

struct network *network_cut_all(const struct network *from)
{
    auto_network struct network *cut = network_cut_new(from);
    const struct namespace *each = from->namespaces;
    for (; cut && each; each = each->hh.next) {
        if (!namespace_copy(each, cut))
            return NULL;
    }
    if (cut)
        resolve_all(cut, from);
    return TAKE(cut);
}

bool network_cut_holds(const struct network *cut, const char *pointer)
{
    char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
    const char *rest = pointer_parts(pointer, name, link);
    const struct namespace *namespace = rest ? network_namespace(cut, name) : NULL;
    if (!namespace || !*rest)
        return namespace;
    return *link ? !namespace->some_links || namespace_link(namespace, link) : !namespace->no_rest;
}

/* A link that goes by another name is found by its ifindex. */
static bool add_actual_link(struct network *network, const struct namespace *actual,
                            const struct link *asked)
{
    const struct link *link = namespace_link(actual, asked->name);
    if (!link && asked->ifindex)
        link = namespace_link_by_ifindex(actual, asked->ifindex);
    const struct link *master =
        link ? namespace_link_by_ifindex(actual, link->master_ifindex) : NULL;
    return (!link || add_link(network, link)) && (!master || add_link(network, master));
}

static bool add_actual(struct network *network, const struct namespace *actual,
                       const struct namespace *asked)
{
    struct namespace *namespace = obtain(network, actual);
    if (!namespace)
        return false;
    namespace->some_links = asked->some_links;
    namespace->no_rest = false;
    if (!asked->some_links && !add_links(network, actual))
        return false;
    const struct link *link, *next;
    HASH_ITER (hh, asked->links, link, next) {
        if (!add_actual_link(network, actual, link))
            return false;
    }
    return namespace_copy_rest(actual, namespace);
}

struct network *network_cut_actual(const struct network *cut, const struct network *actual)
{
    auto_network struct network *network = network_new(NULL);
    for (const struct namespace *each = cut->namespaces; network && each; each = each->hh.next) {
        const struct namespace *found = network_namespace(actual, each->name);
        if (found && !add_actual(network, found, each))
            return NULL;
    }
    return TAKE(network);
}

static bool learn_namespace(const struct namespace *from, struct namespace *into)
{
    into->cookie = from->cookie;
    into->number = from->number;
    for (const struct link *link = from->links; link; link = link->hh.next)
        namespace_link(into, link->name)->ifindex = link->ifindex;
    for (const struct sysctl *sysctl = from->sysctls; sysctl; sysctl = sysctl->hh.next) {
        struct sysctl *whole = namespace_sysctl(into, sysctl->path);
        if (!whole->earlier && sysctl->earlier && !(whole->earlier = strdup(sysctl->earlier)))
            return false;
    }
    return true;
}

bool network_cut_learn(const struct network *cut, struct network *into)
{
    for (const struct namespace *each = cut->namespaces; each; each = each->hh.next) {
        if (!learn_namespace(each, network_namespace(into, each->name)))
            return false;
    }
    return true;
}
