#include "common/log.h"
#include "common/log_id.h"
#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/events.h"
#include "engine/look_ahead.h"
#include "engine/mirror.h"
#include "engine/surplus.h"
#include "engine/transaction.h"
#include "model/part.h"

#include <event2/event.h>
#include <stdlib.h>

/* Namespaces that the mirror takes over before others get their turn: half a millisecond. */
#define SLICE 256

/* What the topology has now is held on; everything else is let go. */
static void give_namespaces_back(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    struct netns *netns, *next;
    HASH_ITER (hh, transaction->namespaces.entries, netns, next) {
        netns_table_take(&transaction->namespaces, netns);
        netns_rest(netns);
        const struct topology *topology = transaction->topology;
        const struct namespace *namespace =
            topology ? network_namespace(topology->network, netns->name) : NULL;
        bool keep = namespace && !namespace_is_shared(namespace) && netns->fd >= 0;
        if (!keep || !netns_table_add(&engine->held, netns))
            netns_free(netns);
    }
}

/* Nobody waits for a recovery: what came of it is kept with the topology, and of a part with the
 * drift. */
static void note_recovery(const struct transaction *transaction)
{
    const struct error *error = &transaction->error;
    struct log_subject subject = {.id = LOG_ID_RESTORED, .topology = transaction->name};
    if (!transaction->recovery || transaction->partial)
        return;
    if (transaction->outcome > CHANGE_PLANNED) {
        subject.id = LOG_ID_NOT_RESTORED;
        subject.error = error;
        log_about(LOG_ERR, &subject, "could not be restored");
        if (transaction->topology)
            topology_set_message(transaction->topology, error->code == ERROR_WAITING, error->text);
    } else if (transaction->intended) {
        subject.id = LOG_ID_UNDONE;
        log_about(LOG_NOTICE, &subject, "the change that was cut off was undone");
    } else if (transaction->outcome == CHANGE_COMMITTED && !transaction->repair) {
        log_about(LOG_INFO, &subject, "restored, %zu changes", changes_count(transaction->changes));
    }
}

static void answer(const struct transaction *transaction, uint64_t generation, uint64_t event)
{
    if (!transaction->callback) {
        note_recovery(transaction);
        return;
    }
    const struct change_result result = {
        .outcome = transaction->outcome,
        .generation = generation,
        .event = event,
        .changes = transaction->changes,
        .problems = &transaction->problems,
        .error = transaction->error.code ? &transaction->error : NULL,
        .other = transaction->other,
        .remaining = transaction->remaining,
        .unheard = transaction->unheard,
        .processes = transaction->processes.items,
        .process_count = transaction->processes.count,
        .confirm_by = transaction->confirm_by,
    };
    transaction->callback(transaction->context, &result);
}

static void transaction_free(struct transaction *transaction)
{
    bool borrowed = transaction->recovery || (transaction->committed && !transaction->partial);
    struct engine *engine = transaction->engine;
    free(transaction->name);
    free(transaction->file);
    json_text_put(transaction->text);
    json_object_put(transaction->document);
    if (transaction->turn)
        event_free(transaction->turn);
    claim_keys_clear(&transaction->topology_key);
    claim_keys_clear(&transaction->object_keys);
    plan_free(transaction->plan);
    network_free_later(engine, borrowed ? NULL : transaction->desired);
    network_free_later(engine, transaction->owned_previous);
    network_free_later(engine, transaction->before);
    network_free_later(engine, transaction->actual);
    store_rows_clear(&transaction->rows);
    store_rows_clear(&transaction->facts);
    free(transaction->parked_in);
    confirmation_free(transaction->confirmation);
    changes_free(transaction->changes);
    json_object_put(transaction->tried);
    problems_clear(&transaction->problems);
    strings_free(transaction->remaining);
    strings_free(transaction->unheard);
    process_list_clear(&transaction->processes);
    dirty_clear(&transaction->dirty);
    network_free_later(engine, transaction->cut);
    free(transaction);
}

static void unlink_transaction(struct transaction *transaction)
{
    struct transaction **link = &transaction->engine->transactions;
    while (*link && *link != transaction)
        link = &(*link)->next;
    if (*link)
        *link = transaction->next;
}

/* The kernel, as it was seen last; may be NULL. */
static struct network *seen_last(const struct transaction *transaction)
{
    return transaction->touched ? transaction->actual : transaction->before;
}

