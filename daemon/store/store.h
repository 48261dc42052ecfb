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
 * was cut off by a crash. What is asked for while the disk is waited for is written together. */
#pragma once

#include "common/error.h"
#include "common/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many generations of a topology are kept, and the oldest of them when GENERATION is the last.
 */
#define STORE_HISTORY 32
uint64_t store_oldest(uint64_t generation);

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

/* What happened with one generation. */
struct store_generation {
    uint64_t generation;
    int64_t time;      /* of the commit, CLOCK_REALTIME in ms; 0: not known */
    const char *cause; /* a word that is opaque here; NULL: not known */
    uint64_t repeats;  /* the earlier generation whose rows it has; 0: it has its own */
    uint32_t created, changed, removed; /* objects */
};

/* The generations that are kept, the oldest first. Owns their causes. Zero-initialise. */
struct store_history {
    struct store_generation *items;
    size_t count;
};

void store_history_clear(struct store_history *history);

/* A topology as stored. Valid during the callback. */
struct store_topology {
    const char *name;
    uint64_t generation;             /* the last committed; 0: none, only intended */
    int64_t committed;               /* when, CLOCK_REALTIME in ms; 0: not known */
    int64_t deadline;                /* it waits for store_confirm() until then; 0: it does not */
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
 * forgets generations beyond STORE_HISTORY. MADE is copied; it says which generation this is, and
 * what is kept of how it came about. DEADLINE (CLOCK_REALTIME in ms; 0: none) is kept until the
 * generation is confirmed. Fails when the generation is not intended. */
void store_commit(struct store *store, const char *topology, const struct store_generation *made,
                  int64_t deadline, struct store_rows *facts, store_callback *callback,
                  void *context);

/* Forgets the deadline of GENERATION. Fails when it has none (ERROR_NOT_FOUND). */
void store_confirm(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context);

/* Forgets the topology with all its history. */
void store_remove(struct store *store, const char *topology, store_callback *callback,
                  void *context);

/* Keeps FACTS (taken over; a NULL value removes one) without a new generation. Fails when there is
 * no such topology. */
void store_note(struct store *store, const char *topology, struct store_rows *facts,
                store_callback *callback, void *context);

/* Forgets what was intended, and the topology, with its facts, if it was never committed. Without
 * an intent of GENERATION there is nothing to do, and that is no error. */
void store_abandon(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context);

/* Called on the event loop's thread with the rows of a generation, by key, valid during the
 * callback; or with ERROR. */
typedef void store_rows_callback(void *context, const struct store_rows *rows,
                                 const struct error *error);

/* Reads GENERATION of TOPOLOGY, after what was submitted before. ERROR_NOT_FOUND when it is not
 * kept. */
void store_read(struct store *store, const char *topology, uint64_t generation,
                store_rows_callback *callback, void *context);

/* As store_rows_callback, with what happened. */
typedef void store_history_callback(void *context, const struct store_history *history,
                                    const struct error *error);

/* Reads what happened with each generation of TOPOLOGY that is kept; there is nothing when there is
 * no such topology. */
void store_history(struct store *store, const char *topology, store_history_callback *callback,
                   void *context);
