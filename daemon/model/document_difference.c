#include "model/document.h"

#include "common/cleanup.h"
#include "model/changes.h"
#include "model/kind.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX 1024

/* A map of objects that are told one by one, apart from the object that holds them. */
struct map {
    const char *name;
    const struct map *inside; /* the maps that its objects hold; ended by a NULL name */
};

static const struct map nothing[] = {{.name = NULL}};
static const struct map in_link[] = {{"addresses", nothing}, {"sysctl", nothing}, {.name = NULL}};
static const struct map in_namespace[] = {{"links", in_link},
                                          {"routes", nothing},
                                          {"rules", nothing},
                                          {"sysctl", nothing},
                                          {.name = NULL}};
static const struct map in_document[] = {{"namespaces", in_namespace}, {.name = NULL}};

static bool is_map(const struct map *maps, const char *name)
{
    for (; maps->name; maps++) {
        if (strcmp(maps->name, name) == 0)
            return true;
    }
    return false;
}

/* NULL when OBJECT is NULL or has no such member. */
static struct json_object *find(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

/* Adds the members of OBJECT to FLAT, those of objects in it under names like "port.mtu". PREFIX is
 * "" or ends with a dot; MAPS are left out. */
static bool flatten(struct json_object *object, const char *prefix, const struct map *maps,
                    struct json_object *flat)
{
    json_object_object_foreach (object, key, value) {
        char name[POINTER_MAX];
        bool nested = json_object_is_type(value, json_type_object);
        bool kind = nested && !*prefix && link_kind_find(key);
        bool empty = nested && !kind && json_object_object_length(value) == 0;
        if (is_map(maps, key))
            continue;
        snprintf(name, sizeof(name), "%s%s%s", prefix, kind ? "" : key,
                 nested && !kind && !empty ? "." : "");
        if (kind && !json_put_string(flat, "kind", key))
            return false;
        if (nested && !empty ? !flatten(value, name, nothing, flat)
                             : !json_put(flat, name, json_object_get(value)))
            return false;
    }
    return true;
}

/* The object as one flat object; a new reference. One that is no object, as the value of a sysctl,
 * is called "value". */
static struct json_object *flat_object(struct json_object *object, const struct map *maps)
{
    auto_json struct json_object *flat = json_object_new_object();
    bool good = flat;
    if (good && json_object_is_type(object, json_type_object))
        good = flatten(object, "", maps, flat);
    else if (good && object)
        good = json_put(flat, "value", json_object_get(object));
    return good ? TAKE(flat) : NULL;
}

static bool add_field(struct change_fields *fields, const char *name, struct json_object *from,
                      struct json_object *to)
{
    return json_object_equal(from, to) ||
           change_fields_add(fields, name, json_object_get(from), json_object_get(to));
}

/* The fields that differ between FROM and TO, either of which may be NULL. */
static bool changed_fields(struct json_object *from, struct json_object *to, const struct map *maps,
                           struct change_fields *fields)
{
    auto_json struct json_object *old = flat_object(from, maps);
    auto_json struct json_object *new = flat_object(to, maps);
    if (!old || !new || !change_fields_begin(fields))
        return false;
    json_object_object_foreach (old, old_name, old_value) {
        if (!find(new, old_name) && !add_field(fields, old_name, old_value, NULL))
            return false;
    }
    json_object_object_foreach (new, name, value) {
        if (!add_field(fields, name, find(old, name), value))
            return false;
    }
    return true;
}

static bool compare_maps(struct json_object *from, struct json_object *to, const struct map *maps,
                         const struct json_place *place, struct changes *changes);

/* Adds what is to be told of the object at PLACE, and of those in it. FROM is NULL when it is new,
 * TO when it goes. */
static bool compare(struct json_object *from, struct json_object *to, const struct map *inside,
                    const struct json_place *place, struct changes *changes)
{
    char pointer[POINTER_MAX];
    enum change_action action = !from ? ACTION_CREATE : !to ? ACTION_REMOVE : ACTION_CHANGE;
    AUTO(change_fields_clear) struct change_fields fields = {0};
    if (!changed_fields(from, to, inside, &fields))
        return false;
    bool differs = !from || !to || fields.count > 0;
    if (differs && !changes_add(changes, action, json_pointer(place, pointer, sizeof(pointer)),
                                &fields, false))
        return false;
    return compare_maps(from, to, inside, place, changes);
}

static bool compare_map(struct json_object *from, struct json_object *to, const struct map *map,
                        const struct json_place *place, struct changes *changes)
{
    const struct json_place home = {.parent = place, .key = map->name};
    if (from) {
        json_object_object_foreach (from, gone, value) {
            const struct json_place self = {.parent = &home, .key = gone};
            if (!find(to, gone) && !compare(value, NULL, map->inside, &self, changes))
                return false;
        }
    }
    if (to) {
        json_object_object_foreach (to, key, value) {
            const struct json_place self = {.parent = &home, .key = key};
            if (!compare(find(from, key), value, map->inside, &self, changes))
                return false;
        }
    }
    return true;
}

static bool compare_maps(struct json_object *from, struct json_object *to, const struct map *maps,
                         const struct json_place *place, struct changes *changes)
{
    for (; maps->name; maps++) {
        if (!compare_map(find(from, maps->name), find(to, maps->name), maps, place, changes))
            return false;
    }
    return true;
}

struct json_object *document_difference(struct json_object *from, struct json_object *to)
{
    auto_changes struct changes *changes = changes_new();
    bool good = changes && compare_maps(from, to, in_document, NULL, changes);
    return good ? changes_parse(changes) : NULL;
}
