#include "model/document_internal.h"

#include "common/cleanup.h"

#include <linux/rtnetlink.h>
#include <string.h>

struct address_members {
    const char *peer;
    struct json_object *scope;
    int64_t metric;
    bool no_prefix_route, dad;
};

static const struct json_field address_fields[] = {
    {.name = "peer", .type = JSON_FIELD_STRING, .offset = offsetof(struct address_members, peer)},
    {.name = "scope", .type = JSON_FIELD_VALUE, .offset = offsetof(struct address_members, scope)},
    {.name = "metric",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct address_members, metric),
     .maximum = UINT32_MAX},
    {.name = "noPrefixRoute",
     .type = JSON_FIELD_BOOL,
     .offset = offsetof(struct address_members, no_prefix_route)},
    {.name = "dad", .type = JSON_FIELD_BOOL, .offset = offsetof(struct address_members, dad)},
    {.name = NULL},
};

static bool is_zero(const struct ip_address *address)
{
    static const uint8_t zero[sizeof(address->bytes)];
    return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

static bool is_multicast(const struct ip_address *address)
{
    return address->family == AF_INET ? (address->bytes[0] & 0xf0) == 0xe0
                                      : address->bytes[0] == 0xff;
}

static bool is_ipv6_loopback(const struct ip_address *address)
{
    return address->family == AF_INET6 &&
           memcmp(address->bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

/* IPv4: as iproute2 has it (ip/ipaddress.c, default_scope). IPv6: what the kernel makes of the
 * address and reports (net/ipv6/addrconf.c, inet6_fill_ifaddr). */
static uint8_t default_scope(const struct ip_address *address)
{
    const uint8_t *bytes = address->bytes;
    if (address->family == AF_INET)
        return bytes[0] == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    if (is_ipv6_loopback(address))
        return RT_SCOPE_HOST;
    if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
        return RT_SCOPE_LINK;
    return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0xc0 ? RT_SCOPE_SITE : RT_SCOPE_UNIVERSE;
}

/* Why the kernel would not have ADDRESS on LINK; NULL when it would. */
static const char *address_fault(const struct link *link, const struct ip_address *address)
{
    if (is_zero(address))
        return "stands for no address at all: write the one that the link is to have";
    if (is_multicast(address))
        return "is a multicast address, which is no link's own";
    if (is_ipv6_loopback(address) && strcmp(link->name, "lo") != 0)
        return "is the loopback address, which is lo's alone";
    return NULL;
}

/* The address of LINK that stands in the way of PREFIX: the same one, or, for IPv6, the same
 * address with another length, of which the kernel takes one. */
static const struct address *address_in_the_way(const struct link *link,
                                                const struct ip_prefix *prefix)
{
    if (prefix->address.family == AF_INET || !link->addresses)
        return link_address(link, prefix);
    struct ip_prefix other = *prefix;
    for (unsigned length = 0; length <= 128; length++) {
        other.length = (uint8_t)length;
        const struct address *found = link_address(link, &other);
        if (found)
            return found;
    }
    return NULL;
}

static bool is_broadcast_address(const struct ip_prefix *prefix)
{
    if (prefix->address.family != AF_INET || prefix->length > 30)
        return false;
    for (unsigned bit = prefix->length; bit < 32; bit++) {
        if (!(prefix->address.bytes[bit / 8] & (0x80u >> (bit % 8))))
            return false;
    }
    return true;
}

static void warn_of_address(const struct ip_prefix *prefix, const struct json_place *place,
                            struct problems *problems)
{
    char text[IP_PREFIX_TEXT_MAX];
    ip_prefix_format(prefix, text);
    if (ip_prefix_is_network_address(prefix))
        json_problem(problems, true, place,
                     "%s is the address of the network itself, not of a host in it: a link's "
                     "address is usually one of the others",
                     text);
    else if (is_broadcast_address(prefix))
        json_problem(problems, true, place,
                     "%s is the broadcast address of its network: a link's address is usually one "
                     "of the others",
                     text);
}

static bool parse_prefix(const char *text, const struct json_place *place,
                         struct problems *problems, struct ip_prefix *prefix)
{
    struct ip_address address;
    if (ip_prefix_parse(text, prefix))
        return true;
    if (ip_address_parse(text, &address))
        json_problem(problems, false, place,
                     "\"%s\" has no prefix length: write \"%s/%d\", say, or \"%s/%zu\" for the "
                     "address alone",
                     text, text, address.family == AF_INET ? 24 : 64, text,
                     8 * ip_family_size(address.family));
    else
        json_problem(
            problems, false, place,
            "\"%.300s\" is not an address with its prefix length, such as \"10.0.1.1/24\" or "
            "\"fd00::1/64\"",
            text);
    return false;
}

/* The address at PLACE; what is wrong with it may only show once it is added. NULL when it cannot
 * be. */
static struct address *add_address(struct link *link, const char *text,
                                   const struct json_place *place, struct problems *problems)
{
    struct ip_prefix prefix;
    if (!parse_prefix(text, place, problems, &prefix))
        return NULL;
    const char *fault = address_fault(link, &prefix.address);
    if (fault) {
        json_problem(problems, false, place, "\"%s\" %s", text, fault);
        return NULL;
    }
    const struct address *other = address_in_the_way(link, &prefix);
    if (other) {
        char former[IP_PREFIX_TEXT_MAX];
        json_problem(problems, false, place,
                     "the link has this address already, as \"%s\": keep one of the two",
                     ip_prefix_format(&other->prefix, former));
        return NULL;
    }
    struct address *address = address_add(link, &prefix);
    if (!address) {
        problems->out_of_memory = true;
        return NULL;
    }
    address->scope = default_scope(&prefix.address);
    address->protocol = NETNSD_PROTOCOL;
    warn_of_address(&prefix, place, problems);
    return address;
}

static void read_scope(struct json_object *json, const struct json_place *parent,
                       struct problems *problems, struct address *address)
{
    const struct json_place place = {.parent = parent, .key = "scope"};
    uint64_t scope;
    if (address->prefix.address.family == AF_INET6)
        json_problem(problems, false, &place,
                     "the kernel knows the scope of an IPv6 address by the address: leave this key "
                     "out");
    else if (document_read_word(json, &place, document_scopes, 0, RT_SCOPE_NOWHERE - 1, problems,
                                &scope))
        address->scope = (uint8_t)scope;
}

static void read_members(struct address *address, struct json_object *json,
                         const struct json_place *place, struct problems *problems)
{
    struct address_members members = {0};
    uint8_t family = address->prefix.address.family;
    if (!json_read_object(json, place, problems))
        return;
    json_read_fields(json, place, address_fields, &members, problems);
    const struct json_place peer = {.parent = place, .key = "peer"};
    if (members.peer)
        document_read_address(members.peer, &peer, family, problems, &address->peer);
    if (members.scope)
        read_scope(members.scope, place, problems, address);
    address->metric = (uint32_t)members.metric;
    address->no_prefix_route = members.no_prefix_route;
    address->dad = members.dad;
    if (members.dad && family == AF_INET)
        document_problem(problems, place, "dad",
                         "duplicate address detection is of IPv6 alone: leave this key out");
}

/* JSON is NULL in a list of addresses. */
static void read_address(struct link *link, const char *text, struct json_object *json,
                         const struct json_place *place, struct problems *problems)
{
    struct address *address = add_address(link, text, place, problems);
    if (!json)
        return;
    if (address) {
        read_members(address, json, place, problems);
        return;
    }
    /* The members of an address that cannot be are still worth reading. */
    struct address misnamed = {.prefix.address.family = AF_UNSPEC};
    read_members(&misnamed, json, place, problems);
}

void document_read_addresses(struct link *link, struct json_object *json,
                             const struct json_place *place, struct problems *problems)
{
    if (json_object_is_type(json, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(json); i++) {
            const struct json_place element = {.parent = place, .index = i};
            struct json_object *value = json_object_array_get_idx(json, i);
            const char *text;
            if (value && json_read_string(value, &element, problems, &text))
                read_address(link, text, NULL, &element, problems);
        }
        return;
    }
    if (!json_object_is_type(json, json_type_object)) {
        json_problem(problems, false, place,
                     "expected an object with the addresses as keys, or a list of addresses as "
                     "strings");
        return;
    }
    json_object_object_foreach (json, text, value) {
        const struct json_place member = {.parent = place, .key = text};
        read_address(link, text, value, &member, problems);
    }
}

struct json_object *document_write_address(const struct address *address)
{
    auto_json struct json_object *object = json_object_new_object();
    char peer[INET6_ADDRSTRLEN];
    bool good = object;
    if (good && address->peer.family != AF_UNSPEC)
        good = json_put_string(object, "peer", ip_address_format(&address->peer, peer));
    if (good && address->scope != default_scope(&address->prefix.address))
        good = document_put_word(object, "scope", document_scopes, address->scope);
    if (good && address->metric)
        good = json_put_integer(object, "metric", address->metric);
    if (good && address->no_prefix_route)
        good = json_put_bool(object, "noPrefixRoute", true);
    if (good && address->dad)
        good = json_put_bool(object, "dad", true);
    return good ? TAKE(object) : NULL;
}
