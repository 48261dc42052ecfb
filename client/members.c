#include "client/members.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <stdarg.h>

struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(object, json_type_object))
        return NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

const char *member_string(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t member_integer(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

bool member_bool(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

size_t member_count(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
}

struct json_object *member_element(struct json_object *object, const char *name, size_t index)
{
    return index < member_count(object, name)
               ? json_object_array_get_idx(member(object, name), index)
               : NULL;
}

struct json_object *strings_object(const char *name, ...)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object;
    va_list arguments;
    va_start(arguments, name);
    while (good && name) {
        const char *value = va_arg(arguments, const char *);
        good = !value || json_put_string(object, name, value);
        name = va_arg(arguments, const char *);
    }
    va_end(arguments);
    return good ? TAKE(object) : NULL;
}
