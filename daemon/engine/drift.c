#include "engine/drift.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/watch.h"

#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds, all of them. A topology is compared so long after the last hint, or the first. */
#define SETTLE 50
#define SETTLE_MAX 500
/* Names are looked at so long after a mount. */
#define SETTLE_MOUNTS 100
/* Everything is compared so often, for what the kernel does not tell (sysctls). */
#define AUDIT_INTERVAL 60000
/* What is undone after its Nth repair waits 2^N times this for the next. */
#define BACKOFF 100
#define BACKOFF_MAX 300000
/* What stays repaired so long, and longer than it would have to wait, is forgotten. */
#define QUIET 10000
#define POINTER_MAX 1024

struct drift {
    struct event *timer;
    int64_t audit;  /* when the next one is due */
    int64_t mounts; /* when names are to be looked at; 0: no need */
};

int64_t drift_now(void)
{
    return clock_monotonic();
}

static void item_free(struct drift_item **items, struct drift_item *item)
{
    if (item->hh.tbl)
        HASH_DEL(*items, item);
    json_object_put(item->change);
    free(item->pointer);
    free(item);
}

void drift_items_free(struct drift_item **items)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, *items, item, next) {
        item_free(items, item);
    }
}

/* When ---------------------------------------------------------------------------------------- */

static int64_t earliest(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* Waits for whatever is due next. */
static void schedule(struct engine *engine)
{
    struct drift *drift = engine->drift;
    int64_t due = earliest(drift->mounts, drift->audit), now = drift_now();
    for (const struct topology *each = engine->topologies; each; each = each->hh.next) {
        if (!each->changing)
            due = earliest(each->due, due);
    }
    int64_t wait = due > now ? due - now : 0;
    const struct timeval time = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    event_add(drift->timer, &time);
}

void drift_mark(struct engine *engine, struct topology *topology)
{
    int64_t now = drift_now();
    if (!topology->marked)
        topology->marked = now;
    int64_t latest = topology->marked + SETTLE_MAX;
    int64_t due = now + SETTLE < latest ? now + SETTLE : latest;
    bool first = !topology->due;
    topology->due = due;
    if (first)
        schedule(engine);
}

void drift_mark_all(struct engine *engine)
{
    for (struct topology *each = engine->topologies; each; each = each->hh.next)
        drift_mark(engine, each);
}

void drift_mounts_changed(struct engine *engine)
{
    struct drift *drift = engine->drift;
    if (drift->mounts)
        return;
    drift->mounts = drift_now() + SETTLE_MOUNTS;
    schedule(engine);
}

static void mark_nameless(struct engine *engine)
{
    for (struct topology *topology = engine->topologies; topology; topology = topology->hh.next) {
        struct namespace *namespace, *next;
        HASH_ITER (hh, topology->network->namespaces, namespace, next) {
            const struct netns *netns = netns_table_find(&engine->held, namespace->name);
            if (netns && !namespace_is_shared(namespace) && !netns_is_named(netns)) {
                drift_mark(engine, topology);
                break;
            }
        }
    }
}

void drift_looking(struct engine *engine, struct topology *topology)
{
    watch_drain(engine);
    if (topology)
        topology->marked = topology->due = 0;
}

static void compare_due(struct engine *engine)
{
    int64_t now = drift_now();
    for (struct topology *each = engine->topologies; each; each = each->hh.next) {
        if (!each->due || each->due > now || each->changing || !each->generation)
            continue;
        each->marked = each->due = 0;
        if (!transaction_compare(engine, each, REPAIR_WANTED, NULL, NULL))
            each->due = now + AUDIT_INTERVAL;
    }
    transactions_schedule(engine);
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
        mark_nameless(engine);
    }
    if (drift->audit <= now) {
        drift->audit = now + AUDIT_INTERVAL;
        for (struct topology *each = engine->topologies; each; each = each->hh.next)
            each->due = now;
    }
    compare_due(engine);
    schedule(engine);
}

void drift_resume(struct engine *engine)
{
    if (!engine->starting && !engine->stopping)
        schedule(engine);
}

bool drift_start(struct engine *engine, struct error *error)
{
    struct drift *drift = engine->drift = calloc(1, sizeof(*drift));
    if (!drift || !(drift->timer = evtimer_new(engine->base, on_timer, engine)))
        return error_memory(error);
    drift->audit = drift_now() + AUDIT_INTERVAL;
    return true;
}

void drift_stop(struct engine *engine)
{
    if (engine->drift && engine->drift->timer)
        event_free(engine->drift->timer);
    free(engine->drift);
    engine->drift = NULL;
}

/* What -------------------------------------------------------------------------------------- */

/* The item at POINTER, or at something that holds it. */
static struct drift_item *find_item(const struct topology *topology, const char *pointer)
{
    char path[POINTER_MAX];
    struct drift_item *item = NULL;
    snprintf(path, sizeof(path), "%s", pointer);
    for (char *end = path + strlen(path); end && !item; end = strrchr(path, '/')) {
        *end = '\0';
        HASH_FIND_STR(topology->drift, path, item);
    }
    return item;
}

