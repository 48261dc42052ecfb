/* Sets of things that may not be as a topology wants them any more. */
#pragma once

#include "model/network.h"

struct dirty;

/* Adds a link, or, when LINK is "", the routes, rules and sysctls of NAMESPACE, or, when it is
 * NULL, all of NAMESPACE. False when memory is short. */
bool dirty_add(struct dirty **set, const char *namespace, const char *link);
void dirty_clear(struct dirty **set);
#define auto_dirty AUTO(dirty_clear)

/* Moves up to LIMIT things from SET into a set of their own. */
struct dirty *dirty_take(struct dirty **set, size_t limit);

size_t dirty_count(const struct dirty *set);
/* Is it, or all of NAMESPACE, in SET? LINK as for dirty_add(). */
bool dirty_has(const struct dirty *set, const char *namespace, const char *link);

/* The namespace that SET, of one thing, is; NULL when it is less. */
const char *dirty_namespace(const struct dirty *set);

/* Adds the namespaces that things in SET are in to INTO. False when memory is short. */
bool dirty_add_namespaces(const struct dirty *set, struct dirty **into);

/* Puts what FROM has in the namespace that SET is, if it is one, in its place: its links, and the
 * rest.
 */
bool dirty_split(struct dirty **set, const struct network *from);

/* Moves all things from FROM into TO. */
void dirty_move(struct dirty **from, struct dirty **to);

/* The part of FROM, a desired network, that SET is about. NULL when memory is short. */
struct network *dirty_cut(const struct dirty *set, const struct network *from);
