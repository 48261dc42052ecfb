/* What a plan changes, as callers are told: a list of io.netnsd.Topology.Change. It is written at
 * once, as text: of a large plan this is much, and nobody but its reader takes it apart again. */
#pragma once

#include "common/cleanup.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdbool.h>
#include <stddef.h>

enum change_action { ACTION_CREATE, ACTION_CHANGE, ACTION_RECREATE, ACTION_REMOVE, ACTION_COUNT };

struct changes {
    struct printbuf *text; /* a JSON array, at any time */
    size_t counts[ACTION_COUNT];
};

/* NULL when memory is short. */
struct changes *changes_new(void);
void changes_free(struct changes *changes);
void changes_freep(struct changes **changes);
#define auto_changes AUTO(changes_freep)

/* How many they are; CHANGES may be NULL: none. */
size_t changes_count(const struct changes *changes);

/* How many bytes of the text behind the bracket that opens it, from OFFSET on, are a number of
 * whole elements: at least SIZE bytes, or all that is left. Commas are between elements, and not
 * counted at the end. 0 when nothing is left. */
size_t changes_piece(const struct changes *changes, size_t offset, size_t size);

/* The list as objects, a new reference; NULL when memory is short. */
struct json_object *changes_parse(const struct changes *changes);

/* The fields of a change that is still to be told of. */
struct change_fields {
    struct printbuf *text;
    size_t count;
};

/* False when memory is short. */
bool change_fields_begin(struct change_fields *fields);
void change_fields_clear(struct change_fields *fields);
/* Appends a field; FROM and TO (may be NULL) are taken over. Strings are told as they are,
 * everything else as JSON text. False when memory is short. */
bool change_fields_add(struct change_fields *fields, const char *name, struct json_object *from,
                       struct json_object *to);

/* Appends a change of what POINTER leads to, with FIELDS (NULL: none). False when memory is short.
 */
bool changes_add(struct changes *changes, enum change_action action, const char *pointer,
                 const struct change_fields *fields, bool irreversible);
