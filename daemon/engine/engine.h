/* The engine: holds what is desired, looks at what is, and brings one to the other.
 *
 * Everything here is called on the event loop's thread. */
#pragma once

#include "common/error.h"
#include "common/worker.h"
#include "model/changes.h"
#include "model/network.h"
#include "store/store.h"

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* Starts the workers, and to listen to the kernel. BASE and STORE are borrowed, and COMPLETIONS,
 * which the caller dispatches. Everything is compared with the kernel each AUDIT seconds (0:
 * never), for what the kernel does not tell. */
struct engine *engine_new(struct event_base *base, struct store *store,
                          struct completions *completions, unsigned audit, struct error *error);

/* Reads the store and brings the kernel to what was last committed, undoing changes that a crash
 * cut off. READY is called when that is done; topologies that could not be restored are marked
 * failed, with the reason, and do not keep the daemon from starting. */
bool engine_start(struct engine *engine, void (*ready)(void *context), void *context,
                  struct error *error);

/* Lets the transactions that have begun end, and begins none that wait (they fail with ERROR_BUSY).
 * Calls STOPPED then. The kernel stays as it is. */
void engine_stop(struct engine *engine, void (*stopped)(void *context), void *context);

void engine_free(struct engine *engine);

/* Everything is compared with the kernel each SECONDS from now on; 0: never. */
void engine_set_audit(struct engine *engine, unsigned seconds);

enum change_type {
    CHANGE_APPLY,
    CHANGE_PATCH,
    CHANGE_REVERT,
    CHANGE_REMOVE,
};

struct change_request {
    enum change_type type;
    const char *topology;
    struct json_text *text;    /* APPLY: the document. Borrowed, as the next one: the engine takes
                                * references of its own */
    struct json_object *patch; /* PATCH: the merge patch */
    bool dry_run;
    bool has_generation;
    uint64_t generation;
    uint64_t to;              /* REVERT: the generation whose document is wanted; 0: the one before
                               * the present */
    uint32_t confirm_seconds; /* reverted unless it is confirmed in time; 0: it stays */
    const char *file; /* APPLY, REMOVE: the file that says so, to which the topology belongs;
                       * NULL: a call. Borrowed */
    bool kill;        /* the processes in namespaces that the change removes */
    bool unconfirmed; /* takes back a change that was not confirmed in time */
    /* Called, if not NULL, with the callback's context once it is known what the change will do,
     * and before it does it; for a dry run, too. */
    void (*planned)(void *context, const struct changes *changes);
};

enum change_outcome {
    CHANGE_COMMITTED,
    CHANGE_UNCHANGED,
    CHANGE_PLANNED,
    CHANGE_REFUSED,             /* nothing was touched: error, or problems with errors */
    CHANGE_ROLLED_BACK,         /* error */
    CHANGE_ROLLBACK_INCOMPLETE, /* error, remaining */
};

/* Valid during the callback. */
struct change_result {
    enum change_outcome outcome;
    uint64_t generation; /* the topology's, after the call or at last; 0: there was none */
    uint64_t event; /* the number of the last event (events.h) that the change can have caused */
    const struct changes *changes; /* NULL: none */
    const struct problems *problems;
    const struct error *error; /* ERROR_OWNED and ERROR_IN_USE: other names the other topology;
                                * ERROR_MANAGED: the file */
    const char *other;
    char *const *remaining;          /* ended by NULL; pointers of what could not be put back */
    char *const *unheard;            /* the same, of what had changed without being noticed */
    const struct process *processes; /* that were in removed namespaces after the change */
    size_t process_count;
    int64_t confirm_by; /* until when the change, or with ERROR_PENDING the one before it, waits for
                         * its confirmation: CLOCK_REALTIME in ms; 0: it does not */
};

typedef void change_callback(void *context, const struct change_result *result);

/* Makes one change. CALLBACK is called exactly once, perhaps before this returns. Changes that
 * claim the same things wait for each other in order; a caller that goes away does not cancel one.
 */
void engine_change(struct engine *engine, const struct change_request *request,
                   change_callback *callback, void *context);

/* A topology as it was last committed. */
struct topology_summary {
    const char *name;
    uint64_t generation;
    enum { TOPOLOGY_ACTIVE, TOPOLOGY_CHANGING, TOPOLOGY_WAITING, TOPOLOGY_FAILED } state;
    const char *message; /* why waiting or failed; NULL otherwise */
    int64_t confirm_by;  /* until when its last change waits for its confirmation, CLOCK_REALTIME in
                          * ms; 0: it does not */
    const char *file;    /* that it belongs to; NULL: none */
    const struct network *network;
};

/* Calls EACH for every topology by name, until it returns false. */
void engine_each_topology(struct engine *engine,
                          bool (*each)(void *context, const struct topology_summary *topology),
                          void *context);
/* False when there is none of that name. */
bool engine_topology(struct engine *engine, const char *name, struct topology_summary *summary);

/* Confirms the last change of a topology, which stays then. CALLBACK is called once, with the
 * topology's generation, perhaps before this returns: ERROR_NOT_FOUND, ERROR_GENERATION, and
 * ERROR_CONFIRMED when nothing waits for its confirmation (any more). */
typedef void confirm_callback(void *context, uint64_t generation, const struct error *error);
void engine_confirm(struct engine *engine, const char *topology, const uint64_t *generation,
                    confirm_callback *callback, void *context);

/* What is kept of a topology's past. Each callback is called once, perhaps before the function
 * returns, with what was asked for (valid during the call) or with an error: ERROR_NOT_FOUND, and
 * ERROR_HISTORY when a generation is not, or no longer, kept. */

