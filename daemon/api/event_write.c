#include "api/event_write.h"

#include "api/difference.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"

static const char *const kinds[] = {
    [EVENT_COMMITTED] = "committed",
    [EVENT_REMOVED] = "removed",
    [EVENT_ROLLED_BACK] = "rolledBack",
    [EVENT_ROLLBACK_INCOMPLETE] = "rollbackIncomplete",
    [EVENT_DRIFT_FOUND] = "driftFound",
    [EVENT_DRIFT_REPAIRED] = "driftRepaired",
    [EVENT_DRIFT_CONTENDED] = "driftContended",
    [EVENT_DRIFT_GONE] = "driftGone",
    [EVENT_NAMESPACE_ADDED] = "namespaceAdded",
    [EVENT_NAMESPACE_REMOVED] = "namespaceRemoved",
    [EVENT_LINK_ADDED] = "linkAdded",
    [EVENT_LINK_REMOVED] = "linkRemoved",
    [EVENT_LINK_UP] = "linkUp",
    [EVENT_LINK_DOWN] = "linkDown",
    [EVENT_RESYNCED] = "resynced",
};

static struct json_object *begin(const char *kind, int64_t time)
{
    auto_json struct json_object *object = json_object_new_object();
    char text[CLOCK_TEXT_MAX];
    bool good = object && json_put_string(object, "kind", kind) &&
                json_put_string(object, "time", clock_format(time, text));
    return good ? TAKE(object) : NULL;
}

static struct json_object *reply(uint64_t number, struct json_object *event)
{
    auto_json struct json_object *owned = event;
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_integer(object, "number", (int64_t)number) &&
                json_put(object, "event", TAKE(owned));
    return good ? TAKE(object) : NULL;
}

static bool put_text(struct json_object *object, const char *key, const char *text)
{
    return !text || json_put_string(object, key, text);
}

static bool put_difference(struct json_object *object, const struct engine_event *event)
{
    return !event->change ||
           (json_put_string(object, "difference", difference_kind(event->change)) &&
            json_put(object, "fields", difference_fields(event->change)) &&
            json_put_integer(object, "repairs", event->repairs));
}

struct json_object *event_write(const struct engine_event *event)
{
    auto_json struct json_object *object = begin(kinds[event->type], event->time);
    bool good = object && put_text(object, "topology", event->topology) &&
                put_text(object, "namespace", event->namespace) &&
                put_text(object, "link", event->link) &&
                (!event->generation ||
                 json_put_integer(object, "generation", (int64_t)event->generation)) &&
                put_text(object, "pointer", event->pointer) && put_difference(object, event) &&
                put_text(object, "message", event->message);
    return good ? reply(event->number, TAKE(object)) : NULL;
}

struct json_object *event_write_lost(uint64_t count, uint64_t number, int64_t time)
{
    auto_json struct json_object *object = begin("lost", time);
    bool good = object && json_put_integer(object, "count", (int64_t)count);
    return good ? reply(number, TAKE(object)) : NULL;
}
