#include "engine/transaction.h"

#include <event2/event.h>

/* Namespaces that are gone through before others get their turn: less than a millisecond, where
 * they have few links. */
#define SLICE 256

static void go_on(struct transaction *transaction);

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    go_on(context);
}

/* False when it goes on now: it is not large, or memory is short. */
static bool wait_for_turn(struct transaction *transaction)
{
    static const struct timeval at_once = {0};
    if (!transaction_is_large(transaction))
        return false;
    if (!transaction->turn)
        transaction->turn = evtimer_new(transaction->engine->base, on_turn, transaction);
    return transaction->turn && evtimer_add(transaction->turn, &at_once) == 0;
}

static void go_on(struct transaction *transaction)
{
    struct namespace *namespace;
    while (transaction->at || transaction->at_other) {
        if (!transaction->at)
            transaction->at = TAKE(transaction->at_other);
        for (size_t left = SLICE; left && (namespace = transaction->at); left--) {
            transaction->at = namespace->hh.next;
            transaction->each(transaction, namespace);
        }
        if (wait_for_turn(transaction))
            return;
    }
    transaction->after(transaction);
}

void transaction_each(struct transaction *transaction, struct network *network,
                      struct network *other, transaction_namespace_step *each,
                      transaction_step *next)
{
    transaction->at = network ? network->namespaces : NULL;
    transaction->at_other = other ? other->namespaces : NULL;
    transaction->each = each;
    transaction->after = next;
    go_on(transaction);
}
