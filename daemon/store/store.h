/* What must survive: topologies with their generations, and facts about what they made. SQLite in
 * DIRECTORY/state.db, on a thread of its own.
 *
 * Documents are kept as rows, one an object ("/namespaces/net0", "/namespaces/net0/links/eth0"),
 * each valid for a range of generations, so that a change writes in proportion to itself and
 * history costs only what changed. A row's key and value are opaque here.
 *
 * A change is first intended: its rows are written as the next generation, before the kernel is
 * touched (synchronous NORMAL: what it guards dies with the boot). Then it is committed
 * (synchronous FULL: acknowledged means stored) or abandoned. An intent that is found at the start
 * was cut off by a crash. */
#pragma once

#include "common/error.h"
#include "common/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many generations of a topology are kept. */
#define STORE_HISTORY 32

struct store;

/* A document row or a fact. A NULL value removes it. */
struct store_row {
    char *key;
    char *value;
};

/* Owns its rows. Zero-initialise. */
struct store_rows {
    struct store_row *items;
    size_t count, capacity;
};

/* Copies KEY and VALUE. False when memory is short. */
bool store_rows_add(struct store_rows *rows, const char *key, const char *value);
void store_rows_clear(struct store_rows *rows);

/* Opens or makes the store. Takes a lock on DIRECTORY that no second process can have (ERROR_BUSY).
 */
struct store *store_open(const char *directory, struct completions *completions,
                         struct error *error);
/* Finishes what is queued and closes. */
void store_close(struct store *store);

/* A topology as stored. Valid during the callback. */
struct store_topology {
    const char *name;
    uint64_t generation;             /* the last committed; 0: none, only intended */
    const struct store_rows *rows;   /* of that generation, by key */
    const struct store_rows *facts;  /* by key */
    bool intended;                   /* a change was cut off */
    const struct store_rows *intent; /* when intended: rows of the generation that was to be */
};

/* Reads every topology, in order of names, on the calling thread; for use before anything is
 * written. False when reading fails or EACH returns false (having filled ERROR). */
bool store_load(struct store *store,
                bool (*each)(void *context, const struct store_topology *topology,
                             struct error *error),
                void *context, struct error *error);

/* Called on the event loop's thread when a write is done; ERROR is NULL when it is safe. */
typedef void store_callback(void *context, const struct error *error);

/* Intends GENERATION (the committed one plus 1) of TOPOLOGY: CHANGED rows replace or remove those
 * with their keys, of which there is one each. What was intended before and neither committed nor
 * abandoned is forgotten. The rows are taken over. */
void store_intend(struct store *store, const char *topology, uint64_t generation,
                  struct store_rows *changed, store_callback *callback, void *context);

/* Commits what was intended, together with FACTS (taken over; a NULL value removes one), and
 * forgets generations beyond STORE_HISTORY. Fails when GENERATION is not intended. With REMOVE the
 * topology and all its history go. */
void store_commit(struct store *store, const char *topology, uint64_t generation,
                  struct store_rows *facts, bool remove, store_callback *callback, void *context);

/* Keeps FACTS (taken over; a NULL value removes one) without a new generation. Fails when there is
 * no such topology. */
void store_note(struct store *store, const char *topology, struct store_rows *facts,
                store_callback *callback, void *context);

/* Forgets what was intended, and the topology, with its facts, if it was never committed. Without
 * an intent of GENERATION there is nothing to do, and that is no error. */
void store_abandon(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context);
