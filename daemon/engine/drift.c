#include "engine/drift.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/holders.h"
#include "engine/mirror.h"
#include "model/network_cut.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds, all of them. What is marked is compared so long after the last mark, or the first.
 */
#define SETTLE 50
#define SETTLE_MAX 500
/* Names are looked at so long after a mount. */
#define SETTLE_MOUNTS 100
/* Marks of a topology that are compared before others get a turn. */
#define SLICE 64

struct drift {
    struct event *timer;
    int64_t audit;  /* when the next one is due; 0: never */
    int64_t mounts; /* when names are to be looked at; 0: no need */
    TAILQ_HEAD(, topology) marked;
};

int64_t drift_now(void)
{
    return clock_monotonic();
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* Waits for whatever is due next. */
static void schedule(struct engine *engine)
{
    struct drift *drift = engine->drift;
    int64_t due = earliest(drift->mounts, drift->audit), now = drift_now();
    const struct topology *each;
    due = earliest(mirror_due(engine), due);
    TAILQ_FOREACH(each, &drift->marked, marked_entry)
    {
        if (!each->changing && !mirror_busy(engine))
            due = earliest(each->due, due);
    }
    if (!due) {
        event_del(drift->timer);
        return;
    }
    int64_t wait = due > now ? due - now : 0;
    const struct timeval time = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    event_add(drift->timer, &time);
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
    int64_t now = drift_now();
    if (!topology->marked)
        topology->marked = now;
    int64_t due = settled ? now : now + SETTLE - MIRROR_PAUSE,
            latest = topology->marked + SETTLE_MAX;
    bool waits = topology->due;
    set_due(engine, topology, due < latest ? due : latest);
    if (!waits || settled)
        drift_resume(engine);
}

/* Of a namespace that many share each thing is marked by itself, so that a slice is small. */
static bool add_shared(struct topology *topology, const struct namespace *namespace)
{
    const struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!dirty_add(&topology->dirty, namespace->name, link->name))
            return false;
    }
    return !(namespace->routes || namespace->rules || namespace->sysctls) ||
           dirty_add(&topology->dirty, namespace->name, "");
}

static bool add_namespace(struct topology *topology, const struct namespace *namespace)
{
    return namespace_is_shared(namespace) ? add_shared(topology, namespace)
                                          : dirty_add(&topology->dirty, namespace->name, NULL);
}

static void warn_lost(const struct topology *topology)
{
    log_warning("topology %s: out of memory: a change is seen by the next audit at the latest",
                topology->name);
}

struct marking {
    struct engine *engine;
    const char *namespace, *link;
    bool settled;
};

static void mark_one(void *context, struct topology *topology)
{
    const struct marking *marking = context;
    const struct namespace *namespace = network_namespace(topology->network, marking->namespace);
    if (!namespace)
        return;
    if (!(marking->link ? dirty_add(&topology->dirty, marking->namespace, marking->link)
                        : add_namespace(topology, namespace)))
        warn_lost(topology);
    mark_due(marking->engine, topology, marking->settled);
}

void drift_mark(struct engine *engine, const char *namespace, const char *link, bool settled)
{
    struct marking marking = {
        .engine = engine, .namespace = namespace, .link = link, .settled = settled};
    holders_each(engine, namespace, link, mark_one, &marking);
}

void drift_mark_topology(struct engine *engine, struct topology *topology)
{
    const struct namespace *namespace, *next;
    HASH_ITER (hh, topology->network->namespaces, namespace, next) {
        if (!add_namespace(topology, namespace)) {
            warn_lost(topology);
            break;
        }
    }
    mark_due(engine, topology, false);
}

