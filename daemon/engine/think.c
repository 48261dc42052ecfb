#include "engine/transaction.h"

#include <stdlib.h>

/* Namespaces, and bytes of a document, that take about a millisecond. */
#define LARGE 64
#define LARGE_TEXT 32768

static size_t count(const struct network *network)
{
    return network ? HASH_COUNT(network->namespaces) : 0;
}

bool transaction_is_large(const struct transaction *transaction)
{
    return count(transaction->desired) + count(transaction->previous) > LARGE;
}

bool transaction_reads_much(const struct transaction *transaction)
{
    return transaction_is_large(transaction) ||
           (transaction->text && transaction->text->length > LARGE_TEXT);
}

static void think_run(struct job *job)
{
    struct transaction *transaction = (struct transaction *)job;
    transaction->think(transaction);
}

static void think_done(struct job *job)
{
    struct transaction *transaction = (struct transaction *)job;
    transaction->thought(transaction);
}

void transaction_think(struct transaction *transaction, bool large, transaction_step *think,
                       transaction_step *next)
{
    if (!large) {
        think(transaction);
        next(transaction);
        return;
    }
    transaction->thinking = (struct job){.run = think_run, .done = think_done};
    transaction->think = think;
    transaction->thought = next;
    worker_submit(transaction->engine->planner, &transaction->thinking);
}

struct disposal {
    struct job job;
    struct network *network;
};

static void dispose(struct job *job)
{
    network_free(((struct disposal *)job)->network);
}

static void disposed(struct job *job)
{
    free(job);
}

void network_free_later(struct engine *engine, struct network *network)
{
    struct disposal *disposal = count(network) > LARGE ? malloc(sizeof(*disposal)) : NULL;
    if (!disposal) {
        network_free(network);
        return;
    }
    *disposal = (struct disposal){.job = {.run = dispose, .done = disposed}, .network = network};
    worker_submit(engine->planner, &disposal->job);
}
