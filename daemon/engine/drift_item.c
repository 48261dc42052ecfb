#include "engine/drift.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log_id.h"
#include "engine/journal.h"
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
    dirty_clear(&item->waiting);
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

/* What was not made in this boot yet is made, whatever the document says. */
static bool reports(const struct namespace *namespace)
{
    return namespace->report && namespace->cookie;
}

/* Is LINK, which is desired and planned for, to be made, but reported instead? */
static bool is_left_out(const struct link *link)
{
    return link->fate != FATE_KEEP && reports(link->namespace);
}

/* Both ends of a cable are made together, and what stands on a link after it: where one is left
 * out, the other cannot be made. */
static bool is_withheld(const struct link *link)
{
    const struct link *peer = link_peer(link), *lower = link_lower(link);
    return link->fate != FATE_KEEP &&
           ((peer && is_left_out(peer)) || (lower && (is_left_out(lower) || is_withheld(lower))));
}

/* Routes need the links that they go through. */
static bool withholds_link(const struct namespace *namespace)
{
    const struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (is_withheld(link))
            return true;
    }
    return false;
}

/* Is what POINTER leads to left alone because its namespace, or the other end of a cable, is
 * reported? */
static bool is_reported(const struct transaction *transaction, const char *pointer)
{
    char name[NAMESPACE_NAME_MAX + 1], link_name[IFNAMSIZ];
    const char *rest = pointer_parts(pointer, name, link_name);
    const struct namespace *namespace = rest ? network_namespace(transaction->desired, name) : NULL;
    const struct link *link = namespace ? namespace_link(namespace, link_name) : NULL;
    if (!namespace)
        return false;
    bool route = strncmp(rest, "/routes/", strlen("/routes/")) == 0;
    return reports(namespace) || (link && is_withheld(link)) ||
           (route && withholds_link(namespace));
}

/* The pointer of what is wanted: what is taken away may go by another name. */
static char *wanted_pointer(const struct operation *operation, char *buffer, size_t size)
{
    struct operation wanted = *operation;
    bool removal =
        operation->type == OPERATION_LINK_PARK || operation->type == OPERATION_LINK_DELETE;
    if (removal && operation->link->match)
        wanted.link = operation->link->match;
    return operation_pointer(&wanted, buffer, size);
}

/* Should what POINTER leads to be put right now? */
static bool is_due(const struct transaction *transaction, const char *pointer)
{
    if (transaction->repair == REPAIR_ALL)
        return true;
    const struct drift_item *item = find_item(transaction->topology, pointer);
    return !is_reported(transaction, pointer) && (!item || item->retry <= transaction->started);
}

bool drift_repairs(void *context, const struct operation *operation)
{
    struct transaction *transaction = context;
    char pointer[POINTER_MAX];
    wanted_pointer(operation, pointer, sizeof(pointer));
    if (!transaction->tried && !(transaction->tried = json_object_new_object()))
        return false;
    return is_due(transaction, pointer) && json_put_bool(transaction->tried, pointer, true);
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
                               .message = item->blocked ? item->message : NULL,
                           });
}

/* Somebody made it differ, or differ in another way. What is contended waits until that stops. */
static void note_change(struct drift_item *item)
{
    item->last_change = clock_realtime();
    if (!item->present)
        item->since = item->last_change;
    if (is_contended(item))
        item->retry = clock_monotonic() + backoff(item->repairs - 1);
}

static void set_message(struct drift_item *item, const char *message)
{
    free(item->message);
    item->message = message ? strdup(message) : NULL;
}

/* The kernel refused it; nobody undid it. */
static void note_failure(const struct transaction *transaction, struct drift_item *item)
{
    struct journal_place place;
    struct log_subject subject = {
        .id = LOG_ID_DRIFT_NOT_REPAIRED,
        .topology = transaction->name,
        .pointer = item->pointer,
        .error = &transaction->error,
    };
    item->retry = clock_monotonic() + backoff(item->failures++);
    set_message(item, transaction->error.text);
    journal_locate(&subject, &place);
    log_about(LOG_NOTICE, &subject, "drift: could not be repaired");
}

static void note_repair(const struct transaction *transaction, struct drift_item *item)
{
    item->failures = 0;
    set_message(item, NULL);
    if (transaction->repair == REPAIR_ALL)
        item->repairs = 0;
    item->present = false;
    item->repaired = clock_monotonic();
    item->retry = item->repaired + backoff(item->repairs++);
    publish(transaction->engine, EVENT_DRIFT_REPAIRED, transaction->topology, item);
    if (item->repairs == DRIFT_CONTENDED_REPAIRS)
        publish(transaction->engine, EVENT_DRIFT_CONTENDED, transaction->topology, item);
}

/* It is blocked no more. */
static void unblock(struct topology *topology, struct drift_item *item)
{
    item->blocked = false;
    dirty_move(&item->waiting, &topology->dirty);
}

