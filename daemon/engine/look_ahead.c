#include "engine/look_ahead.h"

#include "engine/look_internal.h"
#include "engine/transaction.h"

#include <stdlib.h>

struct look_ahead {
    struct network *known, *seen;
    struct netns_table opened;
    struct transaction *waiting; /* until it is over */
    bool running, unwanted;
};

static void free_now(struct look_ahead *ahead)
{
    netns_table_clear(&ahead->opened);
    network_free(ahead->known);
    network_free(ahead->seen);
    free(ahead);
}

/* What could not be seen is looked at again. */
static void seen(void *context, const struct error *error)
{
    struct look_ahead *ahead = context;
    (void)error;
    ahead->running = false;
    if (ahead->unwanted)
        free_now(ahead);
    else if (ahead->waiting)
        transaction_begin(TAKE(ahead->waiting));
}

struct look_ahead *look_ahead_new(struct engine *engine, struct network *known)
{
    auto_network struct network *owned = known;
    struct look_ahead *ahead = known && known->namespaces ? calloc(1, sizeof(*ahead)) : NULL;
    if (!ahead)
        return NULL;
    ahead->known = TAKE(owned);
    ahead->seen = network_new(NULL);
    struct look *look = look_new(engine, &ahead->opened, ahead->seen, seen, ahead);
    if (look && look_add_network(look, ahead->known, true)) {
        ahead->running = true;
        look_start(look);
        return ahead;
    }
    if (look)
        look_free(look);
    free_now(ahead);
    return NULL;
}

void look_ahead_free(struct look_ahead *ahead)
{
    if (ahead && ahead->running)
        ahead->unwanted = true;
    else if (ahead)
        free_now(ahead);
}

bool look_ahead_await(struct look_ahead *ahead, struct transaction *transaction)
{
    if (!ahead || !ahead->running)
        return false;
    ahead->waiting = transaction;
    return true;
}

static bool take(struct look_ahead *ahead, struct look *look, struct namespace *namespace)
{
    struct look_entry *entry = look_entry_find(look, namespace->name);
    struct netns *netns = netns_table_find(&ahead->opened, namespace->name);
    if (!entry || !netns || !look_can_borrow(entry))
        return true;
    netns_table_take(&ahead->opened, netns);
    if (!netns_table_add(look->table, netns)) {
        netns_free(netns);
        return false;
    }
    entry->seen = true;
    return namespace_move(ahead->seen, namespace, look->actual);
}

bool look_ahead_take(struct look_ahead *ahead, struct look *look)
{
    if (!ahead)
        return true;
    bool good = true;
    struct namespace *namespace, *next;
    HASH_ITER (hh, ahead->seen->namespaces, namespace, next) {
        good = good && take(ahead, look, namespace);
    }
    free_now(ahead);
    return good;
}
