#include "engine/recovery.h"

#include "common/log.h"
#include "common/log_id.h"
#include "engine/confirm.h"
#include "engine/look_ahead.h"
#include "engine/mirror.h"
#include "engine/rows.h"
#include "engine/transaction.h"
#include "kernel/dump.h"
#include "kernel/execute.h"
#include "model/document.h"
#include "model/network_cut.h"
#include "model/network_merge.h"

#include <stdlib.h>
#include <string.h>

static struct network *read_rows(const struct engine *engine, const char *name,
                                 const struct store_rows *rows, const struct network *macs,
                                 struct error *error)
{
    auto_json struct json_object *document = rows_document(rows, error);
    if (!document)
        return NULL;
    struct problems problems = {0};
    struct network *network =
        document_read(name, document, engine->machine_id.bytes, macs, &problems);
    if (!network && problems.count)
        error_set(error, ERROR_INVALID, 0,
                  "the stored document is not valid any more: %s: %s; apply a corrected one",
                  problems.items[0].pointer, problems.items[0].text);
    else if (!network)
        error_memory(error);
    problems_clear(&problems);
    return network;
}

/* What TOPOLOGY may have in the kernel: what was committed, and what a change that was cut off was
 * about to make. */
static struct network *answered_for(const struct engine *engine, const struct topology *topology,
                                    const struct store_topology *stored, const struct network *macs,
                                    struct error *error)
{
    auto_network struct network *network = network_cut_all(topology->network);
    if (!network) {
        error_memory(error);
        return NULL;
    }
    if (!stored->intended)
        return TAKE(network);
    auto_network struct network *intent =
        read_rows(engine, stored->name, stored->intent, macs, error);
    if (!intent)
        return NULL;
    if (!network_merge(network, intent)) {
        error_memory(error);
        return NULL;
    }
    return TAKE(network);
}

static bool set_network(struct engine *engine, struct topology *topology,
                        const struct store_topology *stored, struct network *network)
{
    if (!network || !facts_restore(engine, stored->facts, network)) {
        network_free(network);
        return false;
    }
    for (const struct namespace *each = network->namespaces; each; each = each->hh.next)
        topology_hold(engine, topology, each);
    mirror_hear_settings(engine);
    network_free(topology_set_network(topology, network)); /* it had nothing yet */
    return true;
}

/* False when memory is short. */
static bool restore_file(struct topology *topology, const struct store_rows *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].key, FACT_FILE) == 0)
            return (topology->file = strdup(facts->items[i].value));
    }
    return true;
}

static bool load_topology(void *context, const struct store_topology *stored, struct error *error)
{
    struct engine *engine = context;
    struct topology *topology = topology_obtain(engine, stored->name, error);
    auto_network struct network *macs = facts_macs(stored->facts);
    if (!topology || !macs)
        return error_memory(error);
    topology->ahead = look_ahead_new(engine, facts_namespaces(engine, stored->facts));
    topology->generation = stored->generation;
    if (!restore_file(topology, stored->facts) || !confirm_restore(engine, topology, stored))
        return error_memory(error);
    struct error reason = {0};
    auto_network struct network *previous = NULL;
    if (set_network(engine, topology, stored,
                    read_rows(engine, stored->name, stored->rows, macs, &reason)))
        previous = answered_for(engine, topology, stored, macs, &reason);
    if (!previous) {
        log_about(LOG_ERR,
                  &(struct log_subject){
                      .id = LOG_ID_NOT_RESTORED, .topology = stored->name, .error = &reason},
                  "could not be restored");
        topology_set_message(topology, false, reason.text);
        look_ahead_free(TAKE(topology->ahead));
        return true;
    }
    return transaction_recover(engine, topology, TAKE(previous), stored->intended) ||
           error_memory(error);
}

bool recovery_load(struct engine *engine, struct error *error)
{
    return store_load(engine->store, load_topology, engine, error);
}

void recovery_forget_foreign(struct transaction *transaction)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->previous->namespaces, namespace, next) {
        bool there = network_namespace(transaction->before, namespace->name);
        bool ours = netns_table_find(&transaction->namespaces, namespace->name);
        if (there && !ours)
            namespace_remove(transaction->previous, namespace);
    }
}

void recovery_sweep(const struct engine *engine)
{
    struct error error = {0};
    auto_netns struct netns *host = netns_open(NAMESPACE_HOST, NULL, &error);
    auto_network struct network *network = network_new(NULL);
    const struct namespace *namespace =
        host && network ? dump_namespace(host, DUMP_LINKS, NULL, 0, network, &error) : NULL;
    struct link *link, *next;
    struct link *links = namespace ? namespace->links : NULL;
    HASH_ITER (hh, links, link, next) {
        if (park_group_is(link->group))
            execute_delete_link(host, link->name, &error);
    }
    netns_forget_others(&engine->held);
    if (error.code)
        log_about(LOG_WARNING, &(struct log_subject){.error = &error},
                  "what an earlier change left over is still there, unused");
}
