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
    if (transaction->look)
        look_free(transaction->look);
    claim_keys_clear(&transaction->topology_key);
    claim_keys_clear(&transaction->object_keys);
    make_ahead_free(transaction->ahead);
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

static void give_back(struct transaction *transaction, struct namespace *namespace)
{
    mirror_give_back(transaction->engine, transaction->before, namespace);
}

void transaction_give_back(struct transaction *transaction, transaction_step *next)
{
    transaction_each(transaction, transaction->before, NULL, give_back, next);
}

static void take(struct transaction *transaction, struct namespace *namespace)
{
    mirror_take(transaction->engine, transaction->topology, seen_last(transaction),
                transaction->before, namespace);
}

static void doubt(struct transaction *transaction, struct namespace *namespace)
{
    if (netns_table_find(&transaction->namespaces, namespace->name))
        mirror_doubt(transaction->engine, namespace->name);
}

/* What the topology has now is held on; everything else is let go. */
static void let_go(struct transaction *transaction, struct netns *netns)
{
    const struct topology *topology = transaction->topology;
    const struct namespace *namespace =
        topology ? network_namespace(topology->network, netns->name) : NULL;
    bool keep = namespace && !namespace_is_shared(namespace) && netns->fd >= 0;
    netns_table_take(&transaction->namespaces, netns);
    netns_rest(netns);
    if (!keep || !netns_table_add(&transaction->engine->held, netns))
        netns_free(netns);
}

static void let_go_of(struct transaction *transaction, struct namespace *namespace)
{
    struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
    if (netns)
        let_go(transaction, netns);
    mirror_release(transaction->engine, namespace->name);
}

void transaction_let_go(struct transaction *transaction, transaction_step *next)
{
    transaction_each(transaction, transaction->desired, transaction->previous, let_go_of, next);
}

void transaction_release_claims(struct transaction *transaction)
{
    claims_release(&transaction->engine->claims, &transaction->topology_key);
    claims_release(&transaction->engine->claims, &transaction->object_keys);
}

/* The topology is what the document says: when that comes again, it need not be read. Nothing is
 * kept of one that is to be warned of each time, or in which nothing has changed. */
static bool is_text_kept(const struct transaction *transaction)
{
    return transaction->topology && transaction->text && transaction->outcome <= CHANGE_UNCHANGED &&
           !(transaction->partial && !transaction->previous->namespaces) &&
           !transaction->problems.count;
}

static void keep_text(struct transaction *transaction)
{
    transaction->text = part_keep_text(transaction->topology->network, transaction->text);
}

static void end(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    struct topology *topology = transaction->topology;
    uint64_t generation = topology ? topology->generation : 0;
    transaction_release_claims(transaction);
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

static void let_go_and_end(struct transaction *transaction)
{
    if (transaction->claimed)
        transaction_let_go(transaction, end);
    else
        end(transaction);
}

/* What the kernel has is not known any more, unless it is as committed, or nothing was touched. */
static void tell_mirror(struct transaction *transaction)
{
    if (is_as_committed(transaction)) {
        transaction_each(transaction, seen_last(transaction), NULL, take, let_go_and_end);
    } else if (!transaction->touched) {
        transaction_give_back(transaction, let_go_and_end);
    } else {
        if (transaction->topology && !transaction->partial)
            drift_mark_topology(transaction->engine, transaction->topology);
        transaction_each(transaction, transaction->desired, transaction->previous, doubt,
                         let_go_and_end);
    }
}

void transaction_finish(struct transaction *transaction)
{
    if (transaction->touched)
        mirror_drain_names(transaction->engine);
    if (transaction->mounts)
        drift_mounting(transaction->engine, false);
    if (is_text_kept(transaction))
        transaction_think(transaction, transaction_reads_much(transaction), keep_text, tell_mirror);
    else
        tell_mirror(transaction);
}
