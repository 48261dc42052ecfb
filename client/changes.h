/* A plan as a diff: one line a change, "+" for what is made, "~" for what changes, "-" for what
 * goes,
 * "-/+" for what is made anew. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* Writes CHANGES, an array of io.netnsd.Topology.Change (may be NULL). */
void changes_write(FILE *out, bool colored, struct json_object *changes);
