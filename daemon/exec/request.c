#include "exec/request.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/varlink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A client sends its request at once. */
#define PATIENCE_MS 10000

/* The major numbers of pseudo-terminals' slaves (Documentation/admin-guide/devices.txt). */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

bool request_await(struct stream *stream, const char **text, size_t *length, struct error *error)
{
    int64_t deadline = clock_monotonic() + PATIENCE_MS;
    while (!stream_next(stream, text, length)) {
        struct pollfd poll_fd = {.fd = stream_fd(stream), .events = POLLIN};
        int64_t left = deadline - clock_monotonic();
        if (left <= 0 || poll(&poll_fd, 1, (int)left) <= 0)
            return error_set(error, ERROR_INVALID, ETIMEDOUT, "no request came");
        if (!stream_fill(stream, error))
            return false;
    }
    return true;
}

/* The bytes that TEXT stands for: one a character, up to U+00FF. NULL, and an error, otherwise. */
static char *read_bytes(const char *text, struct error *error)
{
    char *bytes = malloc(strlen(text) + 1), *out = bytes;
    if (!bytes) {
        error_memory(error);
        return NULL;
    }
    while (*text) {
        unsigned char first = (unsigned char)*text++;
        if (first >= 0x80 && first != 0xc2 && first != 0xc3) {
            error_set(error, ERROR_INVALID, 0, "a character stands for no byte");
            free(bytes);
            return NULL;
        }
        if (first >= 0x80)
            first = (unsigned char)((first & 0x03) << 6 | (*text++ & 0x3f));
        *out++ = (char)first;
    }
    *out = '\0';
    return bytes;
}

/* NULL, and an error, unless ARRAY holds strings alone. */
static char **read_strings(struct json_object *array, struct error *error)
{
    size_t count = json_object_array_length(array);
    char **strings = calloc(count + 1, sizeof(*strings));
    if (!strings)
        error_memory(error);
    for (size_t i = 0; strings && i < count; i++) {
        struct json_object *element = json_object_array_get_idx(array, i);
        const char *text =
            json_object_is_type(element, json_type_string) ? json_object_get_string(element) : NULL;
        if (text && strlen(text) == (size_t)json_object_get_string_len(element) &&
            (strings[i] = read_bytes(text, error)))
            continue;
        error_set(error, ERROR_INVALID, 0, "a word or variable is none");
        strings_free(TAKE(strings));
    }
    return strings;
}

struct parameters {
    const char *namespace;
    struct json_object *command, *environment;
    const char *terminal;
};

static const struct json_field run_fields[] = {
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct parameters, namespace),
     .required = true},
    {.name = "command",
     .type = JSON_FIELD_ARRAY,
     .offset = offsetof(struct parameters, command),
     .required = true},
    {.name = "environment",
     .type = JSON_FIELD_ARRAY,
     .offset = offsetof(struct parameters, environment),
     .required = true},
    {.name = "terminal",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct parameters, terminal)},
    {.name = NULL},
};

/* It becomes part of paths that root uses. */
static bool is_file_name(const char *name)
{
    return *name && strlen(name) <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

/* A terminal is the one descriptor that anything but the command works with: it must be what it
 * is said to be. */
static bool is_pseudo_terminal(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
           major(status.st_rdev) >= PTS_MAJOR_FIRST && major(status.st_rdev) <= PTS_MAJOR_LAST;
}

static bool take_descriptors(struct stream *stream, struct request *request, bool terminal,
                             struct error *error)
{
    size_t count = terminal ? REQUEST_DESCRIPTORS : REQUEST_TERMINAL;
    for (size_t i = 0; i < count; i++) {
        request->descriptors[i] = stream_take_descriptor(stream, i);
        if (request->descriptors[i] < 0)
            return error_set(error, ERROR_INVALID, 0, "%zu descriptors belong to a call of Run",
                             count);
    }
    if (terminal && !is_pseudo_terminal(request->descriptors[REQUEST_TERMINAL]))
        return error_set(error, ERROR_INVALID, 0, "the terminal is no pseudo-terminal's end");
    return true;
}

static bool take_parameters(const struct parameters *parameters, struct request *request,
                            struct error *error)
{
    const char *terminal = parameters->terminal;
    if (!is_file_name(parameters->namespace))
        return error_set(error, ERROR_INVALID, 0, "that can be no namespace's name");
    if (json_object_array_length(parameters->command) == 0)
        return error_set(error, ERROR_INVALID, 0, "there is no command");
    if (terminal && strcmp(terminal, "foreground") != 0 && strcmp(terminal, "background") != 0)
        return error_set(error, ERROR_INVALID, 0, "a terminal is foreground or background");
    request->foreground = terminal && strcmp(terminal, "foreground") == 0;
    request->namespace = strdup(parameters->namespace);
    if (!request->namespace)
        return error_memory(error);
    return (request->command = read_strings(parameters->command, error)) &&
           (request->environment = read_strings(parameters->environment, error));
}

bool request_read(struct stream *stream, const char *text, size_t length, struct request *request,
                  struct error *error)
{
    struct varlink_call call;
    struct parameters parameters = {0};
    *request = (struct request){.descriptors = {-1, -1, -1, -1, -1}};
    if (!varlink_call_read(text, length, &call, error))
        return false;
    bool good = false;
    if (strcmp(call.method, "io.netnsd.Exec.Run") != 0 || !call.more)
        error_set(error, ERROR_INVALID, 0, "a connection begins with io.netnsd.Exec.Run");
    else
        good = json_read_all_fields(call.parameters, run_fields, &parameters, error) &&
               take_parameters(&parameters, request, error) &&
               take_descriptors(stream, request, parameters.terminal, error);
    varlink_call_clear(&call);
    return good;
}

void request_clear(struct request *request)
{
    free(request->namespace);
    strings_free(request->command);
    strings_free(request->environment);
    for (size_t i = 0; i < REQUEST_DESCRIPTORS; i++)
        close_descriptor(&request->descriptors[i]);
}

static bool read_order(const struct varlink_call *call, struct order *order, struct error *error)
{
    static const struct json_field continue_fields[] = {
        {.name = "foreground",
         .type = JSON_FIELD_BOOL,
         .offset = offsetof(struct order, foreground),
         .required = true},
        {.name = NULL},
    };
    static const struct json_field signal_fields[] = {
        {.name = "signal",
         .type = JSON_FIELD_INTEGER,
         .required = true,
         .minimum = 1,
         .maximum = 64},
        {.name = NULL},
    };
    int64_t number = 0;
    *order = (struct order){0};
    if (!call->oneway)
        return error_set(error, ERROR_INVALID, 0, "what is said of a running command is oneway");
    if (strcmp(call->method, "io.netnsd.Exec.Continue") == 0)
        return json_read_all_fields(call->parameters, continue_fields, order, error);
    if (strcmp(call->method, "io.netnsd.Exec.Signal") != 0)
        return error_set(error, ERROR_INVALID, 0, "there is no such method");
    bool good = json_read_all_fields(call->parameters, signal_fields, &number, error);
    order->signal = (int)number;
    return good;
}

bool order_read(const char *text, size_t length, struct order *order, struct error *error)
{
    struct varlink_call call;
    if (!varlink_call_read(text, length, &call, error))
        return false;
    bool good = read_order(&call, order, error);
    varlink_call_clear(&call);
    return good;
}
