/* io.netnsd.Link */
#include "api/interfaces.h"
#include "api/list.h"

#include "common/cleanup.h"

#include <linux/if.h>
#include <stdio.h>
#include <string.h>

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

static bool put_reference(struct json_object *object, const char *key,
                          const struct reference *reference)
{
    char text[NAMESPACE_NAME_MAX + 1 + IFNAMSIZ];
    if (!reference)
        return true;
    snprintf(text, sizeof(text), "%s/%s", reference->namespace, reference->name);
    return json_put_string(object, key, text);
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
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "namespace", link->namespace->name) &&
                json_put_string(object, "link", link->name) &&
                json_put_integer(object, "ifindex", link->ifindex) &&
                (!link->kind_name[0] || json_put_string(object, "kind", link->kind_name)) &&
                json_put_bool(object, "up", link->flags & IFF_UP) &&
                json_put_string(object, "operState", oper_state(link->oper_state)) &&
                json_put_integer(object, "mtu", (int64_t)link->common[LINK_MTU].number) &&
                put_mac(link, object) &&
                (!link->master || json_put_string(object, "master", link->master->name)) &&
                put_reference(object, "peer", link->peer) &&
                put_reference(object, "lower", link->lower) &&
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

static void add_links(struct list *list, const struct network *network,
                      const struct parameters *parameters)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            bool asked = !parameters->link || strcmp(parameters->link, link->name) == 0;
            if (asked && !list_add(list, write_link(call_engine(list->call), link)))
                return;
        }
    }
}

static void inspected(void *context, const struct network *network, const struct error *error)
{
    struct call *call = context;
    struct parameters parameters = {0};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    if (error) {
        call_namespace_error(call, interface_name, parameters.namespace, error);
        return;
    }
    if (parameters.link && !network_link(network, parameters.namespace, parameters.link)) {
        refuse_link(call, &parameters);
        return;
    }
    struct list list;
    list_begin(&list, call, "links");
    add_links(&list, network, &parameters);
    list_end(&list);
}

static void list_links(struct call *call)
{
    struct parameters parameters = {0};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    if (parameters.link && !parameters.namespace)
        call_invalid_parameter(call, "namespace");
    else
        engine_inspect(call_engine(call), parameters.namespace, inspected, call);
}

static const struct method methods[] = {
    {.name = "List", .run = list_links},
    {.name = NULL},
};

const struct interface interface_link = {.name = interface_name, .methods = methods};
