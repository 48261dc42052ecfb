/* The Varlink server: sockets, connections, and the way from a call to its method.
 *
 * Nothing here knows netnsd's own interfaces: they are registered from above, so that a test can
 * put others on the same core. */
#pragma once

#include "common/error.h"
#include "common/interfaces.h"
#include "common/json.h"
#include "common/worker.h"

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct server;
struct call;

/* One method. Rows end with a NULL name. */
struct method {
    const char *name;
    /* Called with a new call, which must be answered by call_reply*() or call_error*() exactly once
     * (with 'more', by any number of call_continue() before), now or later. */
    void (*run)(struct call *call);
    bool reading; /* changes nothing, and gives nothing away that could: everybody who can open
                   * the socket may call it; all others are for root and the group netnsd */
    bool requires_more; /* without 'more' the call gets ExpectedMore */
};

struct interface {
    const char *name;
    const struct method *methods;
};

struct server_options {
    const char *vendor, *product, *version, *url; /* for GetInfo; borrowed */
    const struct interface *const *interfaces;    /* ended by NULL; borrowed */
    const struct interface_text *texts;           /* for GetInterfaceDescription */
    size_t text_count;
    void *context;         /* for methods: call_context() */
    struct worker *reader; /* reads long calls; NULL: they are read at once. Outlives the server */
};

struct server *server_new(struct event_base *base, const struct server_options *options,
                          struct error *error);
/* Listens at PATH (replacing a dead socket there, refusing a live one), mode 0660, group netnsd
 * where that exists. */
bool server_listen(struct server *server, const char *path, struct error *error);
/* Takes over FD, a listening socket from socket activation. */
bool server_adopt(struct server *server, int fd, struct error *error);
/* Stops accepting; connections that exist are served until they are done. */
void server_stop_accepting(struct server *server);
/* Closes everything and removes the socket that server_listen() made. */
void server_free(struct server *server);
size_t server_connections(const struct server *server);

/* Reads the call's parameters by FIELDS (NULL: it takes none) into TARGET. False when they are
 * wrong: the call has then been answered with InvalidParameter. */
bool call_read_parameters(struct call *call, const struct json_field *fields, void *target);
/* The call's parameters; NULL when there are none. Borrowed. */
struct json_object *call_parameters(const struct call *call);
/* The text of its parameter "document", of which call_parameters() has nothing but that it is an
 * object; NULL: it has none, or that is there as a whole. Borrowed. */
struct json_text *call_document(const struct call *call);
void *call_context(const struct call *call);
/* The event loop that serves the call, of a caller who is still there. */
struct event_base *call_base(const struct call *call);
bool call_wants_more(const struct call *call);
/* Is the caller still there? A method may stop streaming when not. */
bool call_alive(const struct call *call);

/* What a method that streams for as long as its client listens hears of that client, always from
 * the event loop: never during a call_continue() or call_offer(). */
struct call_watch {
    /* The client is gone, and the call has ended without an answer. */
    void (*gone)(void *context);
    /* A call_offer() was refused, and would not be any more. */
    void (*drained)(void *context);
    void *context;
};
/* WATCH is copied. */
void call_watch(struct call *call, const struct call_watch *watch);

/* Answers; each takes PARAMETERS (may be NULL) over and, but for call_continue() and call_offer(),
 * ends CALL. A NULL that comes from lack of memory must not be passed here: call
 * call_fail_memory(). */
void call_reply(struct call *call, struct json_object *parameters);
/* The same; PARAMETERS, an object, as LENGTH bytes of JSON, is copied. */
void call_reply_text(struct call *call, const char *parameters, size_t length);
/* What continues is sent when the event loop comes to it, or when it has become much. */
void call_continue(struct call *call, struct json_object *parameters);
/* The same; PARAMETERS, an object, as LENGTH bytes of JSON, is copied. NULL means that memory was
 * short: the connection is closed. */
void call_continue_text(struct call *call, const char *parameters, size_t length);
/* As call_continue(), of a call that is watched, and at once; but when so much waits already for a
 * client that does not read, PARAMETERS is dropped, and false returned. */
bool call_offer(struct call *call, struct json_object *parameters);
/* As call_reply(), with a descriptor, which is taken over. */
void call_reply_descriptor(struct call *call, struct json_object *parameters, int fd);
/* ERROR is qualified: "io.netnsd.Topology.NoSuchTopology". */
void call_error(struct call *call, const char *error, struct json_object *parameters);
/* org.varlink.service.InvalidParameter. */
void call_invalid_parameter(struct call *call, const char *parameter);
/* org.varlink.service.ExpectedMore: the answer would be too long for one message. */
void call_expected_more(struct call *call);
/* Closes the connection, without an answer. */
void call_drop(struct call *call);
/* The same, as an answer cannot be built. */
void call_fail_memory(struct call *call);
