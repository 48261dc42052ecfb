#include "model/document_internal.h"

#include "common/cleanup.h"
#include "model/name.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metric of IPv6 routes that say none (include/uapi/linux/ipv6_route.h, IP6_RT_PRIO_USER). */
#define IPV6_METRIC 1024

/* Larger values the kernel cuts without a word (net/ipv4/metrics.c, ip_metrics_convert). */
#define ROUTE_MTU_MAX (65535 - 15)
#define ROUTE_ADVMSS_MAX (65535 - 40)

struct route_members {
    const char *via, *device, *type, *source;
    struct json_object *scope, *hops;
    int64_t mtu, advmss;
    bool on_link;
};

static const struct json_field route_fields[] = {
    {.name = "via", .type = JSON_FIELD_STRING, .offset = offsetof(struct route_members, via)},
    {.name = "dev", .type = JSON_FIELD_STRING, .offset = offsetof(struct route_members, device)},
    {.name = "type", .type = JSON_FIELD_STRING, .offset = offsetof(struct route_members, type)},
    {.name = "src", .type = JSON_FIELD_STRING, .offset = offsetof(struct route_members, source)},
    {.name = "scope", .type = JSON_FIELD_VALUE, .offset = offsetof(struct route_members, scope)},
    {.name = "mtu",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct route_members, mtu),
     .minimum = 68,
     .maximum = ROUTE_MTU_MAX},
    {.name = "advmss",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct route_members, advmss),
     .minimum = 1,
     .maximum = ROUTE_ADVMSS_MAX},
    {.name = "onLink", .type = JSON_FIELD_BOOL, .offset = offsetof(struct route_members, on_link)},
    {.name = "nextHops", .type = JSON_FIELD_ARRAY, .offset = offsetof(struct route_members, hops)},
    {.name = NULL},
};

struct hop_members {
    const char *via, *device;
    int64_t weight;
    bool on_link;
};

static const struct json_field hop_fields[] = {
    {.name = "via", .type = JSON_FIELD_STRING, .offset = offsetof(struct hop_members, via)},
    {.name = "dev", .type = JSON_FIELD_STRING, .offset = offsetof(struct hop_members, device)},
    {.name = "weight",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct hop_members, weight),
     .minimum = 1,
     .maximum = 256},
    {.name = "onLink", .type = JSON_FIELD_BOOL, .offset = offsetof(struct hop_members, on_link)},
    {.name = NULL},
};

/* A route while it is read: its hops are released with it unless they were handed on. */
static void clear_draft(struct route *draft)
{
    free(draft->hops);
}
#define auto_draft AUTO(clear_draft)

static bool type_has_hops(uint8_t type)
{
    return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST ||
           type == RTN_MULTICAST;
}

static bool read_destination(const char *text, uint8_t family, const struct json_place *place,
                             struct problems *problems, struct route_key *key)
{
    if (strcmp(text, "default") != 0)
        return document_read_network(text, place, problems, &key->destination);
    if (family == AF_UNSPEC) {
        json_problem(problems, false, place,
                     "\"default\" is of the family of \"via\", and there is none: write "
                     "\"0.0.0.0/0\" or \"::/0\" instead");
        return false;
    }
    key->destination.address.family = family;
    return true;
}

/* TEXT is what follows "table" or "metric", NULL at the end of the key. */
static bool read_table(const char *text, const struct json_place *place, struct problems *problems,
                       uint32_t *table)
{
    uint64_t value = 0;
    if (text && document_word_value(document_tables, text, &value))
        *table = (uint32_t)value;
    else if (!text || !document_parse_number(text, UINT32_MAX, table) || *table == 0) {
        json_problem(problems, false, place,
                     "\"table\" is followed by a number from 1 to 4294967295, or by \"main\", "
                     "\"local\" or \"default\"");
        return false;
    }
    return true;
}

static bool read_metric(const char *text, const struct json_place *place, struct problems *problems,
                        uint32_t *metric)
{
    if (text && document_parse_number(text, UINT32_MAX, metric))
        return true;
    json_problem(problems, false, place, "\"metric\" is followed by a number from 0 to 4294967295");
    return false;
}

