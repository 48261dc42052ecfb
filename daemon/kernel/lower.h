/* Which namespace a link's lower link, or other end, is in. The kernel tells it as a number of the
 * link's own namespace (IFLA_LINK_NETNSID), and says of a namespace at hand what number that has
 * there (RTM_GETNSID, net/core/net_namespace.c). */
#pragma once

#include "kernel/netns.h"
#include "model/network.h"

struct lower_finder;

/* For links in NETNS. NULL on failure. */
struct lower_finder *lower_finder_new(const struct netns *netns, struct error *error);
void lower_finder_free(struct lower_finder *finder);
static inline void lower_finder_freep(struct lower_finder **finder)
{
    lower_finder_free(*finder);
}
#define auto_lower_finder AUTO(lower_finder_freep)

/* Sets the lower_cookie of LINK, whose lower link is elsewhere, if that is in one of the namespaces
 * of TABLE; GUESSES (COUNT names, entries may be NULL) are tried first. */
bool lower_find(struct lower_finder *finder, struct link *link, const struct netns_table *table,
                const char *const *guesses, size_t count, struct error *error);
