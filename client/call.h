/* A blocking Varlink client on a Unix socket. */
#pragma once

#include "common/error.h"
#include "common/varlink.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

/* Connects to the socket at PATH. The error says how to start the daemon, or who may reach it. */
struct connection *call_connection_open(const char *path, struct error *error);
void call_connection_free(struct connection *connection);

/* No reply is waited for longer than until DEADLINE, CLOCK_MONOTONIC in ms (0: for ever):
 * ERROR_BUSY then. It comes within DEADLINE_MAX seconds. */
#define DEADLINE_MAX (INT_MAX / 1000)
void connection_set_deadline(struct connection *connection, int64_t deadline);

/* Sends a call. PARAMETERS may be NULL; their reference is taken over, also on failure. */
bool connection_send(struct connection *connection, const char *method,
                     struct json_object *parameters, bool more, struct error *error);

/* Waits for the next reply, which the caller clears. Descriptors of the reply before are closed. */
bool connection_receive(struct connection *connection, struct varlink_reply *reply,
                        struct error *error);

/* The descriptor of that INDEX that came with the last reply; the caller closes it. -1 when there
 * is none. */
int connection_take_descriptor(struct connection *connection, int64_t index);
