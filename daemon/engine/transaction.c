#include "engine/transaction.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/history.h"
#include "engine/mirror.h"
#include "engine/rows.h"
#include "model/network_cut.h"
#include "model/part.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void run_plan(struct transaction *transaction);
static void commit(struct transaction *transaction);

void transaction_refuse(struct transaction *transaction)
{
    transaction->outcome = CHANGE_REFUSED;
    transaction_finish(transaction);
}

void transaction_refuse_memory(struct transaction *transaction)
{
    error_memory(&transaction->error);
    transaction_refuse(transaction);
}

/* Something failed after the kernel, or the store, may have been touched. */
static void fail(struct transaction *transaction, const struct error *error)
{
    if (error != &transaction->error)
        transaction->error = *error;
    transaction_roll_back(transaction);
}

static void fail_memory(struct transaction *transaction)
{
    error_memory(&transaction->error);
    transaction_roll_back(transaction);
}

/* Namespaces that the topology has belong to the transaction while it runs. */
static bool take_namespaces(struct transaction *transaction)
{
    struct netns_table *held = &transaction->engine->held;
    struct namespace *namespace, *next;
    HASH_ITER (hh, transaction->previous->namespaces, namespace, next) {
        struct netns *netns = netns_table_find(held, namespace->name);
        if (!netns || namespace_is_shared(namespace))
            continue;
        netns_table_take(held, netns);
        if (!netns_table_add(&transaction->namespaces, netns)) {
            netns_free(netns);
            return false;
        }
    }
    return true;
}

/* What is marked up to now is compared with what is seen, if that is to be as committed. */
static void begin_look(struct transaction *transaction, struct look *look, bool compares)
{
    if (compares && !transaction->partial)
        drift_looking(transaction->engine, transaction->topology);
    look_start(look);
}

static void plan_ready(void *context, const struct error *error);

void transaction_begin(struct transaction *transaction)
{
    transaction->before = network_new(NULL);
    struct look *look = look_new(transaction->engine, &transaction->namespaces, transaction->before,
                                 plan_ready, transaction);
    if (!look || !transaction->before || !take_namespaces(transaction) ||
        !look_add_network(look, transaction->desired, transaction->recovery) ||
        !look_add_network(look, transaction->previous, transaction->recovery)) {
        if (look)
            look_free(look);
        transaction_refuse_memory(transaction);
        return;
    }
    transaction->started = clock_monotonic();
    if (!transaction->recovery)
        look_borrow(look);
    begin_look(transaction, look, transaction->recovery);
}

static void watch_namespaces(struct transaction *transaction)
{
    /* Of a number that was another's before, the end of that is heard first. */
    mirror_drain(transaction->engine);
    const struct netns *netns, *next;
    HASH_ITER (hh, transaction->namespaces.entries, netns, next) {
        mirror_watch(transaction->engine, netns);
    }
}

static bool build_plan(struct transaction *transaction, struct network *previous,
                       struct network *actual)
{
    plan_free(transaction->plan);
    const struct plan_input input = {
        .desired = transaction->desired,
        .previous = previous,
        .actual = actual,
        .sweep = transaction->recovery && actual == transaction->before,
    };
    transaction->plan = plan_build(&input, &transaction->error);
    return transaction->plan;
}

/* The differences are known: what is to be done about them? */
static void select_repairs(struct transaction *transaction)
{
    if (transaction->repair)
        plan_select(transaction->plan, drift_repairs, transaction);
}

static void note_unheard(void *context, const char *pointer)
{
    struct transaction *transaction = context;
    size_t count = 0;
    while (transaction->unheard && transaction->unheard[count])
        count++;
    char **grown = reallocarray(transaction->unheard, count + 2, sizeof(*grown));
    if (!grown)
        return;
    transaction->unheard = grown;
    grown[count] = strdup(pointer);
    grown[count + 1] = NULL;
}

static void intend(struct transaction *transaction);

static void plan_ready(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error) {
        transaction->error = *error;
        transaction_refuse(transaction);
        return;
    }
    watch_namespaces(transaction);
    /* Names that turned out to be somebody else's are not this topology's to remove. */
    if (transaction->recovery && transaction->owned_previous)
        recovery_forget_foreign(transaction);
    if (!build_plan(transaction, transaction->previous, transaction->before)) {
        transaction_refuse(transaction);
        return;
    }
    if (transaction->partial && !transaction->recovery && !part_suffices(transaction->desired)) {
        transaction_read_whole(transaction);
        return;
    }
    transaction->changes = json_object_get(transaction->plan->changes);
    if (transaction->repair == REPAIR_NEVER)
        mirror_check(transaction->engine, transaction->before, note_unheard, transaction);
    if (transaction->dry_run || transaction->repair == REPAIR_NEVER) {
        transaction->outcome = CHANGE_PLANNED;
        transaction_finish(transaction);
        return;
    }
    select_repairs(transaction);
    if (transaction->recovery) {
        run_plan(transaction);
        return;
    }
    if (!rows_changed(transaction->previous, transaction->desired, &transaction->rows)) {
        transaction_refuse_memory(transaction);
        return;
    }
    if (!transaction->plan->count && !transaction->rows.count &&
        transaction->type != CHANGE_REMOVE && !transaction->unconfirmed && transaction->topology) {
        transaction->outcome = CHANGE_UNCHANGED;
        transaction_finish(transaction);
    } else {
        intend(transaction);
    }
}

