/* What the parts of the engine share. */
#pragma once

#include "common/cleanup.h"
#include "engine/dirty.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "kernel/netns.h"
#include "model/plan.h"

#include <sys/queue.h>
#include <systemd/sd-id128.h>

/* A topology as it was last committed. */
struct topology {
    char *name;
    uint64_t generation; /* 0: nothing was ever committed */
    struct network *network;
    char *file;    /* that it belongs to; NULL: to those who call */
    char *message; /* why its state is waiting or failed; NULL: neither */
    bool waiting;
    bool changing;
    bool wanted; /* something differed, when it was last compared, that is not only reported */
    unsigned whole_failures; /* how often it could not be restored as a whole, with the message */
    int64_t whole_due;       /* when that is tried again at the earliest, CLOCK_MONOTONIC in ms */
    struct dirty *dirty;     /* what is marked (drift.h) */
    int64_t marked, due;     /* first marked, to be compared; CLOCK_MONOTONIC in ms, or 0 */
    TAILQ_ENTRY(topology) marked_entry; /* while due */
    struct drift_item *drift;           /* what differs, or did lately */
    struct confirmation *confirmation;  /* that its last change waits for; NULL: none */
    struct look_ahead *ahead;           /* of its recovery, which begins at the start; or NULL */
    UT_hash_handle hh;
};

struct engine {
    struct event_base *base;
    struct store *store;
    struct completions *completions;
    struct worker *maker;
    struct worker *configurer;
    struct worker *reader;
    struct worker *planner;
    sd_id128_t machine_id;
    sd_id128_t boot_id;
    sd_id128_t instance; /* random */
    uint64_t cookie;     /* of the daemon's own namespace */

    struct topology *topologies; /* in order of names */
    struct netns_table held;     /* every owned namespace that no transaction works on */

    struct claim *claims;             /* what running transactions hold */
    struct transaction *transactions; /* all, in order of arrival; waiting ones included */
    uint32_t next_park_group;
    LIST_HEAD(, destruction) destructions; /* that wait for namespaces to end (destroy.c) */
    bool scheduling;

    size_t requests; /* of clients, that other threads work on */

    struct events events;
    struct events_listener journal; /* journal.h */

    struct holder *holders; /* holders.h */
    struct mirror *mirror;
    struct drift *drift;
    int64_t audit_interval; /* ms; 0: no periodic audits */
    uint64_t comparisons;   /* transactions that compared, so far */

    struct event *surplus_timer; /* surplus.h */
    size_t surplus;              /* links that were worked on since it ran */

    bool starting, stopping;
    void (*ready)(void *context);
    void *ready_context;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* topology.c */
struct topology *topology_find(const struct engine *engine, const char *name);
/* As topology_find(), for one that was committed: ERROR_NOT_FOUND when there is none. */
struct topology *topology_require(const struct engine *engine, const char *name,
                                  struct error *error);
/* The topology of that name, made (at generation 0, with an empty network) when there is none. */
struct topology *topology_obtain(struct engine *engine, const char *name, struct error *error);
/* Notes that TOPOLOGY has what NAMESPACE, of the network that it is about to get, says; what the
 * former one's say goes by holders_remove(). */
void topology_hold(struct engine *engine, struct topology *topology,
                   const struct namespace *namespace);
/* Gives TOPOLOGY another network. Returns the former, which is the caller's. */
struct network *topology_set_network(struct topology *topology, struct network *network);
/* Puts DESIRED, a part of what TOPOLOGY is to have, in the place of PREVIOUS, the same part of what
 * it has (model/part.h). */
void topology_set_part(struct topology *topology, const struct network *previous,
                       struct network *desired);
void topology_remove(struct engine *engine, struct topology *topology);
void topology_set_message(struct topology *topology, bool waiting, const char *message);
void topologies_free(struct engine *engine);

/* ownership.c: may TOPOLOGY have what DESIRED asks for, and give up what PREVIOUS holds beyond
 * that? ERROR_OWNED and ERROR_IN_USE, with the other topology in *OTHER, when not. Sysctls that
 * others ask for as well are marked in PREVIOUS as shared. */
bool ownership_check(const struct engine *engine, const struct topology *topology,
                     struct network *previous, struct network *desired, const char **other,
                     struct error *error);
/* Do bridges that TOPOLOGY shares with others get no more ports than a bridge can have? What they
 * ask for together counts. Finding in PROBLEMS when not, or when memory is short. */
bool ownership_check_ports(const struct engine *engine, const struct topology *topology,
                           const struct network *desired, struct problems *problems);

/* engine.c: a transaction ended: tells whoever waits for the start, or for the stop, to be done. */
void engine_check_idle(struct engine *engine);
