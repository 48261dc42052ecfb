#include "model/document_internal.h"

#include "model/name.h"

#include <stdlib.h>
#include <string.h>

const char *const document_link_members[] = {"altNames", "bridgePort", "addresses", "sysctl", NULL};

/* And those that a bridge's port on a veth does not have. */
static const char *const link_members[] = {"altNames", "bridgePort", "addresses", "sysctl",
                                           "external", "master",     NULL};

static void read_attributes(struct json_object *json, const struct json_place *place,
                            const struct attribute_table *table, struct value *values,
                            struct problems *problems)
{
    static const char *const none[] = {NULL};
    bool unknown = false;
    if (!json_read_object(json, place, problems))
        return;
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        int row = attribute_find(table, key);
        if (row < 0)
            unknown = true;
        else if (value)
            attribute_read(&table->rows[row], value, &member, problems, &values[row]);
    }
    if (unknown)
        document_refuse_unknown(json, place, table, none, false, problems);
}

static void read_bridge_port(struct link *link, struct json_object *json,
                             const struct json_place *place, struct problems *problems)
{
    if (json_object_is_type(json, json_type_object) && json_object_object_length(json) == 0)
        return;
    if (!link_add_port(link)) {
        problems->out_of_memory = true;
        return;
    }
    read_attributes(json, place, &bridge_port_attributes, link->port, problems);
}

