/* A transaction: one change of one topology, from the request to the reply.
 *
 *     claim -> read -> look -> plan -> intend -> run -> verify -> commit -> destroy -> finish
 *                                         \______ roll back ______/
 *
 * Each phase ends by starting the next, or in a callback that does. What is to go is parked while
 * the plan runs and destroyed after the commit; a failure before the commit is undone by a plan
 * from a fresh look back to what the kernel had before. */
#pragma once

#include "engine/claims.h"
#include "engine/internal.h"
#include "engine/look.h"
#include "engine/make_ahead.h"
#include "engine/runner.h"
#include "kernel/processes.h"

/* How often a plan may be run until the kernel is as desired, or as before: once, and once more
 * when something interfered. */
#define RUNS_MAX 2

/* What a comparison with what was committed does about the differences. */
enum repair_mode {
    REPAIR_NONE,   /* it is no comparison */
    REPAIR_NEVER,  /* nothing */
    REPAIR_WANTED, /* puts right what drift_repairs() says */
    REPAIR_ALL,
};

struct transaction;
typedef void transaction_step(struct transaction *transaction);
typedef void transaction_namespace_step(struct transaction *transaction,
                                        struct namespace *namespace);

struct transaction {
    struct job thinking; /* think.c */
    transaction_step *think, *thought;
    struct namespace *at, *at_other; /* turns.c: where to go on, in one network and another */
    transaction_namespace_step *each;
    transaction_step *after;
    struct event *turn; /* NULL until it is needed */
    struct engine *engine;
    struct transaction *next; /* in engine->transactions */
    bool claimed;             /* has all its claims */
    bool running; /* and is begun, or about to know what is desired, or coming to an end */

    /* What is asked. */
    enum change_type type;
    char *name;                   /* of the topology */
    char *file;                   /* that says so, and that it belongs to; NULL: a call */
    struct json_text *text;       /* APPLY: the document */
    struct json_object *document; /* PATCH: the patch; REVERT: the document, once it is read */
    bool dry_run;
    bool has_generation;
    uint64_t expected_generation;
    uint64_t to; /* REVERT: the generation that is wanted back; 0: the one before the present */
    uint32_t confirm_seconds;
    bool kill;        /* the processes in namespaces that are removed */
    bool unconfirmed; /* takes back a change that was not confirmed in time */
    bool recovery;    /* brings the kernel to what was committed: after a start, or as a repair */
    enum repair_mode repair;
    int64_t started; /* when the comparison was, CLOCK_MONOTONIC in ms */
    change_callback *callback;
    void (*planned)(void *context, const struct changes *changes); /* or NULL */
    void *context;

    struct dirty *dirty; /* a comparison: of these alone; NULL: of all */
    bool whole;   /* a change of a part that is to be read together with the whole document */
    bool partial; /* a comparison of some things, or a change of some namespaces: desired and
                   * previous are parts of what the topology has (model/network_cut.h, part.h) */
    struct network *cut; /* of a recovery: a copy of what the topology has of them; owned */
    struct claim_keys topology_key, object_keys;
    struct topology *topology; /* NULL until the transaction runs */
    struct network *desired;   /* owned, but in a recovery: there it is cut */
    struct network
        *previous; /* what the topology answers for now: its network, or owned_previous */
    struct network *owned_previous;
    struct network *before; /* the kernel, as it was */
    struct network *actual; /* the kernel, as it is */
    struct netns_table namespaces;
    uint32_t park_group;
    struct plan *plan;
    struct make_ahead *ahead; /* of the first plan; or NULL */
    struct runner *runner;    /* of the plan, until it is told to go on */
    struct look *look; /* that is to begin, or verifies what the running plan has done so far */
    unsigned runs;     /* of plans in the present direction */
    bool touched;      /* a plan was run: the kernel may have changed */
    bool made;         /* a plan made namespaces */
    bool mounts;       /* a plan makes namespaces, or takes their names away */
    bool intended;     /* the store knows */
    bool committed;
    struct store_rows rows; /* document rows that change */
    struct store_rows facts;
    struct netns **parked_in; /* namespaces where links were parked */
    size_t parked_in_count;
    struct confirmation *confirmation; /* that the topology will wait for; NULL: none */

    /* The answer. */
    enum change_outcome outcome;
    struct changes *changes;
    struct problems problems;
    struct error error;
    const char *other;
    char **remaining;
    struct error failure;      /* why it could not be rolled back */
    struct json_object *tried; /* of a comparison: its members are pointers of what it repaired */
    char **unheard; /* REPAIR_NEVER: pointers of what the mirror did not know; ended by NULL */
    struct process_list processes; /* in the removed namespaces */
    int64_t confirm_by;            /* as in struct change_result */
};

/* queue.c */

/* Queues a change. On failure CALLBACK is called at once. */
void transaction_start(struct engine *engine, const struct change_request *request,
                       change_callback *callback, void *context);

/* Queues the recovery of TOPOLOGY: PREVIOUS (taken over) is what it may have in the kernel, which
 * is brought to its committed network. INTENDED: the store has a change that was cut off. Without
 * one, and in the same boot, what differs is drift. When it fails, the topology gets a message that
 * says why. */
bool transaction_recover(struct engine *engine, struct topology *topology, struct network *previous,
                         bool intended);

/* Queues the comparison of TOPOLOGY, or (DIRTY not NULL, taken over) a part of it, with the kernel,
 * and the repair that MODE asks for. CALLBACK may be NULL. False when memory is short, or the
 * engine stops. */
bool transaction_compare(struct engine *engine, struct topology *topology, struct dirty *dirty,
                         enum repair_mode mode, change_callback *callback, void *context);

