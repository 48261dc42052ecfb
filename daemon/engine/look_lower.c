#include "engine/look_internal.h"

#include "kernel/lower.h"

#include <string.h>

/* The kernel finds the number of a namespace by going through all that it knows (struct net,
 * netns_ids): where cables lead to more namespaces than these, their other ends are asked first. */
#define LOWERS_FEW 16

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
    const struct reference *reference = said->kind && said->kind->paired ? said->peer : said->lower;
    return reference ? reference->namespace : NULL;
}

/* A cable has two ends: when the other one is known to lead here, this one leads there. */
static bool is_answered(const struct look *look, struct link *link, const char *guess)
{
    const struct namespace *there = guess ? network_namespace(look->actual, guess) : NULL;
    const struct link *other = there ? namespace_link_by_ifindex(there, link->lower_ifindex) : NULL;
    if (!other || !link->kind->paired || other->kind != link->kind || !other->lower_elsewhere ||
        other->lower_ifindex != link->ifindex || other->lower_cookie != link->namespace->cookie)
        return false;
    link->lower_cookie = there->cookie;
    return true;
}

static bool find_lower(const struct look *look, const struct look_entry *entry,
                       const struct netns *netns, struct link *link, struct error *error)
{
    const struct link *said[2] = {described(entry->asked[0], link),
                                  described(entry->asked[1], link)};
    const char *guesses[2] = {guess(said[0]), guess(said[1])};
    if ((!said[0] && !said[1]) || is_answered(look, link, guesses[0]) ||
        is_answered(look, link, guesses[1]))
        return true;
    return lower_find(netns, link, look->table, guesses, 2, error);
}

static bool is_sought(const struct link *link)
{
    return link->lower_elsewhere && link->kind && !link->lower_cookie;
}

static bool has_many(const struct namespace *namespace)
{
    size_t count = 0;
    const struct link *link = namespace->links;
    for (; link && count <= LOWERS_FEW; link = link->hh.next)
        count += is_sought(link);
    return count > LOWERS_FEW;
}

bool look_find_lowers(struct look *look, struct look_entry *entry)
{
    const struct netns *netns = netns_table_find(look->table, entry->name);
    const struct namespace *namespace = network_namespace(look->actual, entry->name);
    if (!netns || netns->fd < 0 || !namespace || entry->lowers)
        return true;
    if (look->phase < LOOK_LOWERS_MANY && has_many(namespace))
        return true;
    entry->lowers = true;
    for (struct link *link = namespace->links; link; link = link->hh.next) {
        if (is_sought(link) && !find_lower(look, entry, netns, link, &look->error))
            return false;
    }
    return true;
}
