#include "engine/transaction.h"

#include <string.h>

static struct namespace *namespace_of_cookie(const struct network *network, uint64_t cookie)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        if (namespace->cookie == cookie)
            return namespace;
    }
    return NULL;
}

static bool refer(struct reference **reference, struct link *link)
{
    if (!link)
        return true;
    if (!reference_set(reference, link->namespace->name, link->name))
        return false;
    (*reference)->link = link;
    return true;
}

static bool bind_link(const struct network *before, struct link *link)
{
    if (!refer(&link->master, namespace_link_by_ifindex(link->namespace, link->master_ifindex)))
        return false;
    const struct namespace *home =
        link->lower_cookie ? namespace_of_cookie(before, link->lower_cookie) : NULL;
    if (!link->kind || !home)
        return true;
    struct link *lower = namespace_link_by_ifindex(home, link->lower_ifindex);
    if (!refer(link->kind->paired ? &link->peer : &link->lower, lower))
        return false;
    if (!link->kind->underlay || !link->lower_elsewhere)
        return true;
    link->underlay = strdup(home->name);
    return link->underlay;
}

bool restore_bind(struct network *before)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, before->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            if (!bind_link(before, link))
                return false;
        }
    }
    return true;
}