static void intended(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error)
        fail(transaction, error);
    else
        run_plan(transaction);
}

static void intend(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    transaction->topology = topology_obtain(engine, transaction->name, &transaction->error);
    if (!transaction->topology) {
        transaction_refuse(transaction);
        return;
    }
    transaction->topology->changing = true;
    transaction->intended = true;
    store_intend(engine->store, transaction->name, transaction->topology->generation + 1,
                 &transaction->rows, intended, transaction);
}

static bool note_parking(struct transaction *transaction, struct netns *netns)
{
    size_t count = transaction->parked_in_count;
    if (!netns || (count && transaction->parked_in[count - 1] == netns))
        return true;
    struct netns **grown = reallocarray(transaction->parked_in, count + 1, sizeof(*grown));
    if (!grown)
        return false;
    transaction->parked_in = grown;
    grown[transaction->parked_in_count++] = netns;
    return true;
}

static struct netns *prepare_netns(const struct namespace *namespace)
{
    struct netns *netns = netns_new(namespace->name);
    if (!netns)
        return NULL;
    netns->hub = namespace->hub;
    netns->silent = namespace_is_silent(namespace);
    return netns;
}

static bool is_mount(const struct operation *operation)
{
    return operation->type == OPERATION_NAMESPACE_MAKE ||
           operation->type == OPERATION_NAMESPACE_PARK ||
           operation->type == OPERATION_NAMESPACE_UNPARK;
}

static void note_mounts(struct transaction *transaction)
{
    if (!transaction->mounts)
        drift_mounting(transaction->engine, true);
    transaction->mounts = true;
}

bool transaction_prepare(struct transaction *transaction)
{
    const struct plan *plan = transaction->plan;
    for (size_t i = 0; i < plan->count; i++) {
        const struct operation *operation = &plan->operations[i];
        const char *name = operation->namespace->name;
        if (is_mount(operation))
            note_mounts(transaction);
        if (operation->type == OPERATION_LINK_PARK &&
            !note_parking(transaction, netns_table_find(&transaction->namespaces, name)))
            return false;
        if (operation->type != OPERATION_NAMESPACE_MAKE)
            continue;
        transaction->made = true;
        struct netns *netns = prepare_netns(operation->namespace);
        if (netns && netns_table_add(&transaction->namespaces, netns))
            continue;
        netns_free(netns);
        return false;
    }
    return true;
}

bool transaction_run(struct transaction *transaction, runner_progress *progress,
                     runner_callback *next)
{
    transaction->runs++;
    transaction->touched = true;
    log_debug("topology %s: run %u: %zu operations", transaction->name, transaction->runs,
              transaction->plan->count);
    return runner_start(transaction->engine, transaction->plan, &transaction->namespaces,
                        transaction->park_group, progress, next, transaction);
}

/* A look at the namespaces of NETWORK, which is not begun. NULL when memory is short. */
static struct look *new_look(struct transaction *transaction, const struct network *network,
                             look_callback *next)
{
    transaction->actual = network_new(NULL);
    struct look *look = look_new(transaction->engine, &transaction->namespaces, transaction->actual,
                                 next, transaction);
    /* Of a part, only what is asked for is seen: what was to be made as well as what was there. */
    if (look && transaction->actual && look_add_network(look, network, false) &&
        (!transaction->partial || look_add_network(look, transaction->desired, false)))
        return look;
    if (look)
        look_free(look);
    return NULL;
}

static void finish_look(struct transaction *transaction, struct look *look)
{
    plan_free(transaction->plan); /* it is of the networks that were seen last */
    transaction->plan = NULL;
    watch_namespaces(transaction);
    begin_look(transaction, look, true);
}

bool transaction_look(struct transaction *transaction, const struct network *network,
                      look_callback *next)
{
    plan_free(transaction->plan);
    transaction->plan = NULL;
    network_free(transaction->actual);
    struct look *look = new_look(transaction, network, next);
    if (look)
        finish_look(transaction, look);
    return look;
}

static void verified(void *context, const struct error *error);

static void look_ended(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (transaction->error.code) /* of the plan: what was seen does not matter */
        transaction_roll_back(transaction);
    else
        verified(transaction, error);
}

static void plan_run(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    struct look *look = TAKE(transaction->look);
    if (error && look) {
        transaction->error = *error;
        look_abandon(look);
    } else if (error) {
        fail(transaction, error);
    } else if (look) {
        finish_look(transaction, look);
    } else if (!transaction_look(transaction, transaction->desired, verified)) {
        fail_memory(transaction);
    }
}

static void plan_advanced(void *context, size_t end)
{
    struct transaction *transaction = context;
    if (transaction->look)
        look_advance(transaction->look, end);
}

