/* A plan as a diff: one line a change, "+" for what is made, "~" for what changes, "-" for what
 * goes and "-/+" for what is made anew. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* Writes what POINTER leads to in a document as people say it: "net0/eth0 address 10.0.1.1/24". */
void object_write(FILE *out, const char *pointer);

/* Writes CHANGES, an array of io.netnsd.Topology.Change (may be NULL). */
void changes_write(FILE *out, bool colored, struct json_object *changes);
