#include "client/call.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 16
#define READ_SIZE ((size_t)64 * 1024)

struct connection {
    int fd;
    char *buffer;
    size_t start, end; /* what was read and not yet handed out */
    size_t scanned;    /* up to here there is no NUL */
    size_t capacity;
    int descriptors[DESCRIPTORS_MAX];
    size_t descriptor_count;
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
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set(error, ERROR_INVALID, 0, "the socket's path is longer than %zu bytes: %s",
                  sizeof(address.sun_path) - 1, path);
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path));
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, ERROR_SYSTEM, errno, "cannot make a socket: %s", strerror(errno));
        return NULL;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        connect_failed(path, errno, error);
        return NULL;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        error_memory(error);
        return NULL;
    }
    connection->fd = TAKE_FD(fd);
    return connection;
}

void connection_set_deadline(struct connection *connection, int64_t deadline)
{
    connection->deadline = deadline;
}

static void close_descriptors(struct connection *connection)
{
    for (size_t i = 0; i < connection->descriptor_count; i++)
        close_descriptor(&connection->descriptors[i]);
    connection->descriptor_count = 0;
}

void call_connection_free(struct connection *connection)
{
    if (!connection)
        return;
    close_descriptors(connection);
    close(connection->fd);
    free(connection->buffer);
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

static bool send_all(struct connection *connection, const char *bytes, size_t length,
                     struct error *error)
{
    while (length > 0) {
        ssize_t count = send(connection->fd, bytes, length, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return connection_lost(connection, errno, error);
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

bool connection_send(struct connection *connection, const char *method,
                     struct json_object *parameters, bool more, struct error *error)
{
    auto_json struct json_object *call = varlink_call_new(method, parameters, more);
    size_t length = 0;
    const char *text =
        call ? json_object_to_json_string_length(
                   call, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length)
             : NULL;
    if (!text)
        return error_memory(error);
    if (length > VARLINK_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID, 0,
                         "the call is longer than the %u MiB that netnsd reads",
                         VARLINK_MESSAGE_MAX >> 20);
    return send_all(connection, text, length + 1, error); /* the NUL ends the message */
}

/* Makes room for READ_SIZE bytes at the end of the buffer. */
static bool make_room(struct connection *connection, struct error *error)
{
    size_t kept = connection->end - connection->start;
    if (connection->start > 0) {
        memmove(connection->buffer, connection->buffer + connection->start, kept);
        connection->scanned -= connection->start;
        connection->start = 0;
        connection->end = kept;
    }
    if (kept > VARLINK_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID, 0, "netnsd sent a reply of more than %u MiB",
                         VARLINK_MESSAGE_MAX >> 20);
    if (connection->capacity - kept >= READ_SIZE)
        return true;
    size_t capacity = 2 * connection->capacity + READ_SIZE;
    char *buffer = realloc(connection->buffer, capacity);
    if (!buffer)
        return error_memory(error);
    connection->buffer = buffer;
    connection->capacity = capacity;
    return true;
}

static void keep_descriptors(struct connection *connection, struct msghdr *header)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
            if (connection->descriptor_count < DESCRIPTORS_MAX)
                connection->descriptors[connection->descriptor_count++] = fd;
            else
                close(fd);
        }
    }
}

/* False when the deadline comes before there is something to be read. */
static bool await(const struct connection *connection, struct error *error)
{
    struct pollfd input = {.fd = connection->fd, .events = POLLIN};
    int ready;
    if (!connection->deadline)
        return true;
    do {
        int64_t left = connection->deadline - clock_monotonic();
        ready = poll(&input, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    return ready != 0 || error_set(error, ERROR_BUSY, ETIMEDOUT, "netnsd did not answer in time");
}

static bool read_some(struct connection *connection, struct error *error)
{
    if (!make_room(connection, error) || !await(connection, error))
        return false;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec vector = {.iov_base = connection->buffer + connection->end,
                           .iov_len = connection->capacity - connection->end};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t count;
    do {
        count = recvmsg(connection->fd, &header, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count <= 0)
        return connection_lost(connection, count < 0 ? errno : 0, error);
    keep_descriptors(connection, &header);
    connection->end += (size_t)count;
    return true;
}

bool connection_receive(struct connection *connection, struct varlink_reply *reply,
                        struct error *error)
{
    close_descriptors(connection);
    const char *nul = NULL;
    for (;;) {
        if (connection->end > connection->scanned)
            nul = memchr(connection->buffer + connection->scanned, '\0',
                         connection->end - connection->scanned);
        if (nul)
            break;
        connection->scanned = connection->end;
        if (!read_some(connection, error))
            return false;
    }
    const char *text = connection->buffer + connection->start;
    connection->start = connection->scanned = (size_t)(nul + 1 - connection->buffer);
    struct error cause = {0};
    if (!varlink_reply_read(text, (size_t)(nul - text), reply, &cause))
        return error_set(error, ERROR_INVALID, 0, "netnsd's reply cannot be read: %s", cause.text);
    connection->streaming = reply->continues;
    return true;
}

int connection_take_descriptor(struct connection *connection, int64_t index)
{
    if (index < 0 || (uint64_t)index >= connection->descriptor_count)
        return -1;
    return TAKE_FD(connection->descriptors[index]);
}
