#include "common/log.h"
#include "engine/transaction.h"
#include "kernel/execute.h"

#include <stdlib.h>

/* Work for the configurer thread. Until it is done it has the transaction's namespaces and networks
 * for itself. */
struct destruction {
    struct job job;
    struct transaction *transaction;
    void (*next)(struct transaction *transaction);
};

static void warn(const struct netns *netns, const struct error *error)
{
    log_warning("namespace %s: %s", netns->name, error->text);
}

/* A namespace dies some time after its last holder let go of it; links in it that stand on others
 * elsewhere would go on using what those give them (addresses, ports, VNIs) until then. */
static void delete_outward_links(const struct netns *netns, const struct namespace *namespace)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        bool outward = link->underlay || (reference_given(&link->lower) && link->lower.link &&
                                          link->lower.link->namespace != namespace);
        struct error error = {0};
        if (outward && !execute_delete_link(netns, link->name, &error))
            warn(netns, &error);
    }
}

static void let_go(struct transaction *transaction, struct netns *netns)
{
    netns_table_take(&transaction->namespaces, netns);
    netns_free(netns);
}

/* The commit is done: what cannot be destroyed now, the next start will. */
static void destroy_links(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->parked_in_count; i++) {
        const struct netns *netns = transaction->parked_in[i];
        struct error error = {0};
        if (!execute_destroy_parked(netns, transaction->park_group, NULL) &&
            !execute_destroy_parked(netns, transaction->park_group, &error))
            warn(netns, &error);
    }
}

static void destroy_namespace(struct transaction *transaction, const struct namespace *namespace)
{
    struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
    struct error error = {0};
    if (netns) {
        delete_outward_links(netns, namespace);
        if (!netns_forget(netns->name, &error))
            warn(netns, &error);
        let_go(transaction, netns);
    } else if (transaction->recovery && netns_probe(namespace->name) == NETNS_STALE &&
               !netns_unmount(namespace->name, &error)) {
        log_warning("namespace %s: %s", namespace->name, error.text);
    }
}

static void destroy_parked(struct job *job)
{
    struct transaction *transaction = ((struct destruction *)job)->transaction;
    destroy_links(transaction);
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->previous->namespaces, namespace, next) {
        if (!namespace_is_shared(namespace) &&
            !network_namespace(transaction->desired, namespace->name))
            destroy_namespace(transaction, namespace);
    }
    execute_close_sockets();
}

static void destroy_made(struct job *job)
{
    struct transaction *transaction = ((struct destruction *)job)->transaction;
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->desired->namespaces, namespace, next) {
        struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
        if (!netns || namespace_is_shared(namespace) ||
            network_namespace(transaction->before, namespace->name))
            continue;
        struct error error = {0};
        if (netns->fd >= 0) {
            delete_outward_links(netns, namespace);
            if (netns_is_named(netns) && !netns_unmount(netns->name, &error))
                warn(netns, &error);
        }
        let_go(transaction, netns);
    }
    execute_close_sockets();
}

static void destruction_done(struct job *job)
{
    struct destruction *destruction = (struct destruction *)job;
    struct transaction *transaction = destruction->transaction;
    void (*next)(struct transaction *) = destruction->next;
    free(destruction);
    next(transaction);
}

static bool submit(struct transaction *transaction, void (*run)(struct job *job),
                   void (*next)(struct transaction *transaction))
{
    struct destruction *destruction = calloc(1, sizeof(*destruction));
    if (!destruction)
        return false;
    *destruction = (struct destruction){
        .job = {.run = run, .done = destruction_done}, .transaction = transaction, .next = next};
    worker_submit(transaction->engine->configurer, &destruction->job);
    return true;
}

bool transaction_destroy_parked(struct transaction *transaction,
                                void (*next)(struct transaction *transaction))
{
    return submit(transaction, destroy_parked, next);
}

bool transaction_destroy_made(struct transaction *transaction,
                              void (*next)(struct transaction *transaction))
{
    return submit(transaction, destroy_made, next);
}
