/* Answers that are lists: one element a reply for callers that want more, all in one reply for the
 * others, or ExpectedMore when that would be too long. Internal to api/. */
#pragma once

#include "api/server.h"

struct list {
    struct call *call;
    const char *key;
    struct json_object
        *elements; /* with 'more': the last one, kept back until it is known to be that */
    size_t bytes;
    bool failed, too_long;
};

void list_begin(struct list *list, struct call *call, const char *key);

/* Adds ELEMENT (taken over; NULL means that memory was short). False when the rest is not wanted.
 */
bool list_add(struct list *list, struct json_object *element);

/* Answers the call. */
void list_end(struct list *list);

/* Answers for the interface called INTERFACE that a namespace could not be read: NoSuchNamespace or
 * KernelRefused. */
void call_namespace_error(struct call *call, const char *interface, const char *namespace,
                          const struct error *error);