/* Desired or actual. What was not made in this boot yet is made, whatever the document says. */
static bool reports(const struct namespace *namespace)
{
    return (namespace->report && namespace->cookie) ||
           (namespace->match && namespace->match->report && namespace->match->cookie);
}

/* Both ends of a cable are made and removed together. */
static bool is_reported(const struct operation *operation)
{
    const struct link *link = operation->link;
    bool removal =
        operation->type == OPERATION_LINK_PARK || operation->type == OPERATION_LINK_DELETE;
    const struct link *desired = link && removal ? link->match : link;
    const struct link *peer = desired ? desired->peer.link : NULL;
    return reports(operation->namespace) || (peer && reports(peer->namespace));
}

bool drift_repairs(void *context, const struct operation *operation)
{
    const struct transaction *transaction = context;
    char pointer[POINTER_MAX];
    if (transaction->repair == REPAIR_ALL)
        return true;
    if (is_reported(operation))
        return false;
    const struct drift_item *item =
        find_item(transaction->topology, operation_pointer(operation, pointer, sizeof(pointer)));
    return !item || item->retry <= transaction->started;
}

static const char *change_pointer(struct json_object *change)
{
    return json_object_get_string(json_object_object_get(change, "pointer"));
}

static struct drift_item *obtain_item(struct topology *topology, const char *pointer)
{
    struct drift_item *item;
    HASH_FIND_STR(topology->drift, pointer, item);
    if (item)
        return item;
    item = calloc(1, sizeof(*item));
    if (item && (item->pointer = strdup(pointer)))
        HASH_ADD_KEYPTR(hh, topology->drift, item->pointer, strlen(item->pointer), item);
    if (item && item->hh.tbl)
        return item;
    if (item)
        item_free(&topology->drift, item);
    return NULL;
}

/* Is what POINTER leads to in a namespace whose drift is reported? */
static bool pointer_is_reported(const struct topology *topology, const char *pointer)
{
    static const char before[] = "/namespaces/";
    char name[NAME_MAX + 1];
    size_t length = 0;
    if (strncmp(pointer, before, strlen(before)) != 0)
        return false;
    for (const char *c = pointer + strlen(before); *c && *c != '/' && length < NAME_MAX; c++) {
        bool tilde = c[0] == '~' && c[1] == '0'; /* the one escape that such a name can need */
        name[length++] = *c;
        c += tilde;
    }
    name[length] = '\0';
    const struct namespace *namespace = network_namespace(topology->network, name);
    return namespace && namespace->report;
}

static void note(struct transaction *transaction, struct json_object *change)
{
    struct topology *topology = transaction->topology;
    const char *pointer = change_pointer(change);
    struct drift_item *item = obtain_item(topology, pointer);
    if (!item)
        return; /* the next comparison finds it again */
    item->seen = true;
    if (!item->present)
        item->since = clock_realtime();
    json_object_put(item->change);
    item->change = json_object_get(change);
    item->reported = pointer_is_reported(topology, pointer);
    bool tried = transaction->repair == REPAIR_ALL ||
                 (transaction->repair == REPAIR_WANTED && !item->reported &&
                  item->retry <= transaction->started);
    if (transaction->repair == REPAIR_ALL)
        item->repairs = 0;
    bool repaired = tried && transaction->outcome == CHANGE_COMMITTED;
    item->present = !repaired;
    if (!tried)
        return;
    int64_t now = drift_now();
    int64_t wait = item->repairs < 12 ? (int64_t)BACKOFF << item->repairs : BACKOFF_MAX;
    item->repairs++;
    item->repaired = now;
    item->retry = now + (wait < BACKOFF_MAX ? wait : BACKOFF_MAX);
    log_notice("topology %s: drift: %s: %s%s", transaction->name, pointer,
               repaired ? "repaired" : "could not be repaired",
               item->repairs == DRIFT_CONTENDED_REPAIRS ? "; somebody undoes it again and again"
                                                        : "");
}

/* What is as it should be, and has been for long enough, is forgotten. */
static void forget_quiet(struct topology *topology)
{
    int64_t now = drift_now();
    struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        int64_t quiet = 2 * (item->retry - item->repaired);
        if (!item->present && now - item->repaired > (quiet > QUIET ? quiet : QUIET))
            item_free(&topology->drift, item);
    }
}

/* What differs still, and is to be repaired later, is compared again then. */
static void schedule_retries(struct topology *topology)
{
    const struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (item->present && !item->reported)
            topology->due = earliest(item->retry ? item->retry : drift_now(), topology->due);
    }
}

void drift_compared(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    struct json_object *changes = transaction->changes;
    struct drift_item *item, *next;
    if (!changes)
        return;
    HASH_ITER (hh, topology->drift, item, next) {
        item->seen = false;
    }
    for (size_t i = 0; i < json_object_array_length(changes); i++)
        note(transaction, json_object_array_get_idx(changes, i));
    HASH_ITER (hh, topology->drift, item, next) {
        item->present &= item->seen;
    }
    forget_quiet(topology);
    schedule_retries(topology);
}
