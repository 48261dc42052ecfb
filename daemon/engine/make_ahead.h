/* Making the namespaces that a change is about to need while the kernel is still looked at for it:
 * that takes the longer of the two. Nobody sees them while they have no names. */
#pragma once

#include "engine/internal.h"

struct make_ahead;

/* Begins to make those of DESIRED that PREVIOUS has not; of many, only some. NULL when there are
 * none, or memory is short. */
struct make_ahead *make_ahead_new(struct engine *engine, const struct network *desired,
                                  const struct network *previous);

/* No more are begun. AHEAD may be NULL. */
void make_ahead_stop(struct make_ahead *ahead);

/* On the maker thread: the pending NETNS gets what was made for it, if anything was. False when
 * that failed. AHEAD may be NULL. */
bool make_ahead_take(struct make_ahead *ahead, struct netns *netns, struct error *error);

/* What nobody took ends. AHEAD may be NULL; while it makes, it frees itself later. */
void make_ahead_free(struct make_ahead *ahead);
