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

static bool bind_link(const struct network *before, struct link *link)
{
    link->master.link = namespace_link_by_ifindex(link->namespace, link->master_ifindex);
    const struct namespace *home =
        link->lower_cookie ? namespace_of_cookie(before, link->lower_cookie) : NULL;
    if (!link->kind || !home)
        return true;
    struct link *lower = namespace_link_by_ifindex(home, link->lower_ifindex);
    if (link->kind->paired)
        link->peer.link = lower;
    else
        link->lower.link = lower;
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