void drift_mounts_changed(struct engine *engine)
{
    struct drift *drift = engine->drift;
    if (drift->mounts)
        return;
    drift->mounts = drift_now() + SETTLE_MOUNTS;
    drift_resume(engine);
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
 * each is compared by itself.
 */
static bool compare_one_by_one(struct transaction *transaction)
{
    struct dirty *one = dirty_take(&transaction->dirty, 1);
    if (!transaction->dirty) {
        dirty_clear(&one);
        return false;
    }
    for (; one; one = dirty_take(&transaction->dirty, 1)) {
        if (!transaction_compare(transaction->engine, transaction->topology, one, REPAIR_WANTED,
                                 NULL, NULL))
            warn_lost(transaction->topology);
    }
    return true;
}

static bool is_blocked(const struct transaction *transaction)
{
    return transaction->cut && !transaction->changes && transaction->error.pointer[0];
}

static bool has_failed(const struct transaction *transaction)
{
    return is_blocked(transaction) ||
           (transaction->cut && transaction->touched && transaction->outcome != CHANGE_COMMITTED);
}

void drift_compared(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    bool again = has_failed(transaction) && compare_one_by_one(transaction);
    if (!again && is_blocked(transaction))
        drift_items_blocked(transaction);
    else if (!again)
        drift_items_compared(transaction);
    set_due(transaction->engine, topology, earliest(drift_items_retry(topology), topology->due));
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
    return !plan || plan->count || json_object_array_length(plan->changes);
}

static void compare(struct engine *engine, struct topology *topology)
{
    int64_t now = drift_now();
    /* What could not be restored is looked at as a whole until it can be. */
    if (topology->message && topology->dirty) {
        drift_looking(engine, topology);
        if (!transaction_compare(engine, topology, NULL, REPAIR_WANTED, NULL, NULL))
            warn_lost(topology);
        return;
    }
    drift_items_mark(topology, now, &topology->dirty);
    auto_dirty struct dirty *dirty = dirty_take(&topology->dirty, SLICE);
    topology->marked = 0;
    set_due(engine, topology, topology->dirty ? now : drift_items_retry(topology));
    if (!dirty)
        return;
    auto_network struct network *cut = dirty_cut(dirty, topology->network);
    if (cut && !differs(engine, cut))
        drift_items_agreed(engine, topology, cut);
    else if (!transaction_compare(engine, topology, TAKE(dirty), REPAIR_WANTED, NULL, NULL))
        warn_lost(topology);
}

static void compare_due(struct engine *engine)
{
    int64_t now = drift_now();
    struct topology *each, *next;
    for (each = TAILQ_FIRST(&engine->drift->marked); each; each = next) {
        next = TAILQ_NEXT(each, marked_entry);
        if (each->due <= now && !each->changing && each->generation)
            compare(engine, each);
    }
    transactions_schedule(engine);
}

static void look_at_names(struct engine *engine)
{
    const struct netns *netns, *next;
    HASH_ITER (hh, engine->held.entries, netns, next) {
        mirror_set_named(engine, netns->name, netns_is_named(netns));
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct engine *engine = context;
    struct drift *drift = engine->drift;
    int64_t now = drift_now();
    (void)fd;
    (void)what;
    if (engine->starting || engine->stopping)
        return;
    if (drift->mounts && drift->mounts <= now) {
        drift->mounts = 0;
        look_at_names(engine);
    }
    if (drift->audit && drift->audit <= now) {
        drift->audit = now + engine->audit_interval;
        mirror_doubt_all(engine, true);
    }
    if (mirror_due(engine) && mirror_due(engine) <= now)
        mirror_refresh(engine);
    if (!mirror_busy(engine))
        compare_due(engine);
    schedule(engine);
}

void drift_resume(struct engine *engine)
{
    if (engine->drift && !engine->starting && !engine->stopping)
        schedule(engine);
}

bool drift_start(struct engine *engine, struct error *error)
{
    struct drift *drift = engine->drift = calloc(1, sizeof(*drift));
    if (!drift || !(drift->timer = evtimer_new(engine->base, on_timer, engine)))
        return error_memory(error);
    TAILQ_INIT(&drift->marked);
    drift->audit = engine->audit_interval ? drift_now() + engine->audit_interval : 0;
    return true;
}

void drift_stop(struct engine *engine)
{
    if (engine->drift && engine->drift->timer)
        event_free(engine->drift->timer);
    free(engine->drift);
    engine->drift = NULL;
}
