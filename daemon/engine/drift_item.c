#include "engine/drift.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "model/network_cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds, all of them. What is undone after its Nth repair waits 2^N times this for the next.
 */
#define BACKOFF 100
#define BACKOFF_MAX 300000
/* What stays repaired so long, and longer than it would have to wait, is forgotten. */
#define QUIET 10000
#define POINTER_MAX 1024

static void item_free(struct drift_item **items, struct drift_item *item)
{
    if (item->hh.tbl)
        HASH_DEL(*items, item);
    json_object_put(item->change);
    free(item->message);
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
    char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
    const struct namespace *namespace =
        pointer_parts(pointer, name, link) ? network_namespace(topology->network, name) : NULL;
    return namespace && namespace->report;
}

/* How long what was undone so often waits for its next repair. */
static int64_t backoff(unsigned repairs)
{
    int64_t wait = repairs < 12 ? (int64_t)BACKOFF << repairs : BACKOFF_MAX;
    return wait < BACKOFF_MAX ? wait : BACKOFF_MAX;
}

static bool is_contended(const struct drift_item *item)
{
    return item->repairs >= DRIFT_CONTENDED_REPAIRS;
}

static void publish(struct engine *engine, enum engine_event_type type,
                    const struct topology *topology, const struct drift_item *item)
{
    events_publish(engine, &(struct engine_event){
                               .type = type,
                               .topology = topology->name,
                               .pointer = item->pointer,
                               .change = item->change,
                               .repairs = item->repairs,
                           });
}

/* Somebody made it differ, or differ in another way. What is contended waits until that stops. */
static void note_change(struct drift_item *item)
{
    item->last_change = clock_realtime();
    if (!item->present)
        item->since = item->last_change;
    if (is_contended(item))
        item->retry = drift_now() + backoff(item->repairs - 1);
}

static void set_message(struct drift_item *item, const char *message)
{
    free(item->message);
    item->message = message ? strdup(message) : NULL;
}

static void note_repair(const struct transaction *transaction, struct drift_item *item)
{
    bool repaired = transaction->outcome == CHANGE_COMMITTED;
    set_message(item, repaired ? NULL : transaction->error.text);
    if (transaction->repair == REPAIR_ALL)
        item->repairs = 0;
    item->present = !repaired;
    item->repaired = drift_now();
    item->retry = item->repaired + backoff(item->repairs++);
    log_notice("topology %s: drift: %s: %s%s", transaction->name, item->pointer,
               repaired ? "repaired" : "could not be repaired",
               item->repairs == DRIFT_CONTENDED_REPAIRS ? "; somebody undoes it again and again"
                                                        : "");
    if (repaired)
        publish(transaction->engine, EVENT_DRIFT_REPAIRED, transaction->topology, item);
    if (item->repairs == DRIFT_CONTENDED_REPAIRS)
        publish(transaction->engine, EVENT_DRIFT_CONTENDED, transaction->topology, item);
}

/* CHANGE, of ITEM's pointer, would put it right. */
static void note_found(const struct transaction *transaction, struct drift_item *item,
                       struct json_object *change)
{
    item->seen = true;
    item->blocked = false;
    item->reported = pointer_is_reported(transaction->topology, item->pointer);
    if (!item->present || !json_object_equal(item->change, change))
        note_change(item);
    json_object_put(item->change);
    item->change = json_object_get(change);
    if (!item->present)
        publish(transaction->engine, EVENT_DRIFT_FOUND, transaction->topology, item);
    item->present = true;
}

static void note(const struct transaction *transaction, struct json_object *change)
{
    struct drift_item *item = obtain_item(transaction->topology, change_pointer(change));
    if (!item)
        return; /* the next comparison finds it again */
    note_found(transaction, item, change);
    if (transaction->repair == REPAIR_ALL ||
        (transaction->repair == REPAIR_WANTED && !item->reported &&
         item->retry <= transaction->started))
        note_repair(transaction, item);
}

/* What the look after the repair found was changed meanwhile, and waits for its next one. */
static void note_left(const struct transaction *transaction)
{
    struct json_object *changes = transaction->plan->changes;
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        struct drift_item *item = obtain_item(transaction->topology, change_pointer(change));
        if (item)
            note_found(transaction, item, change);
    }
}

/* It is as it should be: without a repair, if it was not so before. */
static void note_agreement(struct engine *engine, const struct topology *topology,
                           struct drift_item *item)
{
    if (item->present)
        publish(engine, EVENT_DRIFT_GONE, topology, item);
    item->present = false;
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

void drift_items_compared(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    struct json_object *changes = transaction->changes;
    struct drift_item *item, *next;
    if (!changes)
        return;
    HASH_ITER (hh, topology->drift, item, next) {
        item->seen = transaction->cut && !network_cut_holds(transaction->cut, item->pointer);
    }
    for (size_t i = 0; i < json_object_array_length(changes); i++)
        note(transaction, json_object_array_get_idx(changes, i));
    if (transaction->touched && transaction->outcome == CHANGE_COMMITTED)
        note_left(transaction);
    HASH_ITER (hh, topology->drift, item, next) {
        if (!item->seen)
            note_agreement(transaction->engine, topology, item);
    }
    forget_quiet(topology);
}

/* The change that would make what POINTER leads to. */
static struct json_object *missing(const char *pointer)
{
    auto_json struct json_object *change = json_object_new_object();
    bool good = change && json_put_string(change, "action", "create") &&
                json_put_string(change, "pointer", pointer) &&
                json_put(change, "fields", json_object_new_array_ext(1)) &&
                json_put_bool(change, "irreversible", false);
    return good ? TAKE(change) : NULL;
}

void drift_items_blocked(struct transaction *transaction)
{
    const struct error *error = &transaction->error;
    auto_json struct json_object *change = missing(error->pointer);
    struct drift_item *item = change ? obtain_item(transaction->topology, error->pointer) : NULL;
    if (!item)
        return; /* the next comparison finds it again */
    item->blocked = true;
    set_message(item, error->text);
    json_object_put(item->change);
    item->change = TAKE(change);
    if (item->present)
        return;
    note_change(item);
    item->present = true;
    log_notice("topology %s: drift: %s: %s", transaction->name, item->pointer, error->text);
    publish(transaction->engine, EVENT_DRIFT_FOUND, transaction->topology, item);
}

void drift_items_agreed(struct engine *engine, struct topology *topology, const struct network *cut)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (network_cut_holds(cut, item->pointer))
            note_agreement(engine, topology, item);
    }
    forget_quiet(topology);
}

static bool is_to_be_repaired(const struct drift_item *item)
{
    return item->present && !item->reported && !item->blocked;
}

int64_t drift_items_retry(const struct topology *topology)
{
    int64_t due = 0;
    const struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (is_to_be_repaired(item) && (!due || item->retry < due))
            due = item->retry > 0 ? item->retry : drift_now();
    }
    return due;
}

void drift_items_mark(const struct topology *topology, int64_t now, struct dirty **set)
{
    const struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
        const char *rest = pointer_parts(item->pointer, name, link);
        if (rest && is_to_be_repaired(item) && item->retry <= now &&
            !dirty_add(set, name, *rest ? link : NULL))
            return; /* the audit finds it again */
    }
}
