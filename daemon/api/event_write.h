/* Events as replies of io.netnsd.Events.Subscribe. Internal to api/. */
#pragma once

#include "engine/events.h"

/* The parameters of the reply that tells EVENT: a new reference. NULL when memory is short. */
struct json_object *event_write(const struct engine_event *event);

/* Of the reply that tells that COUNT events, of which the last had this NUMBER and TIME, were lost.
 */
struct json_object *event_write_lost(uint64_t count, uint64_t number, int64_t time);
