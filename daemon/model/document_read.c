#include "model/document.h"

#include "common/cleanup.h"
#include "model/check.h"
#include "model/complete.h"
#include "model/document_internal.h"
#include "model/name.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPOLOGY_NAME_MAX 64

bool topology_name_valid(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_.");
    return length > 0 && length <= TOPOLOGY_NAME_MAX && !name[length] && name[0] != '.';
}

void document_problem(struct problems *problems, const struct json_place *place, const char *key,
                      const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const struct json_place member = {.parent = place, .key = key};
    json_problem(problems, false, &member, "%s", text);
}

struct link *document_aside(struct network **aside, const char *namespace,
                            struct problems *problems)
{
    *aside = network_new(NULL);
    struct namespace *added = *aside ? namespace_add(*aside, namespace) : NULL;
    struct link *link = added ? link_add(added, "aside") : NULL;
    if (!link)
        problems->out_of_memory = true;
    return link;
}

bool document_has(struct json_object *value, const char *key)
{
    return json_object_is_type(value, json_type_object) &&
           json_object_object_get_ex(value, key, NULL);
}

struct json_object *document_object(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, key, &value))
        return NULL;
    return json_object_is_type(value, json_type_object) ? value : NULL;
}

void document_refuse_unknown(struct json_object *object, const struct json_place *place,
                             const struct attribute_table *table, const char *const *others,
                             bool kinds, struct problems *problems)
{
    size_t count = table->count;
    for (const char *const *other = others; *other; other++)
        count++;
    for (const struct link_kind *const *kind = link_kinds; kinds && *kind; kind++)
        count++;
    auto_free const char **names = calloc(count + 1, sizeof(*names));
    if (!names) {
        problems->out_of_memory = true;
        return;
    }
    size_t used = 0;
    for (size_t i = 0; i < table->count; i++)
        names[used++] = table->rows[i].name;
    while (*others)
        names[used++] = *others++;
    for (const struct link_kind *const *kind = link_kinds; kinds && *kind; kind++)
        names[used++] = (*kind)->name;
    json_refuse_unknown(object, place, names, problems);
}

static void refuse_nulls(struct json_object *value, const struct json_place *place,
                         struct problems *problems)
{
    if (!value) {
        json_problem(problems, false, place,
                     "null stands for removal, in a patch alone: leave the key out");
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach (value, key, member) {
            refuse_nulls(member, &(struct json_place){.parent = place, .key = key}, problems);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            refuse_nulls(json_object_array_get_idx(value, i),
                         &(struct json_place){.parent = place, .index = i}, problems);
    }
}

struct namespace_members {
    struct json_object *external, *links, *routes, *rules, *sysctl;
    const char *drift, *extra;
    bool ipv6;
};

static const struct json_field namespace_fields[] = {
    {.name = "external",
     .type = JSON_FIELD_VALUE,
     .offset = offsetof(struct namespace_members, external)},
    {.name = "links",
     .type = JSON_FIELD_OBJECT,
     .offset = offsetof(struct namespace_members, links)},
    {.name = "routes",
     .type = JSON_FIELD_OBJECT,
     .offset = offsetof(struct namespace_members, routes)},
    {.name = "rules",
     .type = JSON_FIELD_OBJECT,
     .offset = offsetof(struct namespace_members, rules)},
    {.name = "sysctl",
     .type = JSON_FIELD_OBJECT,
     .offset = offsetof(struct namespace_members, sysctl)},
    {.name = "drift",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct namespace_members, drift)},
    {.name = "extra",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct namespace_members, extra)},
    {.name = "ipv6", .type = JSON_FIELD_BOOL, .offset = offsetof(struct namespace_members, ipv6)},
    {.name = NULL},
};

struct external_members {
    const char *path;
};

static const struct json_field external_fields[] = {
    {.name = "path", .type = JSON_FIELD_STRING, .offset = offsetof(struct external_members, path)},
    {.name = NULL},
};

static void read_external_path(struct namespace *namespace, struct json_object *json,
                               const struct json_place *place, struct problems *problems)
{
    struct external_members members = {0};
    namespace->external = true;
    if (!json_read_fields(json, place, external_fields, &members, problems) || !members.path)
        return;
    if (members.path[0] != '/' || strlen(members.path) >= PATH_MAX)
        document_problem(problems, place, "path",
                         "\"%.200s\" is not an absolute path: write one such as "
                         "\"/proc/4711/ns/net\"",
                         members.path);
    else if (!(namespace->path = strdup(members.path)))
        problems->out_of_memory = true;
}

