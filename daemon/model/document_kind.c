#include "model/document_internal.h"

#include "model/complete.h"
#include "model/name.h"

#include <stdlib.h>
#include <string.h>

bool document_read_reference(struct json_object *json, const struct json_place *place,
                             const char *home, struct problems *problems,
                             struct reference **reference)
{
    const char *text;
    if (!json_read_string(json, place, problems, &text))
        return false;
    char namespace[NAMESPACE_NAME_MAX + 1] = "";
    const char *slash = strchr(text, '/');
    const char *link = slash ? slash + 1 : text;
    const char *fault = link_name_fault(link);
    if (slash && (size_t)(slash - text) < sizeof(namespace))
        memcpy(namespace, text, (size_t)(slash - text));
    if (slash && namespace_name_fault(namespace)) {
        json_problem(problems, false, place,
                     "\"%.300s\" names no namespace before its \"/\": write \"NAMESPACE/LINK\", or "
                     "\"LINK\" for one in the same namespace",
                     text);
        return false;
    }
    if (fault) {
        json_problem(problems, false, place,
                     "a link is named \"NAMESPACE/LINK\", or \"LINK\" in the same namespace; "
                     "\"%.300s\" %s",
                     link, fault);
        return false;
    }
    if (reference_set(reference, slash ? namespace : home, link))
        return true;
    problems->out_of_memory = true;
    return false;
}

static void read_underlay(struct link *link, struct json_object *json,
                          const struct json_place *place, struct problems *problems)
{
    const char *name;
    if (!json_read_string(json, place, problems, &name))
        return;
    const char *fault = namespace_name_fault(name);
    if (fault)
        json_problem(problems, false, place, "\"%.300s\" %s", name, fault);
    else if (!(link->underlay = strdup(name)))
        problems->out_of_memory = true;
}

/* The name of the port of a bridge that LINK hangs on: written in PORT (may be NULL), or derived.
 */
static void read_port_name(const struct link *link, struct json_object *port,
                           const struct json_place *place, struct problems *problems,
                           char name[IFNAMSIZ])
{
    struct json_object *value = NULL;
    const struct json_place member = {.parent = place, .key = "name"};
    const char *text;
    derive_port_name(link->namespace->name, link->name, name);
    if (!port || !json_object_object_get_ex(port, "name", &value) || !value ||
        !json_read_string(value, &member, problems, &text))
        return;
    const char *fault = link_name_fault(text);
    if (!fault && strcmp(text, "lo") == 0)
        fault = "is in every namespace already: choose another name";
    if (fault)
        json_problem(problems, false, &member, "\"%.300s\" %s", text, fault);
    else
        memcpy(name, text, strlen(text) + 1);
}

/* Brings the end of LINK's veth that is the port of LINK's bridge into the network. NULL when it
 * has no place there. */
static struct link *add_port(struct reader *reader, struct link *link, const char *name,
                             struct json_object *port, const struct json_place *place)
{
    const struct reference *bridge = link->bridge;
    struct namespace *namespace =
        bridge ? network_namespace(reader->network, bridge->namespace) : NULL;
    if (!namespace)
        return NULL;
    if (namespace_link(namespace, name)) {
        bool named = document_has(port, "name");
        document_problem(
            reader->problems, place, named ? "port" : "bridge",
            "namespace \"%s\" has a link \"%s\" already, which is what the other end of "
            "this veth would be called: choose a name for it in \"port\": {\"name\": "
            "...}",
            namespace->name, name);
        return NULL;
    }
    struct link *end = link_add(namespace, name);
    if (!end || !link_set_kind(end, link->kind) ||
        !reference_set(&end->peer, link->namespace->name, link->name) ||
        !reference_set(&end->master, bridge->namespace, bridge->name) ||
        !reference_set(&link->peer, namespace->name, name)) {
        reader->problems->out_of_memory = true;
        return NULL;
    }
    end->derived = true;
    return end;
}

static void read_port_members(struct reader *reader, struct link *end, struct json_object *port,
                              const struct json_place *place)
{
    static const char *const others[] = {"name",      "altNames", "bridgePort",
                                         "addresses", "sysctl",   NULL};
    bool unknown = false;
    json_object_object_foreach (port, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        if (strcmp(key, "name") != 0 &&
            !document_read_link_member(reader, end, key, value, &member))
            unknown = true;
    }
    if (unknown)
        document_refuse_unknown(port, place, &link_attributes, others, false, reader->problems);
}

