#include "kernel/batch.h"

#include "kernel/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (128 * 1024)
#define ANSWER_SIZE 32768

struct step {
    size_t operation;
    bool removal;
};

struct batch {
    struct nlmsghdr *last; /* the request begun last: its length is final with the next */
    size_t used;           /* bytes before it */
    unsigned count;
    struct step steps[BATCH_MAX];
    char answer[ANSWER_SIZE];
    char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

struct batch *batch_new(struct error *error)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        error_memory(error);
    return batch;
}

void batch_free(struct batch *batch)
{
    free(batch);
}

static size_t total(const struct batch *batch)
{
    return batch->used + (batch->last ? NLMSG_ALIGN(batch->last->nlmsg_len) : 0);
}

bool batch_empty(const struct batch *batch)
{
    return !batch->count;
}

bool batch_full(const struct batch *batch)
{
    return batch->count == BATCH_MAX || total(batch) + BATCH_MESSAGE_MAX > BUFFER_SIZE;
}

struct nlmsghdr *batch_begin(struct batch *batch, uint16_t type, uint16_t flags, size_t operation,
                             bool removal)
{
    if (fault_here())
        return NULL;
    batch->used = total(batch);
    batch->last = mnl_nlmsg_put_header(batch->buffer + batch->used);
    batch->last->nlmsg_type = type;
    batch->last->nlmsg_flags = NLM_F_REQUEST | flags;
    batch->last->nlmsg_seq = ++batch->count;
    batch->steps[batch->count - 1] = (struct step){.operation = operation, .removal = removal};
    return batch->last;
}

/* What is to be removed is not there. */
static bool is_gone(int errnum)
{
    return errnum == ENODEV || errnum == ESRCH || errnum == ENOENT || errnum == EADDRNOTAVAIL;
}

/* Notes the failure that ACK tells of, if it is the first. */
static void note(const struct batch *batch, const struct netlink_ack *ack, size_t *failed,
                 struct error *error, bool *good)
{
    const struct step *step = &batch->steps[ack->sequence - 1];
    if (!ack->errnum || !*good || (step->removal && is_gone(ack->errnum)))
        return;
    *good = false;
    *failed = step->operation;
    error_set(error, ERROR_KERNEL, ack->errnum, "%s%s%s", ack->message ? ack->message : "",
              ack->message ? ": " : "", strerror(ack->errnum));
}

/* Reads answers up to that to the last request. */
static bool collect(struct batch *batch, struct mnl_socket *socket, size_t *failed,
                    struct error *error)
{
    bool good = true;
    for (;;) {
        ssize_t length = mnl_socket_recvfrom(socket, batch->answer, sizeof(batch->answer));
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set(error, ERROR_SYSTEM, errno, "netlink: %s", strerror(errno));
        int left = (int)length;
        for (struct nlmsghdr *message = (struct nlmsghdr *)batch->answer;
             mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
            struct netlink_ack ack;
            if (!netlink_ack_read(message, &ack) || !ack.sequence || ack.sequence > batch->count)
                continue;
            note(batch, &ack, failed, error, &good);
            if (ack.sequence == batch->count)
                return good;
        }
    }
}

bool batch_send(struct batch *batch, struct mnl_socket *socket, size_t *failed, struct error *error)
{
    bool good = true;
    if (batch->count) {
        batch->last->nlmsg_flags |= NLM_F_ACK;
        *failed = batch->steps[0].operation;
        ssize_t sent = mnl_socket_sendto(socket, batch->buffer, total(batch));
        good = sent >= 0 ? collect(batch, socket, failed, error)
                         : error_set(error, ERROR_SYSTEM, errno, "netlink: %s", strerror(errno));
    }
    batch->last = NULL;
    batch->used = 0;
    batch->count = 0;
    return good;
}
