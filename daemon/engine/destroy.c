#include "common/log.h"
#include "engine/mirror.h"
#include "engine/transaction.h"
#include "kernel/execute.h"

#include <event2/event.h>
#include <stdlib.h>

/* Namespaces that lose their names before others get a turn on the thread. */
#define SLICE 1000
/* The kernel ends all namespaces that it was told to in one go, and keeps the lock of links
 * meanwhile (net/core/net_namespace.c, cleanup_net()). That is the fastest, as it looks through all
 * that live for each that ends; while others wait, so many are let go of at a time. */
#define CHUNK_CROWDED 100
/* When so many are let go of, the kernel may begin to end some before the others are: with two
 * parts it takes longer. So one goes first, and the others while the kernel is at that. */
#define MANY 256
/* Milliseconds. What somebody else holds does not end: longer than that it is not waited for. */
#define PATIENCE_FIRST 100
#define PATIENCE 1000

/* Work for the configurer thread. While that runs it has the transaction's namespaces and networks
 * for itself. */
struct destruction {
    struct job job;
    struct transaction *transaction;
    bool (*is_destroyed)(const struct transaction *transaction, const struct namespace *namespace);
    void (*destroy)(const struct transaction *transaction, const struct namespace *namespace,
                    const struct netns *netns);
    void (*next)(struct transaction *transaction);
    const struct namespace *first, *namespace; /* of all, and the next to be looked at */
    bool hubs;                                 /* are looked at, after all others */
    struct netns_table unnamed;                /* to be let go of, once all are */
    size_t chunk;                              /* so many */
    bool begun;                                /* the kernel has had the first */
    struct event *patience;                    /* NULL: it is never waited for */
    LIST_ENTRY(destruction) entry;             /* in engine->destructions, while it waits */
};

static void warn(const struct netns *netns, const struct error *error)
{
    log_about(LOG_WARNING, &(struct log_subject){.namespace = netns->name, .error = error},
              "not all of it goes");
}

/* A namespace dies some time after its last holder let go of it; links in it that stand on others
 * elsewhere would go on using what those give them (addresses, ports, VNIs) until then. */
static void delete_outward_links(const struct netns *netns, const struct namespace *namespace)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        const struct link *lower = link_lower(link);
        bool outward = link->underlay || (lower && lower->namespace != namespace);
        struct error error = {0};
        if (outward && !execute_delete_link(netns, link->name, &error))
            warn(netns, &error);
    }
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
    transaction->parked_in_count = 0;
}

static bool is_removed(const struct transaction *transaction, const struct namespace *namespace)
{
    return !namespace_is_shared(namespace) &&
           !network_namespace(transaction->desired, namespace->name);
}

static void destroy_removed(const struct transaction *transaction,
                            const struct namespace *namespace, const struct netns *netns)
{
    struct error error = {0};
    if (netns) {
        delete_outward_links(netns, namespace);
        if (!netns_forget(netns->name, &error))
            warn(netns, &error);
    } else if (transaction->recovery && netns_probe(namespace->name) == NETNS_STALE &&
               !netns_unmount(namespace->name, &error)) {
        log_about(LOG_WARNING, &(struct log_subject){.namespace = namespace->name, .error = &error},
                  "its name stays");
    }
}

static bool is_made(const struct transaction *transaction, const struct namespace *namespace)
{
    return !namespace_is_shared(namespace) &&
           !network_namespace(transaction->before, namespace->name);
}

static void destroy_made(const struct transaction *transaction, const struct namespace *namespace,
                         const struct netns *netns)
{
    struct error error = {0};
    (void)transaction;
    if (!netns || netns->fd < 0)
        return;
    delete_outward_links(netns, namespace);
    if (netns_is_named(netns) && !netns_unmount(netns->name, &error))
        warn(netns, &error);
}

/* When memory is short it is let go of at once. */
static void let_go_later(struct destruction *destruction, struct netns *netns)
{
    netns_table_take(&destruction->transaction->namespaces, netns);
    if (!netns_table_add(&destruction->unnamed, netns))
        netns_free(netns);
}

/* A hub that ends before its ports' other ends takes the kernel longer than both in this order. */
static const struct namespace *take_next(struct destruction *destruction)
{
    if (!destruction->namespace && !destruction->hubs) {
        destruction->hubs = true;
        destruction->namespace = destruction->first;
    }
    const struct namespace *namespace = destruction->namespace;
    if (namespace)
        destruction->namespace = namespace->hh.next;
    return namespace;
}

static bool is_over(const struct destruction *destruction)
{
    return destruction->hubs && !destruction->namespace;
}

static void take_names(struct destruction *destruction)
{
    struct transaction *transaction = destruction->transaction;
    const struct namespace *namespace;
    for (size_t left = SLICE; left && (namespace = take_next(destruction));) {
        if (namespace->hub != destruction->hubs ||
            !destruction->is_destroyed(transaction, namespace))
            continue;
        struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
        destruction->destroy(transaction, namespace, netns);
        if (netns)
            let_go_later(destruction, netns);
        left--;
    }
}

