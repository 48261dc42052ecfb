#include "model/plan_internal.h"

#include <stdio.h>
#include <string.h>

struct json_object *plan_change(const char *action, const char *pointer, struct json_object *fields,
                                bool irreversible)
{
    auto_json struct json_object *owned = fields ? fields : json_object_new_array_ext(1);
    auto_json struct json_object *change = json_object_new_object();
    bool good = change && json_put_string(change, "action", action) &&
                json_put_string(change, "pointer", pointer) &&
                json_put(change, "fields", TAKE(owned)) &&
                json_put_bool(change, "irreversible", irreversible);
    return good ? TAKE(change) : NULL;
}

bool plan_note(struct plan_builder *builder, const char *action, const char *pointer,
               struct json_object *fields, bool irreversible)
{
    return json_append(builder->plan->changes,
                       plan_change(action, pointer, fields, irreversible)) ||
           error_memory(builder->error);
}

struct json_object *plan_fields(void)
{
    return json_object_new_array_ext(4);
}

/* Strings as they are, everything else as JSON text. */
static bool put_text(struct json_object *field, const char *name, struct json_object *value)
{
    if (!value)
        return true;
    if (json_object_is_type(value, json_type_string))
        return json_put_string(field, name, json_object_get_string(value));
    return json_put_string(field, name,
                           json_object_to_json_string_ext(
                               value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

bool plan_field(struct json_object *fields, const char *name, struct json_object *from,
                struct json_object *to)
{
    auto_json struct json_object *owned_from = from;
    auto_json struct json_object *owned_to = to;
    auto_json struct json_object *field = json_object_new_object();
    return field && json_put_string(field, "name", name) && put_text(field, "from", owned_from) &&
           put_text(field, "to", owned_to) && json_append(fields, TAKE(field));
}

static struct json_object *write_value(const struct attribute *row, const struct value *value)
{
    return value->present ? attribute_write(row, value) : NULL;
}

static bool table_differences(const struct attribute_table *table, const struct value *desired,
                              const struct value *actual, struct json_object *fields, bool *differs)
{
    static const struct value absent;
    for (size_t i = 0; i < table->count; i++) {
        const struct attribute *row = &table->rows[i];
        const struct value *found = actual ? &actual[i] : &absent;
        if (attribute_equal(row, &desired[i], found))
            continue;
        *differs = true;
        struct value effective = attribute_effective(row, &desired[i]);
        if (fields &&
            !plan_field(fields, row->name, write_value(row, found), write_value(row, &effective)))
            return false;
    }
    return true;
}

static bool text_difference(const char *name, const char *from, const char *to,
                            struct json_object *fields, bool *differs)
{
    *differs = true;
    return !fields || plan_field(fields, name, *from ? json_object_new_string(from) : NULL,
                                 *to ? json_object_new_string(to) : NULL);
}

static bool has_alt_name(const struct link *link, const char *name)
{
    for (char **other = link->alt_names; other && *other; other++) {
        if (strcmp(*other, name) == 0)
            return true;
    }
    return false;
}

static bool alt_names_missing(const struct link *from, const struct link *in)
{
    for (char **name = from->alt_names; name && *name; name++) {
        if (!has_alt_name(in, *name))
            return true;
    }
    return false;
}

static bool master_difference(const struct link *link, const struct link *actual,
                              struct json_object *fields, bool *differs)
{
    const struct link *master = link_master(link);
    uint32_t wanted = master ? master->ifindex : link->master_ifindex;
    bool anew = master && master->fate != FATE_KEEP && !master->external;
    if (!anew && wanted == actual->master_ifindex)
        return true;
    const struct link *from = namespace_link_by_ifindex(actual->namespace, actual->master_ifindex);
    return text_difference("master", from ? from->name : "", master ? master->name : "", fields,
                           differs);
}

bool plan_link_differences(const struct link *link, const struct link *actual,
                           struct json_object *fields, bool *differs)
{
    *differs = false;
    if (strcmp(link->name, actual->name) != 0 &&
        !text_difference("name", actual->name, link->name, fields, differs))
        return false;
    uint32_t group = link->group ? link->group : NETNSD_GROUP;
    if (group != actual->group) {
        char from[16], to[16];
        snprintf(from, sizeof(from), "%u", actual->group);
        snprintf(to, sizeof(to), "%u", group);
        if (!text_difference("group", from, to, fields, differs))
            return false;
    }
    if (!table_differences(&link_attributes, link->common, actual->common, fields, differs) ||
        !master_difference(link, actual, fields, differs))
        return false;
    if (link->kind && !table_differences(&link->kind->attributes, link->attributes,
                                         actual->attributes, fields, differs))
        return false;
    if (link->port &&
        !table_differences(&bridge_port_attributes, link->port, actual->port, fields, differs))
        return false;
    if (alt_names_missing(link, actual) || alt_names_missing(actual, link))
        return text_difference("altNames", "", "", fields, differs);
    return true;
}

static bool birth_values(const struct attribute_table *table, const struct value *values,
                         struct json_object *fields)
{
    for (size_t i = 0; i < table->count; i++) {
        if (values[i].present && !values[i].derived &&
            !plan_field(fields, table->rows[i].name, NULL,
                        attribute_write(&table->rows[i], &values[i])))
            return false;
    }
    return true;
}

static bool birth_reference(const char *name, const struct reference *reference,
                            struct json_object *fields)
{
    char text[NAMESPACE_NAME_MAX + IFNAMSIZ + 2];
    if (!reference)
        return true;
    snprintf(text, sizeof(text), "%s/%s", reference->namespace, reference->name);
    return plan_field(fields, name, NULL, json_object_new_string(text));
}

bool plan_link_birth(const struct link *link, struct json_object *fields)
{
    if (!plan_field(fields, "kind", NULL, json_object_new_string(link->kind->name)) ||
        !birth_reference("link", link->lower, fields) ||
        !birth_reference("peer", link->peer, fields) ||
        !birth_reference("bridge", link->bridge, fields) ||
        !birth_reference("master", link->master, fields) ||
        !birth_values(&link_attributes, link->common, fields) ||
        !birth_values(&link->kind->attributes, link->attributes, fields))
        return false;
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        char text[IP_PREFIX_TEXT_MAX];
        if (!plan_field(fields, "address", NULL,
                        json_object_new_string(ip_prefix_format(&address->prefix, text))))
            return false;
    }
    return true;
}
