/* Batches: requests that change something, sent together and answered together.
 *
 * The kernel goes on after a request that fails, and answers a request without NLM_F_ACK only when
 * it fails (net/netlink/af_netlink.c, netlink_rcv_skb()): so the last one alone asks for an ACK,
 * and its coming says that all have been worked on. */
#pragma once

#include "kernel/netlink.h"

#include <stddef.h>

/* Most requests in one batch, so that answers never overflow a default receive buffer, and room
 * that batch_begin() leaves for one request. */
#define BATCH_MAX 64
#define BATCH_MESSAGE_MAX 16384

struct batch;

struct batch *batch_new(struct error *error);
void batch_free(struct batch *batch);

bool batch_empty(const struct batch *batch);
/* Must the batch be sent before another request is begun? */
bool batch_full(const struct batch *batch);

/* Begins a request for the operation with index OPERATION. With REMOVAL the kernel's saying that
 * the thing is not there is success. The caller adds header and attributes, at most
 * BATCH_MESSAGE_MAX bytes. NULL when the fault injection lets this step fail. */
struct nlmsghdr *batch_begin(struct batch *batch, uint16_t type, uint16_t flags, size_t operation,
                             bool removal);

/* Sends what was begun, waits until all of it is worked on, and empties the batch. When requests
 * failed, *FAILED is the operation of the first of them and ERROR has the kernel's words. */
bool batch_send(struct batch *batch, struct mnl_socket *socket, size_t *failed,
                struct error *error);
