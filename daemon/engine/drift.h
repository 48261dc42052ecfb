/* Drift: what is not as a topology wants it, because somebody else changed it.
 *
 * Whatever hints at a change marks topologies. A short time later, so that a burst is one repair, a
 * marked topology is compared: a transaction looks at the kernel and plans, as for any change; what
 * the plan would change is the drift, and running it is the repair. What is undone again and again
 * is repaired at ever longer intervals, and called contended. */
#pragma once

#include "engine/internal.h"
#include "engine/transaction.h"

/* So many repairs undone, and somebody else wants it. */
#define DRIFT_CONTENDED_REPAIRS 5

/* One thing that was found to differ. It is remembered for a while after its repair. */
struct drift_item {
    char *pointer;              /* the key; owned */
    struct json_object *change; /* io.netnsd.Topology.Change, that would put it right; owned */
    int64_t since;              /* when it was first seen so, CLOCK_REALTIME in ms */
    int64_t retry;              /* CLOCK_MONOTONIC in ms: not repaired before */
    int64_t repaired;           /* the same, of the last repair; 0: none yet */
    unsigned repairs;           /* that were undone, and the last */
    bool present;               /* it differs now */
    bool seen;                  /* in the comparison at hand */
    bool reported;              /* its namespace's "drift" is "report" */
    UT_hash_handle hh;
};

/* CLOCK_MONOTONIC in ms. */
int64_t drift_now(void);

bool drift_start(struct engine *engine, struct error *error);
void drift_stop(struct engine *engine);

/* TOPOLOGY may have been changed. */
void drift_mark(struct engine *engine, struct topology *topology);
void drift_mark_all(struct engine *engine);
/* Names of namespaces may have been taken away. */
void drift_mounts_changed(struct engine *engine);

/* A transaction is about to look at TOPOLOGY: marks up to now are settled by that. */
void drift_looking(struct engine *engine, struct topology *topology);

/* Should a repair carry OPERATION out now? CONTEXT is the repairing transaction. */
bool drift_repairs(void *context, const struct operation *operation);

/* A transaction that compared, and perhaps repaired, its topology has ended. */
void drift_compared(struct transaction *transaction);
/* Any transaction has ended. */
void drift_resume(struct engine *engine);

void drift_items_free(struct drift_item **items);