/* Reads "DESTINATION [table T] [metric M]". FAMILY is that of the gateway. */
static bool read_key(const char *text, uint8_t family, const struct json_place *place,
                     struct problems *problems, struct route_key *key)
{
    char buffer[ROUTE_KEY_TEXT_MAX], *rest = NULL;
    memset(key, 0, sizeof(*key));
    key->table = RT_TABLE_MAIN;
    snprintf(buffer, sizeof(buffer), "%s", text);
    const char *word = strtok_r(buffer, " ", &rest);
    if (!word || strlen(text) >= sizeof(buffer)) {
        json_problem(problems, false, place,
                     "the key of a route is \"DESTINATION [table T] [metric M]\"");
        return false;
    }
    if (!read_destination(word, family, place, problems, key))
        return false;
    word = strtok_r(NULL, " ", &rest);
    if (word && strcmp(word, "table") == 0) {
        if (!read_table(strtok_r(NULL, " ", &rest), place, problems, &key->table))
            return false;
        word = strtok_r(NULL, " ", &rest);
    }
    if (word && strcmp(word, "metric") == 0) {
        if (!read_metric(strtok_r(NULL, " ", &rest), place, problems, &key->metric))
            return false;
        word = strtok_r(NULL, " ", &rest);
    }
    if (word) {
        json_problem(problems, false, place,
                     "\"%s\" is out of place: the key of a route is \"DESTINATION [table T] "
                     "[metric M]\", in this order",
                     word);
        return false;
    }
    if (key->destination.address.family == AF_INET6 && key->metric == 0)
        key->metric = IPV6_METRIC;
    return true;
}

static bool read_device(const char *text, const struct json_place *place, struct problems *problems,
                        char device[IFNAMSIZ])
{
    const char *fault = link_name_fault(text);
    if (fault) {
        json_problem(problems, false, place, "\"%.300s\" %s", text, fault);
        return false;
    }
    memcpy(device, text, strlen(text) + 1);
    return true;
}

/* Reads the members of one hop, which stand at PLACE. VIA and DEVICE may be NULL. */
static void read_hop(const char *via, const char *device, bool on_link,
                     const struct json_place *place, struct problems *problems,
                     struct next_hop *hop)
{
    const struct json_place via_place = {.parent = place, .key = "via"};
    const struct json_place device_place = {.parent = place, .key = "dev"};
    if (via)
        document_read_address(via, &via_place, AF_UNSPEC, problems, &hop->via);
    if (device)
        read_device(device, &device_place, problems, hop->device);
    hop->on_link = on_link;
    if (on_link && !(via && device))
        document_problem(problems, place, "onLink",
                         "this says that \"via\" is to be reached straight through \"dev\": write "
                         "both of them, or leave this key out");
}

static void read_hop_element(struct route *draft, struct json_object *json,
                             const struct json_place *place, struct problems *problems)
{
    struct hop_members members = {.weight = 1};
    struct next_hop *hop = route_add_hop(draft);
    if (!hop) {
        problems->out_of_memory = true;
        return;
    }
    hop->weight = 1;
    if (!json || !json_read_object(json, place, problems))
        return;
    json_read_fields(json, place, hop_fields, &members, problems);
    hop->weight = (uint16_t)members.weight;
    read_hop(members.via, members.device, members.on_link, place, problems, hop);
    if (!document_has(json, "via") && !document_has(json, "dev"))
        json_problem(problems, false, place,
                     "a next hop needs \"via\", the gateway, or \"dev\", the link, or both");
}

static void read_hops(struct route *draft, struct json_object *route, struct json_object *hops,
                      const struct json_place *parent, struct problems *problems)
{
    static const char *const hop_keys[] = {"via", "dev", "onLink"};
    const struct json_place place = {.parent = parent, .key = "nextHops"};
    if (json_object_array_length(hops) == 0)
        json_problem(problems, false, &place,
                     "the list is empty: leave this key out, or list at least one next hop");
    for (size_t i = 0; i < json_object_array_length(hops); i++)
        read_hop_element(draft, json_object_array_get_idx(hops, i),
                         &(struct json_place){.parent = &place, .index = i}, problems);
    for (size_t i = 0; i < sizeof(hop_keys) / sizeof(hop_keys[0]); i++) {
        if (document_has(route, hop_keys[i]))
            document_problem(problems, parent, hop_keys[i],
                             "with \"nextHops\" this belongs into its elements");
    }
    if (draft->hop_count == 1)
        draft->hops[0].weight = 1; /* the kernel keeps no weight where there is no choice */
}

/* A route of a type that ends here or discards leads to nobody. */
static void refuse_hops(struct json_object *route, const char *type, const char *const *keys,
                        const struct json_place *place, struct problems *problems)
{
    for (; *keys; keys++) {
        if (document_has(route, *keys))
            document_problem(problems, place, *keys,
                             "a route of type \"%s\" has none: leave this key out", type);
    }
}

