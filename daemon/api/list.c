#include "api/list.h"

#include "common/cleanup.h"
#include "common/varlink.h"

#include <stdio.h>
#include <string.h>

/* For {"parameters":{"KEY":[]}} and commas. */
#define ENVELOPE 256

void list_begin(struct list *list, struct call *call, const char *key)
{
    *list = (struct list){.call = call, .key = key, .elements = json_object_new_array()};
    list->failed = !list->elements;
}

/* The reply with what is kept, which begins anew. NULL when memory is short. */
static struct json_object *take_reply(struct list *list)
{
    auto_json struct json_object *reply = json_object_new_object();
    auto_json struct json_object *elements = TAKE(list->elements);
    list->elements = json_object_new_array();
    if (!reply || !list->elements || !json_put(reply, list->key, TAKE(elements)))
        return NULL;
    return TAKE(reply);
}

static bool stream(struct list *list)
{
    if (json_object_array_length(list->elements) == 0)
        return true;
    struct json_object *reply = take_reply(list);
    if (!reply)
        return false;
    call_continue(list->call, reply);
    return true;
}

bool list_add(struct list *list, struct json_object *element)
{
    size_t length = 0;
    if (list->failed || list->too_long || !call_alive(list->call)) {
        json_object_put(element);
        return false;
    }
    if (!element || (call_wants_more(list->call) && !stream(list))) {
        json_object_put(element);
        list->failed = true;
        return false;
    }
    json_object_to_json_string_length(
        element, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
    list->bytes += length + 1;
    list->too_long = !call_wants_more(list->call) && list->bytes + ENVELOPE > VARLINK_MESSAGE_MAX;
    list->failed = !json_append(list->elements, element);
    return !list->failed && !list->too_long;
}

void list_put_last(struct list *list, const char *key, struct json_object *value)
{
    list->last_key = key;
    list->last = value;
    list->failed |= !value;
}

static struct json_object *take_last_reply(struct list *list)
{
    auto_json struct json_object *reply = take_reply(list);
    auto_json struct json_object *last = TAKE(list->last);
    if (!reply || (list->last_key && !json_put(reply, list->last_key, TAKE(last))))
        return NULL;
    return TAKE(reply);
}

void list_end(struct list *list)
{
    struct json_object *reply = list->failed ? NULL : take_last_reply(list);
    json_object_put(list->elements);
    json_object_put(list->last);
    if (!reply) {
        call_fail_memory(list->call);
    } else if (list->too_long) {
        json_object_put(reply);
        call_expected_more(list->call);
    } else {
        call_reply(list->call, reply);
    }
}

void call_namespace_error(struct call *call, const char *interface, const char *namespace,
                          const struct error *error)
{
    char name[128];
    bool missing = error->code == ERROR_NOT_FOUND;
    auto_json struct json_object *parameters = json_object_new_object();
    snprintf(name, sizeof(name), "%s.%s", interface, missing ? "NoSuchNamespace" : "KernelRefused");
    if (error->code == ERROR_MEMORY || !parameters ||
        !json_put_string(parameters, "namespace", namespace ? namespace : "") ||
        (!missing && (!json_put_string(parameters, "errno", errno_name(error->errnum)) ||
                      !json_put_string(parameters, "message", error->text))))
        call_fail_memory(call);
    else
        call_error(call, name, TAKE(parameters));
}