typedef void history_callback(void *context, const struct store_history *history,
                              const struct error *error);
void engine_history(struct engine *engine, const char *topology, history_callback *callback,
                    void *context);

/* The document of a generation, or (engine_difference()) the changes between two of them: an array
 * of io.netnsd.Topology.Change. TO is the present generation when it is 0. GENERATION is the one
 * that was read last, or that the error is about. */
typedef void past_callback(void *context, uint64_t generation, struct json_object *result,
                           const struct error *error);
void engine_document(struct engine *engine, const char *topology, uint64_t generation,
                     past_callback *callback, void *context);
void engine_difference(struct engine *engine, const char *topology, uint64_t from, uint64_t to,
                       past_callback *callback, void *context);

/* The topology that owns a namespace, or a link or route of it; NULL when none does. */
const char *engine_namespace_owner(struct engine *engine, const char *name);
const char *engine_link_owner(struct engine *engine, const char *namespace, const char *link);
const char *engine_route_owner(struct engine *engine, const char *namespace,
                               const struct route *route);
/* The topology that names NAMESPACE as external, and *PATH where it says to find it (or NULL). */
const char *engine_namespace_user(struct engine *engine, const char *name, const char **path);

/* What is to be shown of the kernel. */
struct inspection_request {
    const char *namespace; /* NULL: host and all namespaces that netnsd owns */
    const char *link;      /* of NAMESPACE; NULL: all links */
    bool routes;           /* instead of links */
};

/* Hears what was asked for. What EACH_LINK or EACH_ROUTE is shown is valid during the call; either
 * returns false when the rest is not wanted. DONE is called once, at the end, with an error
 * (ERROR_NOT_FOUND when there is no such namespace) or NULL. */
struct inspector {
    bool (*each_link)(void *context, const struct link *link);
    bool (*each_route)(void *context, const struct namespace *namespace, const struct route *route);
    void (*done)(void *context, const struct error *error);
    void *context;
};

/* Shows what the kernel has, from memory where that is known; from the kernel otherwise, on a
 * thread of its own. It is as new as the call, but for what others changed in the last moment while
 * very much changes. What a change is working on, and a topology owns, is shown as it was before
 * that, until the change comes to its end; what the change makes is shown as far as it is made.
 * Perhaps calls INSPECTOR before this returns; much is shown in slices, between which others get
 * their turn. */
void engine_inspect(struct engine *engine, const struct inspection_request *request,
                    const struct inspector *inspector);

/* What an actual link refers to, where that is among what netnsd knows: NULL otherwise. Borrowed.
 */
struct link_references {
    const char *master;
    const char *end_namespace, *end; /* the other end of a cable, or what it stands on */
};
void engine_link_references(struct engine *engine, const struct link *link,
                            struct link_references *references);

/* A descriptor of the namespace, which the caller closes; -1 and ERROR otherwise. */
int engine_namespace_descriptor(struct engine *engine, const char *name, struct error *error);
/* Its cookie, when it is the host or netnsd holds it; 0 otherwise. */
uint64_t engine_namespace_cookie(struct engine *engine, const char *name);

/* Processes in the namespace NAME, or (NULL) in all that have a name below the directory of names,
 * found on a thread of its own. CALLBACK is called once, perhaps before this returns, with what is
 * valid during the call, or with an error: ERROR_NOT_FOUND when there is no such namespace. */
struct process;
typedef void processes_callback(void *context, const struct process *processes, size_t count,
                                const struct error *error);
void engine_processes(struct engine *engine, const char *name, processes_callback *callback,
                      void *context);

/* One thing that differs from what a topology wants. */
struct drift_summary {
    const char *topology;
    const char *pointer;
    struct json_object *change; /* io.netnsd.Topology.Change, that would put it right */
    enum {
        DRIFT_FOUND,
        DRIFT_REPAIRED,
        DRIFT_CONTENDED,
        DRIFT_BLOCKED,
        DRIFT_REPORTED,
    } state;
    const char *message;        /* why it could not be put right; NULL */
    int64_t since, last_change; /* first, and last, seen to become so, CLOCK_REALTIME in ms */
    unsigned repairs;           /* that were undone, and the last */
};

/* Calls EACH for everything that is known to differ, in the topology named or (NULL) in all, until
 * it returns false. */
typedef bool drift_callback(void *context, const struct drift_summary *drift);
void engine_each_drift(struct engine *engine, const char *topology, drift_callback *each,
                       void *context);

/* Valid during the callback. */
struct comparison_result {
    const struct drift_summary *differences;
    size_t count;
    char *const *unheard; /* pointers of what had changed without being noticed */
    size_t unheard_count;
    const char *topology; /* where ERROR was met */
    const struct error *error;
};
typedef void comparison_callback(void *context, const struct comparison_result *result);

/* Looks at what the topology named, or (NULL) all of them want, and with REPAIR puts right what
 * differs, whatever was tried before. CALLBACK is called once. */
void engine_compare(struct engine *engine, const char *topology, bool repair,
                    comparison_callback *callback, void *context);

struct engine_status {
    char instance[33]; /* another each time that the daemon starts */
    bool starting;
    bool stopping;
    size_t topologies, namespaces; /* namespaces: owned */
    size_t transactions_running, transactions_waiting;
    size_t unconfirmed; /* topologies whose last change waits for its confirmation */
    uint64_t kernel_changes;
    uint64_t unheard; /* things that audits found changed without a message */
    uint64_t
        resyncs; /* how often messages of the kernel were lost, and everything was read again */
};
void engine_status(struct engine *engine, struct engine_status *status);