/* What was seen last has been compared with what is committed: it is what the kernel has. */
static bool is_as_committed(const struct transaction *transaction)
{
    return transaction->outcome <= CHANGE_UNCHANGED ||
           (transaction->outcome == CHANGE_PLANNED && transaction->recovery);
}

/* What the kernel has is not known any more, unless nothing was touched. */
static void doubt_seen(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    if (!transaction->touched) {
        if (transaction->before)
            mirror_give_back(engine, transaction->before);
        return;
    }
    const struct netns *netns, *next;
    HASH_ITER (hh, transaction->namespaces.entries, netns, next) {
        mirror_doubt(engine, netns->name);
    }
    if (transaction->topology && !transaction->partial)
        drift_mark_topology(engine, transaction->topology);
}

static void release(struct engine *engine, const struct network *network)
{
    const struct namespace *namespace, *next;
    struct namespace *namespaces = network ? network->namespaces : NULL;
    HASH_ITER (hh, namespaces, namespace, next) {
        mirror_release(engine, namespace->name);
    }
}

void transaction_let_go(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    give_namespaces_back(transaction);
    release(engine, transaction->desired);
    release(engine, transaction->previous);
    claims_release(&engine->claims, &transaction->topology_key, transaction);
    claims_release(&engine->claims, &transaction->object_keys, transaction);
}

/* The topology is what the document says: when that comes again, it need not be read. Nothing is
 * kept of one that is to be warned of each time, or in which nothing has changed. */
static void keep_text(const struct transaction *transaction)
{
    const struct topology *topology = transaction->topology;
    bool nothing = transaction->partial && !transaction->previous->namespaces;
    if (topology && transaction->text && transaction->outcome <= CHANGE_UNCHANGED && !nothing &&
        !transaction->problems.count)
        part_keep_text(topology->network, transaction->text);
}

static void end(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    struct topology *topology = transaction->topology;
    uint64_t generation = topology ? topology->generation : 0;
    transaction_let_go(transaction);
    surplus_add(engine, transaction->desired);
    surplus_add(engine, transaction->previous);
    if (topology) {
        topology->changing = false;
        look_ahead_free(TAKE(topology->ahead));
    }
    if (topology && transaction->repair)
        drift_compared(transaction);
    else if (topology && transaction->outcome <= CHANGE_UNCHANGED)
        drift_items_agreed(engine, topology, transaction->partial ? transaction->previous : NULL);
    uint64_t event = events_publish_outcome(transaction, generation);
    bool gone =
        topology &&
        (!topology->generation ||
         (transaction->committed && transaction->type == CHANGE_REMOVE && !transaction->recovery));
    if (gone) {
        topology_remove(engine, topology);
        transaction->topology = NULL;
    }
    unlink_transaction(transaction);
    answer(transaction, generation, event);
    transaction_free(transaction);
    transactions_schedule(engine);
    drift_resume(engine);
    engine_check_idle(engine);
}

static void tell_mirror(struct transaction *transaction);

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    tell_mirror(context);
}

/* Lets others have their turn before a large transaction goes on. False when it goes on now: it is
 * not large, or memory is short. */
static bool give_turn(struct transaction *transaction)
{
    static const struct timeval at_once = {0};
    if (!transaction_is_large(transaction))
        return false;
    if (!transaction->turn)
        transaction->turn = evtimer_new(transaction->engine->base, on_turn, transaction);
    return transaction->turn && evtimer_add(transaction->turn, &at_once) == 0;
}

/* As much as goes into one turn; when all is told, the transaction ends, in a turn of its own. */
static void tell_mirror(struct transaction *transaction)
{
    while (transaction->untold) {
        transaction->untold =
            mirror_take(transaction->engine, transaction->topology, seen_last(transaction),
                        transaction->before, transaction->untold, SLICE);
        if (give_turn(transaction))
            return;
    }
    end(transaction);
}

void transaction_finish(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    const struct network *seen = seen_last(transaction);
    if (transaction->touched)
        mirror_drain_names(engine);
    if (transaction->mounts)
        drift_mounting(engine, false);
    keep_text(transaction);
    if (!is_as_committed(transaction))
        doubt_seen(transaction);
    else if (seen)
        transaction->untold = seen->namespaces;
    if (!give_turn(transaction))
        tell_mirror(transaction);
}
