/* Drift: what is not as a topology wants it, because somebody else changed it.
 *
 * Whatever the mirror finds changed is marked. A short time later, so that a burst is one repair,
 * what was marked is compared: the part of the topology that it is in is planned for against the
 * mirror. When the plan would change anything, a transaction looks at the kernel itself, and plans,
 * as for any change; what the plan would change is the drift, and running it is the repair. What is
 * undone again and again is repaired at ever longer intervals, called contended, and left alone
 * while somebody else still changes it. */
#pragma once

#include "engine/internal.h"
#include "engine/transaction.h"

/* So many repairs undone, and somebody else wants it. */
#define DRIFT_CONTENDED_REPAIRS 5

/* One thing that was found to differ. It is remembered for a while after its repair. */
struct drift_item {
    char *pointer;              /* the key; owned */
    struct json_object *change; /* io.netnsd.Topology.Change, that would put it right; owned */
    char *message;              /* why it could not be; NULL; owned */
    int64_t since, last_change; /* first and last seen to become so, CLOCK_REALTIME in ms */
    int64_t retry;              /* CLOCK_MONOTONIC in ms: not repaired before */
    int64_t repaired;           /* the same, of the last repair; 0: none yet */
    unsigned repairs;           /* that were undone, and the last */
    uint64_t noted;             /* engine->comparisons, when it was last found */
    bool present;               /* it differs now */
    bool seen;                  /* in the comparison at hand */
    bool reported;              /* its namespace's "drift" is "report" */
    bool blocked;               /* something else is in its place, or what it needs is not there */
    struct dirty *waiting;      /* what is to be compared when it is blocked no more */
    unsigned failures;          /* repairs in a row that the kernel refused */
    UT_hash_handle hh;
};

/* Milliseconds from a change to what is done about it: a burst is one repair. */
#define DRIFT_SETTLE 50

bool drift_start(struct engine *engine, struct error *error);
void drift_stop(struct engine *engine);
/* The interval between audits (engine->audit_interval) is another one from now on. */
void drift_set_audit(struct engine *engine);

/* A link, or, when LINK is "", the routes, rules and sysctls, or, when it is NULL, anything of
 * NAMESPACE was changed. SETTLED: long enough ago to be compared at once. */
void drift_mark(struct engine *engine, const char *namespace, const char *link, bool settled);
/* The same, of what TOPOLOGY has there alone. */
void drift_mark_part(struct engine *engine, struct topology *topology, const char *namespace,
                     const char *link, bool settled);
/* Anything of TOPOLOGY may be changed. */
void drift_mark_topology(struct engine *engine, struct topology *topology);
/* All that TOPOLOGY has. */
struct dirty *drift_all(struct topology *topology);
/* Names of namespaces may have been taken away. */
void drift_mounts_changed(struct engine *engine);
/* A transaction begins to mount or unmount names itself, or has ended that did. */
void drift_mounting(struct engine *engine, bool begins);
/* A transaction is about to look at all of TOPOLOGY: marks up to now are settled by that. */
void drift_looking(struct engine *engine, struct topology *topology);
/* A transaction that compared, and perhaps repaired, its topology has ended. */
void drift_compared(struct transaction *transaction);
/* Does ERROR say that something of others is in the way, or is not there? */
bool drift_is_blocked(const struct error *error);
/* TOPOLOGY is about to be freed. */
void drift_forget(struct engine *engine, struct topology *topology);

/* Namespaces of TOPOLOGY of which netnsd has heard, or found, that something in them is not, or may
 * not be, as wanted, into *NAMESPACES. False when that cannot be told. */
bool drift_unsettled(const struct engine *engine, const struct topology *topology,
                     struct dirty **namespaces);

/* Something has ended that comparisons wait for. */
void drift_resume(struct engine *engine);

/* drift_item.c */

/* Should a repair carry OPERATION out now? CONTEXT is the repairing transaction. */
bool drift_repairs(void *context, const struct operation *operation);

/* Notes what TRANSACTION found, and did. */
void drift_items_compared(struct transaction *transaction);
/* Nothing could be planned, because of something that TRANSACTION's error points to. */
void drift_items_blocked(struct transaction *transaction);
/* What is in CUT, a part of TOPOLOGY, or (NULL) all of it is as it should be. */
void drift_items_agreed(struct engine *engine, struct topology *topology,
                        const struct network *cut);

/* What is in CUT is not repaired before TIME, CLOCK_MONOTONIC in ms. */
void drift_items_delay(struct topology *topology, const struct network *cut, int64_t time);
/* Does anything of TOPOLOGY differ that is not only reported? */
bool drift_items_wanted(const struct topology *topology);
/* Adds the namespaces in which something differs. False when memory is short. */
bool drift_items_add_namespaces(const struct topology *topology, struct dirty **namespaces);
/* When something of TOPOLOGY is to be repaired again, CLOCK_MONOTONIC in ms; 0: nothing is. */
int64_t drift_items_retry(const struct topology *topology);
/* Marks what is to be repaired again by NOW. */
void drift_items_mark(struct topology *topology, int64_t now);

void drift_items_free(struct drift_item **items);
