#include "engine/journal.h"

#include "common/log_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DETAILS_MAX 400

/* Of what is logged: what only comes and goes is not. */
static const char *const ids[] = {
    [EVENT_COMMITTED] = LOG_ID_COMMITTED,
    [EVENT_REMOVED] = LOG_ID_REMOVED,
    [EVENT_ROLLED_BACK] = LOG_ID_ROLLED_BACK,
    [EVENT_ROLLBACK_INCOMPLETE] = LOG_ID_ROLLBACK_INCOMPLETE,
    [EVENT_DRIFT_FOUND] = LOG_ID_DRIFT_FOUND,
    [EVENT_DRIFT_REPAIRED] = LOG_ID_DRIFT_REPAIRED,
    [EVENT_DRIFT_CONTENDED] = LOG_ID_DRIFT_CONTENDED,
    [EVENT_DRIFT_GONE] = LOG_ID_DRIFT_GONE,
    [EVENT_RESYNCED] = LOG_ID_RESYNCED,
};

static const char *text_of(struct json_object *field, const char *name)
{
    const char *text = json_object_get_string(json_object_object_get(field, name));
    return text ? text : "";
}

/* Which attributes differ: ": mtu: 1400, not 1500". What does not fit is cut. */
static const char *details(struct json_object *change, char text[DETAILS_MAX])
{
    struct json_object *fields = json_object_object_get(change, "fields");
    size_t count = fields ? json_object_array_length(fields) : 0, used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < DETAILS_MAX; i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *actual = text_of(field, "from"), *wanted = text_of(field, "to");
        int length =
            snprintf(text + used, DETAILS_MAX - used, "%s%s: %s%s%s", i ? "; " : ": ",
                     text_of(field, "name"), actual, *actual && *wanted ? ", not " : "", wanted);
        used += length > 0 ? (size_t)length : 0;
    }
    return text;
}

static const char *difference(struct json_object *change)
{
    const char *action = text_of(change, "action");
    if (strcmp(action, "create") == 0)
        return "is missing";
    return strcmp(action, "remove") == 0 ? "should not be there" : "was changed";
}

static void tell_found(const struct engine_event *event, struct log_subject *subject)
{
    char text[DETAILS_MAX];
    if (!subject->error) {
        log_about(LOG_INFO, subject, "drift: %s%s", difference(event->change),
                  details(event->change, text));
        return;
    }
    subject->id = LOG_ID_DRIFT_BLOCKED;
    log_about(LOG_NOTICE, subject, "drift: it cannot be put right now");
}

static void tell(const struct engine_event *event, struct log_subject *subject)
{
    switch (event->type) {
    case EVENT_COMMITTED:
        log_about(LOG_INFO, subject, "committed generation %" PRIu64 ", %zu changes",
                  event->generation, event->changes);
        break;
    case EVENT_REMOVED:
        log_about(LOG_INFO, subject, "removed at generation %" PRIu64 ", %zu changes",
                  event->generation, event->changes);
        break;
    case EVENT_ROLLED_BACK:
        log_about(LOG_NOTICE, subject, "a change failed and was undone");
        break;
    case EVENT_ROLLBACK_INCOMPLETE:
        log_about(LOG_ERR, subject, "a change failed, and not all of it could be undone");
        break;
    case EVENT_DRIFT_FOUND:
        tell_found(event, subject);
        break;
    case EVENT_DRIFT_REPAIRED:
        log_about(LOG_NOTICE, subject, "drift: repaired");
        break;
    case EVENT_DRIFT_CONTENDED:
        log_about(LOG_WARNING, subject,
                  "drift: somebody undid %u repairs: the next ones take ever longer to come",
                  event->repairs);
        break;
    case EVENT_DRIFT_GONE:
        log_about(LOG_INFO, subject, "drift: it is as it should be again");
        break;
    case EVENT_RESYNCED:
        log_about(LOG_NOTICE, subject, "more changed than could be heard: all of it is read again");
        break;
    case EVENT_NAMESPACE_ADDED:
    case EVENT_NAMESPACE_REMOVED:
    case EVENT_LINK_ADDED:
    case EVENT_LINK_REMOVED:
    case EVENT_LINK_UP:
    case EVENT_LINK_DOWN:
        break;
    }
}

void journal_locate(struct log_subject *subject, struct journal_place *place)
{
    if (!subject->pointer || !pointer_parts(subject->pointer, place->namespace, place->link))
        return;
    subject->namespace = place->namespace;
    subject->link = place->link;
}

static void hear(void *context, const struct engine_event *event)
{
    struct journal_place place;
    struct error error = {0};
    (void)context;
    if (!ids[event->type])
        return;
    struct log_subject subject = {
        .id = ids[event->type],
        .topology = event->topology,
        .namespace = event->namespace,
        .pointer = event->pointer,
        .generation = event->generation,
    };
    journal_locate(&subject, &place);
    if (event->message) {
        error_set(&error, ERROR_NONE, event->errnum, "%s", event->message);
        subject.error = &error;
    }
    tell(event, &subject);
}

void journal_start(struct engine *engine, struct events_listener *listener)
{
    listener->hear = hear;
    events_listen(engine, listener);
}
