#include "api/outgoing.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Messages that go in one system call. */
#define MESSAGES 64

static void outgoing_free(struct outgoing *outgoing)
{
    close_descriptor(&outgoing->fd);
    free(outgoing);
}

struct outgoing *outgoing_join(const char *before, const char *text, size_t length,
                               const char *after)
{
    size_t begin = strlen(before), end = strlen(after) + 1;
    struct outgoing *outgoing = malloc(sizeof(*outgoing) + begin + length + end);
    if (!outgoing)
        return NULL;
    *outgoing = (struct outgoing){.length = begin + length + end, .fd = -1};
    memcpy(outgoing->text, before, begin);
    memcpy(outgoing->text + begin, text, length);
    memcpy(outgoing->text + begin + length, after, end);
    return outgoing;
}

struct outgoing *outgoing_new(struct json_object *message)
{
    size_t length = 0;
    const char *text =
        message ? json_object_to_json_string_length(
                      message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length)
                : NULL;
    return text ? outgoing_join("", text, length, "") : NULL;
}

void output_begin(struct output *output)
{
    *output = (struct output){0};
    STAILQ_INIT(&output->queue);
}

void output_add(struct output *output, struct outgoing *outgoing)
{
    STAILQ_INSERT_TAIL(&output->queue, outgoing, next);
    output->bytes += outgoing->length;
}

bool output_is_empty(const struct output *output)
{
    return STAILQ_EMPTY(&output->queue);
}

void output_clear(struct output *output)
{
    struct outgoing *outgoing;
    while ((outgoing = STAILQ_FIRST(&output->queue))) {
        STAILQ_REMOVE_HEAD(&output->queue, next);
        outgoing_free(outgoing);
    }
    output->bytes = 0;
}

/* A descriptor goes with the first byte of what is sent. */
static void attach(struct msghdr *message, char *control, int fd)
{
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
}

/* Sends what waits, up to the next descriptor. */
static ssize_t send_once(const struct output *output, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec parts[MESSAGES];
    struct msghdr message = {.msg_iov = parts};
    struct outgoing *first = STAILQ_FIRST(&output->queue);
    for (struct outgoing *each = first;
         each && message.msg_iovlen < MESSAGES && (each == first || each->fd < 0);
         each = STAILQ_NEXT(each, next))
        parts[message.msg_iovlen++] = (struct iovec){.iov_base = each->text + each->sent,
                                                     .iov_len = each->length - each->sent};
    if (first->fd >= 0)
        attach(&message, control.bytes, first->fd);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void note_sent(struct output *output, size_t sent)
{
    output->bytes -= sent;
    while (sent) {
        struct outgoing *outgoing = STAILQ_FIRST(&output->queue);
        size_t left = outgoing->length - outgoing->sent;
        close_descriptor(&outgoing->fd);
        outgoing->fd = -1;
        if (sent < left) {
            outgoing->sent += sent;
            return;
        }
        sent -= left;
        STAILQ_REMOVE_HEAD(&output->queue, next);
        outgoing_free(outgoing);
    }
}

bool output_send(struct output *output, int fd, bool *progress)
{
    *progress = false;
    while (!output_is_empty(output)) {
        ssize_t sent = send_once(output, fd);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        *progress = true;
        note_sent(output, (size_t)sent);
    }
    return true;
}