static void read_single_hop(struct route *draft, struct json_object *json,
                            const struct route_members *members, const struct json_place *place,
                            struct problems *problems)
{
    struct next_hop *hop = route_add_hop(draft);
    if (!hop) {
        problems->out_of_memory = true;
        return;
    }
    hop->weight = 1;
    read_hop(members->via, members->device, members->on_link, place, problems, hop);
    bool via = document_has(json, "via"), device = document_has(json, "dev");
    if (draft->type != RTN_UNICAST && !device)
        json_problem(problems, false, place, "a route of type \"%s\" needs \"dev\", the link",
                     members->type);
    else if (!via && !device && !document_has(json, "nextHops"))
        json_problem(
            problems, false, place,
            "the route leads nowhere: write \"via\", the gateway, or \"dev\", the link, or "
            "\"type\": \"blackhole\" to discard");
}

static void read_where(struct route *draft, struct json_object *json,
                       const struct route_members *members, const struct json_place *place,
                       struct problems *problems)
{
    static const char *const all[] = {"via", "dev", "onLink", "nextHops", NULL};
    static const char *const gateways[] = {"via", "onLink", "nextHops", NULL};
    if (!type_has_hops(draft->type)) {
        refuse_hops(json, members->type, all, place, problems);
        return;
    }
    if (draft->type != RTN_UNICAST)
        refuse_hops(json, members->type, gateways, place, problems);
    if (members->hops && draft->type == RTN_UNICAST)
        read_hops(draft, json, members->hops, place, problems);
    else
        read_single_hop(draft, json, members, place, problems);
}

static bool read_type(const char *text, const struct json_place *parent, struct problems *problems,
                      uint8_t *type)
{
    const struct json_place place = {.parent = parent, .key = "type"};
    uint64_t value = RTN_UNICAST;
    char list[256];
    if (text && !document_word_value(document_route_types, text, &value)) {
        json_problem(problems, false, &place, "\"%.300s\" is no type of route: write %s", text,
                     document_word_list(document_route_types, list, sizeof(list)));
        return false;
    }
    *type = (uint8_t)value;
    return true;
}

static void check_gateway(const struct route *draft, size_t index, const struct json_place *place,
                          struct problems *problems)
{
    const struct next_hop *hop = &draft->hops[index];
    uint8_t family = draft->key.destination.address.family;
    char via[INET6_ADDRSTRLEN];
    if (family == AF_INET6 && hop->via.family == AF_INET)
        document_problem(problems, place, "via",
                         "%s is IPv4, which the kernel does not take as the gateway of an IPv6 "
                         "route: name an IPv6 one",
                         ip_address_format(&hop->via, via));
    if (family == AF_INET6 && hop->via.family == AF_UNSPEC && draft->hop_count > 1)
        json_problem(problems, false, place,
                     "the kernel takes several next hops for an IPv6 route if each has a gateway: "
                     "write \"via\"");
}

/* What depends on the family of the destination. */
static void read_by_family(struct route *draft, const struct route_members *members,
                           const struct json_place *place, struct problems *problems)
{
    uint8_t family = draft->key.destination.address.family;
    const struct json_place source = {.parent = place, .key = "src"};
    const struct json_place scope_place = {.parent = place, .key = "scope"};
    const struct json_place hops = {.parent = place, .key = "nextHops"};
    uint64_t scope;
    draft->scope = RT_SCOPE_NOWHERE;
    if (members->source)
        document_read_address(members->source, &source, family, problems, &draft->source);
    if (members->scope && family == AF_INET6)
        json_problem(problems, false, &scope_place,
                     "IPv6 routes have no scope: leave this key out");
    else if (members->scope && document_read_word(members->scope, &scope_place, document_scopes, 0,
                                                  RT_SCOPE_NOWHERE - 1, problems, &scope))
        draft->scope = (uint8_t)scope;
    for (size_t i = 0; i < draft->hop_count; i++) {
        const struct json_place element = {.parent = &hops, .index = i};
        check_gateway(draft, i, members->hops ? &element : place, problems);
    }
}

uint8_t document_gateway_family(const struct route *route)
{
    for (size_t i = 0; i < route->hop_count; i++) {
        if (route->hops[i].via.family != AF_UNSPEC)
            return route->hops[i].via.family;
    }
    return AF_UNSPEC;
}

