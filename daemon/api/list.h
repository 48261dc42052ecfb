/* Answers that are lists: one element a reply for callers that want more, all in one reply for the
 * others, or ExpectedMore when that would be too long. Internal to api/. */
#pragma once

#include "api/server.h"

struct list {
    struct call *call;
    const char *key;
    size_t count;             /* of what was added */
    struct json_object *kept; /* with 'more': the last one, until it is known to be that */
    char *text;               /* without: all, as they are sent, with commas; owned */
    size_t length, capacity;
    bool failed, too_long;
    const char *last_key; /* of another member of the last reply, or NULL */
    struct json_object *last;
};

void list_begin(struct list *list, struct call *call, const char *key);

/* Adds ELEMENT (taken over; NULL means that memory was short). False when the rest is not wanted.
 */
bool list_add(struct list *list, struct json_object *element);

/* Puts VALUE (taken over; NULL means that memory was short) beside the last elements. */
void list_put_last(struct list *list, const char *key, struct json_object *value);

/* Answers the call; nothing is left of the list. */
void list_end(struct list *list);
/* The same without an answer. */
void list_clear(struct list *list);

/* Answers for the interface called INTERFACE that a namespace could not be read: NoSuchNamespace or
 * KernelRefused. */
void call_namespace_error(struct call *call, const char *interface, const char *namespace,
                          const struct error *error);
