/* Varlink messages, as calls and as replies. */
#include "fuzz.h"

#include "common/cleanup.h"
#include "common/varlink.h"

#include <string.h>

static void read_call(const char *text, size_t size)
{
    struct varlink_call call = {0};
    struct error error = {0};
    char interface[256];
    const char *method;
    if (!varlink_call_read(text, size, &call, &error)) {
        PROMISE(error.code != ERROR_NONE && error.text[0]);
        return;
    }
    PROMISE(call.method && call.oneway + call.more + call.upgrade <= 1);
    if (varlink_method_split(call.method, interface, sizeof(interface), &method))
        PROMISE(strlen(interface) + 1 + strlen(method) == strlen(call.method));
    if (call.document) {
        struct json_object *stand_in = NULL;
        PROMISE(call.document->bytes[0] == '{' &&
                json_object_object_get_ex(call.parameters, "document", &stand_in) &&
                json_object_object_length(stand_in) == 0);
    }
    varlink_call_clear(&call);
}

static void read_reply(const char *text, size_t size)
{
    struct varlink_reply reply = {0};
    struct error error = {0};
    if (!varlink_reply_read(text, size, &reply, &error)) {
        PROMISE(error.code != ERROR_NONE && error.text[0]);
        return;
    }
    PROMISE(!(reply.error && reply.continues));
    varlink_reply_clear(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_call((const char *)data, size);
    read_reply((const char *)data, size);
    return 0;
}