/* The family of "via" in a route's object. */
static uint8_t written_family(struct json_object *json)
{
    struct json_object *via = NULL;
    struct ip_address address;
    if (!json_object_is_type(json, json_type_object) ||
        !json_object_object_get_ex(json, "via", &via) || !via ||
        !ip_address_parse(json_object_get_string(via), &address))
        return AF_UNSPEC;
    return address.family;
}

/* The key in JSON before BEFORE that means the same route as KEY. */
static const char *earlier_spelling(struct json_object *json, const char *before,
                                    const struct route_key *key)
{
    json_object_object_foreach (json, text, value) {
        struct problems unheard = {0};
        struct route_key other;
        if (strcmp(text, before) == 0)
            break;
        bool same = read_key(text, written_family(value), NULL, &unheard, &other) &&
                    memcmp(&other, key, sizeof(other)) == 0;
        problems_clear(&unheard);
        if (same)
            return text;
    }
    return "default";
}

static void add_route(struct namespace *namespace, struct route *draft, struct json_object *routes,
                      const char *text, const struct json_place *place, struct problems *problems)
{
    if (namespace_route(namespace, &draft->key)) {
        json_problem(problems, false, place,
                     "\"%s\" and \"%s\" are the same route: keep one of the two, or give them "
                     "different metrics",
                     earlier_spelling(routes, text, &draft->key), text);
        return;
    }
    struct route *route = route_add(namespace, &draft->key);
    if (!route) {
        problems->out_of_memory = true;
        return;
    }
    route->type = draft->type;
    route->scope = draft->scope;
    route->protocol = NETNSD_PROTOCOL;
    route->source = draft->source;
    route->mtu = draft->mtu;
    route->advmss = draft->advmss;
    route->hop_count = draft->hop_count;
    route->hops = TAKE(draft->hops);
}

static void read_route(struct namespace *namespace, struct json_object *routes, const char *text,
                       struct json_object *json, const struct json_place *place,
                       struct problems *problems)
{
    struct route_members members = {0};
    auto_draft struct route draft = {.type = RTN_UNICAST};
    if (!json || !json_read_object(json, place, problems))
        return;
    size_t errors = problems->errors;
    json_read_fields(json, place, route_fields, &members, problems);
    draft.mtu = (uint32_t)members.mtu;
    draft.advmss = (uint32_t)members.advmss;
    if (read_type(members.type, place, problems, &draft.type))
        read_where(&draft, json, &members, place, problems);
    bool is_default = strncmp(text, "default", strlen("default")) == 0;
    uint8_t family = document_gateway_family(&draft);
    if (is_default && family == AF_UNSPEC && problems->errors != errors)
        return; /* the gateway that would tell the family is wrong */
    if (!read_key(text, family, place, problems, &draft.key))
        return;
    read_by_family(&draft, &members, place, problems);
    add_route(namespace, &draft, routes, text, place, problems);
}

void document_read_routes(struct reader *reader, struct namespace *namespace,
                          struct json_object *json, const struct json_place *place)
{
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        read_route(namespace, json, key, value, &member, reader->problems);
    }
}

static void check_device(const struct namespace *namespace, struct json_object *json,
                         const struct json_place *place, struct problems *problems)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(json, json_type_object) ||
        !json_object_object_get_ex(json, "dev", &value) ||
        !json_object_is_type(value, json_type_string))
        return;
    const char *name = json_object_get_string(value);
    if (link_name_fault(name) || namespace_link(namespace, name))
        return;
    document_problem(problems, place, "dev", "there is no link \"%s\" in namespace \"%s\": %s",
                     name, namespace->name,
                     namespace_is_shared(namespace)
                         ? "describe it under \"links\", with {\"external\": true} when it exists "
                           "already"
                         : "describe it under \"links\"");
}

void document_check_devices(const struct namespace *namespace, struct json_object *json,
                            const struct json_place *parent, struct problems *problems)
{
    if (!json)
        return;
    json_object_object_foreach (json, key, route) {
        const struct json_place place = {.parent = parent, .key = key};
        const struct json_place hops_place = {.parent = &place, .key = "nextHops"};
        struct json_object *hops = NULL;
        check_device(namespace, route, &place, problems);
        if (!json_object_is_type(route, json_type_object) ||
            !json_object_object_get_ex(route, "nextHops", &hops) ||
            !json_object_is_type(hops, json_type_array))
            continue;
        for (size_t i = 0; i < json_object_array_length(hops); i++)
            check_device(namespace, json_object_array_get_idx(hops, i),
                         &(struct json_place){.parent = &hops_place, .index = i}, problems);
    }
}
