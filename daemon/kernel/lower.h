/* Which namespace a link's lower link, or other end, is in. The kernel tells it as a number of the
 * link's own namespace (IFLA_LINK_NETNSID), and says of a namespace at hand what number that has
 * there. */
#pragma once

#include "kernel/netns.h"
#include "model/network.h"

/* Sets the lower_cookie of LINK, which is in NETNS and whose lower link is elsewhere, if that is in
 * one of the namespaces of TABLE; GUESSES (COUNT names, entries may be NULL) are tried first. */
bool lower_find(const struct netns *netns, struct link *link, const struct netns_table *table,
                const char *const *guesses, size_t count, struct error *error);
