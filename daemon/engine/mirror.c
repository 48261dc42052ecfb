#include "engine/mirror_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "engine/drift.h"
#include "engine/events.h"
#include "engine/holders.h"
#include "engine/transaction.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Datagrams that are read before others get a turn, and before one who waits for an answer. */
#define BUDGET 256
#define BUDGET_OF_ANSWER 128

/* Milliseconds. Messages are read so long after the first, so that many are read at once; the
 * longer, the fewer come, until none has come for a while. It stays below half of DRIFT_SETTLE, so
 * that what comes after a reading is read before what that marked is compared. */
#define PAUSE_MIN 5
#define PAUSE_MAX 20
#define PAUSE_QUIET 1000
#define MANY 256

struct mirror_entry *mirror_entry_find(const struct mirror *mirror, const char *namespace)
{
    struct mirror_entry *entry;
    HASH_FIND_STR(mirror->entries, namespace, entry);
    return entry;
}

struct namespace *mirror_entry_namespace(const struct mirror *mirror,
                                         const struct mirror_entry *entry)
{
    struct namespace *namespace = network_namespace(mirror->network, entry->namespace);
    return namespace && namespace->cookie == entry->cookie ? namespace : NULL;
}

void mirror_entry_doubt(struct mirror *mirror, struct mirror_entry *entry, enum mirror_doubt doubt)
{
    if (!entry->doubt && doubt)
        mirror_keep(mirror, entry);
    if (entry->doubt < doubt)
        entry->doubt = doubt;
    if (entry->queued)
        return;
    entry->queued = true;
    mirror->queued++;
    TAILQ_INSERT_TAIL(&mirror->queue, entry, next);
    if (mirror->due)
        return;
    mirror->due = clock_monotonic() + DRIFT_SETTLE - mirror->pause;
    drift_resume(mirror->engine);
}

void mirror_entry_forget(struct mirror *mirror, struct mirror_entry *entry)
{
    struct namespace *namespace = mirror_entry_namespace(mirror, entry);
    if (namespace)
        namespace_remove(mirror->network, namespace);
    if (entry->queued) {
        TAILQ_REMOVE(&mirror->queue, entry, next);
        mirror->queued--;
    }
    if (entry->hh.tbl)
        HASH_DEL(mirror->entries, entry);
    if (entry->hh_number.tbl)
        HASH_DELETE(hh_number, mirror->by_number, entry);
    mirror_forget_kept(entry);
    mirror_entry_ends(mirror, entry);
    free(entry->namespace);
    free(entry);
}

static bool add_entry(struct mirror *mirror, const struct netns *netns)
{
    struct mirror_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return false;
    entry->number = netns->number;
    entry->cookie = netns->cookie;
    entry->doubt = DOUBT_ALL;
    entry->heard = mirror->heard_of_unknown;
    STAILQ_INIT(&entry->messages);
    entry->kept_since = mirror->heard;
    entry->namespace = strdup(netns->name);
    if (entry->namespace)
        HASH_ADD_KEYPTR(hh, mirror->entries, entry->namespace, strlen(entry->namespace), entry);
    if (entry->hh.tbl)
        HASH_ADD(hh_number, mirror->by_number, number, sizeof(entry->number), entry);
    if (entry->hh_number.tbl)
        return true;
    mirror_entry_forget(mirror, entry);
    return false;
}

void mirror_hear_settings(struct engine *engine)
{
    struct error error = {0};
    if (engine->mirror &&
        !monitor_hear_settings(engine->mirror->monitor, holders_any_sysctls(engine), &error))
        log_warning("%s", error.text);
}

