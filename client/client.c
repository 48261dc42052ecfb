#include "client/client.h"

#include "client/call.h"
#include "client/members.h"
#include "client/problem.h"
#include "common/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_json_error(const char *error, struct json_object *parameters)
{
    auto_json struct json_object *message = json_object_new_object();
    struct json_object *shown = parameters ? json_object_get(parameters) : json_object_new_object();
    if (!message || !json_put_string(message, "error", error)) {
        json_object_put(shown);
        fputs("netnsctl: out of memory\n", stderr);
        return;
    }
    if (!json_put(message, "parameters", shown) || !print_json(stdout, message))
        fputs("netnsctl: out of memory\n", stderr);
}

void client_show_error(const struct client *client, const char *error,
                       struct json_object *parameters, const struct source *source)
{
    if (client->options.json) {
        show_json_error(error, parameters);
        return;
    }
    struct problem_output output = {
        .out = stderr, .colored = client->error_colored, .source = source};
    problem_write_error(&output, error, parameters);
}

int client_fail(const struct client *client, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return client_fail_memory(client);
    auto_json struct json_object *parameters = strings_object("message", text, NULL);
    free(text);
    client_show_error(client, "io.netnsd.Client.Failed", parameters, NULL);
    return STATUS_FAILED;
}

int client_fail_memory(const struct client *client)
{
    (void)client;
    fputs("netnsctl: out of memory\n", stderr);
    return STATUS_FAILED;
}

int client_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("netnsctl: ", stderr);
    vfprintf(stderr, format, arguments);
    putc('\n', stderr);
    va_end(arguments);
    return STATUS_USAGE;
}

bool client_send(struct client *client, const char *method, struct json_object *parameters,
                 bool more)
{
    auto_json struct json_object *owned = parameters;
    struct error error = {0};
    if (!owned) {
        client_fail_memory(client);
        return false;
    }
    if (!client->connection)
        client->connection = call_connection_open(client->options.socket_path, &error);
    if (client->connection &&
        connection_send(client->connection, method, TAKE(owned), more, &error))
        return true;
    client_fail(client, "%s", error.text);
    return false;
}

/* EXPECTED (may be NULL) is an error that is none. */
static bool next(struct client *client, const struct source *source, const char *expected,
                 struct varlink_reply *reply)
{
    struct error error = {0};
    if (!connection_receive(client->connection, reply, &error)) {
        client_fail(client, "%s", error.text);
        return false;
    }
    bool any = expected && !*expected;
    if (!reply->error || any || (expected && strcmp(reply->error, expected) == 0))
        return true;
    client_show_error(client, reply->error, reply->parameters, source);
    varlink_reply_clear(reply);
    return false;
}

bool client_receive(struct client *client, const struct source *source, struct varlink_reply *reply)
{
    return next(client, source, NULL, reply);
}

bool client_call(struct client *client, const char *method, struct json_object *parameters,
                 const struct source *source, struct varlink_reply *reply)
{
    return client_send(client, method, parameters, false) && client_receive(client, source, reply);
}

bool client_ask(struct client *client, const char *method, struct json_object *parameters,
                const char *expected, struct varlink_reply *reply)
{
    return client_send(client, method, parameters, false) && next(client, NULL, expected, reply);
}

bool client_stream(struct client *client, const char *method, struct json_object *parameters,
                   bool (*each)(void *context, struct json_object *reply), void *context)
{
    if (!client_send(client, method, parameters, true))
        return false;
    bool continues = true;
    while (continues) {
        auto_reply struct varlink_reply reply = {0};
        if (!client_receive(client, NULL, &reply))
            return false;
        if (!each(context, reply.parameters))
            return false;
        continues = reply.continues;
    }
    return true;
}

struct gathering {
    const struct client *client;
    const char *member;
    struct json_object *all, *array; /* borrowed */
};

/* The elements of all replies, and what else is in them. */
static bool gather(void *context, struct json_object *reply)
{
    const struct gathering *gathering = context;
    bool good = true;
    for (size_t i = 0; i < member_count(reply, gathering->member); i++) {
        struct json_object *element = member_element(reply, gathering->member, i);
        good &= json_append(gathering->array, json_object_get(element));
    }
    json_object_object_foreach (reply, name, value) {
        if (strcmp(name, gathering->member) != 0)
            good &= json_put(gathering->all, name, json_object_get(value));
    }
    if (!good)
        client_fail_memory(gathering->client);
    return good;
}

struct json_object *client_list(struct client *client, const char *method,
                                struct json_object *parameters, const char *name)
{
    auto_json struct json_object *owned = parameters;
    auto_json struct json_object *all = json_object_new_object();
    struct gathering gathering = {
        .client = client, .member = name, .all = all, .array = json_object_new_array()};
    if (!all || !json_put(all, name, gathering.array)) {
        client_fail_memory(client);
        return NULL;
    }
    return client_stream(client, method, TAKE(owned), gather, &gathering) ? TAKE(all) : NULL;
}

int client_print_json(const struct client *client, struct json_object *object)
{
    auto_json struct json_object *shown =
        object ? json_object_get(object) : json_object_new_object();
    return shown && print_json(stdout, shown) ? STATUS_GOOD : client_fail_memory(client);
}

int client_print_table(const struct client *client, const struct table *table)
{
    return table_print(table, stdout, client->colored) ? STATUS_GOOD : client_fail_memory(client);
}

void client_close(struct client *client)
{
    call_connection_free(client->connection);
    client->connection = NULL;
}
