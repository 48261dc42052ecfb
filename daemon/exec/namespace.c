#include "exec/namespace.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/stream.h"
#include "common/varlink.h"

#include <string.h>

static bool send_call(struct stream *stream, const char *name, struct error *error)
{
    auto_json struct json_object *parameters = json_object_new_object();
    if (!parameters || !json_put_string(parameters, "namespace", name))
        return error_memory(error);
    return stream_send(stream,
                       varlink_call_new("io.netnsd.Namespace.Open", TAKE(parameters), false), NULL,
                       0, error);
}

static void refuse(const char *name, const struct varlink_reply *reply, struct error *error)
{
    const char *message = json_object_get_string(json_lookup(reply->parameters, "/message"));
    if (strcmp(reply->error, "io.netnsd.Namespace.NoSuchNamespace") == 0)
        error_set(error, ERROR_NOT_FOUND, 0, "there is no namespace '%s'", name);
    else
        error_set(error, ERROR_SYSTEM, 0, "netnsd does not open namespace '%s': %s", name,
                  message ? message : reply->error);
}

int namespace_open(const char *socket, const char *name, struct error *error)
{
    auto_stream struct stream *stream = stream_open(socket, error);
    const char *text;
    size_t length;
    if (!stream || !send_call(stream, name, error))
        return -1;
    while (!stream_next(stream, &text, &length)) {
        if (!stream_fill(stream, error))
            return -1;
    }
    struct varlink_reply reply;
    if (!varlink_reply_read(text, length, &reply, error))
        return -1;
    int fd = reply.error ? -1 : stream_take_descriptor(stream, 0);
    if (reply.error)
        refuse(name, &reply, error);
    else if (fd < 0)
        error_set(error, ERROR_SYSTEM, 0, "netnsd sent no descriptor");
    varlink_reply_clear(&reply);
    return fd;
}
