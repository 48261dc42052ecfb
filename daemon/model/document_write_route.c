#include "model/document_internal.h"

#include "common/cleanup.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

char *document_route_key(const struct route *route, char *buffer, size_t size)
{
    char text[ROUTE_KEY_TEXT_MAX];
    uint8_t family = route->key.destination.address.family;
    route_key_format(&route->key, text, sizeof(text));
    if (route->key.destination.length > 0) {
        snprintf(buffer, size, "%s", text);
        return buffer;
    }
    const char *any = family == AF_INET ? "0.0.0.0/0" : "::/0";
    snprintf(buffer, size, "%s%s", document_gateway_family(route) == family ? "default" : any,
             text + strcspn(text, " "));
    return buffer;
}

static bool write_hop(const struct next_hop *hop, struct json_object *object)
{
    char via[INET6_ADDRSTRLEN];
    if (hop->via.family != AF_UNSPEC &&
        !json_put_string(object, "via", ip_address_format(&hop->via, via)))
        return false;
    if (hop->device[0] && !json_put_string(object, "dev", hop->device))
        return false;
    if (hop->weight > 1 && !json_put_integer(object, "weight", hop->weight))
        return false;
    return !hop->on_link || json_put_bool(object, "onLink", true);
}

static bool write_hops(const struct route *route, struct json_object *object)
{
    if (route->hop_count == 1)
        return write_hop(&route->hops[0], object);
    if (route->hop_count == 0)
        return true;
    auto_json struct json_object *array = json_object_new_array();
    if (!array)
        return false;
    for (size_t i = 0; i < route->hop_count; i++) {
        auto_json struct json_object *hop = json_object_new_object();
        if (!hop || !write_hop(&route->hops[i], hop) || !json_append(array, TAKE(hop)))
            return false;
    }
    return json_put(object, "nextHops", TAKE(array));
}

struct json_object *document_write_route(const struct route *route)
{
    auto_json struct json_object *object = json_object_new_object();
    char source[INET6_ADDRSTRLEN];
    bool good = object && write_hops(route, object);
    if (good && route->type != RTN_UNICAST)
        good = document_put_word(object, "type", document_route_types, route->type);
    if (good && route->source.family != AF_UNSPEC)
        good = json_put_string(object, "src", ip_address_format(&route->source, source));
    if (good && route->scope != RT_SCOPE_NOWHERE &&
        route->key.destination.address.family == AF_INET)
        good = document_put_word(object, "scope", document_scopes, route->scope);
    if (good && route->mtu)
        good = json_put_integer(object, "mtu", route->mtu);
    if (good && route->advmss)
        good = json_put_integer(object, "advmss", route->advmss);
    return good ? TAKE(object) : NULL;
}

static bool write_bits(struct json_object *object, const char *key, uint32_t bits)
{
    char text[16];
    snprintf(text, sizeof(text), "0x%x", bits);
    return json_put_string(object, key, text);
}

static bool write_ports(struct json_object *object, const char *key, const uint16_t ports[2])
{
    char text[16];
    if (ports[0] == 0)
        return true;
    if (ports[0] == ports[1])
        return json_put_integer(object, key, ports[0]);
    snprintf(text, sizeof(text), "%u-%u", ports[0], ports[1]);
    return json_put_string(object, key, text);
}

static bool write_selector(const struct rule *rule, struct json_object *object)
{
    char text[IP_PREFIX_TEXT_MAX];
    bool from = rule->from.address.family != AF_UNSPEC;
    bool to = rule->to.address.family != AF_UNSPEC;
    bool good = true;
    if (from)
        good = json_put_string(object, "from", ip_prefix_format(&rule->from, text));
    if (good && to)
        good = json_put_string(object, "to", ip_prefix_format(&rule->to, text));
    if (good && !from && !to)
        good = json_put_string(object, "family", rule->key.family == AF_INET ? "inet" : "inet6");
    if (good && rule->invert)
        good = json_put_bool(object, "not", true);
    if (good && rule->input[0])
        good = json_put_string(object, "iif", rule->input);
    if (good && rule->output[0])
        good = json_put_string(object, "oif", rule->output);
    return good;
}

static bool write_packet_selector(const struct rule *rule, struct json_object *object)
{
    bool good = true;
    if (rule->mask)
        good = write_bits(object, "fwmark", rule->mark);
    if (good && rule->mask && rule->mask != UINT32_MAX)
        good = write_bits(object, "fwmask", rule->mask);
    if (good && rule->tos)
        good = write_bits(object, "tos", rule->tos);
    if (good && rule->ip_protocol)
        good = document_put_word(object, "ipProtocol", document_protocols, rule->ip_protocol);
    return good && write_ports(object, "sourcePort", rule->source_port) &&
           write_ports(object, "destinationPort", rule->destination_port);
}

struct json_object *document_write_rule(const struct rule *rule)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && write_selector(rule, object) && write_packet_selector(rule, object);
    if (good && rule->action == FR_ACT_TO_TBL)
        good = document_put_word(object, "table", document_tables, rule->table);
    else if (good)
        good = document_put_word(object, "type", document_rule_actions, rule->action);
    if (good && rule->suppress_prefix_length >= 0)
        good = json_put_integer(object, "suppressPrefixLength", rule->suppress_prefix_length);
    return good ? TAKE(object) : NULL;
}
