/* io.netnsd.Events */
#include "api/event_write.h"
#include "api/interfaces.h"

#include "common/cleanup.h"

#include <stdlib.h>

/* One client that listens. What it has not read yet is kept by its connection, which takes no more
 * than so much: further events are only counted. */
struct subscription {
    struct call *call;
    struct events_filter filter; /* borrowed from the call */
    struct events_listener listener;
    uint64_t lost;        /* events that the client is still to be told of as lost */
    uint64_t lost_number; /* of the last of them */
    int64_t lost_time;
};

static const struct json_field fields[] = {
    {.name = "topology",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct events_filter, topology)},
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct events_filter, namespace)},
    {.name = NULL},
};

/* REPLY is NULL when memory was short: what it was to tell is lost as well. */
static bool offer(const struct subscription *subscription, struct json_object *reply)
{
    return reply && call_offer(subscription->call, reply);
}

static void tell_lost(void *context)
{
    struct subscription *subscription = context;
    if (subscription->lost &&
        offer(subscription, event_write_lost(subscription->lost, subscription->lost_number,
                                             subscription->lost_time)))
        subscription->lost = 0;
}

static void hear(void *context, const struct engine_event *event)
{
    struct subscription *subscription = context;
    if (!events_match(&subscription->filter, event))
        return;
    tell_lost(subscription);
    if (!subscription->lost && offer(subscription, event_write(event)))
        return;
    subscription->lost++;
    subscription->lost_number = event->number;
    subscription->lost_time = event->time;
}

static void client_gone(void *context)
{
    struct subscription *subscription = context;
    events_stop_listening(&subscription->listener);
    free(subscription);
}

static void subscribe(struct call *call)
{
    struct events_filter filter = {0};
    if (!call_read_parameters(call, fields, &filter))
        return;
    struct engine *engine = call_engine(call);
    struct subscription *subscription = malloc(sizeof(*subscription));
    auto_json struct json_object *reply = json_object_new_object();
    if (!subscription || !reply ||
        !json_put_integer(reply, "number", (int64_t)events_last(engine))) {
        free(subscription);
        call_fail_memory(call);
        return;
    }
    *subscription = (struct subscription){
        .call = call,
        .filter = filter,
        .listener = {.hear = hear, .context = subscription},
    };
    events_listen(engine, &subscription->listener);
    call_watch(call, &(struct call_watch){
                         .gone = client_gone, .drained = tell_lost, .context = subscription});
    call_continue(call, TAKE(reply));
}

static const struct method methods[] = {
    {.name = "Subscribe", .run = subscribe, .reading = true, .requires_more = true},
    {.name = NULL},
};

const struct interface interface_events = {.name = "io.netnsd.Events", .methods = methods};
