/* rtnetlink sockets (rtnetlink(7)), and questions that are answered at once. */
#pragma once

#include "kernel/netns.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

static inline void netlink_closep(struct mnl_socket **socket)
{
    if (*socket)
        mnl_socket_close(*socket);
}
#define auto_netlink AUTO(netlink_closep)

/* A socket in the calling thread's namespace, with extended ACKs and strict checks of dump
 * requests. NULL on failure. */
struct mnl_socket *netlink_open(struct error *error);

/* A socket in NETNS. It keeps the namespace alive. */
struct mnl_socket *netlink_open_in(const struct netns *netns, struct error *error);

/* An answer to a request that changes something. */
struct netlink_ack {
    uint32_t sequence;
    int errnum;          /* positive; 0: done */
    const char *message; /* extended ACK, NULL when there is none; valid as long as the message */
};

/* Reads MESSAGE as an answer; false when it is none. */
bool netlink_ack_read(const struct nlmsghdr *message, struct netlink_ack *ack);

/* Sends REQUEST alone and waits for its ACK. The fault injection counts it as one step. ERROR has
 * the kernel's words. */
bool netlink_change(struct mnl_socket *socket, struct nlmsghdr *request, struct error *error);

/* Sends REQUEST, which asks for one thing, and hands the answer to EACH (as for netlink_dump()). On
 * failure ERROR has the kernel's errno. */
bool netlink_ask(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context,
                 struct error *error);

/* Sends the dump request REQUEST and hands every message of the answer to EACH (which returns
 * MNL_CB_OK, or MNL_CB_ERROR having filled ERROR). *INTERRUPTED (never cleared) says that the
 * kernel's tables changed meanwhile (NLM_F_DUMP_INTR). */
bool netlink_dump(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context,
                  bool *interrupted, struct error *error);