static bool alt_name_taken(char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static void read_alt_names(struct link *link, struct json_object *json,
                           const struct json_place *place, struct problems *problems)
{
    if (!json_read_array(json, place, problems) || json_object_array_length(json) == 0)
        return;
    size_t length = json_object_array_length(json), count = 0;
    link->alt_names = calloc(length + 1, sizeof(*link->alt_names));
    if (!link->alt_names) {
        problems->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        const struct json_place element = {.parent = place, .index = i};
        struct json_object *value = json_object_array_get_idx(json, i);
        const char *name;
        if (!value || !json_read_string(value, &element, problems, &name))
            continue;
        const char *fault = alt_name_fault(name);
        if (fault)
            json_problem(problems, false, &element, "\"%.300s\" %s", name, fault);
        else if (alt_name_taken(link->alt_names, name))
            json_problem(problems, false, &element, "\"%s\" is in this list already: keep it once",
                         name);
        else if ((link->alt_names[count] = strdup(name)))
            count++;
        else
            problems->out_of_memory = true;
    }
}

bool document_read_link_member(struct reader *reader, struct link *link, const char *key,
                               struct json_object *value, const struct json_place *place)
{
    struct problems *problems = reader->problems;
    int row = attribute_find(&link_attributes, key);
    bool known = row >= 0;
    for (const char *const *member = document_link_members; *member && !known; member++)
        known = strcmp(*member, key) == 0;
    if (!known || !value)
        return known;
    if (row >= 0)
        attribute_read(&link_attributes.rows[row], value, place, problems, &link->common[row]);
    else if (strcmp(key, "altNames") == 0)
        read_alt_names(link, value, place, problems);
    else if (strcmp(key, "bridgePort") == 0)
        read_bridge_port(link, value, place, problems);
    else if (strcmp(key, "addresses") == 0)
        document_read_addresses(link, value, place, problems);
    else
        document_read_link_sysctls(link, value, place, problems);
    return true;
}

/* Reads "external". True when LINK is, which leaves nothing more to read. */
static bool read_external(struct link *link, struct json_object *json,
                          const struct json_place *place, struct problems *problems)
{
    struct json_object *value = NULL;
    const struct json_place member = {.parent = place, .key = "external"};
    if (!json_object_object_get_ex(json, "external", &value))
        return false;
    if (!value || !json_read_bool(value, &member, problems, &link->external)) {
        link->flawed = true;
        return false;
    }
    if (!link->external)
        return false;
    if (strcmp(link->name, "lo") == 0 && !namespace_is_shared(link->namespace))
        json_problem(problems, false, &member,
                     "lo comes with the namespace, which netnsd makes: leave this key out");
    json_object_object_foreach (json, key, other) {
        (void)other;
        if (strcmp(key, "external") != 0)
            document_problem(problems, place, key,
                             "an external link may be referred to and routed through, no more: "
                             "leave this key out, or leave \"external\" out to have netnsd make "
                             "the link");
    }
    return true;
}

static void read_master(struct link *link, struct json_object *json, const struct json_place *place,
                        struct problems *problems)
{
    const char *home = link->namespace->name;
    const char *text;
    if (!json_read_string(json, place, problems, &text))
        return;
    const char *slash = strchr(text, '/');
    if (slash && (strlen(home) != (size_t)(slash - text) || strncmp(text, home, strlen(home)) != 0))
        json_problem(problems, false, place,
                     "a master is in the same namespace as its ports: name a link of \"%s\"", home);
    else if (strcmp(link->name, "lo") == 0)
        json_problem(problems, false, place,
                     "lo cannot be a port of another link: leave this key out");
    else
        document_read_reference(json, place, home, problems, &link->master);
}

/* Reads the object under the kind key, of which there is exactly one. UNKNOWN: there are keys that
 * may have been meant for it. */
static void read_kind(struct reader *reader, struct link *link, struct json_object *json,
                      const struct json_place *place, bool unknown)
{
    struct problems *problems = reader->problems;
    bool lo = strcmp(link->name, "lo") == 0;
    json_object_object_foreach (json, key, value) {
        const struct link_kind *kind = link_kind_find(key);
        const struct json_place member = {.parent = place, .key = key};
        if (!kind)
            continue;
        if (lo)
            json_problem(problems, false, &member,
                         "lo has no kind: leave this key out, or name the link otherwise");
        else if (link->kind)
            json_problem(problems, false, &member,
                         "a link has one kind, and this one is a %s already: keep one of the two",
                         link->kind->name);
        else if (link_set_kind(link, kind))
            document_read_kind(reader, link, value, &member);
        else
            problems->out_of_memory = true;
    }
    if (link->kind || lo || link->flawed)
        return;
    link->flawed = true;
    if (!unknown)
        json_problem(problems, false, place,
                     "the link has no kind: write one of its kinds as a key (\"veth\", \"bridge\" "
                     "...), or \"external\": true for a link that exists already");
}

/* Are the keys that go with a master there without one? */
static void check_port(const struct link *link, struct json_object *json,
                       const struct json_place *place, struct problems *problems)
{
    if (!document_has(json, "bridgePort") || document_has(json, "master"))
        return;
    struct json_object *veth = document_object(json, kind_veth.name);
    document_problem(problems, place, "bridgePort",
                     document_has(veth, "bridge") && link->kind
                         ? "the port of the bridge is the other end of this veth: move this key "
                           "into \"port\" of \"veth\""
                         : "only a link with a \"master\" is a bridge's port: name the bridge "
                           "there, or leave this key out");
}

void document_read_link(struct reader *reader, struct link *link, struct json_object *json,
                        const struct json_place *place)
{
    struct problems *problems = reader->problems;
    if (!json || !json_read_object(json, place, problems)) {
        link->flawed = true;
        return;
    }
    if (read_external(link, json, place, problems))
        return;
    if (strcmp(link->name, "lo") == 0 && namespace_is_shared(link->namespace))
        json_problem(
            problems, false, place,
            "lo of a shared namespace is not netnsd's: write {\"external\": true} to route "
            "through it, or leave it out");
    bool unknown = false;
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        if (strcmp(key, "external") == 0 || link_kind_find(key))
            continue;
        if (strcmp(key, "master") == 0) {
            if (value)
                read_master(link, value, &member, problems);
        } else if (!document_read_link_member(reader, link, key, value, &member)) {
            unknown = true;
        }
    }
    if (unknown)
        document_refuse_unknown(json, place, &link_attributes, link_members, true, problems);
    read_kind(reader, link, json, place, unknown);
    check_port(link, json, place, problems);
}