/* The end of LINK's veth that is a bridge's port: JSON is the object under the kind key. */
static void read_port(struct reader *reader, struct link *link, struct json_object *json,
                      const struct json_place *place)
{
    const struct json_place member = {.parent = place, .key = "port"};
    struct json_object *port = NULL;
    if (json_object_object_get_ex(json, "port", &port) && port &&
        !json_read_object(port, &member, reader->problems))
        port = NULL;
    char name[IFNAMSIZ];
    read_port_name(link, port, &member, reader->problems, name);
    struct link *end = add_port(reader, link, name, port, place);
    if (!port)
        return;
    auto_network struct network *aside = NULL;
    struct reader within = *reader;
    if (!end) {
        end = document_aside(&aside, NAMESPACE_HOST, reader->problems);
        within.network = aside;
    }
    if (end)
        read_port_members(&within, end, port, &member);
}

/* The other end of a pair: named as peer, or as the port of a bridge. */
static void read_ends(struct reader *reader, struct link *link, struct json_object *json,
                      const struct json_place *place)
{
    struct problems *problems = reader->problems;
    struct json_object *peer = NULL, *bridge = NULL;
    bool has_peer = json_object_object_get_ex(json, "peer", &peer);
    bool has_bridge = json_object_object_get_ex(json, "bridge", &bridge);
    const char *home = link->namespace->name;
    if (!has_peer && !has_bridge)
        json_problem(problems, false, place,
                     "a veth has two ends: name the other one in \"peer\" (\"NAMESPACE/LINK\"), or "
                     "the bridge that it is a port of in \"bridge\"");
    if (has_peer && has_bridge)
        document_problem(problems, place, "bridge",
                         "the other end is named in \"peer\" already: keep one of the two");
    if (document_has(json, "port") && !has_bridge)
        document_problem(problems, place, "port",
                         "this describes the port of a bridge: name the bridge in \"bridge\"");
    if (peer)
        document_read_reference(peer, &(struct json_place){.parent = place, .key = "peer"}, home,
                                problems, &link->peer);
    if (!has_bridge || has_peer)
        return;
    if (bridge)
        document_read_reference(bridge, &(struct json_place){.parent = place, .key = "bridge"},
                                home, problems, &link->bridge);
    read_port(reader, link, json, place);
}

static bool read_kind_member(struct link *link, const char *key, struct json_object *value,
                             const struct json_place *place, struct problems *problems)
{
    const struct link_kind *kind = link->kind;
    int row = attribute_find(&kind->attributes, key);
    bool lower = kind->lower != LOWER_NONE && strcmp(key, "link") == 0;
    bool underlay = kind->underlay && strcmp(key, "underlayNamespace") == 0;
    if (row < 0 && !lower && !underlay)
        return false;
    if (!value)
        return true;
    if (row >= 0)
        attribute_read(&kind->attributes.rows[row], value, place, problems, &link->attributes[row]);
    else if (lower)
        document_read_reference(value, place, link->namespace->name, problems, &link->lower);
    else
        read_underlay(link, value, place, problems);
    return true;
}

static bool is_end_key(const char *key)
{
    return strcmp(key, "peer") == 0 || strcmp(key, "bridge") == 0 || strcmp(key, "port") == 0;
}

static void refuse_unknown(const struct link_kind *kind, struct json_object *json,
                           const struct json_place *place, struct problems *problems)
{
    const char *others[6];
    size_t count = 0;
    if (kind->lower != LOWER_NONE)
        others[count++] = "link";
    if (kind->underlay)
        others[count++] = "underlayNamespace";
    if (kind->paired) {
        others[count++] = "peer";
        others[count++] = "bridge";
        others[count++] = "port";
    }
    others[count] = NULL;
    document_refuse_unknown(json, place, &kind->attributes, others, false, problems);
}

void document_read_kind(struct reader *reader, struct link *link, struct json_object *json,
                        const struct json_place *place)
{
    struct problems *problems = reader->problems;
    const struct link_kind *kind = link->kind;
    size_t errors = problems->errors;
    if (!json || !json_read_object(json, place, problems)) {
        link->flawed = true;
        return;
    }
    bool unknown = false;
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        if (!value)
            link->flawed = true;
        if (!(kind->paired && is_end_key(key)) &&
            !read_kind_member(link, key, value, &member, problems))
            unknown = true;
    }
    if (unknown)
        refuse_unknown(kind, json, place, problems);
    if (kind->lower == LOWER_REQUIRED && !document_has(json, "link"))
        document_problem(problems, place, "link",
                         "a %s stands on another link: name that here (\"NAMESPACE/LINK\", or "
                         "\"LINK\" in the same namespace)",
                         kind->name);
    if (kind->paired)
        read_ends(reader, link, json, place);
    if (problems->errors != errors)
        link->flawed = true;
}
