/* What waits to be sent to a client: messages as text, which takes a fraction of their objects'
 * memory, and descriptors that go with them. Internal to api/. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* One message. */
struct outgoing {
    size_t length; /* with the NUL */
    size_t sent;
    int fd; /* travels with the first byte; -1: none. Owned */
    STAILQ_ENTRY(outgoing) next;
    char text[];
};

struct output {
    STAILQ_HEAD(, outgoing) queue;
    size_t bytes; /* that wait */
};

/* BEFORE, LENGTH bytes of TEXT, and AFTER, put together. NULL when memory is short. */
struct outgoing *outgoing_join(const char *before, const char *text, size_t length,
                               const char *after);
/* MESSAGE (borrowed; may be NULL) as text. NULL when memory is, or was, short. */
struct outgoing *outgoing_new(struct json_object *message);

void output_begin(struct output *output);
/* Takes OUTGOING over. */
void output_add(struct output *output, struct outgoing *outgoing);
bool output_is_empty(const struct output *output);
/* Sends to the socket FD what it takes; *PROGRESS tells whether it took anything. False when
 * nothing can be sent any more. */
bool output_send(struct output *output, int fd, bool *progress);
void output_clear(struct output *output);
