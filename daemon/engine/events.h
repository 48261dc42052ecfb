/* What happens, numbered and told to whoever listens, in the order in which it happens.
 *
 * An event is told at once and is not kept: a listener that wants it later copies it. */
#pragma once

#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct transaction;

enum engine_event_type {
    EVENT_COMMITTED,           /* topology, generation */
    EVENT_REMOVED,             /* topology, generation: the last */
    EVENT_ROLLED_BACK,         /* topology, pointer, message */
    EVENT_ROLLBACK_INCOMPLETE, /* the same: something could not be put back */
    EVENT_DRIFT_FOUND,         /* topology, pointer, change, repairs, and why it is blocked */
    EVENT_DRIFT_REPAIRED,      /* topology, pointer, change, repairs; as the next two */
    EVENT_DRIFT_CONTENDED,
    EVENT_DRIFT_GONE,        /* it does not differ any more, without a repair */
    EVENT_NAMESPACE_ADDED,   /* namespace, topology: the owner */
    EVENT_NAMESPACE_REMOVED, /* the same */
    EVENT_LINK_ADDED,        /* namespace, link */
    EVENT_LINK_REMOVED,      /* the same */
    EVENT_LINK_UP,           /* the same: it can carry traffic now (IFF_RUNNING) */
    EVENT_LINK_DOWN,         /* the same: it can no more */
    EVENT_RESYNCED,          /* namespace, or NULL: all; what happened in between is not told */
};

/* All is borrowed, and NULL where there is nothing to say. */
struct engine_event {
    enum engine_event_type type;
    uint64_t number; /* from 1 */
    int64_t time;    /* CLOCK_REALTIME in ms */
    const char *topology, *namespace, *link;
    uint64_t generation; /* 0: none */
    size_t changes;      /* of a commit or removal: how many objects */
    const char *pointer, *message;
    int errnum;                 /* that the message comes from; 0: none */
    struct json_object *change; /* io.netnsd.Topology.Change, that puts drift right */
    unsigned repairs;           /* of drift; as in drift_summary */
};

/* Embed it. hear() is called during events_publish(), so it must neither publish, nor listen, nor
 * stop listening. */
struct events_listener {
    void (*hear)(void *context, const struct engine_event *event);
    void *context;
    LIST_ENTRY(events_listener) next;
};

/* What the engine keeps. */
struct events {
    uint64_t last; /* number; 0: there was none yet */
    LIST_HEAD(, events_listener) listeners;
};

void events_listen(struct engine *engine, struct events_listener *listener);
void events_stop_listening(struct events_listener *listener);

/* The number of the last event; 0 when there was none. */
uint64_t events_last(const struct engine *engine);

/* What a listener may be interested in; borrowed, NULL: everything. */
struct events_filter {
    const char *topology, *namespace;
};
/* Is EVENT about what FILTER names? A resynchronisation is about every topology, and where it names
 * no namespace, about all of them. */
bool events_match(const struct events_filter *filter, const struct engine_event *event);

/* Gives EVENT its number and time, and the namespace of its pointer, and tells it. Returns the
 * number. */
uint64_t events_publish(struct engine *engine, const struct engine_event *event);

/* Publishes what came of TRANSACTION, which is over, where that is an event; GENERATION is the
 * topology's. Returns the number of the last event that TRANSACTION can have caused. */
uint64_t events_publish_outcome(const struct transaction *transaction, uint64_t generation);
