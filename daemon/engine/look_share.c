#include "engine/look_internal.h"

#include "common/heap.h"

#include <pthread.h>

/* Namespaces that make a second thread worth the while, and that are read before others get a turn.
 */
#define SHARE_MIN 16
#define SHARE_MAX 256

/* What is to be opened, and read, by two threads: each into a look of its own. */
struct sharing {
    struct look *whole;
    pthread_mutex_t lock; /* of the queue, todo, and of the next */
    size_t left;
};

struct share {
    struct look look;
    struct netns_table opened;
    struct sharing *sharing;
};

/* What is open belongs to the whole look, which no thread touches meanwhile. */
static bool is_to_open(const struct look *look, const struct look_entry *entry)
{
    return entry && (entry->open || entry->adopt) && entry->after == SIZE_MAX &&
           !netns_table_find(look->table, entry->name);
}

static struct look_entry *take(struct sharing *sharing)
{
    struct look *whole = sharing->whole;
    pthread_mutex_lock(&sharing->lock);
    struct look_entry *entry = TAILQ_FIRST(&whole->todo);
    if (!sharing->left || !is_to_open(whole, entry))
        entry = NULL;
    if (entry) {
        TAILQ_REMOVE(&whole->todo, entry, next);
        sharing->left--;
    }
    pthread_mutex_unlock(&sharing->lock);
    return entry;
}

static void *read_share(void *context)
{
    struct share *share = context;
    const struct look_entry *entry;
    while (!share->look.failed && (entry = take(share->sharing)))
        share->look.failed = !look_read_entry(&share->look, entry);
    return NULL;
}

static void *help(void *context)
{
    heap_grow();
    return read_share(context);
}

static bool share_begin(struct share *share, struct sharing *sharing)
{
    const struct look *whole = sharing->whole;
    *share = (struct share){.sharing = sharing,
                            .look = {.engine = whole->engine,
                                     .table = &share->opened,
                                     .actual = network_new(NULL),
                                     .heard = whole->heard}};
    return share->look.actual;
}

static void share_end(struct share *share)
{
    struct look *whole = share->sharing->whole;
    struct network *read = share->look.actual;
    struct namespace *namespace, *next;
    struct netns *netns, *next_netns;
    if (share->look.failed && !whole->failed)
        whole->error = share->look.error;
    whole->failed |= share->look.failed;
    HASH_ITER (hh, read->namespaces, namespace, next) {
        if (!namespace_move(read, namespace, whole->actual))
            whole->failed = !error_memory(&whole->error);
    }
    HASH_ITER (hh, share->opened.entries, netns, next_netns) {
        netns_table_take(&share->opened, netns);
        if (netns_table_add(whole->table, netns))
            continue;
        netns_free(netns);
        whole->failed = !error_memory(&whole->error);
    }
    network_free(read);
}

static bool is_hub(const struct look_entry *entry)
{
    return entry->asked[0] && entry->asked[0]->hub;
}

/* While the links of a hub are read, nobody else gets at any (the kernel's RTNL mutex): they come
 * when the other thread has little left to do. */
static void put_hubs_last(struct look *look)
{
    struct look_queue hubs;
    TAILQ_INIT(&hubs);
    struct look_entry *entry, *next;
    for (entry = TAILQ_FIRST(&look->todo); entry; entry = next) {
        next = TAILQ_NEXT(entry, next);
        if (!is_hub(entry))
            continue;
        TAILQ_REMOVE(&look->todo, entry, next);
        TAILQ_INSERT_TAIL(&hubs, entry, next);
    }
    TAILQ_CONCAT(&look->todo, &hubs, next);
}

void look_share(struct look *look)
{
    struct sharing sharing = {.whole = look,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .left = look->alone ? SIZE_MAX : SHARE_MAX};
    struct share shares[2];
    pthread_t helper;
    if (HASH_COUNT(look->entries) < SHARE_MIN || !is_to_open(look, TAILQ_FIRST(&look->todo)) ||
        !share_begin(&shares[0], &sharing))
        return;
    put_hubs_last(look);
    bool helped =
        share_begin(&shares[1], &sharing) && pthread_create(&helper, NULL, help, &shares[1]) == 0;
    read_share(&shares[0]);
    if (helped)
        pthread_join(helper, NULL);
    share_end(&shares[0]);
    if (helped)
        share_end(&shares[1]);
    else
        network_free(shares[1].look.actual);
}
