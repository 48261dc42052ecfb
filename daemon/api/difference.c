#include "api/difference.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <string.h>

const char *difference_kind(struct json_object *change)
{
    const char *action = json_object_get_string(json_object_object_get(change, "action"));
    if (strcmp(action, "create") == 0)
        return "missing";
    return strcmp(action, "remove") == 0 ? "extra" : "changed";
}

static bool copy_member(struct json_object *from, const char *name, struct json_object *to,
                        const char *as)
{
    struct json_object *value = json_object_object_get(from, name);
    return !value || json_put(to, as, json_object_get(value));
}

struct json_object *difference_fields(struct json_object *change)
{
    auto_json struct json_object *list = json_object_new_array();
    struct json_object *changed = json_object_object_get(change, "fields");
    for (size_t i = 0; list && i < json_object_array_length(changed); i++) {
        struct json_object *field = json_object_array_get_idx(changed, i);
        auto_json struct json_object *object = json_object_new_object();
        if (!object || !copy_member(field, "name", object, "name") ||
            !copy_member(field, "from", object, "actual") ||
            !copy_member(field, "to", object, "wanted") || !json_append(list, TAKE(object)))
            return NULL;
    }
    return TAKE(list);
}
