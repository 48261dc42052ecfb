#include "engine/transaction.h"

#include "common/clock.h"
#include "engine/drift.h"
#include "engine/look_ahead.h"
#include "engine/mirror.h"
#include "engine/rows.h"
#include "model/part.h"

#include <stdlib.h>
#include <string.h>

void transaction_refuse(struct transaction *transaction)
{
    transaction->outcome = CHANGE_REFUSED;
    transaction->running = true; /* until it is over, nobody begins it */
    transaction_finish(transaction);
}

void transaction_refuse_memory(struct transaction *transaction)
{
    error_memory(&transaction->error);
    transaction_refuse(transaction);
}

/* Something failed after the kernel, or the store, may have been touched. */
void transaction_fail(struct transaction *transaction, const struct error *error)
{
    if (error != &transaction->error)
        transaction->error = *error;
    transaction_roll_back(transaction);
}

void transaction_fail_memory(struct transaction *transaction)
{
    error_memory(&transaction->error);
    transaction_roll_back(transaction);
}

void transaction_begin_look(struct transaction *transaction, bool compares)
{
    if (compares && !transaction->partial)
        drift_looking(transaction->engine, transaction->topology);
    look_start(TAKE(transaction->look));
}

static void plan_ready(void *context, const struct error *error);

static void begin_look(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    if (!transaction->error.code && topology &&
        !look_ahead_take(TAKE(topology->ahead), transaction->look))
        error_memory(&transaction->error);
    if (transaction->error.code) {
        transaction_refuse(transaction);
        return;
    }
    transaction->started = clock_monotonic();
    /* Before the look, which is the shorter: who is woken first gets the processor that idles. */
    if (!transaction->recovery && !transaction->dry_run)
        transaction->ahead =
            make_ahead_new(transaction->engine, transaction->desired, transaction->previous);
    transaction_begin_look(transaction, transaction->recovery);
}

/* A namespace that the topology has belongs to the transaction while it runs. What the mirror has
 * of it need not be read. */
static void take_namespace(struct transaction *transaction, struct namespace *namespace)
{
    struct netns_table *held = &transaction->engine->held;
    struct netns *netns = netns_table_find(held, namespace->name);
    if (!netns || namespace_is_shared(namespace))
        return;
    netns_table_take(held, netns);
    if (!netns_table_add(&transaction->namespaces, netns)) {
        netns_free(netns);
        error_memory(&transaction->error);
    } else if (!transaction->recovery) {
        look_borrow(transaction->look, namespace->name);
    }
}

static void take_namespaces(struct transaction *transaction)
{
    if (transaction->error.code) {
        transaction_refuse(transaction);
        return;
    }
    if (!transaction->recovery)
        mirror_drain(transaction->engine);
    transaction_each(transaction, transaction->previous, NULL, take_namespace, begin_look);
}

static void prepare_look(struct transaction *transaction)
{
    bool adopt = transaction->recovery;
    if (!look_add_network(transaction->look, transaction->desired, adopt) ||
        !look_add_network(transaction->look, transaction->previous, adopt))
        error_memory(&transaction->error);
}

void transaction_begin(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    if (topology && look_ahead_await(topology->ahead, transaction))
        return;
    transaction->before = network_new(NULL);
    transaction->look = look_new(transaction->engine, &transaction->namespaces, transaction->before,
                                 plan_ready, transaction);
    if (transaction->look)
        transaction_think(transaction, transaction_is_large(transaction), prepare_look,
                          take_namespaces);
    else
        transaction_refuse_memory(transaction);
}

static void watch(struct transaction *transaction, struct namespace *namespace)
{
    const struct netns *netns = netns_table_find(&transaction->namespaces, namespace->name);
    if (netns)
        mirror_watch(transaction->engine, netns);
}

void transaction_watch(struct transaction *transaction, transaction_step *next)
{
    /* Of a number that was another's before, the end of that is heard first. */
    mirror_drain(transaction->engine);
    transaction_each(transaction, transaction->desired, transaction->previous, watch, next);
}

void transaction_build_plan(struct transaction *transaction, struct network *previous,
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
}

/* The differences are known: what is to be done about them? */
void transaction_select_repairs(struct transaction *transaction)
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

/* A repair, and a removal, have no rows. */
static void make_plan(struct transaction *transaction)
{
    bool keeps_rows =
        !transaction->recovery && !transaction->dry_run && transaction->type != CHANGE_REMOVE;
    transaction_build_plan(transaction, transaction->previous, transaction->before);
    if (!transaction->plan || !keeps_rows)
        return;
    if (!rows_changed(transaction->previous, transaction->desired, &transaction->rows))
        error_memory(&transaction->error);
}

static void tell_planned(const struct transaction *transaction)
{
    if (transaction->planned)
        transaction->planned(transaction->context, transaction->changes);
}

static void plan_made(struct transaction *transaction)
{
    if (!transaction->plan) {
        transaction_refuse(transaction);
        return;
    }
    if (transaction->partial && !transaction->recovery && !part_suffices(transaction->desired)) {
        transaction_read_whole(transaction);
        return;
    }
    transaction->changes = TAKE(transaction->plan->changes);
    if (transaction->repair == REPAIR_NEVER)
        mirror_check(transaction->engine, transaction->before, note_unheard, transaction);
    if (transaction->dry_run || transaction->repair == REPAIR_NEVER) {
        transaction->outcome = CHANGE_PLANNED;
        tell_planned(transaction);
        transaction_finish(transaction);
        return;
    }
    transaction_select_repairs(transaction);
    if (transaction->recovery) {
        transaction_prepare_plan(transaction, transaction_run_now);
    } else if (transaction->error.code) {
        transaction_refuse(transaction);
    } else if (!transaction->plan->count && !transaction->rows.count &&
               transaction->type != CHANGE_REMOVE && !transaction->unconfirmed &&
               transaction->topology && !transaction_changes_file(transaction)) {
        transaction->outcome = CHANGE_UNCHANGED;
        tell_planned(transaction);
        transaction_finish(transaction);
    } else {
        transaction_prepare_plan(transaction, intend);
    }
}

static void watched(struct transaction *transaction)
{
    /* Names that turned out to be somebody else's are not this topology's to remove. */
    if (transaction->recovery && transaction->owned_previous)
        recovery_forget_foreign(transaction);
    transaction_think(transaction, transaction_is_large(transaction), make_plan, plan_made);
}

static void plan_ready(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error) {
        transaction->error = *error;
        transaction_refuse(transaction);
        return;
    }
    transaction_watch(transaction, watched);
}

static void intended(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (transaction->intended)
        transaction_run_plan(transaction, error);
    else /* memory is short, and nothing was begun */
        transaction->error = *error;
}

/* Until the store has it, nothing but namespaces without names is made. To write down what is
 * planned takes a while: others are at work by then. */
static void intend(struct transaction *transaction)
{
    struct engine *engine = transaction->engine;
    if (!transaction->error.code)
        transaction->topology = topology_obtain(engine, transaction->name, &transaction->error);
    if (transaction->error.code) {
        transaction_refuse(transaction);
        return;
    }
    transaction->topology->changing = true;
    store_intend(engine->store, transaction->name, transaction->topology->generation + 1,
                 &transaction->rows, intended, transaction);
    transaction->intended = true;
    if (transaction->error.code) {
        transaction_roll_back(transaction);
        return;
    }
    transaction_begin_plan(transaction);
    tell_planned(transaction);
}
