/* One client: its calls, one after the other, and their replies. Internal to api/. */
#pragma once

#include "api/server.h"
#include "common/access.h"
#include "common/worker.h"

#include <sys/queue.h>

struct connection;

/* What a connection needs of its server. */
struct connection_owner {
    struct event_base *base;
    struct worker *reader; /* reads long calls; NULL: they are read at once */
    /* Has CALL's method run; the call must be answered, now or later. */
    void (*dispatch)(void *context, struct call *call);
    /* CONNECTION is about to be freed. */
    void (*closed)(void *context, struct connection *connection);
    void *context;
};

/* Takes FD over. NULL, and FD closed, when memory is short. */
struct connection *connection_new(const struct connection_owner *owner, int fd,
                                  const struct access *access);
void connection_free(struct connection *connection);
const struct access *connection_access(const struct connection *connection);

/* The call as it came; borrowed. */
const struct varlink_call *call_message(const struct call *call);
const struct access *call_access(const struct call *call);
void call_set_context(struct call *call, void *context);
