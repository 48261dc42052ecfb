#include "client/call.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct connection {
    struct stream *stream;
    bool streaming;   /* more replies follow the last one */
    int64_t deadline; /* CLOCK_MONOTONIC in ms; 0: there is none */
};

static bool connect_failed(const char *path, int errnum, struct error *error)
{
    switch (errnum) {
    case ENOENT:
    case ECONNREFUSED:
        return error_set(error, ERROR_SYSTEM, errnum,
                         "netnsd is not running: nothing listens at %s; start it with 'systemctl "
                         "start netnsd' (or run 'netnsd --foreground' as root), or say where it "
                         "listens with --socket",
                         path);
    case EACCES:
    case EPERM:
        return error_set(error, ERROR_DENIED, errnum,
                         "no permission to reach netnsd at %s: it is open to root and to members "
                         "of the group netnsd; use sudo, or have an administrator run 'adduser "
                         "USER netnsd'",
                         path);
    default:
        return error_set(error, ERROR_SYSTEM, errnum, "cannot connect to netnsd at %s: %s", path,
                         strerror(errnum));
    }
}

struct connection *call_connection_open(const char *path, struct error *error)
{
    struct error cause = {0};
    auto_stream struct stream *stream = stream_open(path, &cause);
    if (!stream) {
        *error = cause;
        if (cause.errnum)
            connect_failed(path, cause.errnum, error);
        return NULL;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection)
        connection->stream = TAKE(stream);
    else
        error_memory(error);
    return connection;
}

void connection_set_deadline(struct connection *connection, int64_t deadline)
{
    connection->deadline = deadline;
}

void call_connection_free(struct connection *connection)
{
    if (!connection)
        return;
    stream_free(connection->stream);
    free(connection);
}

/* ERRNUM is 0 when the daemon closed the connection in good order. */
static bool connection_lost(const struct connection *connection, int errnum, struct error *error)
{
    if (connection->streaming)
        return error_set(error, ERROR_SYSTEM, errnum,
                         "the connection to netnsd was lost%s%s: it has stopped ('systemctl status "
                         "netnsd' tells), or this client did not read for too long; try again",
                         errnum ? ": " : "", errnum ? strerror(errnum) : "");
    return error_set(error, ERROR_SYSTEM, errnum,
                     "the connection to netnsd was lost before it answered%s%s; a change that was "
                     "asked for may have been made or not: 'netnsctl list' and 'journalctl -u "
                     "netnsd' tell",
                     errnum ? ": " : "", errnum ? strerror(errnum) : "");
}

/* Says of a failed CAUSE what it means here. */
static bool fail(const struct connection *connection, const struct error *cause,
                 struct error *error)
{
    *error = *cause;
    return cause->code == ERROR_SYSTEM && connection_lost(connection, cause->errnum, error);
}

bool connection_send(struct connection *connection, const char *method,
                     struct json_object *parameters, bool more, struct error *error)
{
    struct error cause = {0};
    return stream_send(connection->stream, varlink_call_new(method, parameters, more), NULL, 0,
                       &cause) ||
           fail(connection, &cause, error);
}

/* False when the deadline comes before there is something to be read. */
static bool await(const struct connection *connection, struct error *error)
{
    struct pollfd input = {.fd = stream_fd(connection->stream), .events = POLLIN};
    int ready;
    if (!connection->deadline)
        return true;
    do {
        int64_t left = connection->deadline - clock_monotonic();
        ready = poll(&input, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    return ready != 0 || error_set(error, ERROR_BUSY, ETIMEDOUT, "netnsd did not answer in time");
}

bool connection_receive(struct connection *connection, struct varlink_reply *reply,
                        struct error *error)
{
    struct error cause = {0};
    const char *text;
    size_t length;
    stream_close_descriptors(connection->stream);
    while (!stream_next(connection->stream, &text, &length)) {
        if (!await(connection, &cause) || !stream_fill(connection->stream, &cause))
            return fail(connection, &cause, error);
    }
    if (!varlink_reply_read(text, length, reply, &cause))
        return error_set(error, ERROR_INVALID, 0, "netnsd's reply cannot be read: %s", cause.text);
    connection->streaming = reply->continues;
    return true;
}

int connection_take_descriptor(struct connection *connection, int64_t index)
{
    return index < 0 ? -1 : stream_take_descriptor(connection->stream, (size_t)index);
}