void mirror_watch(struct engine *engine, const struct netns *netns)
{
    struct mirror *mirror = engine->mirror;
    if (netns->number < 0 && !netns->host)
        return;
    struct mirror_entry *entry = mirror_entry_find(mirror, netns->name);
    if (entry && entry->number == netns->number && entry->cookie == netns->cookie)
        return;
    if (entry)
        mirror_entry_forget(mirror, entry);
    HASH_FIND(hh_number, mirror->by_number, &netns->number, sizeof(netns->number), entry);
    if (entry)
        mirror_entry_forget(mirror, entry);
    if (!add_entry(mirror, netns))
        log_about(LOG_WARNING, &(struct log_subject){.namespace = netns->name},
                  "out of memory: it is not listened to");
}

bool mirror_knows(const struct engine *engine, const struct namespace *namespace)
{
    const struct mirror_entry *entry = mirror_entry_find(engine->mirror, namespace->name);
    return entry && !entry->doubt &&
           (namespace_is_shared(namespace) || entry->cookie == namespace->cookie);
}

void mirror_reads(struct engine *engine, const char *namespace)
{
    struct mirror_entry *entry = mirror_entry_find(engine->mirror, namespace);
    if (entry && (entry->doubt || !mirror_entry_namespace(engine->mirror, entry)))
        mirror_keep(engine->mirror, entry);
}

void mirror_release(struct engine *engine, const char *namespace)
{
    struct mirror_entry *entry = mirror_entry_find(engine->mirror, namespace);
    if (!entry)
        return;
    entry->lent = NULL;
    entry->unborn = false;
    if (strcmp(namespace, NAMESPACE_HOST) != 0 && !holders_any(engine, namespace))
        mirror_entry_forget(engine->mirror, entry);
    else if (entry->doubt || entry->audited)
        mirror_entry_doubt(engine->mirror, entry, entry->doubt);
}

void mirror_doubt(struct engine *engine, const char *namespace)
{
    struct mirror_entry *entry = mirror_entry_find(engine->mirror, namespace);
    if (entry)
        mirror_entry_doubt(engine->mirror, entry, DOUBT_ALL);
}

void mirror_doubt_all(struct engine *engine, bool audit)
{
    struct mirror *mirror = engine->mirror;
    for (struct mirror_entry *entry = mirror->entries; entry; entry = entry->hh.next) {
        mirror_entry_doubt(mirror, entry, audit ? DOUBT_NONE : DOUBT_ALL);
        if (!audit)
            entry->heard = mirror->heard;
        entry->audited |= audit;
    }
}

int64_t mirror_due(const struct engine *engine)
{
    return engine->mirror->reading ? 0 : engine->mirror->due;
}

bool mirror_busy(const struct engine *engine)
{
    return engine->mirror->reading;
}

int64_t mirror_pause(const struct engine *engine)
{
    return engine->mirror->pause;
}

uint64_t mirror_wrong(const struct engine *engine)
{
    return engine->mirror->wrong;
}

uint64_t mirror_losses(const struct engine *engine)
{
    return engine->mirror->losses;
}

const struct network *mirror_network(const struct engine *engine)
{
    return engine->mirror->network;
}

void mirror_set_named(struct engine *engine, const char *name, bool named)
{
    struct namespace *namespace = network_namespace(engine->mirror->network, name);
    if (!namespace || namespace->parked == !named)
        return;
    namespace->parked = !named;
    drift_mark(engine, name, NULL, false);
}

static enum monitor_result read_messages(struct mirror *mirror, size_t budget)
{
    enum monitor_result result = monitor_read(mirror->monitor, budget, mirror_hear, mirror);
    if (result != MONITOR_LOST)
        return result;
    mirror->losses++;
    events_publish(mirror->engine, &(struct engine_event){.type = EVENT_RESYNCED});
    mirror->heard++;
    mirror_doubt_all(mirror->engine, false);
    return MONITOR_EMPTY;
}

static bool owns(const struct network *network, const char *name)
{
    const struct namespace *namespace = network_namespace(network, name);
    return namespace && !namespace_is_shared(namespace);
}

bool mirror_is_owned(const struct engine *engine, const char *name)
{
    if (netns_table_find(&engine->held, name) || holders_owner(engine, name))
        return true;
    for (const struct transaction *each = engine->transactions; each; each = each->next) {
        if (owns(each->desired, name) || owns(each->previous, name))
            return true;
    }
    return false;
}

