/* io.netnsd.Route */
#include "api/interfaces.h"
#include "api/list.h"

#include "common/cleanup.h"
#include "model/document_word.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>

static const char interface_name[] = "io.netnsd.Route";

struct parameters {
    const char *namespace;
    int64_t table; /* 0: all but the local one */
};

static const struct json_field fields[] = {
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct parameters, namespace)},
    {.name = "table",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct parameters, table),
     .minimum = 1,
     .maximum = UINT32_MAX},
    {.name = NULL},
};

/* rtm_protocol as ip-route(8) prints it. */
static const struct attribute_word protocols[] = {
    {"redirect", RTPROT_REDIRECT},
    {"kernel", RTPROT_KERNEL},
    {"boot", RTPROT_BOOT},
    {"static", RTPROT_STATIC},
    {"ra", RTPROT_RA},
    {"dhcp", RTPROT_DHCP},
    {"netnsd", NETNSD_PROTOCOL},
    {NULL, 0},
};

/* Adds the word for VALUE, or its number. */
static bool put_word(struct json_object *object, const char *key,
                     const struct attribute_word *words, uint64_t value)
{
    char number[24];
    const char *word = document_word(words, value);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
    return json_put_string(object, key, word ? word : number);
}

static struct json_object *write_hop(const struct next_hop *hop)
{
    char via[INET6_ADDRSTRLEN];
    auto_json struct json_object *object = json_object_new_object();
    bool good =
        object &&
        (!hop->via.family || json_put_string(object, "via", ip_address_format(&hop->via, via))) &&
        (!hop->device[0] || json_put_string(object, "dev", hop->device)) &&
        json_put_integer(object, "weight", hop->weight) &&
        json_put_bool(object, "onLink", hop->on_link);
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_hops(const struct route *route)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < route->hop_count; i++) {
        if (!array || !json_append(array, write_hop(&route->hops[i])))
            return NULL;
    }
    return TAKE(array);
}

static bool put_destination(const struct route *route, struct json_object *object)
{
    char text[IP_PREFIX_TEXT_MAX] = "default";
    const struct ip_prefix *destination = &route->key.destination;
    if (destination->length)
        ip_prefix_format(destination, text);
    return json_put_string(object, "destination", text) &&
           json_put_string(object, "family",
                           destination->address.family == AF_INET ? "inet" : "inet6");
}

static struct json_object *write_route(struct engine *engine, const struct namespace *namespace,
                                       const struct route *route)
{
    char source[INET6_ADDRSTRLEN];
    const char *owner = engine_route_owner(engine, namespace->name, route);
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "namespace", namespace->name) &&
                put_destination(route, object) &&
                json_put_integer(object, "table", route->key.table) &&
                (!route->key.metric || json_put_integer(object, "metric", route->key.metric)) &&
                put_word(object, "type", document_route_types, route->type) &&
                put_word(object, "protocol", protocols, route->protocol) &&
                put_word(object, "scope", document_scopes, route->scope) &&
                (!route->source.family ||
                 json_put_string(object, "source", ip_address_format(&route->source, source))) &&
                json_put(object, "nextHops", write_hops(route)) &&
                (!owner || json_put_string(object, "topology", owner));
    return good ? TAKE(object) : NULL;
}

struct listing {
    struct list list;
    struct parameters parameters;
};

static bool add_route(void *context, const struct namespace *namespace, const struct route *route)
{
    struct listing *listing = context;
    int64_t table = listing->parameters.table;
    bool asked = table ? route->key.table == table : route->key.table != RT_TABLE_LOCAL;
    return !asked ||
           list_add(&listing->list, write_route(call_engine(listing->list.call), namespace, route));
}

static void end_listing(void *context, const struct error *error)
{
    auto_free struct listing *listing = context;
    struct call *call = listing->list.call;
    if (!error) {
        list_end(&listing->list);
        return;
    }
    list_clear(&listing->list);
    call_namespace_error(call, interface_name, listing->parameters.namespace, error);
}

static void list_routes(struct call *call)
{
    struct parameters parameters = {0};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    struct listing *listing = malloc(sizeof(*listing));
    if (!listing) {
        call_fail_memory(call);
        return;
    }
    listing->parameters = parameters;
    list_begin(&listing->list, call, "routes");
    engine_inspect(
        call_engine(call),
        &(struct inspection_request){.namespace = parameters.namespace, .routes = true},
        &(struct inspector){.each_route = add_route, .done = end_listing, .context = listing});
}

static const struct method methods[] = {
    {.name = "List", .run = list_routes, .reading = true},
    {.name = NULL},
};

const struct interface interface_route = {.name = interface_name, .methods = methods};
