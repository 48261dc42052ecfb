/* Claims: what a running transaction keeps others from touching. They are taken all at once or not
 * at all, and in order of arrival, so that nothing deadlocks and nobody starves. */
#pragma once

#include "engine/internal.h"

/* A key of something, and whether it is claimed. */
struct claim {
    char *key;
    unsigned length, hash; /* of the key */
    const void *holder;    /* NULL: none, or another claim of HOLDER's has the same key */
    UT_hash_handle hh;
};

/* Keys of things: namespaces, links and other objects in shared namespaces, the topology itself.
 * What they were added for can be claimed: until it is released they stay as they are. */
struct claim_keys {
    struct claim *items;
    size_t count, capacity;
};

/* Adds what NETWORK (may be NULL) has or refers to. Keys may occur more than once. */
bool claim_keys_add_network(struct claim_keys *keys, const struct network *network);
bool claim_keys_add_topology(struct claim_keys *keys, const char *name);
void claim_keys_clear(struct claim_keys *keys);

/* Takes all KEYS for HOLDER in CLAIMS (engine->claims, or a table of reservations), unless one is
 * held by somebody else there. *OUT_OF_MEMORY says that memory was short (then nothing was taken).
 */
bool claims_take(struct claim **claims, struct claim_keys *keys, const void *holder,
                 bool *out_of_memory);
/* Is one of KEYS held by somebody other than HOLDER? */
bool claims_conflict(struct claim *claims, const struct claim_keys *keys, const void *holder);
/* Lets go of those of KEYS that are taken in CLAIMS. */
void claims_release(struct claim **claims, struct claim_keys *keys);
/* Lets go of all. */
void claims_clear(struct claim **claims);