static void hear_name(void *context, const char *name, bool gone)
{
    struct engine *engine = context;
    if (!name) {
        events_publish(engine, &(struct engine_event){.type = EVENT_RESYNCED});
        drift_mounts_changed(engine);
        return;
    }
    const struct netns *held = netns_table_find(&engine->held, name);
    if (held && gone)
        mirror_set_named(engine, name, netns_is_named(held));
    /* Names of a topology come with its commits. */
    if (mirror_is_owned(engine, name))
        return;
    struct mirror_entry *entry = mirror_entry_find(engine->mirror, name);
    if (entry) /* the name stands for something else */
        mirror_entry_forget(engine->mirror, entry);
    /* The mount follows, most often before what is marked has settled. */
    drift_mark(engine, name, NULL, false);
    events_publish(engine, &(struct engine_event){.type = gone ? EVENT_NAMESPACE_REMOVED
                                                               : EVENT_NAMESPACE_ADDED,
                                                  .namespace = name});
}

void mirror_drain_names(struct engine *engine)
{
    struct monitor *monitor = engine->mirror->monitor;
    monitor_read_names(monitor, hear_name, engine);
    if (monitor_mounts_changed(monitor))
        drift_mounts_changed(engine);
}

/* To be woken by each message costs more than to read it, and not only here: whoever makes the
 * change has to wake us. Names and mounts come with messages. For an end that is awaited there is
 * no pause. */
static void pause_hearing(struct mirror *mirror)
{
    if (clock_monotonic() - mirror->read_at > PAUSE_QUIET)
        mirror->pause = PAUSE_MIN;
    const struct timeval pause = {.tv_usec = mirror->await_count ? 0 : mirror->pause * 1000};
    event_del(mirror->messages);
    event_del(mirror->names);
    event_del(mirror->mounts);
    event_add(mirror->pause_over, &pause);
}

void mirror_await_end(struct engine *engine, const struct netns *netns)
{
    struct mirror *mirror = engine->mirror;
    struct mirror_entry *entry = mirror_entry_find(mirror, netns->name);
    if (!entry || entry->cookie != netns->cookie || entry->awaited == mirror->await_round)
        return;
    entry->awaited = mirror->await_round;
    if (mirror->await_count++ == 0)
        pause_hearing(mirror);
}

bool mirror_awaits_end(const struct engine *engine)
{
    return engine->mirror->await_count;
}

void mirror_await_no_end(struct engine *engine)
{
    engine->mirror->await_round++;
    engine->mirror->await_count = 0;
}

void mirror_entry_ends(struct mirror *mirror, struct mirror_entry *entry)
{
    if (entry->awaited != mirror->await_round)
        return;
    entry->awaited = 0;
    if (--mirror->await_count == 0)
        destructions_resume(mirror->engine);
}

static void on_messages(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    pause_hearing(context);
}

/* Somebody mounted or unmounted something: are the names of our namespaces still theirs? */
static void on_mounts(evutil_socket_t fd, short what, void *context)
{
    struct mirror *mirror = context;
    (void)fd;
    (void)what;
    drift_mounts_changed(mirror->engine);
    pause_hearing(mirror);
}

static void on_pause_over(evutil_socket_t fd, short what, void *context)
{
    struct mirror *mirror = context;
    const struct timeval at_once = {0};
    (void)fd;
    (void)what;
    uint64_t before = mirror->heard;
    mirror_drain_names(mirror->engine);
    bool more = read_messages(mirror, BUDGET) == MONITOR_MORE;
    bool longer = mirror->heard - before < MANY && mirror->pause < PAUSE_MAX;
    mirror->pause = longer ? 2 * mirror->pause : mirror->pause;
    mirror->read_at = clock_monotonic();
    if (more) {
        event_add(mirror->pause_over, &at_once);
        return;
    }
    event_add(mirror->messages, NULL);
    event_add(mirror->names, NULL);
    event_add(mirror->mounts, NULL);
}

