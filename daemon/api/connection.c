#include "api/connection.h"

#include "api/outgoing.h"
#include "api/reading.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_SIZE 65536
/* What somebody asks for who may only read is short. */
#define READER_MESSAGE_MAX 65536
/* With so many bytes waiting to be sent, no further call of that client is begun. */
#define OUTPUT_HIGH (1024 * 1024)
/* Once a reply was refused for that, none is taken before so few bytes are left. */
#define OUTPUT_LOW (OUTPUT_HIGH / 2)
/* What continues is gathered until it is so many bytes. */
#define GATHERED 65536

/* Bytes of a call that takes about half a millisecond to read. */
#define LONG 65536
/* Calls that are answered before others get their turn. */
#define CALLS 64
/* A client that takes none of its replies for so long is dropped. */
static const struct timeval patience = {.tv_sec = 60};

struct call {
    struct connection *connection; /* NULL when the client is gone */
    struct varlink_call message;
    void *context;
    struct call_watch watch;
    bool refused; /* the last call_offer() was, and WATCH does not know yet that there is room */
};

struct connection {
    struct connection_owner owner;
    struct access access;
    int fd;
    struct event *readable, *writable;
    char *input;
    size_t begin, end, capacity, scanned; /* input[begin, end) is not processed yet */
    struct output output;
    struct reading *reading; /* the call that comes next, a long one */
    struct call *call;       /* the one that is being answered */
    bool processing;
    bool ended;   /* the client sends no more */
    bool hung_up; /* nor does it read any more */
    bool broken;  /* to be freed as soon as nobody up the stack uses it */
};

static void call_lose(struct call *call);

void connection_free(struct connection *connection)
{
    connection->owner.closed(connection->owner.context, connection);
    if (connection->reading)
        reading_abandon(connection->reading);
    if (connection->call)
        call_lose(connection->call);
    output_clear(&connection->output);
    if (connection->readable)
        event_free(connection->readable);
    if (connection->writable)
        event_free(connection->writable);
    close(connection->fd);
    free(connection->input);
    free(connection);
}

const struct access *connection_access(const struct connection *connection)
{
    return &connection->access;
}

/* Calls ---------------------------------------------------------------------------------------- */

static void call_free(struct call *call)
{
    if (call->connection)
        call->connection->call = NULL;
    varlink_call_clear(&call->message);
    free(call);
}

/* Nobody hears the answer any more. A call that is watched ends with that. */
static void call_lose(struct call *call)
{
    call->connection->call = NULL;
    call->connection = NULL;
    if (!call->watch.gone)
        return;
    call->watch.gone(call->watch.context);
    call_free(call);
}

const struct varlink_call *call_message(const struct call *call)
{
    return &call->message;
}

const struct access *call_access(const struct call *call)
{
    return &call->connection->access;
}

void call_set_context(struct call *call, void *context)
{
    call->context = context;
}

struct json_object *call_parameters(const struct call *call)
{
    return call->message.parameters;
}

struct json_text *call_document(const struct call *call)
{
    return call->message.document;
}

void *call_context(const struct call *call)
{
    return call->context;
}

struct event_base *call_base(const struct call *call)
{
    return call->connection->owner.base;
}

bool call_wants_more(const struct call *call)
{
    return call->message.more;
}

bool call_alive(const struct call *call)
{
    return call->connection && !call->connection->hung_up && !call->connection->broken;
}

void call_watch(struct call *call, const struct call_watch *watch)
{
    call->watch = *watch;
}

/* Output --------------------------------------------------------------------------------------- */

/* Sends what the socket takes. */
static void flush_output(struct connection *connection)
{
    bool progress = false;
    if (!connection->broken)
        connection->broken = !output_send(&connection->output, connection->fd, &progress);
    bool pending = !output_is_empty(&connection->output) && !connection->broken;
    if (!pending)
        event_del(connection->writable);
    else if (progress || !event_pending(connection->writable, EV_TIMEOUT, NULL))
        event_add(connection->writable, &patience);
    if (connection->broken)
        event_active(connection->writable, EV_WRITE, 1);
}

static void process(struct connection *connection);

/* Is anybody there to take an answer? */
static bool is_wanted(const struct call *call)
{
    return call->connection && !call->connection->broken && !call->message.oneway;
}

/* Queues OUTGOING (taken over; NULL: memory was short, or it is not wanted). */
static void queue_output(struct call *call, struct outgoing *outgoing)
{
    struct connection *connection = call->connection;
    if (outgoing)
        output_add(&connection->output, outgoing);
    else if (is_wanted(call))
        connection->broken = true;
}

