#include "engine/confirm.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/log_id.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds. A reversal that failed N times is tried again after 2^N times this. */
#define BACKOFF 1000
#define BACKOFF_MAX 300000

struct confirmation {
    struct engine *engine;
    struct topology *topology;
    struct event *timer;
    int64_t deadline; /* CLOCK_MONOTONIC in ms */
    int64_t by;       /* the same in CLOCK_REALTIME, as it was when the time began */
    bool busy;        /* it is being stored as confirmed, or taken back */
    unsigned failures;
    char *failure; /* the last, as the topology's message */
};

/* One attempt to take a change back. */
struct reversal {
    struct engine *engine;
    char *topology;
};

/* One call of engine_confirm(). */
struct request {
    struct engine *engine;
    char *topology;
    confirm_callback *callback;
    void *context;
};

static void on_timer(evutil_socket_t fd, short what, void *context);

struct confirmation *confirmation_new(struct engine *engine, struct topology *topology)
{
    struct confirmation *confirmation = calloc(1, sizeof(*confirmation));
    if (!confirmation)
        return NULL;
    confirmation->engine = engine;
    confirmation->topology = topology;
    confirmation->timer = evtimer_new(engine->base, on_timer, confirmation);
    if (confirmation->timer)
        return confirmation;
    free(confirmation);
    return NULL;
}

void confirmation_free(struct confirmation *confirmation)
{
    if (!confirmation)
        return;
    event_free(confirmation->timer);
    free(confirmation->failure);
    free(confirmation);
}

static void wait_for(const struct confirmation *confirmation, int64_t milliseconds)
{
    int64_t wait = milliseconds > 0 ? milliseconds : 0;
    const struct timeval time = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    if (evtimer_add(confirmation->timer, &time) < 0)
        log_about(LOG_ERR, &(struct log_subject){.topology = confirmation->topology->name},
                  "no timer can be set: confirm generation %" PRIu64
                  ", or restart netnsd, which takes it back",
                  confirmation->topology->generation);
}

/* Taking back ------------------------------------------------------------------------------ */

static const char *reason(const struct change_result *result)
{
    for (size_t i = 0; result->problems && i < result->problems->count; i++) {
        if (!result->problems->items[i].warning)
            return result->problems->items[i].text;
    }
    return result->error ? result->error->text : "the kernel was not as expected";
}

static void try_later(struct confirmation *confirmation, const char *why)
{
    const struct topology *topology = confirmation->topology;
    int64_t wait =
        confirmation->failures < 9 ? (int64_t)BACKOFF << confirmation->failures : BACKOFF_MAX;
    confirmation->failures++;
    confirmation->busy = false;
    free(TAKE(confirmation->failure));
    if (asprintf(&confirmation->failure,
                 "generation %" PRIu64 " was not confirmed in time and could not be taken back: "
                 "%s; netnsd goes on trying, and 'netnsctl confirm %s' keeps it",
                 topology->generation, why, topology->name) < 0)
        confirmation->failure = NULL;
    log_about(LOG_ERR,
              &(struct log_subject){.id = LOG_ID_NOT_TAKEN_BACK,
                                    .topology = topology->name,
                                    .generation = topology->generation},
              "%s", confirmation->failure ? confirmation->failure : why);
    wait_for(confirmation, wait < BACKOFF_MAX ? wait : BACKOFF_MAX);
}

static void reverted(void *context, const struct change_result *result)
{
    struct reversal *reversal = context;
    const struct engine *engine = reversal->engine;
    const struct topology *topology = topology_find(engine, reversal->topology);
    if (result->outcome != CHANGE_COMMITTED && topology && !engine->stopping)
        try_later(topology->confirmation, reason(result));
    free(reversal->topology);
    free(reversal);
}

/* The first generation is taken back by removing the topology. */
static void revert(struct confirmation *confirmation)
{
    const struct topology *topology = confirmation->topology;
    uint64_t to = topology->generation - 1;
    struct reversal *reversal = calloc(1, sizeof(*reversal));
    if (!reversal || !(reversal->topology = strdup(topology->name))) {
        free(reversal);
        try_later(confirmation, "out of memory");
        return;
    }
    reversal->engine = confirmation->engine;
    confirmation->busy = true;
    log_about(LOG_NOTICE,
              &(struct log_subject){.id = LOG_ID_UNCONFIRMED,
                                    .topology = topology->name,
                                    .generation = topology->generation},
              "generation %" PRIu64 " was not confirmed in time: it is taken back",
              topology->generation);
    const struct change_request request = {
        .type = to ? CHANGE_REVERT : CHANGE_REMOVE,
        .topology = topology->name,
        .to = to,
        .unconfirmed = true,
    };
    transaction_start(confirmation->engine, &request, reverted, reversal);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct confirmation *confirmation = context;
    (void)fd;
    (void)what;
    if (!confirmation->engine->stopping)
        revert(confirmation);
}

