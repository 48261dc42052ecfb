#include "engine/look_internal.h"

#include "kernel/lower.h"

#include <string.h>

/* The link that a document calls so, be it parked or renamed by somebody else. */
static const struct link *described(const struct namespace *asked, const struct link *link)
{
    const struct link *found = asked ? namespace_link(asked, link->name) : NULL;
    bool ours = link->group == NETNSD_GROUP || park_group_is(link->group);
    if (found || !asked || !ours)
        return found;
    struct link *each, *next;
    HASH_ITER (hh, asked->links, each, next) {
        char parked[IFNAMSIZ];
        park_name(each->name, parked);
        if (strcmp(parked, link->name) == 0 || each->ifindex == link->ifindex)
            return each;
    }
    return NULL;
}

/* Where a document, or an earlier look, says that the lower link, or the other end, is. */
static const char *guess(const struct link *said)
{
    if (!said)
        return NULL;
    if (said->underlay)
        return said->underlay;
    const struct reference *reference =
        said->kind && said->kind->paired ? &said->peer : &said->lower;
    return reference->link ? reference->link->namespace->name : reference->namespace;
}

static bool find_lower(struct lower_finder *finder, const struct look *look,
                       const struct look_entry *entry, struct link *link, struct error *error)
{
    const struct link *said[2] = {described(entry->asked[0], link),
                                  described(entry->asked[1], link)};
    const char *guesses[2] = {guess(said[0]), guess(said[1])};
    return (!said[0] && !said[1]) || lower_find(finder, link, look->table, guesses, 2, error);
}

bool look_find_lowers(struct look *look, const struct look_entry *entry)
{
    const struct netns *netns = netns_table_find(look->table, entry->name);
    const struct namespace *namespace = network_namespace(look->actual, entry->name);
    auto_lower_finder struct lower_finder *finder = NULL;
    if (!netns || netns->fd < 0 || !namespace)
        return true;
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!link->lower_elsewhere || !link->kind)
            continue;
        if (!finder && !(finder = lower_finder_new(netns, &look->error)))
            return false;
        if (!find_lower(finder, look, entry, link, &look->error))
            return false;
    }
    return true;
}