/* CHANGE, of ITEM's pointer, would put it right. */
static void note_found(const struct transaction *transaction, struct drift_item *item,
                       struct json_object *change)
{
    item->seen = true;
    item->noted = transaction->engine->comparisons;
    unblock(transaction->topology, item);
    item->reported = is_reported(transaction, item->pointer);
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
    bool tried = json_object_object_get_ex(transaction->tried, item->pointer, NULL);
    if (tried && transaction->outcome == CHANGE_COMMITTED)
        note_repair(transaction, item);
    else if (transaction->error.code && !item->reported && item->retry <= transaction->started)
        note_failure(transaction, item);
}

/* What the look after the repair found was changed meanwhile, and waits for its next one. */
static void note_left(const struct transaction *transaction)
{
    auto_json struct json_object *changes = changes_parse(transaction->plan->changes);
    for (size_t i = 0; changes && i < json_object_array_length(changes); i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        struct drift_item *item = obtain_item(transaction->topology, change_pointer(change));
        if (item)
            note_found(transaction, item, change);
    }
}

/* It is as it should be: without a repair, if it was not so before. */
static void note_agreement(struct engine *engine, struct topology *topology,
                           struct drift_item *item)
{
    unblock(topology, item);
    if (item->present)
        publish(engine, EVENT_DRIFT_GONE, topology, item);
    item->present = false;
}

/* What is as it should be, and has been for long enough, is forgotten. */
static void forget_quiet(struct topology *topology)
{
    int64_t now = clock_monotonic();
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
    auto_json struct json_object *changes =
        transaction->changes ? changes_parse(transaction->changes) : NULL;
    struct drift_item *item, *next;
    if (!changes)
        return; /* the next comparison finds it again */
    transaction->engine->comparisons++;
    HASH_ITER (hh, topology->drift, item, next) {
        item->seen = transaction->partial && !network_cut_holds(transaction->cut, item->pointer);
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

/* Is ITEM about something in SET? */
static bool is_marked(const struct drift_item *item, const struct dirty *set)
{
    char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
    const char *rest = pointer_parts(item->pointer, name, link);
    return rest && dirty_has(set, name, *rest ? link : NULL);
}

/* What was to be compared together with something that is blocked waits for that. */
static void block_all(struct transaction *transaction, struct drift_item *blocker)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, transaction->topology->drift, item, next) {
        item->blocked |= is_marked(item, transaction->dirty);
    }
    blocker->blocked = true;
    dirty_move(&transaction->dirty, &blocker->waiting);
}

void drift_items_blocked(struct transaction *transaction)
{
    const struct error *error = &transaction->error;
    auto_json struct json_object *change = missing(error->pointer);
    struct drift_item *item = change ? obtain_item(transaction->topology, error->pointer) : NULL;
    if (!item)
        return; /* the next comparison finds it again */
    block_all(transaction, item);
    item->noted = transaction->engine->comparisons;
    set_message(item, error->text);
    json_object_put(item->change);
    item->change = TAKE(change);
    if (item->present)
        return;
    note_change(item);
    item->present = true;
    publish(transaction->engine, EVENT_DRIFT_FOUND, transaction->topology, item);
}

void drift_items_agreed(struct engine *engine, struct topology *topology, const struct network *cut)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (!cut || network_cut_holds(cut, item->pointer))
            note_agreement(engine, topology, item);
    }
    forget_quiet(topology);
}

void drift_items_delay(struct topology *topology, const struct network *cut, int64_t time)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (item->retry < time && network_cut_holds(cut, item->pointer))
            item->retry = time;
    }
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
            due = item->retry > 0 ? item->retry : clock_monotonic();
    }
    return due;
}

bool drift_items_wanted(const struct topology *topology)
{
    const struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (item->present && !item->reported)
            return true;
    }
    return false;
}

bool drift_items_add_namespaces(const struct topology *topology, struct dirty **namespaces)
{
    const struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
        if (item->present && pointer_parts(item->pointer, name, link) &&
            !dirty_add(namespaces, name, NULL))
            return false;
    }
    return true;
}

/* Marks what ITEM is about. False when the topology has nothing like it any more. */
static bool mark(struct topology *topology, const struct drift_item *item)
{
    char name[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
    const char *rest = pointer_parts(item->pointer, name, link);
    const struct namespace *namespace = rest ? network_namespace(topology->network, name) : NULL;
    bool known =
        namespace && (!*link || namespace->remove_extra || namespace_link(namespace, link));
    return known && dirty_add(&topology->dirty, name, *rest ? link : NULL);
}

void drift_items_mark(struct topology *topology, int64_t now)
{
    struct drift_item *item, *next;
    HASH_ITER (hh, topology->drift, item, next) {
        if (is_to_be_repaired(item) && item->retry <= now && !mark(topology, item))
            item_free(&topology->drift, item);
    }
}
