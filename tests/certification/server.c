/* A server of org.varlink.certification on netnsd's protocol core, for the clients by which Varlink
 * implementations are measured (https://varlink.org/Interfaces). It serves one socket until it is
 * told to end:
 *
 *     server SOCKET */
#include "api/server.h"
#include "api/connection.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/varlink.h"

#include <event2/event.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 100
#define STREAM_LENGTH 10
#define PI "3.141592653589793"
#define EVERYTHING "\"bool\": false, \"int\": 2, \"float\": " PI ", \"string\": \"a lot of string\""

/* What a client sends, less its client_id, and what it gets: the next thing that it sends. */
static const struct step {
    const char *method, *wants, *gives;
} steps[] = {
    {"Test01", "{}", "{\"bool\": true}"},
    {"Test02", "{\"bool\": true}", "{\"int\": 1}"},
    {"Test03", "{\"int\": 1}", "{\"float\": 1.0}"},
    {"Test04", "{\"float\": 1.0}", "{\"string\": \"ping\"}"},
    {"Test05", "{\"string\": \"ping\"}", "{" EVERYTHING "}"},
    {"Test06", "{" EVERYTHING "}", "{\"struct\": {" EVERYTHING "}}"},
    {"Test07", "{\"struct\": {" EVERYTHING "}}", "{\"map\": {\"foo\": \"Foo\", \"bar\": \"Bar\"}}"},
    {"Test08", "{\"map\": {\"foo\": \"Foo\", \"bar\": \"Bar\"}}",
     "{\"set\": {\"one\": {}, \"two\": {}, \"three\": {}}}"},
#define MYTYPE                                                                                     \
    "{\"mytype\": {\"object\": {\"method\": \"org.varlink.certification.Test09\","                 \
    " \"parameters\": {\"map\": {\"foo\": \"Foo\", \"bar\": \"Bar\"}}},"                           \
    " \"enum\": \"two\", \"struct\": {\"first\": 1, \"second\": \"2\"},"                           \
    " \"array\": [\"one\", \"two\", \"three\"],"                                                   \
    " \"dictionary\": {\"foo\": \"Foo\", \"bar\": \"Bar\"},"                                       \
    " \"stringset\": {\"one\": {}, \"two\": {}, \"three\": {}},"                                   \
    " \"nullable\": null, \"nullable_array_struct\": null,"                                        \
    " \"interface\": {\"foo\": [null, {\"foo\": \"foo\", \"bar\": \"bar\"}, null,"                 \
    " {\"one\": \"foo\", \"two\": \"bar\"}], \"anon\": {\"foo\": true, \"bar\": false}}}}"
    {"Test09", "{\"set\": {\"one\": {}, \"two\": {}, \"three\": {}}}", MYTYPE},
    {"Test10", MYTYPE, NULL},
    {"Test11",
     "{\"last_more_replies\": [\"Reply number 1\", \"Reply number 2\", \"Reply number 3\","
     " \"Reply number 4\", \"Reply number 5\", \"Reply number 6\", \"Reply number 7\","
     " \"Reply number 8\", \"Reply number 9\", \"Reply number 10\"]}",
     "{}"},
};
static const size_t step_count = sizeof(steps) / sizeof(steps[0]);

/* How many steps each client has done as it should; its id is its place here. */
static size_t done[CLIENTS_MAX];
static size_t client_count;

static struct json_object *parse(const char *text)
{
    struct json_object *value = json_tokener_parse(text);
    if (!value)
        abort();
    return value;
}

static bool same(struct json_object *a, struct json_object *b);

/* Does B hold all that A holds? An absent member is the same as null. */
static bool holds(struct json_object *a, struct json_object *b)
{
    json_object_object_foreach (a, name, value) {
        if (!same(value, json_object_object_get(b, name)))
            return false;
    }
    return true;
}

