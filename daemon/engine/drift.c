#include "engine/drift.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/holders.h"
#include "engine/mirror.h"
#include "engine/surplus.h"
#include "model/network_cut.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds. What is marked is compared DRIFT_SETTLE after the last mark, or so long after the
 * first. */
#define SETTLE_MAX 500
/* What could not be compared is tried again so much later. */
#define RETRY 5000
/* As a whole it is tried at ever longer intervals, up to this. */
#define WHOLE_RETRY_MAX 300000
/* Names are looked at so long after a mount; after those of transactions, which may hide one of
 * others, so much later, as all of them are looked at. */
#define SETTLE_MOUNTS 100
#define SETTLE_OWN_MOUNTS 5000
/* So long after a transaction its mounts may still be heard. */
#define OWN_MOUNTS_HEARD 1000
/* Marks of a topology that are compared, and names that are looked at, before others get a turn. */
#define SLICE 64
#define NAMES_SLICE 16
/* Milliseconds from one slice of names to the next, when nothing tells that any was lost: a loop
 * that is never idle keeps the threads that it wakes waiting, where the kernel puts them on its own
 * processor. */
#define NAMES_REST 5

struct drift {
    struct event *timer;
    int64_t audit;   /* when the next one is due; 0: never */
    int64_t mounts;  /* when names are to be looked at; 0: no need */
    bool foreign;    /* for what others mounted */
    char *name;      /* the next of them; NULL: the first */
    int64_t again;   /* when once more: something was mounted meanwhile; 0: no need */
    int64_t own;     /* up to when mounts are those of transactions that have ended */
    size_t mounting; /* transactions that mount */
    int64_t wake;    /* what the timer waits for; 0: it does not */
    TAILQ_HEAD(, topology) marked;
};

static int64_t earliest(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}

static void wake_at(struct drift *drift, int64_t due)
{
    if (drift->wake && drift->wake <= due)
        return;
    drift->wake = due;
    int64_t now = clock_monotonic(), wait = due > now ? due - now : 0;
    const struct timeval time = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    event_add(drift->timer, &time);
}

/* Waits for whatever is due next. */
static void schedule(struct engine *engine)
{
    struct drift *drift = engine->drift;
    int64_t due = earliest(drift->mounts, drift->audit);
    const struct topology *each;
    due = earliest(mirror_due(engine), due);
    TAILQ_FOREACH (each, &drift->marked, marked_entry) {
        if (!each->changing && !mirror_busy(engine))
            due = earliest(each->due, due);
    }
    event_del(drift->timer);
    drift->wake = 0;
    if (due)
        wake_at(drift, due);
}

/* Marks ---------------------------------------------------------------------------------------- */

static void set_due(struct engine *engine, struct topology *topology, int64_t due)
{
    struct drift *drift = engine->drift;
    if (topology->due && !due)
        TAILQ_REMOVE(&drift->marked, topology, marked_entry);
    if (!topology->due && due)
        TAILQ_INSERT_TAIL(&drift->marked, topology, marked_entry);
    topology->due = due;
}

static void mark_due(struct engine *engine, struct topology *topology, bool settled)
{
    int64_t now = clock_monotonic();
    if (!topology->marked)
        topology->marked = now;
    int64_t due = settled ? now : now + DRIFT_SETTLE - mirror_pause(engine),
            latest = topology->marked + SETTLE_MAX;
    set_due(engine, topology, due < latest ? due : latest);
    if (!engine->starting && !engine->stopping)
        wake_at(engine->drift, topology->due);
}

/* Of a namespace that many share each thing is marked by itself, so that a slice is small. */
static bool add_shared(struct dirty **set, const struct namespace *namespace)
{
    const struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!dirty_add(set, namespace->name, link->name))
            return false;
    }
    bool rest = namespace->routes || namespace->rules || namespace->sysctls;
    return (namespace->links && !rest) || dirty_add(set, namespace->name, "");
}

