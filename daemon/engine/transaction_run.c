#include "engine/transaction.h"

#include "common/log.h"
#include "engine/drift.h"

#include <stdlib.h>

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

static bool add_netns(struct transaction *transaction, const struct namespace *namespace)
{
    transaction->made = true;
    return netns_table_add_new(&transaction->namespaces, namespace);
}

/* A cable is to lead from LINK, perhaps in a namespace that is to be made, to a hub. */
static void note_neighbour(const struct transaction *transaction, const struct link *link)
{
    const struct link *peer = link_peer(link);
    if (link->namespace->match || !peer || peer->namespace == link->namespace ||
        !peer->namespace->hub)
        return;
    struct netns *netns = netns_table_find(&transaction->namespaces, link->namespace->name);
    if (netns)
        netns->neighbour = netns_table_find(&transaction->namespaces, peer->namespace->name);
}

static bool prepare(struct transaction *transaction, const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_NAMESPACE_MAKE:
        return add_netns(transaction, operation->namespace);
    case OPERATION_LINK_CREATE:
        note_neighbour(transaction, operation->link);
        return true;
    case OPERATION_LINK_PARK:
        return note_parking(transaction,
                            netns_table_find(&transaction->namespaces, operation->namespace->name));
    default:
        return true;
    }
}

bool transaction_prepare(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->plan->count; i++) {
        if (!prepare(transaction, &transaction->plan->operations[i]))
            return false;
    }
    return true;
}

static bool mounts(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        enum operation_type type = plan->operations[i].type;
        if (type == OPERATION_NAMESPACE_MAKE || type == OPERATION_NAMESPACE_PARK ||
            type == OPERATION_NAMESPACE_UNPARK)
            return true;
    }
    return false;
}

static bool begin_run(struct transaction *transaction, runner_progress *progress,
                      runner_callback *next)
{
    transaction->runs++;
    transaction->touched = true;
    if (!transaction->mounts && mounts(transaction->plan)) {
        transaction->mounts = true;
        drift_mounting(transaction->engine, true);
    }
    log_about(LOG_DEBUG, &(struct log_subject){.topology = transaction->name},
              "run %u: %zu operations", transaction->runs, transaction->plan->count);
    transaction->runner =
        runner_start(transaction->engine, transaction->plan, &transaction->namespaces,
                     transaction->ahead, transaction->park_group, progress, next, transaction);
    return transaction->runner;
}

bool transaction_run(struct transaction *transaction, runner_callback *next)
{
    if (!begin_run(transaction, NULL, next))
        return false;
    runner_go_on(TAKE(transaction->runner), NULL);
    return true;
}

/* Makes transaction->look, at the namespaces of NETWORK; it is not begun. False when memory is
 * short. */
static bool make_look(struct transaction *transaction, const struct network *network,
                      look_callback *next)
{
    transaction->actual = network_new(NULL);
    transaction->look = look_new(transaction->engine, &transaction->namespaces, transaction->actual,
                                 next, transaction);
    /* Of a part, only what is asked for is seen: what was to be made as well as what was there. */
    return transaction->look && look_add_network(transaction->look, network, false) &&
           (!transaction->partial ||
            look_add_network(transaction->look, transaction->desired, false));
}

static void drop_look(struct transaction *transaction)
{
    if (transaction->look)
        look_free(TAKE(transaction->look));
}

static void finish_look(struct transaction *transaction)
{
    transaction_begin_look(transaction, true);
}

bool transaction_look(struct transaction *transaction, const struct network *network,
                      look_callback *next)
{
    plan_free(TAKE(transaction->plan)); /* it is of the networks that were seen last */
    network_free(transaction->actual);
    if (make_look(transaction, network, next)) {
        transaction_watch(transaction, finish_look);
        return true;
    }
    drop_look(transaction);
    return false;
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
    if (error && transaction->look) {
        transaction->error = *error;
        look_abandon(TAKE(transaction->look));
    } else if (error) {
        transaction_fail(transaction, error);
    } else if (transaction->look) {
        plan_free(TAKE(transaction->plan));
        transaction_watch(transaction, finish_look);
    } else if (!transaction_look(transaction, transaction->desired, verified)) {
        transaction_fail_memory(transaction);
    }
}

static void plan_advanced(void *context, size_t end)
{
    struct transaction *transaction = context;
    if (transaction->look)
        look_advance(transaction->look, end);
}

/* Does the kernel tell all that comes of OPERATION? */
static bool is_told(const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_LINK_CREATE:
    case OPERATION_LINK_SET:
    case OPERATION_LINK_FINISH:
    case OPERATION_ADDRESS_ADD:
        return true;
    default:
        return false;
    }
}

/* To read the many links of a hub takes the kernel long. */
static void hold_until(struct transaction *transaction, const struct namespace *namespace,
                       size_t step)
{
    const struct operation *operation = &transaction->plan->operations[step];
    if (!namespace->match)
        look_hold(transaction->look, namespace->name, step, namespace->hub && is_told(operation));
}

/* What the plan makes is looked at while the rest is still being made. */
static bool look_alongside(struct transaction *transaction)
{
    const struct plan *plan = transaction->plan;
    if (!transaction->made)
        return true;
    if (!make_look(transaction, transaction->desired, look_ended))
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct operation *operation = &plan->operations[i];
        hold_until(transaction, operation->namespace, i);
        if (operation->type == OPERATION_LINK_CREATE && link_peer(operation->link))
            hold_until(transaction, link_peer(operation->link)->namespace, i);
    }
    look_arrange(transaction->look);
    return true;
}

static void prepare_plan(struct transaction *transaction)
{
    if (!transaction_prepare(transaction) || (!transaction->runs && !look_alongside(transaction)))
        error_memory(&transaction->error);
}

void transaction_prepare_plan(struct transaction *transaction, transaction_step *next)
{
    transaction_think(transaction, transaction_is_large(transaction), prepare_plan, next);
}

void transaction_begin_plan(struct transaction *transaction)
{
    if (!transaction->error.code &&
        (!transaction->plan->count || begin_run(transaction, plan_advanced, plan_run)))
        return;
    drop_look(transaction);
    if (!transaction->error.code)
        error_memory(&transaction->error);
}

void transaction_run_plan(struct transaction *transaction, const struct error *error)
{
    if (!error && transaction->error.code)
        error = &transaction->error;
    if (transaction->runner)
        runner_go_on(TAKE(transaction->runner), error);
    else if (error)
        transaction_fail(transaction, error);
    else
        transaction_commit(transaction);
}

void transaction_run_now(struct transaction *transaction)
{
    transaction_begin_plan(transaction);
    transaction_run_plan(transaction, NULL);
}

/* What was taken away is parked: it is not looked for again. */
static void plan_again(struct transaction *transaction)
{
    transaction_build_plan(transaction, transaction->desired, transaction->actual);
}

static void planned_again(struct transaction *transaction)
{
    if (!transaction->plan) {
        transaction_fail(transaction, &transaction->error);
        return;
    }
    transaction_select_repairs(transaction);
    if (!transaction->plan->count || transaction->runs < RUNS_MAX) {
        transaction_prepare_plan(transaction, transaction_run_now);
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

static void verified(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error)
        transaction_fail(transaction, error);
    else
        transaction_think(transaction, transaction_is_large(transaction), plan_again,
                          planned_again);
}