static void read_external(struct namespace *namespace, struct json_object *json,
                          const struct json_place *parent, struct problems *problems)
{
    const struct json_place place = {.parent = parent, .key = "external"};
    bool host = strcmp(namespace->name, NAMESPACE_HOST) == 0;
    bool yes = json_object_is_type(json, json_type_boolean) && json_object_get_boolean(json);
    if (host) {
        if (!yes)
            json_problem(problems, false, &place,
                         "\"host\" is the namespace that netnsd runs in, which is always "
                         "external: leave this key out");
    } else if (json_object_is_type(json, json_type_boolean)) {
        namespace->external = yes;
    } else if (json_object_is_type(json, json_type_object)) {
        read_external_path(namespace, json, &place, problems);
    } else {
        json_problem(problems, false, &place,
                     "expected true, or an object such as {\"path\": \"/proc/4711/ns/net\"}");
        namespace->flawed = true;
    }
}

static void read_drift(struct namespace *namespace, const char *word,
                       const struct json_place *parent, struct problems *problems)
{
    bool report = strcmp(word, "report") == 0;
    bool shared = namespace_is_shared(namespace);
    namespace->report = report && !shared;
    if (shared)
        document_problem(problems, parent, "drift",
                         "in a namespace that others use as well, what is described is always put "
                         "back: leave this key out");
    else if (!report && strcmp(word, "repair") != 0)
        document_problem(problems, parent, "drift", "expected \"repair\" or \"report\"");
}

static void read_extra(struct namespace *namespace, const char *word,
                       const struct json_place *parent, struct problems *problems)
{
    namespace->remove_extra = strcmp(word, "remove") == 0;
    if (!namespace->remove_extra && strcmp(word, "keep") != 0)
        document_problem(problems, parent, "extra", "expected \"keep\" or \"remove\"");
    if (namespace->remove_extra && namespace_is_shared(namespace))
        document_problem(problems, parent, "extra",
                         "in a namespace that others use as well, what they made is kept: leave "
                         "this key out");
}

static void declare_links(struct namespace *namespace, struct json_object *links,
                          struct problems *problems)
{
    json_object_object_foreach (links, name, value) {
        (void)value;
        if (!link_name_fault(name) && !link_add(namespace, name))
            problems->out_of_memory = true;
    }
}

/* Reads what a namespace says of itself, and its links' names, so that whatever is read afterwards
 * can look them up. */
static void declare_namespace(struct namespace *namespace, struct json_object *json,
                              const struct json_place *place, struct problems *problems)
{
    struct namespace_members members = {0};
    namespace->external = strcmp(namespace->name, NAMESPACE_HOST) == 0;
    if (!json || !json_read_object(json, place, problems)) {
        namespace->flawed = true;
        return;
    }
    json_read_fields(json, place, namespace_fields, &members, problems);
    namespace->ipv6_written = members.ipv6;
    if (members.external)
        read_external(namespace, members.external, place, problems);
    if (members.drift)
        read_drift(namespace, members.drift, place, problems);
    if (members.extra)
        read_extra(namespace, members.extra, place, problems);
    if (members.links)
        declare_links(namespace, members.links, problems);
    namespace->flawed |= !members.links && document_has(json, "links");
}

static void read_link(struct reader *reader, struct namespace *namespace, const char *name,
                      struct json_object *json, const struct json_place *place)
{
    struct link *link = namespace_link(namespace, name);
    if (link) {
        document_read_link(reader, link, json, place);
        return;
    }
    const char *fault = link_name_fault(name);
    if (!fault)
        return;
    json_problem(reader->problems, false, place, "\"%.300s\" %s", name, fault);
    auto_network struct network *aside = NULL;
    link = document_aside(&aside, namespace->name, reader->problems);
    if (!link)
        return;
    link->namespace->external = namespace_is_shared(namespace);
    struct reader within = {.network = aside, .problems = reader->problems};
    document_read_link(&within, link, json, place);
}

static void read_links(struct reader *reader, struct namespace *namespace, struct json_object *json,
                       const struct json_place *parent)
{
    const struct json_place place = {.parent = parent, .key = "links"};
    struct json_object *links = document_object(json, "links");
    if (!links)
        return;
    json_object_object_foreach (links, name, value) {
        read_link(reader, namespace, name, value,
                  &(struct json_place){.parent = &place, .key = name});
    }
}

