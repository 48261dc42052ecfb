/* Differences between what is wanted and what is, as io.netnsd.Drift and io.netnsd.Events write
 * them. Internal to api/. */
#pragma once

#include <json-c/json.h>

/* "missing", "changed" or "extra": what CHANGE, an io.netnsd.Topology.Change, puts right. */
const char *difference_kind(struct json_object *change);

/* The []Field of the difference that CHANGE puts right: a new reference. NULL when memory is short.
 */
struct json_object *difference_fields(struct json_object *change);
