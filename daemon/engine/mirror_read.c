#include "engine/mirror_internal.h"

#include "common/log.h"
#include "engine/drift.h"
#include "engine/holders.h"
#include "kernel/dump.h"
#include "model/network_compare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Namespaces that are read before others get a turn on the thread. */
#define SLICE 64

/* Taking what was read into the mirror -----------------------------------------------------------
 */

struct taking {
    struct mirror *mirror;
    const char *namespace;
    void (*each)(void *context, const char *pointer); /* NULL: tells the drift */
    void *context;
};

static void note_changed(void *context, const char *link)
{
    const struct taking *taking = context;
    drift_mark(taking->mirror->engine, taking->namespace, link ? link : "", true);
}

/* The kernel knows the lower link's namespace by a number of its own: an earlier look found out
 * which one that is. */
static void find_lowers(const struct mirror *mirror, const struct namespace *former,
                        struct namespace *namespace)
{
    bool host = strcmp(namespace->name, NAMESPACE_HOST) == 0;
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        const struct link *other = former ? namespace_link_by_ifindex(former, link->ifindex) : NULL;
        if (!link->lower_elsewhere || link->lower_cookie)
            continue;
        if (host)
            mirror_find_lower(mirror, link);
        else if (other && other->lower_elsewhere && other->lower_nsid == link->lower_nsid &&
                 other->lower_ifindex == link->lower_ifindex)
            link->lower_cookie = other->lower_cookie;
    }
}

/* Links that came, or went, unheard: before the namespace was followed, or while it was doubted.
 * The kernel's own lo is no news. */
static void publish_links(const struct mirror *mirror, const struct namespace *in,
                          const struct namespace *not_in, bool gone)
{
    const struct link *link, *next;
    HASH_ITER (hh, in->links, link, next) {
        const struct link *other = not_in ? namespace_link(not_in, link->name) : NULL;
        if ((!other || other->ifindex != link->ifindex) && strcmp(link->name, "lo") != 0)
            mirror_publish_link(mirror, link, gone);
    }
}

/* Moves NAMESPACE of READ into the mirror. */
static void install(struct mirror *mirror, struct mirror_entry *entry, struct network *read,
                    struct namespace *namespace, uint64_t since)
{
    const struct namespace *former = mirror_entry_namespace(mirror, entry);
    find_lowers(mirror, former, namespace);
    if (former)
        publish_links(mirror, former, namespace, true);
    if (former || !mirror->engine->starting)
        publish_links(mirror, namespace, former, false);
    if (!namespace_move(read, namespace, mirror->network))
        log_warning("out of memory: namespace %s is not followed", entry->namespace);
    entry->doubtful = false;
    if (entry->heard > since)
        mirror_entry_doubt(mirror, entry);
}

/* A part of a namespace was read: links that are known learn what their lower links are. */
static void learn(const struct mirror *mirror, const struct mirror_entry *entry,
                  const struct namespace *part)
{
    struct namespace *namespace = mirror_entry_namespace(mirror, entry);
    if (namespace)
        find_lowers(mirror, part, namespace);
}

void mirror_take(struct engine *engine, struct network *actual, uint64_t since)
{
    struct mirror *mirror = engine->mirror;
    struct namespace *namespace, *next;
    HASH_ITER (hh, actual->namespaces, namespace, next) {
        struct mirror_entry *entry = mirror_entry_find(mirror, namespace->name);
        if (!entry || entry->cookie != namespace->cookie)
            continue;
        if (!namespace->some_links && !namespace->no_rest &&
            holders_owner(engine, namespace->name)) {
            install(mirror, entry, actual, namespace, since);
            continue;
        }
        learn(mirror, entry, namespace);
        if (entry->doubtful)
            mirror_entry_doubt(mirror, entry);
    }
}

/* Sysctls are not heard of. */
static void note_pointer(void *context, const char *link)
{
    const struct taking *taking = context;
    if (!link)
        return;
    char pointer[NAMESPACE_NAME_MAX + IFNAMSIZ + 32];
    const struct namespace namespace = {.name = (char *)taking->namespace};
    struct link named = {.namespace = (struct namespace *)&namespace};
    strncpy(named.name, link, IFNAMSIZ - 1);
    if (*link)
        link_pointer(&named, pointer, sizeof(pointer));
    else
        namespace_pointer(&namespace, pointer, sizeof(pointer));
    taking->each(taking->context, pointer);
}

void mirror_check(struct engine *engine, const struct network *actual, uint64_t since,
                  void (*each)(void *context, const char *pointer), void *context)
{
    struct mirror *mirror = engine->mirror;
    const struct namespace *namespace, *next;
    HASH_ITER (hh, actual->namespaces, namespace, next) {
        const struct mirror_entry *entry = mirror_entry_find(mirror, namespace->name);
        const struct namespace *kept = entry ? mirror_entry_namespace(mirror, entry) : NULL;
        struct taking taking = {
            .mirror = mirror, .namespace = namespace->name, .each = each, .context = context};
        if (kept && !entry->doubtful && entry->heard <= since && !namespace->some_links &&
            !namespace->no_rest && holders_owner(engine, namespace->name))
            namespace_compare(kept, namespace, note_pointer, &taking);
    }
}

