/* What all verbs share: the options, the connection, and how a call's failure is shown. */
#pragma once

#include "client/file.h"
#include "client/options.h"
#include "common/varlink.h"

#include <json-c/json.h>
#include <stdbool.h>

struct connection;

enum exit_status {
    STATUS_GOOD = 0,
    STATUS_FAILED = 1, /* the daemon refused or failed, or could not be reached */
    STATUS_USAGE = 2,  /* the command line is wrong */
    STATUS_DIFFERS = 3 /* what was looked for was found, and --exit-code given */
};

struct client {
    struct options options;
    struct connection *connection; /* made by the first call; owned */
    bool colored;                  /* standard output */
    bool error_colored;            /* standard error */
};

/* Shows an error as replies carry it; SOURCE (may be NULL) is the text that its pointers refer to.
 * With --json, {"error", "parameters"} on standard output. */
void client_show_error(const struct client *client, const char *error,
                       struct json_object *parameters, const struct source *source);

/* Shows a failure of netnsctl's own, io.netnsd.Client.Failed in JSON. Returns STATUS_FAILED. */
int client_fail(const struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int client_fail_memory(const struct client *client);

/* Says what is wrong with the command line. Returns STATUS_USAGE. */
int client_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sends a call, which asks for a stream of replies when MORE; client_receive() waits for the next
 * reply. PARAMETERS and SOURCE as for client_call(). False after having shown what went wrong. */
bool client_send(struct client *client, const char *method, struct json_object *parameters,
                 bool more);
bool client_receive(struct client *client, const struct source *source,
                    struct varlink_reply *reply);

/* Sends a call and waits for its one reply. PARAMETERS' reference is taken over, also on failure;
 * a NULL means that there was no memory for them. False after having shown what went wrong. */
bool client_call(struct client *client, const char *method, struct json_object *parameters,
                 const struct source *source, struct varlink_reply *reply);

/* The same; but that the error called EXPECTED, or ANY_ERROR, was the reply, which then says so, is
 * no failure. */
#define ANY_ERROR ""
bool client_ask(struct client *client, const char *method, struct json_object *parameters,
                const char *expected, struct varlink_reply *reply);

/* Sends a call that asks for a stream of replies, and hands each one's parameters (borrowed; NULL
 * when there are none) to EACH, which returns false to stop, after having shown why. PARAMETERS as
 * for client_call(). False after having shown what went wrong. */
bool client_stream(struct client *client, const char *method, struct json_object *parameters,
                   bool (*each)(void *context, struct json_object *reply), void *context);

/* Calls a method that lists, and gathers the elements of the array MEMBER of all its replies:
 * {MEMBER: [...]}, a new reference. PARAMETERS as for client_call(). NULL after having shown what
 * went wrong. */
struct json_object *client_list(struct client *client, const char *method,
                                struct json_object *parameters, const char *member);

/* Prints OBJECT (NULL: no members) on standard output. Returns the exit status. */
int client_print_json(const struct client *client, struct json_object *object);

/* Prints TABLE on standard output. Returns the exit status. */
int client_print_table(const struct client *client, const struct table *table);

void client_close(struct client *client);
#define auto_reply AUTO(varlink_reply_clear)
