#include "api/list.h"

#include "common/cleanup.h"
#include "common/varlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For {"parameters":{"KEY":[]}}. */
#define ENVELOPE 256

void list_begin(struct list *list, struct call *call, const char *key)
{
    *list = (struct list){.call = call, .key = key};
}

void list_clear(struct list *list)
{
    json_object_put(list->kept);
    json_object_put(list->last);
    free(list->text);
    *list = (struct list){0};
}

static bool append(struct list *list, const char *text, size_t length)
{
    if (list->capacity - list->length < length) {
        size_t capacity = 2 * list->capacity + length + ENVELOPE;
        char *grown = realloc(list->text, capacity);
        if (!grown)
            return false;
        list->text = grown;
        list->capacity = capacity;
    }
    memcpy(list->text + list->length, text, length);
    list->length += length;
    return true;
}

static bool append_object(struct list *list, struct json_object *object)
{
    size_t length = 0;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
    return text && append(list, text, length);
}

static bool append_format(struct list *list, const char *format, const char *key)
{
    char text[ENVELOPE];
    int length = snprintf(text, sizeof(text), format, key);
    return append(list, text, (size_t)length);
}

/* Begins the text, or separates what follows from what is there. */
static bool append_separator(struct list *list)
{
    return list->length ? append(list, ",", 1) : append_format(list, "{\"%s\":[", list->key);
}

/* The parameters of a reply with what is kept. NULL when memory is short. */
static struct json_object *take_kept(struct list *list)
{
    auto_json struct json_object *reply = json_object_new_object();
    auto_json struct json_object *elements = json_object_new_array();
    auto_json struct json_object *kept = TAKE(list->kept);
    if (!reply || !elements || (kept && !json_append(elements, TAKE(kept))) ||
        !json_put(reply, list->key, TAKE(elements)))
        return NULL;
    return TAKE(reply);
}

static bool add_streamed(struct list *list, struct json_object *element)
{
    struct json_object *reply = list->kept ? take_kept(list) : NULL;
    bool good = reply || !list->count;
    if (reply)
        call_continue(list->call, reply);
    list->kept = json_object_get(element);
    return good;
}

bool list_add(struct list *list, struct json_object *element)
{
    auto_json struct json_object *owned = element;
    if (list->failed || list->too_long || !call_alive(list->call))
        return false;
    if (!element)
        list->failed = true;
    else if (call_wants_more(list->call))
        list->failed = !add_streamed(list, element);
    else
        list->failed = !append_separator(list) || !append_object(list, element);
    list->count++;
    list->too_long = list->length + ENVELOPE > VARLINK_MESSAGE_MAX;
    return !list->failed && !list->too_long;
}

void list_put_last(struct list *list, const char *key, struct json_object *value)
{
    list->last_key = key;
    list->last = value;
    list->failed |= !value;
}

static bool end_stream(struct list *list)
{
    auto_json struct json_object *reply = take_kept(list);
    if (!reply || (list->last_key && !json_put(reply, list->last_key, TAKE(list->last))))
        return false;
    call_reply(list->call, TAKE(reply));
    return true;
}

static bool end_text(struct list *list)
{
    bool good =
        (list->length || append_format(list, "{\"%s\":[", list->key)) && append(list, "]", 1) &&
        (!list->last_key ||
         (append_format(list, ",\"%s\":", list->last_key) && append_object(list, list->last))) &&
        append(list, "}", 1);
    if (good && list->length + ENVELOPE <= VARLINK_MESSAGE_MAX)
        call_reply_text(list->call, list->text, list->length);
    else if (good)
        call_expected_more(list->call);
    return good;
}

void list_end(struct list *list)
{
    bool good = !list->failed;
    if (good && list->too_long)
        call_expected_more(list->call);
    else if (good)
        good = call_wants_more(list->call) ? end_stream(list) : end_text(list);
    if (!good)
        call_fail_memory(list->call);
    list_clear(list);
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