/* Gives whatever can run its claims, in order of arrival. When the engine stops, those that have
 * none are refused, with ERROR_BUSY. */
void transactions_schedule(struct engine *engine);

/* think.c */

/* Runs THINK, which changes nothing that anybody else looks at meanwhile, and looks at nothing that
 * somebody may change, and then NEXT on the event loop's thread. What is large is thought about on
 * the planner thread, so that others are answered meanwhile; else NEXT has been run on return. */
void transaction_think(struct transaction *transaction, bool large, transaction_step *think,
                       transaction_step *next);
/* Are there so many namespaces that to go through them takes long? */
bool transaction_is_large(const struct transaction *transaction);
/* Is it that, or is its document so long that to read that takes long? */
bool transaction_reads_much(const struct transaction *transaction);
/* Frees NETWORK (may be NULL), on the planner thread when it is large. */
void network_free_later(struct engine *engine, struct network *network);

/* turns.c */

/* Calls EACH with every namespace of NETWORK, and then of OTHER (each may be NULL), and then NEXT,
 * on the event loop's thread. When the transaction is large, others have their turns in between,
 * and before NEXT; else all is done on return. EACH may take the namespace out of its network. */
void transaction_each(struct transaction *transaction, struct network *network,
                      struct network *other, transaction_namespace_step *each,
                      transaction_step *next);

/* transaction.c: until the change is to be made */

/* TRANSACTION has its claims, and knows what is desired: goes through the phases. */
void transaction_begin(struct transaction *transaction);
/* Ends it before anything was touched; transaction->error says why. */
void transaction_refuse(struct transaction *transaction);
void transaction_refuse_memory(struct transaction *transaction);
/* Rolls it back: ERROR came when the kernel, or the store, may have been touched. */
void transaction_fail(struct transaction *transaction, const struct error *error);
void transaction_fail_memory(struct transaction *transaction);

/* Builds transaction->plan for what is desired; transaction->error says why when there is none. */
void transaction_build_plan(struct transaction *transaction, struct network *previous,
                            struct network *actual);
/* Takes out of the plan what is not to be repaired. */
void transaction_select_repairs(struct transaction *transaction);
/* The mirror hears of its namespaces from now on. Then NEXT. */
void transaction_watch(struct transaction *transaction, transaction_step *next);
/* Begins transaction->look, or lets it read what is left. With COMPARES, what is marked up to now
 * is compared with what is seen, if that is to be as committed. */
void transaction_begin_look(struct transaction *transaction, bool compares);

/* transaction_run.c: until it is made */

/* Prepares for the plan, then calls NEXT. transaction->error tells when memory is short. */
void transaction_prepare_plan(struct transaction *transaction, transaction_step *next);
/* Begins to run the plan that is prepared for, as far as nobody sees. transaction->error tells when
 * memory is short. */
void transaction_begin_plan(struct transaction *transaction);
/* Goes on with the plan that was begun, verifies what came of it, and commits. Not so when it was
 * not begun, or ERROR came meanwhile (NULL: none): then it rolls back. */
void transaction_run_plan(struct transaction *transaction, const struct error *error);
/* Both: begins to run the plan, and goes on with it. */
void transaction_run_now(struct transaction *transaction);
/* Every namespace that the plan makes gets its entry, and those where links are parked are noted.
 * False when memory is short. */
bool transaction_prepare(struct transaction *transaction);
/* Runs transaction->plan, which is prepared for, then calls NEXT. False when memory is short. */
bool transaction_run(struct transaction *transaction, runner_callback *next);
/* Looks anew at the namespaces of NETWORK into transaction->actual, then calls NEXT. */
bool transaction_look(struct transaction *transaction, const struct network *network,
                      look_callback *next);
void transaction_roll_back(struct transaction *transaction);

/* A plan for a part has shown that more follows from the change: begins anew, with the whole. */
void transaction_read_whole(struct transaction *transaction);

/* transaction_commit.c: keeps in the store what was made. */
void transaction_commit(struct transaction *transaction);
/* Whether the topology, which there is, will belong to another file than it did. */
bool transaction_changes_file(const struct transaction *transaction);

/* transaction_end.c */

/* Gives back the namespaces that it has, and still claims, then calls NEXT. */
void transaction_let_go(struct transaction *transaction, transaction_step *next);
/* What the mirror lent is as it was: gives it back, then calls NEXT. */
void transaction_give_back(struct transaction *transaction, transaction_step *next);
void transaction_release_claims(struct transaction *transaction);
/* Tells everybody what came of it, lets go of what it held, and frees it. */
void transaction_finish(struct transaction *transaction);

/* destroy.c */

/* The commit is done: destroys what was parked, then, which may be at once, calls NEXT. False when
 * memory is short. */
bool transaction_destroy_parked(struct transaction *transaction,
                                void (*next)(struct transaction *transaction));
/* The change failed: destroys the namespaces that it made, then calls NEXT. */
bool transaction_destroy_made(struct transaction *transaction,
                              void (*next)(struct transaction *transaction));

/* processes.c: finds, or kills, the processes in the namespaces REMOVED, which are still held. */
void transaction_find_processes(struct transaction *transaction, const struct netns_table *removed);

/* No namespace that was let go of is to end any more: goes on with what waits for that. */
void destructions_resume(struct engine *engine);

/* restore.c: fills the pointers between links in BEFORE, which came from the kernel, so that links
 * can be made anew from it. False when memory is short. */
bool restore_bind(struct network *before);

/* recovery.c: names that the topology might have made, but that belong to somebody else, are no
 * longer its business. */
void recovery_forget_foreign(struct transaction *transaction);