uint64_t mirror_drain(struct engine *engine)
{
    while (read_messages(engine->mirror, BUDGET) == MONITOR_MORE)
        ;
    return engine->mirror->heard;
}

void mirror_catch_up(struct engine *engine)
{
    read_messages(engine->mirror, BUDGET_OF_ANSWER);
}

const struct namespace *mirror_known(const struct engine *engine, const char *name, bool routes)
{
    const struct mirror *mirror = engine->mirror;
    const struct mirror_entry *entry = mirror_entry_find(mirror, name);
    if (!entry || entry->unborn || (routes && entry->routes_changed))
        return NULL;
    if (entry->lent)
        return entry->lent;
    const struct namespace *namespace = mirror_entry_namespace(mirror, entry);
    bool host = strcmp(name, NAMESPACE_HOST) == 0;
    /* What a name of others leads to can change without a message. */
    bool whole = namespace && !namespace->external && !namespace->no_rest;
    if (!namespace || entry->doubt == DOUBT_ALL || !(whole || (host && !routes)))
        return NULL;
    return routes && entry->doubt ? NULL : namespace;
}

uint64_t mirror_cookie(const struct engine *engine, const char *name)
{
    const struct mirror_entry *entry = mirror_entry_find(engine->mirror, name);
    return entry ? entry->cookie : 0;
}

static struct event *add_event(struct mirror *mirror, int fd, short what,
                               event_callback_fn callback)
{
    struct event *event = event_new(mirror->engine->base, fd, what | EV_PERSIST, callback, mirror);
    if (event && event_add(event, NULL) == 0)
        return event;
    if (event)
        event_free(event);
    return NULL;
}

static bool watch_host(struct engine *engine, struct error *error)
{
    auto_netns struct netns *host = netns_open(NAMESPACE_HOST, NULL, error);
    if (!host)
        return false;
    engine->cookie = host->cookie;
    mirror_watch(engine, host);
    return true;
}

bool mirror_start(struct engine *engine, struct error *error)
{
    struct mirror *mirror = calloc(1, sizeof(*mirror));
    engine->mirror = mirror;
    if (!mirror)
        return error_memory(error);
    mirror->engine = engine;
    mirror->pause = PAUSE_MIN;
    mirror->await_round = 1;
    TAILQ_INIT(&mirror->queue);
    mirror->network = network_new(NULL);
    mirror->monitor = monitor_new(error);
    if (!mirror->monitor || !mirror->network)
        return mirror->monitor && error_memory(error);
    mirror->messages =
        add_event(mirror, monitor_messages_fd(mirror->monitor), EV_READ, on_messages);
    /* libevent tells of an error whatever is waited for; to be written it never is. */
    mirror->mounts = add_event(mirror, monitor_mounts_fd(mirror->monitor), EV_WRITE, on_mounts);
    mirror->names = add_event(mirror, monitor_names_fd(mirror->monitor), EV_READ, on_messages);
    mirror->pause_over = evtimer_new(engine->base, on_pause_over, mirror);
    if (!mirror->messages || !mirror->mounts || !mirror->names || !mirror->pause_over)
        return error_memory(error);
    return netns_number_prepare(error) && watch_host(engine, error);
}

void mirror_stop(struct engine *engine)
{
    struct mirror *mirror = engine->mirror;
    struct mirror_entry *entry, *next;
    if (!mirror)
        return;
    HASH_ITER (hh, mirror->entries, entry, next) {
        mirror_entry_forget(mirror, entry);
    }
    network_free(mirror->network);
    if (mirror->messages)
        event_free(mirror->messages);
    if (mirror->pause_over)
        event_free(mirror->pause_over);
    if (mirror->mounts)
        event_free(mirror->mounts);
    if (mirror->names)
        event_free(mirror->names);
    monitor_free(mirror->monitor);
    free(mirror);
    engine->mirror = NULL;
}