static void hold_until(struct transaction *transaction, const struct namespace *namespace,
                       size_t step)
{
    if (!namespace->match)
        look_hold(transaction->look, namespace->name, step);
}

/* What the plan makes is looked at while the rest is still being made. */
static bool look_alongside(struct transaction *transaction)
{
    const struct plan *plan = transaction->plan;
    if (!transaction->made)
        return true;
    transaction->look = new_look(transaction, transaction->desired, look_ended);
    for (size_t i = 0; transaction->look && i < plan->count; i++) {
        const struct operation *operation = &plan->operations[i];
        hold_until(transaction, operation->namespace, i);
        if (operation->type == OPERATION_LINK_CREATE && link_peer(operation->link))
            hold_until(transaction, link_peer(operation->link)->namespace, i);
    }
    return transaction->look;
}

static void run_plan(struct transaction *transaction)
{
    if (!transaction->plan->count)
        commit(transaction);
    else if (!transaction_prepare(transaction) ||
             (!transaction->runs && !look_alongside(transaction)) ||
             !transaction_run(transaction, plan_advanced, plan_run)) {
        if (transaction->look)
            look_free(TAKE(transaction->look));
        fail_memory(transaction);
    }
}

static void verified(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error) {
        fail(transaction, error);
        return;
    }
    /* What was taken away is parked: it is not looked for again. */
    if (!build_plan(transaction, transaction->desired, transaction->actual)) {
        fail(transaction, &transaction->error);
        return;
    }
    select_repairs(transaction);
    if (!transaction->plan->count || transaction->runs < RUNS_MAX) {
        run_plan(transaction);
        return;
    }
    error_set(
        &transaction->error, ERROR_KERNEL, 0,
        "the kernel does not show what was asked, although it took every request: something else "
        "changes it at the same time, or it does not support this; compare with 'ip -d'");
    operation_pointer(&transaction->plan->operations[0], transaction->error.pointer,
                      sizeof(transaction->error.pointer));
    transaction_roll_back(transaction);
}

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
        log_warning("topology %s: %s", transaction->name, error->text);
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

/* Namespaces that are in IN, and not in NOT_IN, have come or gone with the commit. */
static void publish_difference(const struct transaction *transaction, const struct network *in,
                               const struct network *not_in, enum engine_event_type type)
{
    const struct namespace *namespace, *next;
    HASH_ITER (hh, in->namespaces, namespace, next) {
        if (!namespace_is_shared(namespace) && !network_namespace(not_in, namespace->name))
            events_publish(transaction->engine, &(struct engine_event){
                                                    .type = type,
                                                    .topology = transaction->name,
                                                    .namespace = namespace->name,
                                                });
    }
}

static void publish_namespaces(const struct transaction *transaction)
{
    publish_difference(transaction, transaction->previous, transaction->desired,
                       EVENT_NAMESPACE_REMOVED);
    publish_difference(transaction, transaction->desired, transaction->previous,
                       EVENT_NAMESPACE_ADDED);
}

/* The topology has what was desired. */
static void set_network(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    struct topology *topology = transaction->topology;
    publish_namespaces(transaction);
    if (transaction->partial) {
        topology_set_part(engine, topology, transaction->previous, transaction->desired);
        return;
    }
    /* The former network is still needed to destroy what was parked. */
    struct network *former = topology_set_network(engine, topology, transaction->desired);
    if (transaction->owned_previous)
        network_free(former);
    transaction->owned_previous = transaction->previous;
}

static void committed(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    struct topology *topology = transaction->topology;
    if (error) {
        fail(transaction, error);
        return;
    }
    transaction->committed = true;
    /* A stored document that could not be read left nothing to compare. */
    if (!transaction->partial && (!transaction->recovery || topology->network->namespaces))
        topology_set_message(topology, false, NULL);
    if (transaction->cut && !network_cut_learn(transaction->cut, topology->network))
        log_warning("topology %s: out of memory: what sysctls were is forgotten",
                    transaction->name);
    if (!transaction->recovery) {
        set_network(transaction);
        topology->generation += transaction->type != CHANGE_REMOVE;
        confirm_committed(transaction);
        log_info("topology %s: %s generation %" PRIu64 ", %zu changes", transaction->name,
                 transaction->type == CHANGE_REMOVE ? "removed at" : "committed",
                 topology->generation, json_object_array_length(transaction->changes));
    }
    if (!transaction_destroy_parked(transaction, destroyed)) {
        log_warning("topology %s: out of memory: what the change removed is still there, unused",
                    transaction->name);
        destroyed(transaction);
    }
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

static void commit(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    /* A repair may have made namespaces anew: nothing that was known of them holds. */
    auto_network struct network *unknown = transaction->made ? network_new(NULL) : NULL;
    const struct network *known = transaction->repair && unknown ? unknown : transaction->previous;
    if (!learn(transaction) ||
        !facts_changed(engine, known, transaction->desired, &transaction->facts)) {
        fail_memory(transaction);
        return;
    }
    if (transaction->recovery) {
        commit_recovery(transaction);
        return;
    }
    if (!history_commit(transaction, committed))
        fail_memory(transaction);
}
