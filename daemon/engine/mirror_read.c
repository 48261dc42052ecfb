#include "engine/mirror_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/drift.h"
#include "engine/holders.h"
#include "engine/surplus.h"
#include "kernel/dump.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Namespaces that are read before others get a turn on the thread. */
#define SLICE 64
/* Milliseconds until what could not be read is tried again. */
#define RETRY 5000

/* One namespace to be read. */
struct target {
    struct netns *netns;     /* with a descriptor of its own; NULL: to be opened */
    char *name, *path;       /* PATH as for netns_open() */
    bool owned;              /* all of it is read */
    struct namespace *asked; /* whose sysctls are read; of reading->asked */
};

struct reading {
    struct job job;
    struct engine *engine;
    struct target targets[SLICE];
    size_t count;
    struct network *asked; /* holds nothing but sysctls */
    struct network *read;
    uint64_t heard; /* mirror_drain(), when it began */
};

static void target_free(struct target *target)
{
    netns_free(target->netns);
    free(target->name);
    free(target->path);
}

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        target_free(&reading->targets[i]);
    network_free(reading->asked);
    network_free(reading->read);
    free(reading);
}

static void reading_run(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    for (size_t i = 0; i < reading->count; i++) {
        struct target *target = &reading->targets[i];
        const struct namespace *asked = target->asked;
        struct error error = {0};
        if (!target->netns)
            target->netns = netns_open(target->name, target->path, &error);
        struct namespace *namespace =
            target->netns
                ? dump_namespace(target->netns, target->owned ? DUMP_LINKS | DUMP_REST : DUMP_LINKS,
                                 &asked, 1, reading->read, &error)
                : NULL;
        if (namespace) {
            namespace->external = !target->owned;
        } else {
            log_about(LOG_WARNING,
                      &(struct log_subject){.namespace = target->name, .error = &error},
                      "it cannot be read");
        }
    }
}

struct asking {
    const char *namespace;
    struct namespace *asked;
    bool failed;
};

static void ask_sysctls(void *context, struct topology *topology)
{
    struct asking *asking = context;
    const struct namespace *namespace = network_namespace(topology->network, asking->namespace);
    const struct sysctl *sysctl, *next;
    const struct sysctl *first = namespace ? namespace->sysctls : NULL;
    HASH_ITER (hh, first, sysctl, next) {
        if (!namespace_sysctl(asking->asked, sysctl->path))
            asking->failed |= !sysctl_add(asking->asked, sysctl->path, "");
    }
}

static void find_path(void *context, struct topology *topology)
{
    struct target *target = context;
    const struct namespace *namespace = network_namespace(topology->network, target->name);
    if (namespace && namespace->path && !target->path)
        target->path = strdup(namespace->path);
}

/* A copy of NETNS with a descriptor of its own: others may let theirs go meanwhile. */
static struct netns *duplicate(const struct netns *netns)
{
    auto_netns struct netns *copy = netns_new(netns->name);
    if (!copy)
        return NULL;
    copy->cookie = netns->cookie;
    copy->number = netns->number;
    copy->state = NETNS_READY;
    copy->fd = fcntl(netns->fd, F_DUPFD_CLOEXEC, 0);
    return copy->fd >= 0 ? TAKE(copy) : NULL;
}

/* False when memory, or descriptors, are short. */
static bool set_target(struct reading *reading, struct target *target,
                       const struct mirror_entry *entry, const struct netns *held)
{
    target->name = strdup(entry->namespace);
    target->asked = target->name ? namespace_add(reading->asked, target->name) : NULL;
    if (!target->asked)
        return false;
    struct asking asking = {.namespace = target->name, .asked = target->asked};
    holders_each(reading->engine, target->name, NULL, find_path, target);
    holders_each(reading->engine, target->name, NULL, ask_sysctls, &asking);
    return !asking.failed && (!held || (target->netns = duplicate(held)));
}

