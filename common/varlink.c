#include "common/varlink.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Scans one message. The first finding becomes ERROR. */
static bool scan_message(const char *text, size_t length, struct error *error)
{
    struct problems problems = {0};
    bool good = json_check(text, length, &problems);
    if (!good && problems.count)
        error_set(error, ERROR_INVALID, 0, "not JSON: %s", problems.items[0].text);
    else if (!good)
        error_memory(error);
    problems_clear(&problems);
    return good;
}

/* Makes an object of a message that was scanned. */
static struct json_object *parse_message(const char *text, size_t length, struct error *error)
{
    struct problems problems = {0};
    auto_json struct json_object *message = json_parse_scanned(text, length, &problems);
    if (!message && problems.count)
        error_set(error, ERROR_INVALID, 0, "not JSON: %s", problems.items[0].text);
    else if (!message)
        error_memory(error);
    problems_clear(&problems);
    if (message && !json_object_is_type(message, json_type_object)) {
        error_set(error, ERROR_INVALID, 0, "a message is a JSON object");
        return NULL;
    }
    return TAKE(message);
}

/* Finds what the parameter "document" of a call says, if that is an object. */
static bool find_document(const char *text, size_t length, struct json_members *found)
{
    struct json_members message;
    json_members_begin(&message, text, length);
    if (!json_members_find(&message, "parameters"))
        return false;
    json_members_enter(&message, found);
    return json_members_find(found, "document") && *found->value == '{';
}

/* The message without its document, which goes into *DOCUMENT. */
static struct json_object *parse_around(const char *text, size_t length, struct json_members *found,
                                        struct json_text **document, struct error *error)
{
    size_t before = (size_t)(found->value - text), size = json_members_length(found);
    size_t after = before + size;
    auto_free char *rest = malloc(length - size + 2);
    *document = json_text_new(found->value, size);
    if (!rest || !*document) {
        error_memory(error);
        return NULL;
    }
    memcpy(rest, text, before);
    memcpy(rest + before, "{}", 2);
    memcpy(rest + before + 2, text + after, length - after);
    return parse_message(rest, length - size + 2, error);
}

static struct json_object *parse_call(const char *text, size_t length, struct json_text **document,
                                      struct error *error)
{
    struct json_members found;
    if (!scan_message(text, length, error))
        return NULL;
    return find_document(text, length, &found) ? parse_around(text, length, &found, document, error)
                                               : parse_message(text, length, error);
}

/* No parameters, null and {} mean the same. */
static struct json_object *unless_empty(struct json_object *parameters)
{
    return parameters && json_object_object_length(parameters) > 0 ? parameters : NULL;
}

bool varlink_call_read(const char *text, size_t length, struct varlink_call *call,
                       struct error *error)
{
    static const struct json_field fields[] = {
        {.name = "method",
         .type = JSON_FIELD_STRING,
         .offset = offsetof(struct varlink_call, method),
         .required = true},
        {.name = "parameters",
         .type = JSON_FIELD_OBJECT,
         .offset = offsetof(struct varlink_call, parameters)},
        {.name = "oneway",
         .type = JSON_FIELD_BOOL,
         .offset = offsetof(struct varlink_call, oneway)},
        {.name = "more", .type = JSON_FIELD_BOOL, .offset = offsetof(struct varlink_call, more)},
        {.name = "upgrade",
         .type = JSON_FIELD_BOOL,
         .offset = offsetof(struct varlink_call, upgrade)},
        {.name = NULL},
    };
    auto_json_text struct json_text *document = NULL;
    auto_json struct json_object *message = parse_call(text, length, &document, error);
    *call = (struct varlink_call){0};
    if (!message || !json_read_all_fields(message, fields, call, error))
        return false;
    if (call->oneway + call->more + call->upgrade > 1)
        return error_set(error, ERROR_INVALID, 0,
                         "\"oneway\", \"more\" and \"upgrade\" exclude each other");
    call->parameters = unless_empty(call->parameters);
    call->message = TAKE(message);
    call->document = TAKE(document);
    return true;
}

void varlink_call_clear(struct varlink_call *call)
{
    json_text_put(call->document);
    json_object_put(call->message);
    *call = (struct varlink_call){0};
}

bool varlink_reply_read(const char *text, size_t length, struct varlink_reply *reply,
                        struct error *error)
{
    static const struct json_field fields[] = {
        {.name = "parameters",
         .type = JSON_FIELD_OBJECT,
         .offset = offsetof(struct varlink_reply, parameters)},
        {.name = "error",
         .type = JSON_FIELD_STRING,
         .offset = offsetof(struct varlink_reply, error)},
        {.name = "continues",
         .type = JSON_FIELD_BOOL,
         .offset = offsetof(struct varlink_reply, continues)},
        {.name = NULL},
    };
    auto_json struct json_object *message =
        scan_message(text, length, error) ? parse_message(text, length, error) : NULL;
    *reply = (struct varlink_reply){0};
    if (!message || !json_read_all_fields(message, fields, reply, error))
        return false;
    reply->parameters = unless_empty(reply->parameters);
    reply->message = TAKE(message);
    return true;
}

void varlink_reply_clear(struct varlink_reply *reply)
{
    json_object_put(reply->message);
    *reply = (struct varlink_reply){0};
}

struct json_object *varlink_call_new(const char *method, struct json_object *parameters, bool more)
{
    auto_json struct json_object *owned = parameters;
    auto_json struct json_object *call = json_object_new_object();
    bool good = call && json_put_string(call, "method", method) &&
                (!owned || json_put(call, "parameters", TAKE(owned))) &&
                (!more || json_put_bool(call, "more", true));
    return good ? TAKE(call) : NULL;
}

struct json_object *varlink_reply_new(struct json_object *parameters, bool continues)
{
    auto_json struct json_object *owned = parameters;
    auto_json struct json_object *reply = json_object_new_object();
    if (reply && !owned)
        owned = json_object_new_object();
    bool good = reply && json_put(reply, "parameters", TAKE(owned)) &&
                (!continues || json_put_bool(reply, "continues", true));
    return good ? TAKE(reply) : NULL;
}

struct json_object *varlink_error_new(const char *error, struct json_object *parameters)
{
    auto_json struct json_object *owned = parameters;
    auto_json struct json_object *reply = json_object_new_object();
    if (reply && !owned)
        owned = json_object_new_object();
    bool good = reply && json_put_string(reply, "error", error) &&
                json_put(reply, "parameters", TAKE(owned));
    return good ? TAKE(reply) : NULL;
}

static bool is_method_name(const char *name)
{
    if (!isupper((unsigned char)*name))
        return false;
    while (isalnum((unsigned char)*name))
        name++;
    return !*name;
}

/* Parts of letters, digits and hyphens, separated by single dots, at least two of them. */
static bool is_interface_name(const char *name)
{
    bool dotted = false;
    if (!isalpha((unsigned char)*name))
        return false;
    for (const char *c = name; *c; c++) {
        bool plain = isalnum((unsigned char)*c);
        if (!plain && *c != '.' && *c != '-')
            return false;
        if (!plain && !isalnum((unsigned char)c[1]) && c[1] != '-')
            return false;
        dotted |= *c == '.';
    }
    return dotted;
}

bool varlink_method_split(const char *qualified, char *interface, size_t size, const char **method)
{
    const char *dot = strrchr(qualified, '.');
    size_t length = dot ? (size_t)(dot - qualified) : 0;
    if (!dot || length >= size)
        return false;
    memcpy(interface, qualified, length);
    interface[length] = '\0';
    *method = dot + 1;
    return is_interface_name(interface) && is_method_name(*method);
}
