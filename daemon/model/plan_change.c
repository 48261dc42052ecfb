#include "model/plan_internal.h"

#include <stdio.h>
#include <string.h>

bool plan_note(struct plan_builder *builder, enum change_action action, const char *pointer,
               const struct change_fields *fields, bool irreversible)
{
    return changes_add(builder->plan->changes, action, pointer, fields, irreversible) ||
           error_memory(builder->error);
}

static struct json_object *write_value(const struct attribute *row, const struct value *value)
{
    return value->present ? attribute_write(row, value) : NULL;
}

static bool table_differences(const struct attribute_table *table, const struct value *desired,
                              const struct value *actual, struct change_fields *fields,
                              bool *differs)
{
    static const struct value absent;
    for (size_t i = 0; i < table->count; i++) {
        const struct attribute *row = &table->rows[i];
        const struct value *found = actual ? &actual[i] : &absent;
        if (attribute_equal(row, &desired[i], found))
            continue;
        *differs = true;
        struct value effective = attribute_effective(row, &desired[i]);
        if (fields && !change_fields_add(fields, row->name, write_value(row, found),
                                         write_value(row, &effective)))
            return false;
    }
    return true;
}

static bool text_difference(const char *name, const char *from, const char *to,
                            struct change_fields *fields, bool *differs)
{
    *differs = true;
    return !fields || change_fields_add(fields, name, *from ? json_object_new_string(from) : NULL,
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
                              struct change_fields *fields, bool *differs)
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
                           struct change_fields *fields, bool *differs)
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
                         struct change_fields *fields)
{
    for (size_t i = 0; i < table->count; i++) {
        if (values[i].present && !values[i].derived &&
            !change_fields_add(fields, table->rows[i].name, NULL,
                               attribute_write(&table->rows[i], &values[i])))
            return false;
    }
    return true;
}

static bool birth_reference(const char *name, const struct reference *reference,
                            struct change_fields *fields)
{
    char text[NAMESPACE_NAME_MAX + IFNAMSIZ + 2];
    if (!reference)
        return true;
    snprintf(text, sizeof(text), "%s/%s", reference->namespace, reference->name);
    return change_fields_add(fields, name, NULL, json_object_new_string(text));
}

bool plan_link_birth(const struct link *link, struct change_fields *fields)
{
    if (!change_fields_add(fields, "kind", NULL, json_object_new_string(link->kind->name)) ||
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
        if (!change_fields_add(fields, "address", NULL,
                               json_object_new_string(ip_prefix_format(&address->prefix, text))))
            return false;
    }
    return true;
}
