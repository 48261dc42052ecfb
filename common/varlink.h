/* The Varlink protocol (varlink.org; UAPI.20) without input or output: splitting a stream into
 * messages, reading calls and replies strictly, writing them. Daemon and client share it. */
#pragma once

#include "common/error.h"
#include "common/json_text.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* Longest message, without its terminating NUL, that either side accepts: what sd-varlink does. */
#define VARLINK_MESSAGE_MAX (16U * 1024 * 1024)

struct varlink_call {
    struct json_object *message;    /* owned: the whole call */
    const char *method;             /* borrowed from message, "interface.Method" */
    struct json_object *parameters; /* borrowed from message; NULL when absent, null or {} */
    struct json_text *document;     /* what the parameter "document" says, if that is an object: in
                                     * parameters an empty one stands for it. NULL: none; owned */
    bool oneway;
    bool more;
    bool upgrade;
};

/* Reads one message as a call. False (with the reason) when the peer broke the protocol and the
 * connection must be closed: bad JSON, not an object, no method, unknown or mistyped members, more
 * than one flag. */
bool varlink_call_read(const char *text, size_t length, struct varlink_call *call,
                       struct error *error);
void varlink_call_clear(struct varlink_call *call);

struct varlink_reply {
    struct json_object *message;    /* owned */
    struct json_object *parameters; /* borrowed; NULL when absent, null or {} */
    const char *error;              /* borrowed; NULL when the call succeeded */
    bool continues;
};

bool varlink_reply_read(const char *text, size_t length, struct varlink_reply *reply,
                        struct error *error);
void varlink_reply_clear(struct varlink_reply *reply);

/* Messages to send, as JSON objects; the caller serialises them and appends a NUL byte. Each takes
 * a reference to PARAMETERS over (also on failure) and returns NULL when memory is short. */
struct json_object *varlink_call_new(const char *method, struct json_object *parameters, bool more);
struct json_object *varlink_reply_new(struct json_object *parameters, bool continues);
struct json_object *varlink_error_new(const char *error, struct json_object *parameters);

/* Splits "interface.Method" at its last dot. False when there is none or a part is empty or not a
 * legal name. INTERFACE must hold SIZE bytes; *METHOD points into QUALIFIED. */
bool varlink_method_split(const char *qualified, char *interface, size_t size, const char **method);