static bool add_namespace(struct dirty **set, const struct namespace *namespace)
{
    return namespace_is_shared(namespace) ? add_shared(set, namespace)
                                          : dirty_add(set, namespace->name, NULL);
}

static void warn_lost(const struct topology *topology)
{
    log_about(LOG_WARNING, &(struct log_subject){.topology = topology->name},
              "out of memory: a change is seen by the next audit at the latest");
}

struct marking {
    struct engine *engine;
    const char *namespace, *link;
    bool settled;
};

void drift_mark_part(struct engine *engine, struct topology *topology, const char *name,
                     const char *link, bool settled)
{
    const struct namespace *namespace = network_namespace(topology->network, name);
    if (!namespace)
        return;
    if (!(link ? dirty_add(&topology->dirty, name, *link == '/' ? "" : link)
               : add_namespace(&topology->dirty, namespace)))
        warn_lost(topology);
    mark_due(engine, topology, settled);
}

static void mark_one(void *context, struct topology *topology)
{
    const struct marking *marking = context;
    drift_mark_part(marking->engine, topology, marking->namespace, marking->link, marking->settled);
}

void drift_mark(struct engine *engine, const char *namespace, const char *link, bool settled)
{
    struct marking marking = {
        .engine = engine, .namespace = namespace, .link = link, .settled = settled};
    holders_each(engine, namespace, link, mark_one, &marking);
}

struct dirty *drift_all(struct topology *topology)
{
    struct dirty *all = NULL;
    const struct namespace *namespace, *next;
    HASH_ITER (hh, topology->network->namespaces, namespace, next) {
        if (!add_namespace(&all, namespace)) {
            warn_lost(topology);
            break;
        }
    }
    return all;
}

void drift_mark_topology(struct engine *engine, struct topology *topology)
{
    auto_dirty struct dirty *all = drift_all(topology);
    dirty_move(&all, &topology->dirty);
    mark_due(engine, topology, false);
}

static void want_names(struct drift *drift, int64_t due)
{
    if (drift->name)
        drift->again = earliest(drift->again, due);
    else
        drift->mounts = earliest(drift->mounts, due);
}

void drift_mounts_changed(struct engine *engine)
{
    struct drift *drift = engine->drift;
    int64_t now = clock_monotonic();
    bool own = drift->mounting || now < drift->own;
    drift->foreign |= !own;
    want_names(drift, now + (own ? SETTLE_OWN_MOUNTS : SETTLE_MOUNTS));
    drift_resume(engine);
}

void drift_mounting(struct engine *engine, bool begins)
{
    struct drift *drift = engine->drift;
    drift->mounting += begins ? 1 : SIZE_MAX;
    drift->own = clock_monotonic() + OWN_MOUNTS_HEARD;
}

void drift_looking(struct engine *engine, struct topology *topology)
{
    if (!topology)
        return;
    dirty_clear(&topology->dirty);
    topology->marked = 0;
    set_due(engine, topology, 0);
}

void drift_forget(struct engine *engine, struct topology *topology)
{
    dirty_clear(&topology->dirty);
    drift_items_free(&topology->drift);
    if (engine->drift)
        set_due(engine, topology, 0);
}

/* One thing that stands in the way, or that the kernel refuses, keeps nothing else from its repair:
 * each is compared by itself. False when there is but one. */
static bool compare_one_by_one(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    struct dirty **set = &transaction->dirty, *one;
    if (transaction->callback) /* whoever waits does that */
        return false;
    if (dirty_count(*set) == 1 && !dirty_split(set, topology->network))
        warn_lost(topology);
    if (dirty_count(*set) < 2)
        return false;
    while ((one = dirty_take(set, 1))) {
        if (!transaction_compare(transaction->engine, topology, one, REPAIR_WANTED, NULL, NULL))
            warn_lost(topology);
    }
    return true;
}

