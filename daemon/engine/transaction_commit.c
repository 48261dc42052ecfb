#include "engine/transaction.h"

#include "common/log.h"
#include "engine/confirm.h"
#include "engine/history.h"
#include "engine/holders.h"
#include "engine/mirror.h"
#include "engine/rows.h"
#include "model/network_cut.h"

#include <stdlib.h>
#include <string.h>

/* Facts about namespaces and sysctls that the plan made or changed. */
static bool learn(struct transaction *transaction)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->desired->namespaces, namespace, next) {
        const struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
        if (netns && !namespace_is_shared(namespace)) {
            namespace->cookie = netns->cookie;
            namespace->number = netns->number;
        }
        const struct namespace *before = network_namespace(transaction->before, namespace->name);
        struct sysctl *sysctl, *next_sysctl;
        HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
            const struct sysctl *old = before ? namespace_sysctl(before, sysctl->path) : NULL;
            if (!sysctl->earlier && old && !(sysctl->earlier = strdup(old->value)))
                return false;
        }
    }
    return true;
}

static void intent_forgotten(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error)
        log_about(LOG_WARNING, &(struct log_subject){.topology = transaction->name, .error = error},
                  "the store goes on to have a change that was undone");
    transaction_finish(transaction);
}

/* The change that a crash cut off is forgotten when nothing of it is left. */
static void destroyed(struct transaction *transaction)
{
    transaction->outcome =
        transaction->recovery && !transaction->touched ? CHANGE_UNCHANGED : CHANGE_COMMITTED;
    if (transaction->recovery && transaction->intended)
        store_abandon(transaction->engine->store, transaction->name,
                      transaction->topology->generation + 1, intent_forgotten, transaction);
    else
        transaction_finish(transaction);
}

static void destroy(struct transaction *transaction)
{
    if (transaction_destroy_parked(transaction, destroyed))
        return;
    log_about(LOG_WARNING, &(struct log_subject){.topology = transaction->name},
              "out of memory: what the change removed is still there, unused");
    destroyed(transaction);
}

static void publish(const struct transaction *transaction, const struct namespace *namespace,
                    enum engine_event_type type)
{
    events_publish(transaction->engine, &(struct engine_event){
                                            .type = type,
                                            .topology = transaction->name,
                                            .namespace = namespace->name,
                                        });
}

static void replaced(struct transaction *transaction)
{
    mirror_hear_settings(transaction->engine);
    destroy(transaction);
}

/* Of a part, what is desired has gone into the topology's network. */
static void tell_added(struct transaction *transaction, struct namespace *namespace)
{
    const struct namespace *committed =
        network_namespace(transaction->topology->network, namespace->name);
    if (committed && !namespace_is_shared(committed) &&
        !network_namespace(transaction->previous, namespace->name))
        publish(transaction, namespace, EVENT_NAMESPACE_ADDED);
}

static void tell_all_added(struct transaction *transaction)
{
    transaction_each(transaction, transaction->desired, NULL, tell_added, replaced);
}

static void let_go_of_former(struct transaction *transaction, struct namespace *namespace)
{
    holders_remove(transaction->engine, transaction->topology, namespace);
    if (!namespace_is_shared(namespace) &&
        !network_namespace(transaction->desired, namespace->name))
        publish(transaction, namespace, EVENT_NAMESPACE_REMOVED);
}

/* The topology has what was desired. */
static void replace(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    if (transaction->partial) {
        topology_set_part(topology, transaction->previous, transaction->desired);
    } else {
        /* The former network is still needed to destroy what was parked. */
        struct network *former = topology_set_network(topology, transaction->desired);
        if (transaction->owned_previous)
            network_free(former);
        transaction->owned_previous = transaction->previous;
    }
    topology->generation += transaction->type != CHANGE_REMOVE;
    if (transaction->file) {
        free(topology->file);
        topology->file = TAKE(transaction->file);
    }
    confirm_committed(transaction);
    mirror_hear_settings(transaction->engine);
    transaction_each(transaction, transaction->previous, NULL, let_go_of_former, tell_all_added);
}

static void hold(struct transaction *transaction, struct namespace *namespace)
{
    topology_hold(transaction->engine, transaction->topology, namespace);
}

static void committed(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    struct topology *topology = transaction->topology;
    if (error) {
        transaction_fail(transaction, error);
        return;
    }
    transaction->committed = true;
    /* A stored document that could not be read left nothing to compare. */
    if (!transaction->partial && (!transaction->recovery || topology->network->namespaces))
        topology_set_message(topology, false, NULL);
    if (transaction->cut && !network_cut_learn(transaction->cut, topology->network))
        log_about(LOG_WARNING, &(struct log_subject){.topology = transaction->name},
                  "out of memory: what sysctls were is forgotten");
    if (transaction->recovery)
        destroy(transaction);
    else
        transaction_each(transaction, transaction->desired, NULL, hold, replace);
}

/* A recovery commits nothing new, but keeps what it learned. */
static void commit_recovery(struct transaction *transaction)
{
    if (transaction->facts.count)
        store_note(transaction->engine->store, transaction->name, &transaction->facts, committed,
                   transaction);
    else
        committed(transaction, NULL);
}

bool transaction_changes_file(const struct transaction *transaction)
{
    const char *file = transaction->topology->file;
    return transaction->file && (!file || strcmp(file, transaction->file) != 0);
}

static void find_facts(struct transaction *transaction)
{
    /* A repair may have made namespaces anew: nothing that was known of them holds. */
    auto_network struct network *unknown = transaction->made ? network_new(NULL) : NULL;
    const struct network *known = transaction->repair && unknown ? unknown : transaction->previous;
    if (!learn(transaction) ||
        !facts_changed(transaction->engine, known, transaction->desired, &transaction->facts) ||
        (transaction_changes_file(transaction) &&
         !store_rows_add(&transaction->facts, FACT_FILE, transaction->file)))
        error_memory(&transaction->error);
}

static void commit(struct transaction *transaction)
{
    if (transaction->error.code)
        transaction_fail(transaction, &transaction->error);
    else if (transaction->recovery)
        commit_recovery(transaction);
    else if (!history_commit(transaction, committed))
        transaction_fail_memory(transaction);
}

void transaction_commit(struct transaction *transaction)
{
    transaction_think(transaction, transaction_is_large(transaction), find_facts, commit);
}
