#include "kernel/lower.h"

/* Is it in CANDIDATE (which may be NULL, or not open)? If so, that is noted. */
static bool check(const struct netns *netns, struct link *link, const struct netns *candidate,
                  struct error *error)
{
    int32_t number;
    if (!candidate || candidate->fd < 0)
        return true;
    if (!netns_number_in(netns, candidate, &number, error))
        return false;
    if (number == link->lower_nsid)
        link->lower_cookie = candidate->cookie;
    return true;
}

bool lower_find(const struct netns *netns, struct link *link, const struct netns_table *table,
                const char *const *guesses, size_t count, struct error *error)
{
    for (size_t i = 0; i < count && !link->lower_cookie; i++) {
        if (guesses[i] && !check(netns, link, netns_table_find(table, guesses[i]), error))
            return false;
    }
    const struct netns *each = table->entries;
    for (; each && !link->lower_cookie; each = each->hh.next) {
        if (!check(netns, link, each, error))
            return false;
    }
    return true;
}
