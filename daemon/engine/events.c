#include "engine/events.h"

#include "common/clock.h"
#include "engine/internal.h"
#include "engine/transaction.h"

#include <string.h>

void events_listen(struct engine *engine, struct events_listener *listener)
{
    LIST_INSERT_HEAD(&engine->events.listeners, listener, next);
}

void events_stop_listening(struct events_listener *listener)
{
    LIST_REMOVE(listener, next);
}

uint64_t events_last(const struct engine *engine)
{
    return engine->events.last;
}

static bool is_wanted(const char *wanted, const char *name)
{
    return !wanted || (name && strcmp(wanted, name) == 0);
}

bool events_match(const struct events_filter *filter, const struct engine_event *event)
{
    if (event->type == EVENT_RESYNCED)
        return !event->namespace || is_wanted(filter->namespace, event->namespace);
    return is_wanted(filter->topology, event->topology) &&
           is_wanted(filter->namespace, event->namespace);
}

uint64_t events_publish(struct engine *engine, const struct engine_event *event)
{
    struct events *events = &engine->events;
    struct events_listener *listener;
    events->last++;
    if (LIST_EMPTY(&events->listeners))
        return events->last;
    struct engine_event told = *event;
    char namespace[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
    told.number = events->last;
    told.time = clock_realtime();
    if (told.pointer && pointer_parts(told.pointer, namespace, link))
        told.namespace = namespace;
    LIST_FOREACH (listener, &events->listeners, next)
        listener->hear(listener->context, &told);
    return told.number;
}

static uint64_t publish_commit(const struct transaction *transaction, uint64_t generation)
{
    bool removal = transaction->type == CHANGE_REMOVE;
    return events_publish(transaction->engine,
                          &(struct engine_event){
                              .type = removal ? EVENT_REMOVED : EVENT_COMMITTED,
                              .topology = transaction->name,
                              .generation = generation,
                              .changes = changes_count(transaction->changes),
                          });
}

static uint64_t publish_rollback(const struct transaction *transaction)
{
    bool complete = transaction->outcome == CHANGE_ROLLED_BACK;
    return events_publish(transaction->engine,
                          &(struct engine_event){
                              .type = complete ? EVENT_ROLLED_BACK : EVENT_ROLLBACK_INCOMPLETE,
                              .topology = transaction->name,
                              .pointer = transaction->error.pointer,
                              .message = transaction->error.text,
                              .errnum = transaction->error.errnum,
                          });
}

uint64_t events_publish_outcome(const struct transaction *transaction, uint64_t generation)
{
    switch (transaction->outcome) {
    case CHANGE_COMMITTED: /* a repair commits nothing new */
        return transaction->recovery ? events_last(transaction->engine)
                                     : publish_commit(transaction, generation);
    case CHANGE_ROLLED_BACK:
    case CHANGE_ROLLBACK_INCOMPLETE:
        return publish_rollback(transaction);
    case CHANGE_UNCHANGED:
    case CHANGE_PLANNED:
    case CHANGE_REFUSED:
        break;
    }
    return events_last(transaction->engine);
}
