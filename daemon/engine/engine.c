#include "engine/engine.h"

#include "common/log.h"
#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/holders.h"
#include "engine/internal.h"
#include "engine/journal.h"
#include "engine/mirror.h"
#include "engine/recovery.h"
#include "engine/surplus.h"
#include "engine/transaction.h"
#include "kernel/fault.h"

#include <stdlib.h>
#include <string.h>

static bool read_ids(struct engine *engine, struct error *error)
{
    int result = sd_id128_get_boot(&engine->boot_id);
    if (result < 0)
        return error_set(error, ERROR_SYSTEM, -result,
                         "/proc/sys/kernel/random/boot_id cannot be read: is /proc mounted?");
    result = sd_id128_randomize(&engine->instance);
    if (result < 0)
        return error_set(error, ERROR_SYSTEM, -result, "no random number can be had: %s",
                         strerror(-result));
    if (sd_id128_get_machine(&engine->machine_id) < 0)
        log_warning("/etc/machine-id cannot be read: links' MAC addresses may be those of another "
                    "machine; run systemd-machine-id-setup");
    return true;
}

struct engine *engine_new(struct event_base *base, struct store *store,
                          struct completions *completions, unsigned audit, struct error *error)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        error_memory(error);
        return NULL;
    }
    engine->base = base;
    engine->store = store;
    engine->completions = completions;
    engine->audit_interval = (int64_t)audit * 1000;
    journal_start(engine, &engine->journal);
    if (!read_ids(engine, error) || !netns_directory_prepare(error) ||
        !surplus_start(engine, error) || !mirror_start(engine, error) ||
        !drift_start(engine, error) || !(engine->maker = worker_new("maker", completions, error)) ||
        !(engine->configurer = worker_new("configurer", completions, error)) ||
        !(engine->reader = worker_new("reader", completions, error)) ||
        !(engine->planner = worker_new("planner", completions, error))) {
        engine_free(engine);
        return NULL;
    }
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->maker)
        worker_free(engine->maker);
    if (engine->configurer)
        worker_free(engine->configurer);
    if (engine->reader)
        worker_free(engine->reader);
    if (engine->planner)
        worker_free(engine->planner);
    completions_dispatch(engine->completions); /* of what was to be freed later */
    topologies_free(engine);
    drift_stop(engine);
    mirror_stop(engine);
    surplus_stop(engine);
    netns_table_clear(&engine->held);
    free(engine);
}

static void check_started(struct engine *engine)
{
    if (!engine->starting || engine->transactions)
        return;
    engine->starting = false;
    recovery_sweep(engine);
    mirror_doubt(engine, NAMESPACE_HOST);
    drift_resume(engine);
    engine->ready(engine->ready_context);
}

bool engine_start(struct engine *engine, void (*ready)(void *context), void *context,
                  struct error *error)
{
    engine->ready = ready;
    engine->ready_context = context;
    engine->starting = true;
    if (!recovery_load(engine, error))
        return false;
    confirm_start(engine);
    transactions_schedule(engine);
    check_started(engine);
    return true;
}

void engine_stop(struct engine *engine, void (*stopped)(void *context), void *context)
{
    engine->stopping = true;
    engine->stopped = stopped;
    engine->stopped_context = context;
    transactions_schedule(engine);
    engine_check_idle(engine);
}

void engine_check_idle(struct engine *engine)
{
    check_started(engine);
    if (engine->stopping && !engine->transactions && !engine->requests && !mirror_busy(engine) &&
        engine->stopped)
        engine->stopped(engine->stopped_context);
}

void engine_change(struct engine *engine, const struct change_request *request,
                   change_callback *callback, void *context)
{
    transaction_start(engine, request, callback, context);
}

static void summarise(const struct topology *topology, struct topology_summary *summary)
{
    *summary = (struct topology_summary){
        .name = topology->name,
        .generation = topology->generation,
        .state = TOPOLOGY_ACTIVE,
        .message = topology->message,
        .confirm_by = confirm_until(topology),
        .file = topology->file,
        .network = topology->network,
    };
    const char *failure = confirm_failure(topology);
    if (failure)
        summary->message = failure;
    if (topology->changing)
        summary->state = TOPOLOGY_CHANGING;
    else if (summary->message)
        summary->state = topology->waiting && !failure ? TOPOLOGY_WAITING : TOPOLOGY_FAILED;
}

