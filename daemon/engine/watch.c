#include "engine/watch.h"

#include "common/log.h"
#include "engine/drift.h"
#include "engine/transaction.h"
#include "kernel/monitor.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Datagrams that are read before others get a turn. */
#define BUDGET 256

/* Which namespace a number stands for. */
struct watch {
    int32_t number;
    char *namespace;
    UT_hash_handle hh;
};

struct watcher {
    struct engine *engine;
    struct monitor *monitor;
    struct event *messages, *mounts;
    struct watch *watches;
};

static void watch_free(struct watcher *watcher, struct watch *watch)
{
    HASH_DEL(watcher->watches, watch);
    free(watch->namespace);
    free(watch);
}

static struct watch *find_watch(const struct watcher *watcher, int32_t number)
{
    struct watch *watch;
    HASH_FIND(hh, watcher->watches, &number, sizeof(number), watch);
    return watch;
}

void watch_add(struct engine *engine, const struct netns *netns)
{
    struct watcher *watcher = engine->watcher;
    if (netns->number < 0)
        return;
    struct watch *watch = find_watch(watcher, netns->number);
    if (watch && strcmp(watch->namespace, netns->name) == 0)
        return;
    if (watch)
        watch_free(watcher, watch);
    watch = calloc(1, sizeof(*watch));
    char *name = watch ? strdup(netns->name) : NULL;
    if (name) {
        *watch = (struct watch){.number = netns->number, .namespace = name};
        HASH_ADD(hh, watcher->watches, number, sizeof(watch->number), watch);
    }
    if (name && watch->hh.tbl)
        return;
    /* The audit sees what is not heard. */
    log_warning("out of memory: namespace %s is not listened to", netns->name);
    free(name);
    free(watch);
}

/* In a namespace that others use as well, most of what happens is none of ours. */
static bool concerns(const struct namespace *namespace, const struct monitor_event *event)
{
    const struct link *link, *next;
    if (!namespace_is_shared(namespace))
        return true;
    switch (event->subject) {
    case MONITOR_ROUTE:
        return namespace->routes;
    case MONITOR_RULE:
        return namespace->rules;
    case MONITOR_SETTING:
        return namespace->sysctls;
    default:
        break;
    }
    if (event->name && namespace_link(namespace, event->name))
        return true;
    HASH_ITER (hh, namespace->links, link, next) {
        if (link->ifindex == event->ifindex)
            return true;
    }
    return false;
}

static void mark(struct engine *engine, const char *name, const struct monitor_event *event)
{
    struct topology *topology, *next;
    HASH_ITER (hh, engine->topologies, topology, next) {
        const struct namespace *namespace = network_namespace(topology->network, name);
        if (namespace && concerns(namespace, event))
            drift_mark(engine, topology);
    }
    /* What a running change has made, and looked at already, is its topology's with the commit. */
    for (struct transaction *each = engine->transactions; each; each = each->next) {
        if (each->topology && each->desired && network_namespace(each->desired, name))
            drift_mark(engine, each->topology);
    }
}

static void heard(void *context, const struct monitor_event *event)
{
    struct watcher *watcher = context;
    bool own = event->number == MONITOR_OWN;
    struct watch *watch = own ? NULL : find_watch(watcher, event->number);
    if (watch && event->subject == MONITOR_NUMBER_GONE)
        watch_free(watcher, watch);
    else if (watch || own)
        mark(watcher->engine, own ? NAMESPACE_HOST : watch->namespace, event);
}

static void read_messages(struct watcher *watcher, size_t budget)
{
    if (monitor_read(watcher->monitor, budget, heard, watcher))
        return;
    log_notice("more changed than could be heard: all topologies are compared");
    drift_mark_all(watcher->engine);
}

static void on_messages(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    read_messages(context, BUDGET);
}

/* Somebody mounted or unmounted something: are the names of our namespaces still theirs? */
static void on_mounts(evutil_socket_t fd, short what, void *context)
{
    const struct watcher *watcher = context;
    (void)fd;
    (void)what;
    drift_mounts_changed(watcher->engine);
}

void watch_drain(struct engine *engine)
{
    read_messages(engine->watcher, SIZE_MAX);
}

static struct event *add_event(const struct watcher *watcher, int fd, short what,
                               event_callback_fn callback)
{
    struct event *event = event_new(watcher->engine->base, fd, EV_READ | EV_PERSIST | what,
                                    callback, (void *)watcher);
    if (event && event_add(event, NULL) == 0)
        return event;
    if (event)
        event_free(event);
    return NULL;
}

bool watch_start(struct engine *engine, struct error *error)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    engine->watcher = watcher;
    if (!watcher)
        return error_memory(error);
    watcher->engine = engine;
    if (!(watcher->monitor = monitor_new(error)))
        return false;
    watcher->messages = add_event(watcher, monitor_messages_fd(watcher->monitor), 0, on_messages);
    watcher->mounts = add_event(watcher, monitor_mounts_fd(watcher->monitor), EV_ET, on_mounts);
    return (watcher->messages && watcher->mounts) || error_memory(error);
}

void watch_stop(struct engine *engine)
{
    struct watcher *watcher = engine->watcher;
    struct watch *watch, *next;
    if (!watcher)
        return;
    HASH_ITER (hh, watcher->watches, watch, next) {
        watch_free(watcher, watch);
    }
    if (watcher->messages)
        event_free(watcher->messages);
    if (watcher->mounts)
        event_free(watcher->mounts);
    monitor_free(watcher->monitor);
    free(watcher);
    engine->watcher = NULL;
}