static void let_go(struct destruction *destruction)
{
    struct netns *netns;
    for (size_t left = destruction->chunk; left && (netns = destruction->unnamed.entries); left--) {
        netns_table_take(&destruction->unnamed, netns);
        netns_free(netns);
    }
}

static void run(struct job *job)
{
    struct destruction *destruction = (struct destruction *)job;
    if (destruction->transaction->committed)
        destroy_links(destruction->transaction);
    if (destruction->chunk)
        let_go(destruction);
    else
        take_names(destruction);
    if (!destruction->chunk && is_over(destruction) && destruction->transaction->callback &&
        destruction->transaction->committed)
        transaction_find_processes(destruction->transaction, &destruction->unnamed);
}

static size_t next_chunk(const struct destruction *destruction)
{
    if (!destruction->patience)
        return SIZE_MAX;
    if (!destruction->begun && HASH_COUNT(destruction->unnamed.entries) > MANY)
        return 1;
    return destruction->transaction->engine->transactions->next ? CHUNK_CROWDED : SIZE_MAX;
}

static void advance(struct destruction *destruction)
{
    struct engine *engine = destruction->transaction->engine;
    if (is_over(destruction)) {
        destruction->chunk = next_chunk(destruction);
        destruction->begun = true;
    }
    const struct netns *netns = destruction->unnamed.entries;
    for (size_t i = 0; destruction->chunk != SIZE_MAX && netns && i < destruction->chunk; i++) {
        mirror_await_end(engine, netns);
        netns = netns->hh.next;
    }
    worker_submit(engine->configurer, &destruction->job);
}

static void resume(struct destruction *destruction)
{
    LIST_REMOVE(destruction, entry);
    event_del(destruction->patience);
    advance(destruction);
}

void destructions_resume(struct engine *engine)
{
    struct destruction *destruction, *next;
    for (destruction = LIST_FIRST(&engine->destructions); destruction; destruction = next) {
        next = LIST_NEXT(destruction, entry);
        resume(destruction);
    }
}

static void on_patience_over(evutil_socket_t fd, short what, void *context)
{
    struct destruction *destruction = context;
    (void)fd;
    (void)what;
    mirror_await_no_end(destruction->transaction->engine);
    resume(destruction);
}

static void finish(struct destruction *destruction)
{
    struct transaction *transaction = destruction->transaction;
    void (*next)(struct transaction *) = destruction->next;
    if (destruction->patience)
        event_free(destruction->patience);
    free(destruction);
    next(transaction);
}

static void destruction_done(struct job *job)
{
    static const struct timeval patience = {.tv_sec = PATIENCE / 1000},
                                patience_first = {.tv_usec = PATIENCE_FIRST * 1000};
    struct destruction *destruction = (struct destruction *)job;
    struct engine *engine = destruction->transaction->engine;
    if (!destruction->unnamed.entries && is_over(destruction)) {
        finish(destruction);
    } else if (destruction->chunk && destruction->chunk != SIZE_MAX && mirror_awaits_end(engine)) {
        LIST_INSERT_HEAD(&engine->destructions, destruction, entry);
        event_add(destruction->patience, destruction->chunk == 1 ? &patience_first : &patience);
    } else {
        advance(destruction);
    }
}

static bool submit(struct transaction *transaction, const struct destruction *work)
{
    struct destruction *destruction = calloc(1, sizeof(*destruction));
    if (!destruction)
        return false;
    *destruction = *work;
    destruction->job = (struct job){.run = run, .done = destruction_done};
    destruction->transaction = transaction;
    destruction->namespace = destruction->first;
    destruction->patience = evtimer_new(transaction->engine->base, on_patience_over, destruction);
    advance(destruction);
    return true;
}

/* Of many, the thread finds that out. */
static bool has_parked(const struct transaction *transaction)
{
    if (transaction->parked_in_count || transaction_is_large(transaction))
        return true;
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->previous->namespaces, namespace, next) {
        if (is_removed(transaction, namespace))
            return true;
    }
    return false;
}

bool transaction_destroy_parked(struct transaction *transaction,
                                void (*next)(struct transaction *transaction))
{
    if (!has_parked(transaction)) {
        next(transaction);
        return true;
    }
    return submit(transaction, &(struct destruction){.is_destroyed = is_removed,
                                                     .destroy = destroy_removed,
                                                     .next = next,
                                                     .first = transaction->previous->namespaces});
}

bool transaction_destroy_made(struct transaction *transaction,
                              void (*next)(struct transaction *transaction))
{
    return submit(transaction, &(struct destruction){.is_destroyed = is_made,
                                                     .destroy = destroy_made,
                                                     .next = next,
                                                     .first = transaction->desired->namespaces});
}