static void read_namespace(struct reader *reader, struct namespace *namespace,
                           struct json_object *json, const struct json_place *place)
{
    read_links(reader, namespace, json, place);
    struct json_object *routes = document_object(json, "routes");
    if (routes)
        document_read_routes(reader, namespace, routes,
                             &(struct json_place){.parent = place, .key = "routes"});
    struct json_object *rules = document_object(json, "rules");
    if (rules)
        document_read_rules(reader, namespace, rules,
                            &(struct json_place){.parent = place, .key = "rules"});
    struct json_object *sysctl = document_object(json, "sysctl");
    if (sysctl)
        document_read_sysctls(namespace, sysctl,
                              &(struct json_place){.parent = place, .key = "sysctl"},
                              reader->problems);
}

/* What a namespace holds is read even when its name is wrong, so that one reading finds all. */
static void read_misnamed(struct problems *problems, const char *name, struct json_object *json,
                          const struct json_place *place)
{
    json_problem(problems, false, place, "\"%.300s\" %s", name, namespace_name_fault(name));
    auto_network struct network *aside = network_new(NULL);
    struct namespace *namespace = aside ? namespace_add(aside, name) : NULL;
    if (!namespace) {
        problems->out_of_memory = true;
        return;
    }
    struct reader within = {.network = aside, .problems = problems};
    declare_namespace(namespace, json, place, problems);
    read_namespace(&within, namespace, json, place);
}

static void read_namespaces(struct reader *reader, struct json_object *json,
                            const struct json_place *parent)
{
    json_object_object_foreach (json, declared, value) {
        const struct json_place place = {.parent = parent, .key = declared};
        if (namespace_name_fault(declared))
            continue;
        struct namespace *namespace = namespace_add(reader->network, declared);
        if (namespace)
            declare_namespace(namespace, value, &place, reader->problems);
        else
            reader->problems->out_of_memory = true;
    }
    json_object_object_foreach (json, name, content) {
        const struct json_place place = {.parent = parent, .key = name};
        struct namespace *namespace = network_namespace(reader->network, name);
        if (namespace)
            read_namespace(reader, namespace, content, &place);
        else if (namespace_name_fault(name))
            read_misnamed(reader->problems, name, content, &place);
    }
}

/* What can only be said once every link is there, the unwritten ones too. */
static void check_namespaces(const struct network *network, struct json_object *json,
                             const struct json_place *parent, struct problems *problems)
{
    json_object_object_foreach (json, name, content) {
        const struct json_place place = {.parent = parent, .key = name};
        const struct namespace *namespace = network_namespace(network, name);
        if (!namespace || namespace->flawed)
            continue;
        document_check_devices(namespace, document_object(content, "routes"),
                               &(struct json_place){.parent = &place, .key = "routes"}, problems);
        document_check_sysctls(namespace, document_object(content, "sysctl"),
                               &(struct json_place){.parent = &place, .key = "sysctl"}, problems);
    }
}

struct document_members {
    struct json_object *namespaces;
    const char *schema;
};

static const struct json_field document_fields[] = {
    {.name = "namespaces",
     .type = JSON_FIELD_OBJECT,
     .offset = offsetof(struct document_members, namespaces)},
    {.name = "$schema",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct document_members, schema)},
    {.name = NULL},
};

static const struct json_place namespaces_place = {.key = "namespaces"};

bool document_read_into(struct network *network, struct json_object *document,
                        struct problems *problems)
{
    refuse_nulls(document, NULL, problems);
    if (!document || !json_read_object(document, NULL, problems))
        return false;
    struct document_members members = {0};
    struct reader reader = {.network = network, .problems = problems};
    json_read_fields(document, NULL, document_fields, &members, problems);
    if (members.namespaces)
        read_namespaces(&reader, members.namespaces, &namespaces_place);
    return true;
}

bool document_complete(struct network *network, struct json_object *document,
                       const uint8_t machine_id[16], const struct network *previous,
                       struct problems *problems)
{
    if (!network_complete(network, machine_id, previous, problems)) {
        problems->out_of_memory = true;
        return false;
    }
    struct json_object *namespaces = document_object(document, "namespaces");
    if (namespaces)
        check_namespaces(network, namespaces, &namespaces_place, problems);
    network_check(network, problems);
    return problems_none(problems);
}

struct network *document_read(const char *topology, struct json_object *document,
                              const uint8_t machine_id[16], const struct network *previous,
                              struct problems *problems)
{
    auto_network struct network *network = network_new(topology);
    if (!network) {
        problems->out_of_memory = true;
        return NULL;
    }
    bool good = document_read_into(network, document, problems) &&
                document_complete(network, document, machine_id, previous, problems);
    return good ? TAKE(network) : NULL;
}
