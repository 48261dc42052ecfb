#include "model/document_internal.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

const struct attribute_word document_route_types[] = {
    {"unicast", RTN_UNICAST},     {"local", RTN_LOCAL},         {"broadcast", RTN_BROADCAST},
    {"multicast", RTN_MULTICAST}, {"blackhole", RTN_BLACKHOLE}, {"unreachable", RTN_UNREACHABLE},
    {"prohibit", RTN_PROHIBIT},   {"throw", RTN_THROW},         {NULL, 0},
};

const struct attribute_word document_rule_actions[] = {
    {"blackhole", FR_ACT_BLACKHOLE},
    {"unreachable", FR_ACT_UNREACHABLE},
    {"prohibit", FR_ACT_PROHIBIT},
    {NULL, 0},
};

const struct attribute_word document_scopes[] = {
    {"global", RT_SCOPE_UNIVERSE},
    {"site", RT_SCOPE_SITE},
    {"link", RT_SCOPE_LINK},
    {"host", RT_SCOPE_HOST},
    {NULL, 0},
};

const struct attribute_word document_tables[] = {
    {"main", RT_TABLE_MAIN},
    {"local", RT_TABLE_LOCAL},
    {"default", RT_TABLE_DEFAULT},
    {NULL, 0},
};

/* The protocols that people write rules for; RFC 5237 numbers all of them. */
const struct attribute_word document_protocols[] = {
    {"icmp", IPPROTO_ICMP},
    {"igmp", IPPROTO_IGMP},
    {"ipip", IPPROTO_IPIP},
    {"tcp", IPPROTO_TCP},
    {"udp", IPPROTO_UDP},
    {"dccp", IPPROTO_DCCP},
    {"ipv6", IPPROTO_IPV6},
    {"gre", IPPROTO_GRE},
    {"esp", IPPROTO_ESP},
    {"ah", IPPROTO_AH},
    {"icmpv6", IPPROTO_ICMPV6},
    {"ospf", 89},
    {"vrrp", 112},
    {"sctp", IPPROTO_SCTP},
    {"udplite", IPPROTO_UDPLITE},
    {NULL, 0},
};

bool document_word_value(const struct attribute_word *words, const char *word, uint64_t *value)
{
    for (; words->word; words++) {
        if (strcmp(words->word, word) == 0) {
            *value = words->value;
            return true;
        }
    }
    return false;
}

const char *document_word(const struct attribute_word *words, uint64_t value)
{
    for (; words->word; words++) {
        if (words->value == value)
            return words->word;
    }
    return NULL;
}

char *document_word_list(const struct attribute_word *words, char *buffer, size_t size)
{
    buffer[0] = '\0';
    for (const struct attribute_word *word = words; word->word; word++) {
        size_t length = strlen(buffer);
        const char *separator = word == words ? "" : word[1].word ? ", " : " or ";
        snprintf(buffer + length, size - length, "%s\"%s\"", separator, word->word);
    }
    return buffer;
}

bool document_read_word(struct json_object *json, const struct json_place *place,
                        const struct attribute_word *words, int64_t minimum, int64_t maximum,
                        struct problems *problems, uint64_t *value)
{
    if (json_object_is_type(json, json_type_string)) {
        const char *text = json_object_get_string(json);
        if (document_word_value(words, text, value))
            return true;
        char list[256];
        json_problem(problems, false, place, "\"%s\" is not known here: write %s, or a number",
                     text, document_word_list(words, list, sizeof(list)));
        return false;
    }
    int64_t number;
    if (!json_read_integer(json, place, minimum, maximum, problems, &number))
        return false;
    *value = (uint64_t)number;
    return true;
}

bool document_put_word(struct json_object *object, const char *key,
                       const struct attribute_word *words, uint64_t value)
{
    const char *word = document_word(words, value);
    return word ? json_put_string(object, key, word)
                : json_put_integer(object, key, (int64_t)value);
}

bool document_parse_number(const char *text, uint32_t maximum, uint32_t *number)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
        if (sum > maximum)
            return false;
    }
    *number = (uint32_t)sum;
    return true;
}

bool document_read_network(const char *text, const struct json_place *place,
                           struct problems *problems, struct ip_prefix *prefix)
{
    struct ip_address address;
    if (ip_address_parse(text, &address)) {
        *prefix = (struct ip_prefix){.address = address,
                                     .length = (uint8_t)(8 * ip_family_size(address.family))};
        return true;
    }
    if (!ip_prefix_parse(text, prefix)) {
        json_problem(problems, false, place,
                     "\"%s\" is not a network: write one as \"10.0.0.0/8\" or \"fd00::/64\", or an "
                     "address for a single host",
                     text);
        return false;
    }
    struct ip_prefix network = ip_prefix_network(prefix);
    if (ip_address_equal(&network.address, &prefix->address))
        return true;
    char meant[IP_PREFIX_TEXT_MAX], host[INET6_ADDRSTRLEN];
    json_problem(
        problems, false, place,
        "\"%s\" is an address within a network: write \"%s\" for the network, or \"%s\" for "
        "this one host",
        text, ip_prefix_format(&network, meant), ip_address_format(&prefix->address, host));
    return false;
}

static const char *family_word(uint8_t family)
{
    return family == AF_INET ? "IPv4" : "IPv6";
}

bool document_read_address(const char *text, const struct json_place *place, uint8_t family,
                           struct problems *problems, struct ip_address *address)
{
    struct ip_address read;
    if (!ip_address_parse(text, &read)) {
        json_problem(
            problems, false, place,
            "\"%s\" is not an address: write one as \"10.0.1.1\" or \"fd00::1\", without a "
            "prefix length",
            text);
        return false;
    }
    if (family != AF_UNSPEC && read.family != family) {
        json_problem(problems, false, place, "\"%s\" is %s, and an %s address belongs here", text,
                     family_word(read.family), family_word(family));
        return false;
    }
    *address = read;
    return true;
}