/* Waiting ---------------------------------------------------------------------------------- */

int64_t confirm_until(const struct topology *topology)
{
    return topology->confirmation ? topology->confirmation->by : 0;
}

const char *confirm_failure(const struct topology *topology)
{
    return topology->confirmation ? topology->confirmation->failure : NULL;
}

bool confirm_check(struct transaction *transaction)
{
    const struct topology *topology = transaction->topology;
    char until[CLOCK_TEXT_MAX];
    if (!topology || !topology->confirmation || transaction->unconfirmed || transaction->dry_run)
        return true;
    transaction->confirm_by = confirm_until(topology);
    return error_set(&transaction->error, ERROR_PENDING, 0,
                     "generation %" PRIu64 " of topology \"%s\" waits for its confirmation until "
                     "%s: confirm it, or wait until it is taken back",
                     topology->generation, topology->name,
                     clock_format(transaction->confirm_by, until));
}

static void set_deadline(struct confirmation *confirmation, int64_t left)
{
    confirmation->deadline = clock_monotonic() + left;
    confirmation->by = clock_realtime() + left;
}

void confirm_committed(struct transaction *transaction)
{
    struct topology *topology = transaction->topology;
    confirmation_free(topology->confirmation);
    topology->confirmation = TAKE(transaction->confirmation);
    if (!topology->confirmation)
        return;
    int64_t time = (int64_t)transaction->confirm_seconds * 1000;
    set_deadline(topology->confirmation, time);
    transaction->confirm_by = confirm_until(topology);
    wait_for(topology->confirmation, time);
}

bool confirm_restore(struct engine *engine, struct topology *topology,
                     const struct store_topology *stored)
{
    if (!stored->deadline)
        return true;
    topology->confirmation = confirmation_new(engine, topology);
    if (!topology->confirmation)
        return false;
    int64_t left = stored->deadline - clock_realtime();
    int64_t whole = stored->deadline - stored->committed;
    set_deadline(topology->confirmation, left < whole ? left : whole);
    return true;
}

void confirm_start(struct engine *engine)
{
    struct topology *topology, *next;
    HASH_ITER (hh, engine->topologies, topology, next) {
        struct confirmation *confirmation = topology->confirmation;
        int64_t left = confirmation ? confirmation->deadline - clock_monotonic() : 0;
        if (confirmation && left > 0)
            wait_for(confirmation, left);
        else if (confirmation)
            revert(confirmation);
    }
}

/* Confirming ------------------------------------------------------------------------------- */

static void confirmed(void *context, const struct error *error)
{
    struct request *request = context;
    struct engine *engine = request->engine;
    struct topology *topology = topology_find(engine, request->topology);
    struct confirmation *confirmation = TAKE(topology->confirmation);
    if (error) {
        topology->confirmation = confirmation;
        confirmation->busy = false;
        wait_for(confirmation, confirmation->deadline - clock_monotonic());
    } else {
        confirmation_free(confirmation);
        log_about(LOG_INFO,
                  &(struct log_subject){.id = LOG_ID_CONFIRMED,
                                        .topology = topology->name,
                                        .generation = topology->generation},
                  "generation %" PRIu64 " is confirmed", topology->generation);
    }
    request->callback(request->context, topology->generation, error);
    free(request->topology);
    free(request);
    engine->requests--;
    engine_check_idle(engine);
}

static bool may_confirm(const struct topology *topology, const uint64_t *generation,
                        struct error *error)
{
    const char *name = topology->name;
    if (generation && *generation != topology->generation)
        return error_set(error, ERROR_GENERATION, 0, "topology \"%s\" is at another generation",
                         name);
    if (topology->confirmation && !topology->confirmation->busy)
        return true;
    return error_set(
        error, ERROR_CONFIRMED, 0,
        "topology \"%s\" waits for no confirmation: it has been confirmed, or its time "
        "is over",
        name);
}

void engine_confirm(struct engine *engine, const char *name, const uint64_t *generation,
                    confirm_callback *callback, void *context)
{
    struct error error = {0};
    const struct topology *topology = topology_require(engine, name, &error);
    uint64_t present = topology ? topology->generation : 0;
    if (!topology || !may_confirm(topology, generation, &error)) {
        callback(context, present, &error);
        return;
    }
    struct request *request = calloc(1, sizeof(*request));
    if (!request || !(request->topology = strdup(name))) {
        free(request);
        error_memory(&error);
        callback(context, present, &error);
        return;
    }
    request->engine = engine;
    request->callback = callback;
    request->context = context;
    topology->confirmation->busy = true;
    evtimer_del(topology->confirmation->timer);
    engine->requests++;
    store_confirm(engine->store, name, present, confirmed, request);
}