/* Ends CALL with what it queues. */
static void answer(struct call *call, struct outgoing *outgoing)
{
    struct connection *connection = call->connection;
    queue_output(call, outgoing);
    call_free(call);
    if (connection)
        process(connection);
}

/* MESSAGE is taken over. */
static void answer_object(struct call *call, struct json_object *message, int fd)
{
    auto_json struct json_object *owned_message = message;
    auto_close int owned = fd;
    struct outgoing *outgoing = is_wanted(call) ? outgoing_new(message) : NULL;
    if (outgoing)
        outgoing->fd = TAKE_FD(owned);
    answer(call, outgoing);
}

void call_reply(struct call *call, struct json_object *parameters)
{
    answer_object(call, varlink_reply_new(parameters, false), -1);
}

void call_reply_text(struct call *call, const char *parameters, size_t length)
{
    answer(call,
           is_wanted(call) ? outgoing_join("{\"parameters\":", parameters, length, "}") : NULL);
}

void call_reply_descriptor(struct call *call, struct json_object *parameters, int fd)
{
    answer_object(call, varlink_reply_new(parameters, false), fd);
}

/* A reply that continues runs nothing else: not the client's next call, and not what watches this
 * one. */
static void queue_continued(struct call *call, struct json_object *parameters)
{
    auto_json struct json_object *message = varlink_reply_new(parameters, true);
    queue_output(call, is_wanted(call) ? outgoing_new(message) : NULL);
}

static void send_continued(const struct call *call)
{
    struct connection *connection = call->connection;
    if (connection && (connection->broken || connection->output.bytes >= GATHERED))
        flush_output(connection);
    else if (connection)
        event_add(connection->writable, NULL);
}

void call_continue(struct call *call, struct json_object *parameters)
{
    queue_continued(call, parameters);
    send_continued(call);
}

void call_continue_text(struct call *call, const char *parameters, size_t length)
{
    bool wanted = parameters && is_wanted(call);
    queue_output(
        call, wanted ? outgoing_join("{\"parameters\":", parameters, length, ",\"continues\":true}")
                     : NULL);
    send_continued(call);
}

bool call_offer(struct call *call, struct json_object *parameters)
{
    size_t most = call->refused ? OUTPUT_LOW : OUTPUT_HIGH;
    call->refused = call_alive(call) && call->connection->output.bytes >= most;
    if (call->refused) {
        json_object_put(parameters);
        return false;
    }
    queue_continued(call, parameters);
    if (call->connection)
        flush_output(call->connection);
    return true;
}

void call_error(struct call *call, const char *error, struct json_object *parameters)
{
    answer_object(call, varlink_error_new(error, parameters), -1);
}

void call_drop(struct call *call)
{
    answer(call, NULL);
}

void call_fail_memory(struct call *call)
{
    log_error("out of memory: a call cannot be answered");
    call_drop(call);
}

/* Input ---------------------------------------------------------------------------------------- */

static void drop(struct connection *connection, const char *why)
{
    log_info("a client is dropped: %s", why);
    connection->broken = true;
}

/* Begins the call that MESSAGE, which is handed over, is; or else there is an ERROR: a peer that
 * breaks the protocol is dropped. */
static void begin_call(struct connection *connection, struct varlink_call *message,
                       const struct error *error)
{
    struct call *call = error ? NULL : calloc(1, sizeof(*call));
    if (!call) {
        varlink_call_clear(message);
        drop(connection, error ? error->text : "out of memory");
        return;
    }
    call->message = *message;
    call->connection = connection;
    connection->call = call;
    connection->owner.dispatch(connection->owner.context, call);
}

static void call_was_read(void *context, struct varlink_call *message, const struct error *error)
{
    struct connection *connection = context;
    connection->reading = NULL;
    connection->processing = true; /* an answer that comes at once does not free it */
    begin_call(connection, message, error);
    connection->processing = false;
    process(connection);
}

static void read_call(struct connection *connection, const char *text, size_t length)
{
    if (length > LONG && connection->owner.reader) {
        connection->reading =
            reading_start(connection->owner.reader, text, length, call_was_read, connection);
        if (!connection->reading)
            drop(connection, "out of memory");
        return;
    }
    struct varlink_call message;
    struct error error = {0};
    bool good = varlink_call_read(text, length, &message, &error);
    begin_call(connection, &message, good ? NULL : &error);
}

