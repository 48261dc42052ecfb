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

#include <stdlib.h>

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

/* What was seen last, and compared with what is committed, is what the kernel has. */
static void tell_mirror(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    bool good = transaction->outcome <= CHANGE_UNCHANGED ||
                (transaction->outcome == CHANGE_PLANNED && transaction->recovery);
    struct network *seen = transaction->touched ? transaction->actual : transaction->before;
    if (good && seen)
        mirror_take(engine, transaction->topology, seen, transaction->before);
    else if (seen && !transaction->touched)
        mirror_give_back(engine, seen);
    if (good || !transaction->touched)
        return;
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

void transaction_finish(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    struct topology *topology = transaction->topology;
    uint64_t generation = topology ? topology->generation : 0;
    if (transaction->touched)
        mirror_drain_names(engine);
    if (transaction->mounts)
        drift_mounting(engine, false);
    keep_text(transaction);
    tell_mirror(transaction);
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
