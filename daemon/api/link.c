/* io.netnsd.Link */
#include "api/interfaces.h"
#include "api/list.h"

#include "common/cleanup.h"

#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>

static const char interface_name[] = "io.netnsd.Link";

struct parameters {
    const char *namespace, *link;
};

static const struct json_field fields[] = {
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct parameters, namespace)},
    {.name = "link", .type = JSON_FIELD_STRING, .offset = offsetof(struct parameters, link)},
    {.name = NULL},
};

/* Names as RFC 2863 has them. */
static const char *oper_state(uint8_t state)
{
    static const char *const names[] = {
        [IF_OPER_UNKNOWN] = "unknown", [IF_OPER_NOTPRESENT] = "notPresent",
        [IF_OPER_DOWN] = "down",       [IF_OPER_LOWERLAYERDOWN] = "lowerLayerDown",
        [IF_OPER_TESTING] = "testing", [IF_OPER_DORMANT] = "dormant",
        [IF_OPER_UP] = "up",
    };
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

/* The other end of a cable, or what the link stands on. */
static bool put_end(struct json_object *object, const struct link *link,
                    const struct link_references *references)
{
    char text[NAMESPACE_NAME_MAX + 1 + IFNAMSIZ];
    if (!references->end)
        return true;
    snprintf(text, sizeof(text), "%s/%s", references->end_namespace, references->end);
    return json_put_string(object, link->kind && link->kind->paired ? "peer" : "lower", text);
}

static struct json_object *write_attributes(const struct link *link)
{
    auto_json struct json_object *object = json_object_new_object();
    for (size_t i = 0; object && link->kind && i < link->kind->attributes.count; i++) {
        const struct attribute *row = &link->kind->attributes.rows[i];
        if (link->attributes[i].present &&
            !json_put(object, row->name, attribute_write(row, &link->attributes[i])))
            return NULL;
    }
    return TAKE(object);
}

static struct json_object *write_addresses(const struct link *link)
{
    auto_json struct json_object *array = json_object_new_array();
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        char text[IP_PREFIX_TEXT_MAX];
        if (!array ||
            !json_append(array, json_object_new_string(ip_prefix_format(&address->prefix, text))))
            return NULL;
    }
    return TAKE(array);
}

static bool put_mac(const struct link *link, struct json_object *object)
{
    const struct value *mac = &link->common[LINK_MAC];
    char text[MAC_TEXT_MAX];
    if (!mac->present || link->flags & IFF_LOOPBACK)
        return true;
    return json_put_string(object, "mac", mac_address_format(&mac->mac, text));
}

static struct json_object *write_link(struct engine *engine, const struct link *link)
{
    const char *owner = engine_link_owner(engine, link->namespace->name, link->name);
    const struct value *alias = &link->common[LINK_ALIAS];
    struct link_references references;
    engine_link_references(engine, link, &references);
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "namespace", link->namespace->name) &&
                json_put_string(object, "link", link->name) &&
                json_put_integer(object, "ifindex", link->ifindex) &&
                (!link->kind_name[0] || json_put_string(object, "kind", link->kind_name)) &&
                json_put_bool(object, "up", link->flags & IFF_UP) &&
                json_put_string(object, "operState", oper_state(link->oper_state)) &&
                json_put_integer(object, "mtu", (int64_t)link->common[LINK_MTU].number) &&
                put_mac(link, object) &&
                (!references.master || json_put_string(object, "master", references.master)) &&
                put_end(object, link, &references) &&
                (!alias->present || json_put_string(object, "alias", alias->string)) &&
                json_put(object, "addresses", write_addresses(link)) &&
                (!owner || json_put_string(object, "topology", owner)) &&
                json_put(object, "attributes", write_attributes(link));
    return good ? TAKE(object) : NULL;
}

static void refuse_link(struct call *call, const struct parameters *parameters)
{
    auto_json struct json_object *object = json_object_new_object();
    if (object && json_put_string(object, "namespace", parameters->namespace) &&
        json_put_string(object, "link", parameters->link))
        call_error(call, "io.netnsd.Link.NoSuchLink", TAKE(object));
    else
        call_fail_memory(call);
}

struct listing {
    struct list list;
    struct parameters parameters;
};

static bool add_link(void *context, const struct link *link)
{
    struct list *list = &((struct listing *)context)->list;
    return list_add(list, write_link(call_engine(list->call), link));
}

static void end_listing(void *context, const struct error *error)
{
    auto_free struct listing *listing = context;
    struct call *call = listing->list.call;
    bool missing = listing->parameters.link && !listing->list.count;
    if (!error && !missing) {
        list_end(&listing->list);
        return;
    }
    list_clear(&listing->list);
    if (error)
        call_namespace_error(call, interface_name, listing->parameters.namespace, error);
    else
        refuse_link(call, &listing->parameters);
}

static void list_links(struct call *call)
{
    struct parameters parameters = {0};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    if (parameters.link && !parameters.namespace) {
        call_invalid_parameter(call, "namespace");
        return;
    }
    struct listing *listing = malloc(sizeof(*listing));
    if (!listing) {
        call_fail_memory(call);
        return;
    }
    listing->parameters = parameters;
    list_begin(&listing->list, call, "links");
    engine_inspect(
        call_engine(call),
        &(struct inspection_request){.namespace = parameters.namespace, .link = parameters.link},
        &(struct inspector){.each_link = add_link, .done = end_listing, .context = listing});
}

static const struct method methods[] = {
    {.name = "List", .run = list_links, .reading = true},
    {.name = NULL},
};

const struct interface interface_link = {.name = interface_name, .methods = methods};