void engine_set_audit(struct engine *engine, unsigned seconds)
{
    int64_t interval = (int64_t)seconds * 1000;
    if (interval == engine->audit_interval)
        return;
    engine->audit_interval = interval;
    drift_set_audit(engine);
}

void engine_each_topology(struct engine *engine,
                          bool (*each)(void *context, const struct topology_summary *topology),
                          void *context)
{
    for (const struct topology *topology = engine->topologies; topology;
         topology = topology->hh.next) {
        struct topology_summary summary;
        summarise(topology, &summary);
        if (topology->generation && !each(context, &summary))
            return;
    }
}

bool engine_topology(struct engine *engine, const char *name, struct topology_summary *summary)
{
    const struct topology *topology = topology_find(engine, name);
    if (!topology || !topology->generation)
        return false;
    summarise(topology, summary);
    return true;
}

const char *engine_namespace_owner(struct engine *engine, const char *name)
{
    const struct topology *owner = holders_owner(engine, name);
    return owner ? owner->name : NULL;
}

const char *engine_link_owner(struct engine *engine, const char *namespace, const char *link)
{
    const struct topology *owner = holders_link_owner(engine, namespace, link);
    return owner ? owner->name : NULL;
}

struct route_search {
    const char *namespace;
    struct route_key key;
    const char *owner;
};

static void find_route(void *context, struct topology *topology)
{
    struct route_search *search = context;
    const struct namespace *namespace = network_namespace(topology->network, search->namespace);
    if (namespace && namespace_route(namespace, &search->key))
        search->owner = topology->name;
}

const char *engine_route_owner(struct engine *engine, const char *namespace,
                               const struct route *route)
{
    struct route_search search = {.namespace = namespace, .key = route->key};
    search.key.ordinal = 0;
    if (route->protocol == NETNSD_PROTOCOL)
        holders_each(engine, namespace, HOLDERS_ROUTES, find_route, &search);
    return search.owner;
}

struct user_search {
    const char *namespace;
    const char *user, *path;
};

/* The first by name. */
static void find_user(void *context, struct topology *topology)
{
    struct user_search *search = context;
    const struct namespace *namespace = network_namespace(topology->network, search->namespace);
    if (!namespace || !namespace->external ||
        (search->user && strcmp(search->user, topology->name) < 0))
        return;
    search->user = topology->name;
    search->path = namespace->path;
}

const char *engine_namespace_user(struct engine *engine, const char *name, const char **path)
{
    struct user_search search = {.namespace = name};
    if (strcmp(name, NAMESPACE_HOST) != 0)
        holders_each(engine, name, NULL, find_user, &search);
    *path = search.path;
    return search.user;
}

int engine_namespace_descriptor(struct engine *engine, const char *name, struct error *error)
{
    const char *path;
    engine_namespace_user(engine, name, &path);
    auto_netns struct netns *netns = netns_open(name, path, error);
    return netns ? TAKE_FD(netns->fd) : -1;
}

uint64_t engine_namespace_cookie(struct engine *engine, const char *name)
{
    bool held = strcmp(name, NAMESPACE_HOST) == 0 || holders_owner(engine, name);
    return held ? mirror_cookie(engine, name) : 0;
}

static size_t count_owned(const struct network *network)
{
    size_t count = 0;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        count += !namespace_is_shared(namespace);
    }
    return count;
}

void engine_status(struct engine *engine, struct engine_status *status)
{
    *status = (struct engine_status){
        .starting = engine->starting,
        .stopping = engine->stopping,
        .kernel_changes = fault_steps(),
        .unheard = mirror_wrong(engine),
        .resyncs = mirror_losses(engine),
    };
    sd_id128_to_string(engine->instance, status->instance);
    for (const struct topology *each = engine->topologies; each; each = each->hh.next) {
        status->topologies += each->generation > 0;
        status->unconfirmed += each->confirmation != NULL;
        status->namespaces += count_owned(each->network);
    }
    for (const struct transaction *each = engine->transactions; each; each = each->next)
        ++*(each->running ? &status->transactions_running : &status->transactions_waiting);
}