/* The next whole message, taken out of the input; NULL when there is none. */
static const char *next_message(struct connection *connection, size_t *length)
{
    char *from = connection->input + connection->scanned;
    char *end = connection->end > connection->scanned
                    ? memchr(from, '\0', connection->end - connection->scanned)
                    : NULL;
    connection->scanned = connection->end;
    if (!end)
        return NULL;
    const char *text = connection->input + connection->begin;
    *length = (size_t)(end - text);
    connection->begin += *length + 1;
    connection->scanned = connection->begin;
    return text;
}

/* Begins the client's next call, unless it has one, or does not take its replies. */
static bool begin_next(struct connection *connection)
{
    size_t length;
    if (connection->call || connection->reading || connection->broken ||
        connection->output.bytes >= OUTPUT_HIGH)
        return false;
    const char *text = next_message(connection, &length);
    if (text)
        read_call(connection, text, length);
    return text;
}

/* Has the client sent more than a message can have? */
static bool is_too_long(const struct connection *connection)
{
    size_t most = connection->access.full ? VARLINK_MESSAGE_MAX : READER_MESSAGE_MAX;
    return connection->end - connection->begin > most;
}

/* Tells what watches the call that there is room again for a reply, if one was refused. */
static bool tell_drained(struct connection *connection)
{
    struct call *call = connection->call;
    if (!call || !call->refused || !call_alive(call) || connection->output.bytes >= OUTPUT_LOW)
        return false;
    call->refused = false;
    call->watch.drained(call->watch.context);
    return true;
}

/* Processes messages one at a time until one waits for its answer, the client does not take its
 * replies, or others are to have their turn. Replies that come at once do not nest, and are sent
 * together. Frees a connection that is over. */
static void process(struct connection *connection)
{
    if (connection->processing)
        return;
    connection->processing = true;
    unsigned calls = 0;
    bool more;
    do {
        flush_output(connection);
        more = tell_drained(connection);
        for (; calls < CALLS && begin_next(connection); calls++)
            more = true;
    } while (more);
    connection->processing = false;
    /* The socket takes more: so the event loop comes back, after all others. */
    if (calls == CALLS)
        event_add(connection->writable, NULL);
    bool over = connection->ended && !connection->call && !connection->reading &&
                output_is_empty(&connection->output) && calls < CALLS;
    /* A stream that nobody hears ends, and the calls behind it are not begun. */
    bool unheard = connection->hung_up && connection->call && connection->call->watch.gone;
    if (is_too_long(connection))
        connection->broken = true;
    if (over || unheard || connection->broken)
        connection_free(connection);
}

static bool reserve(struct connection *connection)
{
    size_t used = connection->end - connection->begin;
    if (connection->begin && connection->capacity - connection->end < READ_SIZE) {
        memmove(connection->input, connection->input + connection->begin, used);
        connection->scanned -= connection->begin;
        connection->begin = 0;
        connection->end = used;
    }
    if (connection->capacity - connection->end >= READ_SIZE)
        return true;
    size_t capacity = connection->capacity ? connection->capacity * 2 : 2 * READ_SIZE;
    char *grown = realloc(connection->input, capacity);
    if (!grown)
        return false;
    connection->input = grown;
    connection->capacity = capacity;
    return true;
}

/* Both ways are closed, not only the client's sending (poll(2)). */
static bool is_hung_up(int fd)
{
    struct pollfd poll_fd = {.fd = fd};
    return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLERR);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)what;
    if (is_too_long(connection) || !reserve(connection)) {
        connection->broken = true;
        process(connection);
        return;
    }
    ssize_t got = recv(fd, connection->input + connection->end,
                       connection->capacity - connection->end, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        event_del(connection->readable);
        connection->ended = true;
        connection->hung_up = got < 0 || is_hung_up(fd);
    } else {
        connection->end += (size_t)got;
    }
    process(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    (void)fd;
    if (what & EV_TIMEOUT) {
        log_info("a client is dropped: it does not read its replies");
        connection->broken = true;
    }
    process(connection);
}

struct connection *connection_new(const struct connection_owner *owner, int fd,
                                  const struct access *access)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return NULL;
    }
    connection->owner = *owner;
    connection->access = *access;
    connection->fd = fd;
    output_begin(&connection->output);
    connection->readable =
        event_new(owner->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable =
        event_new(owner->base, fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    if (connection->readable && connection->writable && event_add(connection->readable, NULL) == 0)
        return connection;
    if (connection->readable)
        event_free(connection->readable);
    if (connection->writable)
        event_free(connection->writable);
    close(fd);
    free(connection);
    return NULL;
}
