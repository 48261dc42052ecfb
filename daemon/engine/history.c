#include "engine/history.h"

#include "common/clock.h"
#include "engine/confirm.h"
#include "engine/rows.h"
#include "model/document.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Writing ---------------------------------------------------------------------------------- */

/* As io.netnsd.Topology.Generation has them. */
static const char *cause_of(const struct transaction *transaction)
{
    static const char *const words[] = {
        [CHANGE_APPLY] = "apply", [CHANGE_PATCH] = "patch", [CHANGE_REVERT] = "revert"};
    return transaction->unconfirmed ? "unconfirmed" : words[transaction->type];
}

bool history_commit(struct transaction *transaction, store_callback *committed)
{
    struct engine *engine = transaction->engine;
    struct topology *topology = transaction->topology;
    if (transaction->type == CHANGE_REMOVE) {
        store_remove(engine->store, transaction->name, committed, transaction);
        return true;
    }
    int64_t now = clock_realtime(), seconds = transaction->confirm_seconds;
    if (seconds && !(transaction->confirmation = confirmation_new(engine, topology)))
        return false;
    const size_t *counts = transaction->changes->counts;
    struct store_generation made = {
        .generation = topology->generation + 1,
        .time = now,
        .cause = cause_of(transaction),
        .repeats = transaction->to,
        .created = (uint32_t)counts[ACTION_CREATE],
        .removed = (uint32_t)counts[ACTION_REMOVE],
        .changed = (uint32_t)(counts[ACTION_CHANGE] + counts[ACTION_RECREATE]),
    };
    store_commit(engine->store, transaction->name, &made, seconds ? now + seconds * 1000 : 0,
                 &transaction->facts, committed, transaction);
    return true;
}

/* Reading ---------------------------------------------------------------------------------- */

/* The store does not have GENERATION, or could not read it: says in ERROR why. */
static void explain(const struct engine *engine, const char *name, uint64_t generation,
                    const struct error *failure, struct error *error)
{
    const struct topology *topology;
    if (failure->code != ERROR_NOT_FOUND)
        *error = *failure;
    else if ((topology = topology_require(engine, name, error)))
        error_set(error, ERROR_HISTORY, 0,
                  "generation %" PRIu64 " of topology \"%s\" is not kept; %" PRIu64 " to %" PRIu64
                  " are",
                  generation, name, store_oldest(topology->generation), topology->generation);
}

static void fetched(void *context, const struct store_rows *rows, const struct error *error)
{
    struct transaction *transaction = context;
    struct engine *engine = transaction->engine;
    transaction->running = false;
    if (error)
        explain(engine, transaction->name, transaction->to, error, &transaction->error);
    else
        transaction->document = rows_document(rows, &transaction->error);
    if (!transaction->document)
        transaction_refuse(transaction);
    else
        transactions_schedule(engine);
}

void history_fetch(struct transaction *transaction)
{
    if (!transaction->to)
        transaction->to = transaction->topology->generation - 1;
    transaction->running = true;
    store_read(transaction->engine->store, transaction->name, transaction->to, fetched,
               transaction);
}

/* A question about the past, from a client. */
struct question {
    struct engine *engine;
    char *topology;
    uint64_t from, to;            /* to: of a difference; 0: only the document of from is wanted */
    struct json_object *document; /* of from, once it is there */
    union {
        past_callback *past;
        history_callback *history;
    } callback;
    void *context;
};

static struct question *question_new(struct engine *engine, const char *name, struct error *error)
{
    if (!topology_require(engine, name, error))
        return NULL;
    struct question *question = calloc(1, sizeof(*question));
    if (!question || !(question->topology = strdup(name))) {
        free(question);
        error_memory(error);
        return NULL;
    }
    question->engine = engine;
    engine->requests++;
    return question;
}

static void question_free(struct question *question)
{
    struct engine *engine = question->engine;
    json_object_put(question->document);
    free(question->topology);
    free(question);
    engine->requests--;
    engine_check_idle(engine);
}

static void listed(void *context, const struct store_history *history, const struct error *error)
{
    struct question *question = context;
    question->callback.history(question->context, history, error);
    question_free(question);
}

void engine_history(struct engine *engine, const char *topology, history_callback *callback,
                    void *context)
{
    struct error error = {0};
    struct question *question = question_new(engine, topology, &error);
    if (!question) {
        callback(context, NULL, &error);
        return;
    }
    question->callback.history = callback;
    question->context = context;
    store_history(engine->store, topology, listed, question);
}

static void answer(struct question *question, uint64_t generation, struct json_object *result,
                   const struct error *error)
{
    question->callback.past(question->context, generation, result, error);
    question_free(question);
}

static struct json_object *read_document(const struct question *question, uint64_t generation,
                                         const struct store_rows *rows, const struct error *failure,
                                         struct error *error)
{
    if (rows)
        return rows_document(rows, error);
    explain(question->engine, question->topology, generation, failure, error);
    return NULL;
}

static void second_read(void *context, const struct store_rows *rows, const struct error *failure)
{
    struct question *question = context;
    struct error error = {0};
    auto_json struct json_object *document =
        read_document(question, question->to, rows, failure, &error);
    auto_json struct json_object *changes =
        document ? document_difference(question->document, document) : NULL;
    if (document && !changes)
        error_memory(&error);
    answer(question, question->to, changes, changes ? NULL : &error);
}

static void first_read(void *context, const struct store_rows *rows, const struct error *failure)
{
    struct question *question = context;
    struct error error = {0};
    question->document = read_document(question, question->from, rows, failure, &error);
    if (question->document && question->to)
        store_read(question->engine->store, question->topology, question->to, second_read,
                   question);
    else
        answer(question, question->from, question->document, question->document ? NULL : &error);
}

static void ask(struct engine *engine, const char *topology, uint64_t from, uint64_t to,
                past_callback *callback, void *context)
{
    struct error error = {0};
    struct question *question = question_new(engine, topology, &error);
    if (!question) {
        callback(context, from, NULL, &error);
        return;
    }
    question->from = from;
    question->to = to;
    question->callback.past = callback;
    question->context = context;
    store_read(engine->store, topology, from, first_read, question);
}

void engine_document(struct engine *engine, const char *topology, uint64_t generation,
                     past_callback *callback, void *context)
{
    ask(engine, topology, generation, 0, callback, context);
}

void engine_difference(struct engine *engine, const char *name, uint64_t from, uint64_t to,
                       past_callback *callback, void *context)
{
    const struct topology *topology = topology_find(engine, name);
    ask(engine, name, from, !to && topology ? topology->generation : to, callback, context);
}