/* The kernel could not be looked at. */
static void compare_later(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    log_about(LOG_WARNING,
              &(struct log_subject){.topology = topology->name, .error = &transaction->error},
              "cannot be compared");
    int64_t later = clock_monotonic() + RETRY;
    dirty_move(&transaction->dirty, &topology->dirty);
    drift_items_delay(topology, transaction->cut, later);
    set_due(transaction->engine, topology, earliest(later, topology->due));
}

/* Sees to what is marked, or to be repaired again. */
static void go_on(struct engine *engine, struct topology *topology)
{
    int64_t due = earliest(drift_items_retry(topology), topology->due);
    bool wanted = drift_items_wanted(topology);
    /* What kept the whole from being restored may have been put right. */
    if (topology->wanted && !wanted)
        topology->whole_due = topology->whole_failures > 1 ? clock_monotonic() + RETRY : 0;
    topology->wanted = wanted;
    if (topology->message && topology->network->namespaces && !wanted)
        due = earliest(topology->whole_due ? topology->whole_due : clock_monotonic(), due);
    set_due(engine, topology, topology->dirty && !due ? clock_monotonic() : due);
}

/* All of a topology could not be looked at, planned for or put right: its parts may be. */
static void go_on_by_parts(const struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    if (!transaction->callback) {
        unsigned doublings = topology->whole_failures++;
        int64_t wait = doublings < 6 ? (int64_t)RETRY << doublings : WHOLE_RETRY_MAX;
        topology->whole_due = clock_monotonic() + wait;
    }
    drift_mark_topology(transaction->engine, topology);
}

void drift_compared(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    bool failed = transaction->error.code, blocked = drift_is_blocked(&transaction->error);
    if (!failed) {
        drift_items_compared(transaction);
    } else if (!transaction->partial) {
        if (blocked)
            drift_items_blocked(transaction);
        go_on_by_parts(transaction);
    } else if (!compare_one_by_one(transaction)) {
        if (blocked)
            drift_items_blocked(transaction);
        else if (transaction->changes)
            drift_items_compared(transaction);
        else
            compare_later(transaction);
    }
    go_on(transaction->engine, topology);
}

bool drift_is_blocked(const struct error *error)
{
    return error->pointer[0] && (error->code == ERROR_EXISTS || error->code == ERROR_WAITING);
}

/* Comparing ------------------------------------------------------------------------------------ */

/* Is CUT in the mirror, so that it can be compared with that? */
static bool is_mirrored(const struct engine *engine, const struct network *cut)
{
    const struct namespace *namespace, *next;
    HASH_ITER (hh, cut->namespaces, namespace, next) {
        bool rest = namespace->routes || namespace->rules || namespace->sysctls;
        if (!network_namespace(mirror_network(engine), namespace->name) ||
            (namespace_is_shared(namespace) && rest))
            return false;
    }
    return true;
}

/* Does the mirror show something else than CUT wants? What cannot be told may. */
static bool differs(const struct engine *engine, struct network *cut)
{
    if (!is_mirrored(engine, cut))
        return true;
    auto_network struct network *actual = network_cut_actual(cut, mirror_network(engine));
    const struct plan_input input = {.desired = cut, .previous = cut, .actual = actual};
    auto_plan struct plan *plan = actual ? plan_build(&input, NULL) : NULL;
    return !plan || plan->count || changes_count(plan->changes);
}

static void compare(struct engine *engine, struct topology *topology)
{
    int64_t now = clock_monotonic();
    if (topology->message && topology->whole_due <= now) {
        drift_looking(engine, topology);
        if (!transaction_compare(engine, topology, NULL, REPAIR_WANTED, NULL, NULL))
            warn_lost(topology);
        return;
    }
    drift_items_mark(topology, now);
    auto_dirty struct dirty *dirty = dirty_take(&topology->dirty, SLICE);
    topology->marked = 0;
    set_due(engine, topology, topology->dirty ? now : drift_items_retry(topology));
    if (!dirty)
        return;
    auto_network struct network *cut = dirty_cut(dirty, topology->network);
    surplus_add(engine, cut);
    if (cut && !differs(engine, cut)) {
        drift_items_agreed(engine, topology, cut);
        go_on(engine, topology);
    } else if (!transaction_compare(engine, topology, TAKE(dirty), REPAIR_WANTED, NULL, NULL))
        warn_lost(topology);
}

