#include "engine/make_ahead.h"

#include <stdatomic.h>
#include <stdlib.h>

/* So many of what is desired are looked at: a change that is refused made them in vain. */
#define AHEAD_MAX 64
/* So few take about a millisecond. */
#define BRIEF_MAX 4

struct make_ahead {
    struct job job;
    struct netns_table namespaces; /* the maker's while it runs */
    const struct netns *failed;    /* and why; NULL: none */
    struct error error;
    atomic_bool stopped;
    bool running, unwanted;
};

static void free_now(struct make_ahead *ahead)
{
    netns_table_clear(&ahead->namespaces);
    free(ahead);
}

static void make_run(struct job *job)
{
    struct make_ahead *ahead = (struct make_ahead *)job;
    struct netns *netns, *next;
    HASH_ITER (hh, ahead->namespaces.entries, netns, next) {
        if (atomic_load(&ahead->stopped))
            return;
        if (!netns_make(netns, &ahead->error)) {
            ahead->failed = netns;
            return;
        }
    }
}

static void make_done(struct job *job)
{
    struct make_ahead *ahead = (struct make_ahead *)job;
    ahead->running = false;
    if (ahead->unwanted)
        free_now(ahead);
}

static bool add_new(struct make_ahead *ahead, const struct network *desired,
                    const struct network *previous)
{
    const struct namespace *namespace = desired->namespaces;
    for (size_t i = 0; namespace && i < AHEAD_MAX; i++, namespace = namespace->hh.next) {
        bool new = !namespace_is_shared(namespace) && !network_namespace(previous, namespace->name);
        if (new && !netns_table_add_new(&ahead->namespaces, namespace))
            return false;
    }
    return ahead->namespaces.entries;
}

struct make_ahead *make_ahead_new(struct engine *engine, const struct network *desired,
                                  const struct network *previous)
{
    struct make_ahead *ahead = calloc(1, sizeof(*ahead));
    if (!ahead)
        return NULL;
    if (!add_new(ahead, desired, previous)) {
        free_now(ahead);
        return NULL;
    }
    bool brief = HASH_COUNT(ahead->namespaces.entries) <= BRIEF_MAX;
    ahead->job = (struct job){.run = make_run, .done = make_done, .brief = brief};
    ahead->running = true;
    worker_submit(engine->maker, &ahead->job);
    return ahead;
}

void make_ahead_stop(struct make_ahead *ahead)
{
    if (ahead)
        atomic_store(&ahead->stopped, true);
}

bool make_ahead_take(struct make_ahead *ahead, struct netns *netns, struct error *error)
{
    struct netns *made = ahead ? netns_table_find(&ahead->namespaces, netns->name) : NULL;
    if (made && made == ahead->failed) {
        *error = ahead->error;
        return false;
    }
    if (made && made->fd >= 0)
        netns_take_over(netns, made);
    return true;
}

void make_ahead_free(struct make_ahead *ahead)
{
    make_ahead_stop(ahead);
    if (ahead && ahead->running)
        ahead->unwanted = true;
    else if (ahead)
        free_now(ahead);
}
