#include "model/document.h"

#include "common/cleanup.h"
#include "model/complete.h"
#include "model/document_internal.h"

#include <stdio.h>
#include <string.h>

/* Adds CHILD (whose reference it takes) to OBJECT under KEY unless it is an empty object. */
static bool put_unless_empty(struct json_object *object, const char *key, struct json_object *child)
{
    if (child && json_object_object_length(child) == 0) {
        json_object_put(child);
        return true;
    }
    return json_put(object, key, child);
}

static bool write_attributes(const struct attribute_table *table, const struct value *values,
                             struct json_object *object)
{
    for (size_t i = 0; i < table->count; i++) {
        if (values[i].present && !values[i].derived &&
            !json_put(object, table->rows[i].name, attribute_write(&table->rows[i], &values[i])))
            return false;
    }
    return true;
}

static bool write_reference(const char *key, const struct reference *reference,
                            const struct namespace *home, struct json_object *object)
{
    if (!reference)
        return true;
    if (strcmp(reference->namespace, home->name) == 0)
        return json_put_string(object, key, reference->name);
    char text[NAMESPACE_NAME_MAX + 1 + IFNAMSIZ];
    snprintf(text, sizeof(text), "%s/%s", reference->namespace, reference->name);
    return json_put_string(object, key, text);
}

static bool write_alt_names(char *const *names, struct json_object *object)
{
    if (!names)
        return true;
    auto_json struct json_object *array = json_object_new_array();
    if (!array)
        return false;
    for (; *names; names++) {
        if (!json_append(array, json_object_new_string(*names)))
            return false;
    }
    return json_put(object, "altNames", TAKE(array));
}

static bool write_port(const struct link *link, struct json_object *object)
{
    if (!link->port)
        return true;
    auto_json struct json_object *port = json_object_new_object();
    return port && write_attributes(&bridge_port_attributes, link->port, port) &&
           put_unless_empty(object, "bridgePort", TAKE(port));
}

static bool write_addresses(const struct link *link, struct json_object *object)
{
    auto_json struct json_object *addresses = json_object_new_object();
    if (!addresses)
        return false;
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        char key[IP_PREFIX_TEXT_MAX];
        if (!json_put(addresses, ip_prefix_format(&address->prefix, key),
                      document_write_address(address)))
            return false;
    }
    return put_unless_empty(object, "addresses", TAKE(addresses));
}

/* What every link has, also the port of a bridge that hangs on a veth. */
static bool write_common(const struct link *link, struct json_object *object)
{
    return write_attributes(&link_attributes, link->common, object) &&
           write_alt_names(link->alt_names, object) && write_port(link, object) &&
           write_addresses(link, object) && document_write_link_sysctls(link, object);
}

/* END is the port of LINK's bridge. */
static bool write_bridge_end(const struct link *link, const struct link *end,
                             struct json_object *object)
{
    if (!write_reference("bridge", link->bridge, link->namespace, object))
        return false;
    if (!end)
        return true;
    auto_json struct json_object *port = json_object_new_object();
    char name[IFNAMSIZ];
    derive_port_name(link->namespace->name, link->name, name);
    if (!port || (strcmp(name, end->name) != 0 && !json_put_string(port, "name", end->name)))
        return false;
    return write_common(end, port) && put_unless_empty(object, "port", TAKE(port));
}

/* END is the other end of a pair, NULL when it cannot be told. */
static bool write_kind(const struct link *link, const struct link *end, struct json_object *object)
{
    auto_json struct json_object *kind = json_object_new_object();
    bool good = kind && write_attributes(&link->kind->attributes, link->attributes, kind) &&
                write_reference("link", link->lower, link->namespace, kind);
    if (good && link->underlay)
        good = json_put_string(kind, "underlayNamespace", link->underlay);
    if (good && link->bridge)
        good = write_bridge_end(link, end, kind);
    else if (good)
        good = write_reference("peer", link->peer, link->namespace, kind);
    return good && json_put(object, link->kind->name, TAKE(kind));
}

static struct json_object *write_link(const struct link *link, const struct link *end)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object;
    if (good && link->external)
        good = json_put_bool(object, "external", true);
    if (good && link->kind)
        good = write_kind(link, end, object);
    good = good && write_reference("master", link->master, link->namespace, object) &&
           write_common(link, object);
    return good ? TAKE(object) : NULL;
}

struct json_object *document_write_link(const struct link *link)
{
    return write_link(link, link_peer(link));
}

static bool write_external(const struct namespace *namespace, struct json_object *object)
{
    if (!namespace->external || strcmp(namespace->name, NAMESPACE_HOST) == 0)
        return true;
    if (!namespace->path)
        return json_put_bool(object, "external", true);
    auto_json struct json_object *external = json_object_new_object();
    return external && json_put_string(external, "path", namespace->path) &&
           json_put(object, "external", TAKE(external));
}

static bool write_links(const struct network *network, const struct namespace *namespace,
                        struct json_object *object)
{
    auto_json struct json_object *links = json_object_new_object();
    if (!links)
        return false;
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        const struct reference *peer = link->peer;
        const struct link *end = link_peer(link);
        if (peer && !end)
            end = network_link(network, peer->namespace, peer->name);
        if (!link->derived && !json_put(links, link->name, write_link(link, end)))
            return false;
    }
    return put_unless_empty(object, "links", TAKE(links));
}

static bool write_routes(const struct namespace *namespace, struct json_object *object)
{
    auto_json struct json_object *routes = json_object_new_object();
    if (!routes)
        return false;
    struct route *route, *next;
    HASH_ITER (hh, namespace->routes, route, next) {
        char key[ROUTE_KEY_TEXT_MAX];
        if (!json_put(routes, document_route_key(route, key, sizeof(key)),
                      document_write_route(route)))
            return false;
    }
    return put_unless_empty(object, "routes", TAKE(routes));
}

static bool write_rules(const struct namespace *namespace, struct json_object *object)
{
    auto_json struct json_object *rules = json_object_new_object();
    if (!rules)
        return false;
    struct rule *rule, *next;
    HASH_ITER (hh, namespace->rules, rule, next) {
        char key[16];
        snprintf(key, sizeof(key), "%u", rule->key.priority);
        if (!json_put(rules, key, document_write_rule(rule)))
            return false;
    }
    return put_unless_empty(object, "rules", TAKE(rules));
}

static bool write_content(const struct namespace *namespace, struct json_object *object)
{
    return (!namespace->ipv6_written || json_put_bool(object, "ipv6", true)) &&
           (!namespace->report || json_put_string(object, "drift", "report")) &&
           (!namespace->remove_extra || json_put_string(object, "extra", "remove")) &&
           write_routes(namespace, object) && write_rules(namespace, object) &&
           document_write_sysctls(namespace, object);
}

struct json_object *document_write_namespace(const struct namespace *namespace)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && write_external(namespace, object) && write_content(namespace, object);
    return good ? TAKE(object) : NULL;
}

struct json_object *document_write_member(const struct network *network,
                                          const struct namespace *namespace)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && write_external(namespace, object) &&
                write_links(network, namespace, object) && write_content(namespace, object);
    return good ? TAKE(object) : NULL;
}

struct json_object *document_write(const struct network *network)
{
    auto_json struct json_object *document = json_object_new_object();
    auto_json struct json_object *namespaces = json_object_new_object();
    if (!document || !namespaces)
        return NULL;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        if (!json_put(namespaces, namespace->name, document_write_member(network, namespace)))
            return NULL;
    }
    return json_put(document, "namespaces", TAKE(namespaces)) ? TAKE(document) : NULL;
}