static void compare_due(struct engine *engine)
{
    int64_t now = clock_monotonic();
    struct topology *each, *next;
    for (each = TAILQ_FIRST(&engine->drift->marked); each; each = next) {
        next = TAILQ_NEXT(each, marked_entry);
        if (each->due <= now && !each->changing && each->generation)
            compare(engine, each);
    }
    transactions_schedule(engine);
}

/* Looks at some names. True when there are more. */
static bool look_at_names(struct engine *engine)
{
    struct drift *drift = engine->drift;
    const struct netns *netns = drift->name ? netns_table_find(&engine->held, drift->name) : NULL;
    if (!netns) /* it went meanwhile */
        netns = engine->held.entries;
    for (size_t i = 0; netns && i < NAMES_SLICE; i++, netns = netns->hh.next)
        mirror_set_named(engine, netns->name, netns_is_named(netns));
    free(drift->name);
    drift->name = netns ? strdup(netns->name) : NULL;
    return netns;
}

/* Shared namespaces that are not listened to: they were not there, others stand for them now, or
 * their files were there before what is mounted on them. */
static void mark_unknown(struct engine *engine)
{
    for (struct topology *each = engine->topologies; each; each = each->hh.next) {
        const struct namespace *namespace, *next;
        HASH_ITER (hh, each->network->namespaces, namespace, next) {
            if (namespace_is_shared(namespace) &&
                !network_namespace(mirror_network(engine), namespace->name))
                drift_mark(engine, namespace->name, NULL, true);
        }
    }
}

static void look_at_mounts(struct engine *engine, int64_t now)
{
    struct drift *drift = engine->drift;
    if (look_at_names(engine)) {
        drift->mounts = drift->foreign ? now : now + NAMES_REST;
        return;
    }
    mark_unknown(engine);
    drift->mounts = drift->again;
    drift->again = 0;
    drift->foreign &= drift->mounts != 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct engine *engine = context;
    struct drift *drift = engine->drift;
    int64_t now = clock_monotonic();
    (void)fd;
    (void)what;
    if (engine->starting || engine->stopping)
        return;
    if (drift->mounts && drift->mounts <= now)
        look_at_mounts(engine, now);
    if (drift->audit && drift->audit <= now) {
        drift->audit = now + engine->audit_interval;
        want_names(drift, now);
        mirror_doubt_all(engine, true);
    }
    if (mirror_due(engine) && mirror_due(engine) <= now)
        mirror_refresh(engine);
    if (!mirror_busy(engine))
        compare_due(engine);
    schedule(engine);
}

bool drift_unsettled(const struct engine *engine, const struct topology *topology,
                     struct dirty **namespaces)
{
    return engine->drift && !engine->drift->foreign &&
           dirty_add_namespaces(topology->dirty, namespaces) &&
           drift_items_add_namespaces(topology, namespaces);
}

void drift_resume(struct engine *engine)
{
    if (engine->drift && !engine->starting && !engine->stopping)
        schedule(engine);
}

void drift_set_audit(struct engine *engine)
{
    struct drift *drift = engine->drift;
    drift->audit = engine->audit_interval ? clock_monotonic() + engine->audit_interval : 0;
    drift_resume(engine);
}

bool drift_start(struct engine *engine, struct error *error)
{
    struct drift *drift = engine->drift = calloc(1, sizeof(*drift));
    if (!drift || !(drift->timer = evtimer_new(engine->base, on_timer, engine)))
        return error_memory(error);
    TAILQ_INIT(&drift->marked);
    drift_set_audit(engine);
    return true;
}

void drift_stop(struct engine *engine)
{
    if (engine->drift && engine->drift->timer)
        event_free(engine->drift->timer);
    if (engine->drift)
        free(engine->drift->name);
    free(engine->drift);
    engine->drift = NULL;
}