static bool same_arrays(struct json_object *a, struct json_object *b)
{
    size_t length = json_object_array_length(a);
    if (json_object_array_length(b) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!same(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
            return false;
    }
    return true;
}

static bool is_number(const struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

/* JSON has one type of number: 1 and 1.0 are the same. */
static bool same(struct json_object *a, struct json_object *b)
{
    if (is_number(a) && is_number(b))
        return fabs(json_object_get_double(a) - json_object_get_double(b)) < 1e-12;
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    if (json_object_is_type(a, json_type_object))
        return holds(a, b) && holds(b, a);
    if (json_object_is_type(a, json_type_array))
        return same_arrays(a, b);
    return json_object_equal(a, b);
}

/* Finds the caller by the client_id among its parameters. */
static bool find_client(struct json_object *parameters, size_t *client)
{
    const char *id = json_object_get_string(json_object_object_get(parameters, "client_id"));
    char *end;
    if (!id || !*id)
        return false;
    *client = strtoul(id, &end, 10);
    return !*end && *client < client_count;
}

static const struct step *find_step(const struct call *call)
{
    const char *name = strrchr(call_message(call)->method, '.') + 1;
    const struct step *step = steps;
    while (strcmp(step->method, name) != 0)
        step++;
    return step;
}

static bool flags_are_right(const struct call *call, const struct step *step)
{
    const struct varlink_call *message = call_message(call);
    return message->more == (strcmp(step->method, "Test10") == 0) &&
           message->oneway == (strcmp(step->method, "Test11") == 0);
}

static void fail(struct call *call, struct json_object *wants, struct json_object *got)
{
    struct json_object *parameters = json_object_new_object();
    json_object_object_add(parameters, "wants", json_object_get(wants));
    json_object_object_add(parameters, "got", json_object_get(got));
    call_error(call, "org.varlink.certification.CertificationError", parameters);
}

static struct json_object *numbered(int number)
{
    char text[32];
    struct json_object *parameters = json_object_new_object();
    snprintf(text, sizeof(text), "Reply number %d", number);
    json_object_object_add(parameters, "string", json_object_new_string(text));
    return parameters;
}

static void stream(struct call *call)
{
    for (int i = 1; i < STREAM_LENGTH; i++)
        call_continue(call, numbered(i));
    call_reply(call, numbered(STREAM_LENGTH));
}

static void run_step(struct call *call)
{
    const struct step *step = find_step(call);
    struct json_object *parameters = call_parameters(call);
    auto_json struct json_object *wants = parse(step->wants);
    size_t client;
    if (!find_client(parameters, &client)) {
        call_error(call, "org.varlink.certification.ClientIdError", NULL);
        return;
    }
    json_object_object_add(wants, "client_id",
                           json_object_get(json_object_object_get(parameters, "client_id")));
    if (!flags_are_right(call, step) || !same(wants, parameters)) {
        fail(call, wants, parameters);
        return;
    }
    done[client]++;
    if (step->gives)
        call_reply(call, parse(step->gives));
    else
        stream(call);
}

static void run_start(struct call *call)
{
    char id[32];
    struct json_object *parameters = json_object_new_object();
    if (client_count == CLIENTS_MAX)
        abort();
    snprintf(id, sizeof(id), "%zu", client_count++);
    json_object_object_add(parameters, "client_id", json_object_new_string(id));
    call_reply(call, parameters);
}

static void run_end(struct call *call)
{
    size_t client;
    if (!find_client(call_parameters(call), &client)) {
        call_error(call, "org.varlink.certification.ClientIdError", NULL);
        return;
    }
    struct json_object *parameters = json_object_new_object();
    json_object_object_add(parameters, "all_ok",
                           json_object_new_boolean(done[client] == step_count));
    call_reply(call, parameters);
}

static const struct method methods[] = {
    {.name = "Start", .run = run_start, .reading = true},
    {.name = "Test01", .run = run_step, .reading = true},
    {.name = "Test02", .run = run_step, .reading = true},
    {.name = "Test03", .run = run_step, .reading = true},
    {.name = "Test04", .run = run_step, .reading = true},
    {.name = "Test05", .run = run_step, .reading = true},
    {.name = "Test06", .run = run_step, .reading = true},
    {.name = "Test07", .run = run_step, .reading = true},
    {.name = "Test08", .run = run_step, .reading = true},
    {.name = "Test09", .run = run_step, .reading = true},
    {.name = "Test10", .run = run_step, .reading = true},
    {.name = "Test11", .run = run_step, .reading = true},
    {.name = "End", .run = run_end, .reading = true},
    {.name = NULL},
};

static const struct interface certification = {.name = "org.varlink.certification",
                                               .methods = methods};

static void on_signal(evutil_socket_t signal_number, short what, void *base)
{
    (void)signal_number;
    (void)what;
    event_base_loopbreak(base);
}

static bool serve(struct event_base *base, const char *path)
{
    static const struct interface *const interfaces[] = {&certification, NULL};
    const struct server_options options = {.vendor = "netnsd",
                                           .product = "certification",
                                           .version = "1",
                                           .url = "https://varlink.org",
                                           .interfaces = interfaces,
                                           .texts = interface_texts,
                                           .text_count = interface_text_count};
    struct error error = {0};
    struct server *server = server_new(base, &options, &error);
    bool good = server && server_listen(server, path, &error);
    if (good) {
        puts("ready");
        fflush(stdout);
        event_base_dispatch(base);
    } else {
        fprintf(stderr, "certification: %s\n", error.text);
    }
    if (server)
        server_free(server);
    return good;
}

int main(int argument_count, char **arguments)
{
    struct event_base *base = event_base_new();
    if (argument_count != 2 || !base)
        return 2;
    struct event *terminate = evsignal_new(base, SIGTERM, on_signal, base);
    if (!terminate || event_add(terminate, NULL) < 0)
        return 2;
    bool good = serve(base, arguments[1]);
    event_free(terminate);
    event_base_free(base);
    return good ? 0 : 1;
}