/* Reading ----------------------------------------------------------------------------------------
 */

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
    uint64_t since;
};

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        netns_free(reading->targets[i].netns);
        free(reading->targets[i].name);
        free(reading->targets[i].path);
    }
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
        if (target->netns &&
            dump_namespace(target->netns, target->owned ? DUMP_LINKS | DUMP_REST : DUMP_LINKS,
                           &asked, 1, reading->read, &error))
            continue;
        log_warning("namespace %s cannot be read: %s", target->name, error.text);
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
static bool set_target(struct reading *reading, const struct mirror_entry *entry,
                       const struct netns *held, bool owned)
{
    struct target *target = &reading->targets[reading->count];
    *target = (struct target){.owned = owned};
    target->name = strdup(entry->namespace);
    if (!target->name)
        return false;
    reading->count++;
    target->asked = namespace_add(reading->asked, target->name);
    struct asking asking = {.namespace = target->name, .asked = target->asked};
    if (!target->asked)
        return false;
    holders_each(reading->engine, target->name, NULL, find_path, target);
    holders_each(reading->engine, target->name, NULL, ask_sysctls, &asking);
    if (held && !(target->netns = duplicate(held)))
        return false;
    return !asking.failed;
}

/* What a transaction works on is taken, or doubted again, when that ends. */
static bool add_target(struct reading *reading, struct mirror_entry *entry)
{
    struct engine *engine = reading->engine;
    bool owned = holders_owner(engine, entry->namespace);
    const struct netns *held = netns_table_find(&engine->held, entry->namespace);
    bool host = entry->number == MONITOR_OWN;
    if ((owned && (!held || held->cookie != entry->cookie)) ||
        (!host && !holders_any(engine, entry->namespace)))
        return true;
    return set_target(reading, entry, held, owned);
}

static void read_next(struct mirror *mirror);

/* Has an audit found that the mirror was wrong? */
static void tell_wrong(void *context, const char *pointer)
{
    size_t *count = context;
    if (!(*count)++)
        log_warning("%s was changed without netnsd hearing of it", pointer);
}

static void audit(struct mirror *mirror, struct mirror_entry *entry,
                  const struct namespace *namespace)
{
    const struct namespace *kept = mirror_entry_namespace(mirror, entry);
    size_t wrong = 0;
    struct taking taking = {
        .mirror = mirror, .namespace = entry->namespace, .each = tell_wrong, .context = &wrong};
    if (kept && !entry->doubtful)
        namespace_compare(kept, namespace, note_pointer, &taking);
    mirror->wrong += wrong;
    drift_mark(mirror->engine, entry->namespace, NULL, true);
}

/* Does whatever others have there count? */
static bool removes_extra(const struct engine *engine, const char *name)
{
    const struct topology *owner = holders_owner(engine, name);
    const struct namespace *namespace = owner ? network_namespace(owner->network, name) : NULL;
    return namespace && namespace->remove_extra;
}

static void finish_one(struct mirror *mirror, struct reading *reading, const struct target *target)
{
    struct mirror_entry *entry = mirror_entry_find(mirror, target->name);
    struct namespace *namespace = network_namespace(reading->read, target->name);
    if (!entry || !namespace || namespace->cookie != entry->cookie)
        return;
    struct namespace *kept = mirror_entry_namespace(mirror, entry);
    bool late = entry->heard > reading->since;
    bool audited = entry->audited;
    entry->audited = false;
    /* What is kept is newer than what was read. */
    if (kept && !entry->doubtful && late)
        return;
    namespace->external = !target->owned;
    if (kept)
    namespace->parked = kept->parked;
    if (audited) {
        audit(mirror, entry, namespace);
    } else if (kept && !removes_extra(mirror->engine, target->name)) {
        struct taking taking = {.mirror = mirror, .namespace = target->name};
        namespace_compare(kept, namespace, note_changed, &taking);
    } else {
        drift_mark(mirror->engine, target->name, NULL, true);
    }
    install(mirror, entry, reading->read, namespace, reading->since);
}

static void reading_done(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    struct engine *engine = reading->engine;
    struct mirror *mirror = engine->mirror;
    mirror_drain(engine);
    for (size_t i = 0; i < reading->count; i++)
        finish_one(mirror, reading, &reading->targets[i]);
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

/* Takes what waits from the queue. False when memory is short: what was not taken waits on. */
static bool fill(struct mirror *mirror, struct reading *reading)
{
    struct mirror_entry *entry;
    while (reading->count < SLICE && mirror->round && (entry = STAILQ_FIRST(&mirror->queue))) {
        if (!add_target(reading, entry))
            return false;
        STAILQ_REMOVE_HEAD(&mirror->queue, next);
        entry->queued = false;
        mirror->queued--;
        mirror->round--;
    }
    return true;
}

/* What was doubted during a round waits for the next. */
static void end_round(struct mirror *mirror)
{
    mirror->reading = false;
    mirror->due = mirror->queued ? drift_now() + MIRROR_SETTLE : 0;
    drift_resume(mirror->engine);
    engine_check_idle(mirror->engine);
}

static void read_next(struct mirror *mirror)
{
    struct engine *engine = mirror->engine;
    struct reading *reading = engine->stopping ? NULL : reading_new(engine);
    mirror->reading = reading && fill(mirror, reading) && reading->count;
    if (mirror->reading) {
        reading->since = mirror_drain(engine);
        worker_submit(engine->configurer, &reading->job);
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
