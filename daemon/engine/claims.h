/* Claims: what a running transaction keeps others from touching. They are taken all at once or not
 * at all, and in order of arrival, so that nothing deadlocks and nobody starves. */
#pragma once

#include "engine/internal.h"

/* Keys of things: namespaces, links and other objects in shared namespaces, the topology itself. */
struct claim_keys {
    char **items;
    size_t count, capacity;
};

/* Adds what NETWORK (may be NULL) has or refers to. Keys may occur more than once. */
bool claim_keys_add_network(struct claim_keys *keys, const struct network *network);
bool claim_keys_add_topology(struct claim_keys *keys, const char *name);
void claim_keys_clear(struct claim_keys *keys);

/* Takes all KEYS for HOLDER in CLAIMS (engine->claims, or a table of reservations), unless one is
 * held by somebody else there. *SHORT says that memory was short (then nothing was taken). */
bool claims_take(struct claim **claims, const struct claim_keys *keys, const void *holder,
                 bool *out_of_memory);
/* Is one of KEYS held by somebody other than HOLDER? */
bool claims_conflict(struct claim *claims, const struct claim_keys *keys, const void *holder);
/* HOLDER lets go of those of KEYS that it holds. */
void claims_release(struct claim **claims, const struct claim_keys *keys, const void *holder);
/* Frees all of CLAIMS. */
void claims_clear(struct claim **claims);
