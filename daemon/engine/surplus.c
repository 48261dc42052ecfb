#include "engine/surplus.h"

#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>

/* Links that are worth some milliseconds of the loop, and how many of them count at once: small
 * changes, however many, leave nothing that the next one would not use. */
#define SURPLUS_MIN 1024
#define WORK_MIN 64
/* Until the call, the reply and the jobs are freed as well. */
static const struct timeval surplus_settle = {.tv_usec = 200000};

static void trim(struct job *job)
{
    (void)job;
    malloc_trim(0);
}

static void trimmed(struct job *job)
{
    free(job);
}

/* The kernel is at it for milliseconds. When memory is too short for the job, there is no surplus.
 */
static void give_back(evutil_socket_t fd, short what, void *context)
{
    struct engine *engine = context;
    struct job *job = malloc(sizeof(*job));
    (void)fd;
    (void)what;
    engine->surplus = 0;
    if (!job)
        return;
    *job = (struct job){.run = trim, .done = trimmed};
    worker_submit(engine->planner, job);
}

bool surplus_start(struct engine *engine, struct error *error)
{
    engine->surplus_timer = evtimer_new(engine->base, give_back, engine);
    return engine->surplus_timer || error_memory(error);
}

void surplus_stop(struct engine *engine)
{
    if (engine->surplus_timer)
        event_free(engine->surplus_timer);
}

void surplus_add(struct engine *engine, const struct network *network)
{
    size_t count = 0;
    const struct namespace *each = network ? network->namespaces : NULL;
    for (; each; each = each->hh.next)
        count += HASH_COUNT(each->links);
    engine->surplus += count >= WORK_MIN ? count : 0;
    if (engine->surplus >= SURPLUS_MIN)
        evtimer_add(engine->surplus_timer, &surplus_settle);
}
