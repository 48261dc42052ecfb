/* Looking at what a topology had made, while what it is to have is still read from the store. */
#pragma once

#include "engine/look.h"

struct look_ahead;
struct transaction;

/* Begins to look at the namespaces of KNOWN (taken over; only names, cookies and numbers matter).
 * NULL when there are none, or memory is short. */
struct look_ahead *look_ahead_new(struct engine *engine, struct network *known);

/* What was seen is not wanted. AHEAD may be NULL, and frees itself later while it is looked. */
void look_ahead_free(struct look_ahead *ahead);

/* True when it is still looked: then transaction_begin() is called once more when that is over. */
bool look_ahead_await(struct look_ahead *ahead, struct transaction *transaction);

/* Moves what was seen to where LOOK would see it, and frees AHEAD, which may be NULL. LOOK has been
 * asked for all that it is to see. False when memory is short. */
bool look_ahead_take(struct look_ahead *ahead, struct look *look);
