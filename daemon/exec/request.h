/* What a client wants to be run. */
#pragma once

#include "common/error.h"
#include "common/stream.h"

#include <stdbool.h>
#include <stdint.h>

/* The descriptors that come with a request, in this order. */
enum request_descriptor {
    REQUEST_INPUT,
    REQUEST_OUTPUT,
    REQUEST_ERROR,
    REQUEST_DIRECTORY,
    REQUEST_TERMINAL, /* -1: the command gets none */
    REQUEST_DESCRIPTORS
};

struct request {
    char *namespace;
    char **command;     /* not empty; ended by NULL */
    char **environment; /* the same */
    int descriptors[REQUEST_DESCRIPTORS];
    bool foreground; /* of the terminal */
};

/* What a client says while its command runs. */
struct order {
    int signal;      /* to be sent; 0: the command is to continue */
    bool foreground; /* in the foreground of its terminal */
};

/* Waits for the whole of a client's first message, but not for long. It is read on the next
 * request_read(). */
bool request_await(struct stream *stream, const char **text, size_t *length, struct error *error);

/* Reads a call of Run. ERROR_INVALID when it is none, or not a good one. The caller clears REQUEST,
 * also on failure. */
bool request_read(struct stream *stream, const char *text, size_t length, struct request *request,
                  struct error *error);
void request_clear(struct request *request);

/* Reads a call of Signal or Continue. */
bool order_read(const char *text, size_t length, struct order *order, struct error *error);