/* What a transaction works on is taken, or doubted again, when that ends. */
static bool add_target(struct reading *reading, struct mirror_entry *entry)
{
    struct engine *engine = reading->engine;
    bool owned = holders_owner(engine, entry->namespace);
    const struct netns *held = netns_table_find(&engine->held, entry->namespace);
    bool host = entry->number == MONITOR_OWN;
    if ((owned && (!held || held->cookie != entry->cookie)) ||
        (!owned && mirror_is_owned(engine, entry->namespace)) ||
        (!host && !holders_any(engine, entry->namespace)))
        return true;
    struct target target = {.owned = owned};
    if (set_target(reading, &target, entry, held)) {
        reading->targets[reading->count++] = target;
        return true;
    }
    if (target.asked)
        namespace_remove(reading->asked, target.asked);
    target_free(&target);
    return false;
}

static void read_next(struct mirror *mirror);

/* What cannot be read stays in doubt. */
static void try_later(struct mirror *mirror, const char *name)
{
    struct mirror_entry *entry = mirror_entry_find(mirror, name);
    if (!entry)
        return;
    mirror_entry_doubt(mirror, entry, DOUBT_REST);
    mirror->tries_later = true;
}

static void reading_done(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    struct engine *engine = reading->engine;
    struct mirror *mirror = engine->mirror;
    mirror_drain(engine);
    surplus_add(engine, reading->read);
    for (size_t i = 0; i < reading->count; i++) {
        const char *name = reading->targets[i].name;
        struct namespace *namespace = network_namespace(reading->read, name);
        if (namespace) {
            namespace->heard = reading->heard;
            mirror_take_read(mirror, reading->read, name);
        } else
            try_later(mirror, name);
    }
    reading_free(reading);
    read_next(mirror);
}

static struct reading *reading_new(struct engine *engine)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading)
        return NULL;
    reading->job = (struct job){.run = reading_run, .done = reading_done};
    reading->engine = engine;
    reading->asked = network_new(NULL);
    reading->read = network_new(NULL);
    if (reading->asked && reading->read)
        return reading;
    reading_free(reading);
    return NULL;
}

/* Takes what waits from the queue. When memory, or descriptors, are short, the rest waits on. */
static void fill(struct mirror *mirror, struct reading *reading)
{
    struct mirror_entry *entry;
    while (reading->count < SLICE && mirror->round && (entry = TAILQ_FIRST(&mirror->queue))) {
        if (!add_target(reading, entry)) {
            log_about(LOG_WARNING, &(struct log_subject){.namespace = entry->namespace},
                      "out of memory, or of descriptors: it is read later");
            mirror->tries_later = true;
            mirror->round = 0;
            return;
        }
        TAILQ_REMOVE(&mirror->queue, entry, next);
        entry->queued = false;
        mirror->queued--;
        mirror->round--;
    }
}

/* What was doubted during a round waits for the next. */
static void end_round(struct mirror *mirror)
{
    int64_t wait = mirror->tries_later ? RETRY : DRIFT_SETTLE;
    mirror->reading = mirror->tries_later = false;
    mirror->due = mirror->queued ? clock_monotonic() + wait : 0;
    drift_resume(mirror->engine);
    engine_check_idle(mirror->engine);
}

static void read_next(struct mirror *mirror)
{
    struct engine *engine = mirror->engine;
    struct reading *reading = engine->stopping ? NULL : reading_new(engine);
    if (reading)
        fill(mirror, reading);
    mirror->reading = reading && reading->count;
    if (mirror->reading) {
        reading->heard = mirror_drain(engine);
        for (size_t i = 0; i < reading->count; i++)
            mirror_reads(engine, reading->targets[i].name);
        worker_submit(engine->reader, &reading->job);
        return;
    }
    if (reading)
        reading_free(reading);
    end_round(mirror);
}

void mirror_refresh(struct engine *engine)
{
    struct mirror *mirror = engine->mirror;
    if (mirror->reading)
        return;
    mirror->round = mirror->queued;
    read_next(mirror);
}
