#include "common/log.h"
#include "engine/transaction.h"

#include <stdlib.h>
#include <string.h>

static void look_now(struct transaction *transaction);

static void abandoned(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error)
        log_about(LOG_ERR, &(struct log_subject){.topology = transaction->name, .error = error},
                  "the store goes on to have a change that was undone");
    transaction_finish(transaction);
}

static void end(struct transaction *transaction, enum change_outcome outcome)
{
    transaction->outcome = outcome;
    if (outcome == CHANGE_ROLLED_BACK)
        strings_free(TAKE(transaction->remaining));
    struct engine *engine = transaction->engine;
    if (transaction->intended && !transaction->recovery)
        store_abandon(engine->store, transaction->name, transaction->topology->generation + 1,
                      abandoned, transaction);
    else
        transaction_finish(transaction);
}

static bool name_remaining(struct transaction *transaction)
{
    const struct plan *plan = transaction->plan;
    strings_free(transaction->remaining);
    transaction->remaining = calloc(plan->count + 1, sizeof(*transaction->remaining));
    if (!transaction->remaining)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        char pointer[sizeof(transaction->error.pointer)];
        operation_pointer(&plan->operations[i], pointer, sizeof(pointer));
        if (!(transaction->remaining[i] = strdup(pointer)))
            return false;
    }
    return true;
}

/* The kernel could not be brought back, or not be looked at. */
static void give_up(struct transaction *transaction, const struct error *error)
{
    log_about(LOG_ERR, &(struct log_subject){.topology = transaction->name, .error = error},
              "rollback failed%s", error ? "" : ": out of memory");
    if (transaction->plan)
        name_remaining(transaction);
    end(transaction, CHANGE_ROLLBACK_INCOMPLETE);
}

static void undone(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error && transaction->runs >= RUNS_MAX)
        give_up(transaction, error);
    else
        look_now(transaction);
}

static void make_plan(struct transaction *transaction)
{
    const struct plan_input input = {
        .desired = transaction->before,
        .previous = transaction->desired,
        .actual = transaction->actual,
        .restore = true,
    };
    plan_free(transaction->plan);
    transaction->plan = plan_build(&input, &transaction->failure);
    bool runs = transaction->plan && transaction->plan->count && transaction->runs < RUNS_MAX;
    if (runs && !transaction_prepare(transaction))
        error_memory(&transaction->failure);
}

static void run_plan(struct transaction *transaction)
{
    struct error *failure = &transaction->failure;
    if (failure->code) {
        give_up(transaction, failure);
    } else if (!transaction->plan->count) {
        end(transaction, CHANGE_ROLLED_BACK);
    } else if (transaction->runs >= RUNS_MAX) {
        error_set(failure, ERROR_KERNEL, 0, "something else changes the kernel at the same time");
        give_up(transaction, failure);
    } else if (!transaction_run(transaction, undone)) {
        give_up(transaction, NULL);
    }
}

static void looked(void *context, const struct error *error)
{
    struct transaction *transaction = context;
    if (error)
        give_up(transaction, error);
    else
        transaction_think(transaction, transaction_is_large(transaction), make_plan, run_plan);
}

/* Should the look fail, all that was planned for may remain. */
static void look_now(struct transaction *transaction)
{
    if (transaction->plan)
        name_remaining(transaction);
    if (!transaction_look(transaction, transaction->before, looked))
        give_up(transaction, NULL);
}

void transaction_roll_back(struct transaction *transaction)
{
    log_about(LOG_DEBUG,
              &(struct log_subject){.topology = transaction->name, .error = &transaction->error},
              "rolling back");
    transaction->runs = 0;
    if (!transaction->touched) {
        end(transaction, CHANGE_ROLLED_BACK);
        return;
    }
    if (!restore_bind(transaction->before) || !transaction_destroy_made(transaction, look_now))
        give_up(transaction, NULL);
}
