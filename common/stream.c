#include "common/stream.h"

#include "common/cleanup.h"
#include "common/varlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 * 1024)

union control {
    char bytes[CMSG_SPACE(sizeof(int) * STREAM_DESCRIPTORS_MAX)];
    struct cmsghdr align;
};

struct stream {
    int fd;
    char *buffer;
    size_t start, end; /* what was read and not yet handed out */
    size_t scanned;    /* up to here there is no NUL */
    size_t capacity;
    int descriptors[STREAM_DESCRIPTORS_MAX];
    size_t descriptor_count;
};

struct stream *stream_new(int fd, struct error *error)
{
    auto_close int owned = fd;
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream)
        stream->fd = TAKE_FD(owned);
    else
        error_memory(error);
    return stream;
}

struct stream *stream_open(const char *path, struct error *error)
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
        error_set(error, ERROR_SYSTEM, errno, "cannot connect to %s: %s", path, strerror(errno));
        return NULL;
    }
    return stream_new(TAKE_FD(fd), error);
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    stream_close_descriptors(stream);
    close(stream->fd);
    free(stream->buffer);
    free(stream);
}

void stream_freep(struct stream **stream)
{
    stream_free(*stream);
}

int stream_fd(const struct stream *stream)
{
    return stream->fd;
}

void stream_close_descriptors(struct stream *stream)
{
    for (size_t i = 0; i < stream->descriptor_count; i++)
        close_descriptor(&stream->descriptors[i]);
    stream->descriptor_count = 0;
}

int stream_take_descriptor(struct stream *stream, size_t index)
{
    return index < stream->descriptor_count ? TAKE_FD(stream->descriptors[index]) : -1;
}

static void attach(struct msghdr *header, union control *control, const int *descriptors,
                   size_t count)
{
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(first), descriptors, sizeof(int) * count);
}

static bool send_all(struct stream *stream, const char *bytes, size_t length,
                     const int *descriptors, size_t count, struct error *error)
{
    union control control = {0};
    while (length > 0) {
        struct iovec vector = {.iov_base = (char *)bytes, .iov_len = length};
        struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
        if (count)
            attach(&header, &control, descriptors, count);
        ssize_t sent = sendmsg(stream->fd, &header, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return error_set(error, ERROR_SYSTEM, errno, "the connection was lost: %s",
                             strerror(errno));
        count = 0;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool stream_send(struct stream *stream, struct json_object *message, const int *descriptors,
                 size_t count, struct error *error)
{
    auto_json struct json_object *owned = message;
    size_t length = 0;
    const char *text =
        owned ? json_object_to_json_string_length(
                    owned, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length)
              : NULL;
    if (!text)
        return error_memory(error);
    if (length > VARLINK_MESSAGE_MAX || count > STREAM_DESCRIPTORS_MAX)
        return error_set(error, ERROR_INVALID, 0,
                         "the message is longer than the %u MiB that are allowed",
                         VARLINK_MESSAGE_MAX >> 20);
    return send_all(stream, text, length + 1, descriptors, count, error); /* the NUL ends it */
}

/* Makes room for READ_SIZE bytes at the end of the buffer. */
static bool make_room(struct stream *stream, struct error *error)
{
    size_t kept = stream->end - stream->start;
    if (stream->start > 0) {
        memmove(stream->buffer, stream->buffer + stream->start, kept);
        stream->scanned -= stream->start;
        stream->start = 0;
        stream->end = kept;
    }
    if (kept > VARLINK_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID, 0, "a message of more than %u MiB came",
                         VARLINK_MESSAGE_MAX >> 20);
    if (stream->capacity - kept >= READ_SIZE)
        return true;
    size_t capacity = 2 * stream->capacity + READ_SIZE;
    char *buffer = realloc(stream->buffer, capacity);
    if (!buffer)
        return error_memory(error);
    stream->buffer = buffer;
    stream->capacity = capacity;
    return true;
}

static void keep_descriptors(struct stream *stream, struct msghdr *header)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
            if (stream->descriptor_count < STREAM_DESCRIPTORS_MAX)
                stream->descriptors[stream->descriptor_count++] = fd;
            else
                close(fd);
        }
    }
}

bool stream_fill(struct stream *stream, struct error *error)
{
    if (!make_room(stream, error))
        return false;
    union control control;
    struct iovec vector = {.iov_base = stream->buffer + stream->end,
                           .iov_len = stream->capacity - stream->end};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t count;
    do {
        count = recvmsg(stream->fd, &header, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return error_set(error, ERROR_SYSTEM, errno, "the connection was lost: %s",
                         strerror(errno));
    keep_descriptors(stream, &header);
    stream->end += (size_t)count;
    return count > 0 || error_set(error, ERROR_SYSTEM, 0, "the connection was closed");
}

bool stream_next(struct stream *stream, const char **text, size_t *length)
{
    const char *nul = NULL;
    if (stream->end > stream->scanned)
        nul = memchr(stream->buffer + stream->scanned, '\0', stream->end - stream->scanned);
    if (!nul) {
        stream->scanned = stream->end;
        return false;
    }
    *text = stream->buffer + stream->start;
    *length = (size_t)(nul - *text);
    stream->start = stream->scanned = (size_t)(nul + 1 - stream->buffer);
    return true;
}
