#include "model/document_internal.h"

#include "model/name.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel takes no port beyond this in a rule (include/net/fib_rules.h,
 * fib_rule_port_range_valid).
 */
#define RULE_PORT_MAX 65534

/* The two lowest bits belong to ECN (RFC 3168). */
#define TOS_ECN 0x03

struct rule_members {
    const char *from, *to, *input, *output, *type, *family;
    struct json_object *mark, *mask, *tos, *protocol, *source_port, *destination_port, *table;
    int64_t suppress;
    bool invert;
};

static const struct json_field rule_fields[] = {
    {.name = "from", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, from)},
    {.name = "to", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, to)},
    {.name = "iif", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, input)},
    {.name = "oif", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, output)},
    {.name = "type", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, type)},
    {.name = "family", .type = JSON_FIELD_STRING, .offset = offsetof(struct rule_members, family)},
    {.name = "fwmark", .type = JSON_FIELD_VALUE, .offset = offsetof(struct rule_members, mark)},
    {.name = "fwmask", .type = JSON_FIELD_VALUE, .offset = offsetof(struct rule_members, mask)},
    {.name = "tos", .type = JSON_FIELD_VALUE, .offset = offsetof(struct rule_members, tos)},
    {.name = "ipProtocol",
     .type = JSON_FIELD_VALUE,
     .offset = offsetof(struct rule_members, protocol)},
    {.name = "sourcePort",
     .type = JSON_FIELD_VALUE,
     .offset = offsetof(struct rule_members, source_port)},
    {.name = "destinationPort",
     .type = JSON_FIELD_VALUE,
     .offset = offsetof(struct rule_members, destination_port)},
    {.name = "table", .type = JSON_FIELD_VALUE, .offset = offsetof(struct rule_members, table)},
    {.name = "not", .type = JSON_FIELD_BOOL, .offset = offsetof(struct rule_members, invert)},
    {.name = "suppressPrefixLength",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct rule_members, suppress),
     .maximum = 128},
    {.name = NULL},
};

/* The address families that a rule's members speak for. */
static const struct attribute_word families[] = {
    {"inet", AF_INET},
    {"inet6", AF_INET6},
    {NULL, 0},
};

static bool read_priority(const char *text, const struct json_place *place,
                          struct problems *problems, uint32_t *priority)
{
    if (!document_parse_number(text, UINT32_MAX, priority) || (text[0] == '0' && text[1])) {
        json_problem(problems, false, place,
                     "the key of a rule is its priority, a number from 1 to 4294967295");
        return false;
    }
    if (*priority == 0 || *priority == 32766 || *priority == 32767) {
        json_problem(problems, false, place,
                     "the kernel's own rules have the priorities 0, 32766 and 32767: choose "
                     "another, below 32766 to come before the main table");
        return false;
    }
    return true;
}

/* A number, or a string with a decimal or hexadecimal one. */
static bool read_bits(struct json_object *json, const struct json_place *place, uint32_t maximum,
                      struct problems *problems, uint32_t *bits)
{
    int64_t number;
    if (!json_object_is_type(json, json_type_string)) {
        if (!json_read_integer(json, place, 0, maximum, problems, &number))
            return false;
        *bits = (uint32_t)number;
        return true;
    }
    const char *text = json_object_get_string(json);
    size_t length = strlen(text);
    bool hexadecimal = length > 2 && length <= 10 && strncmp(text, "0x", 2) == 0 &&
                       strspn(text + 2, "0123456789abcdefABCDEF") == length - 2;
    if (hexadecimal)
        *bits = (uint32_t)strtoul(text, NULL, 16);
    if ((hexadecimal && *bits <= maximum) ||
        (!hexadecimal && document_parse_number(text, maximum, bits)))
        return true;
    json_problem(problems, false, place,
                 "\"%.300s\" is not a number from 0 to 0x%x: write one such as \"0x10\" or 16",
                 text, maximum);
    return false;
}

static void read_marks(const struct rule_members *members, const struct json_place *parent,
                       struct problems *problems, struct rule *rule)
{
    const struct json_place mark = {.parent = parent, .key = "fwmark"};
    const struct json_place mask = {.parent = parent, .key = "fwmask"};
    if (members->mark && read_bits(members->mark, &mark, UINT32_MAX, problems, &rule->mark))
        rule->mask = UINT32_MAX;
    if (!members->mask || !read_bits(members->mask, &mask, UINT32_MAX, problems, &rule->mask))
        return;
    if (rule->mask == 0)
        json_problem(problems, false, &mask,
                     "a mask of 0 matches every packet: leave it out, and \"fwmark\" too");
}

static void read_tos(struct json_object *json, const struct json_place *parent,
                     struct problems *problems, struct rule *rule)
{
    const struct json_place place = {.parent = parent, .key = "tos"};
    uint32_t tos;
    if (!read_bits(json, &place, UINT8_MAX, problems, &tos))
        return;
    if (tos & TOS_ECN)
        json_problem(problems, false, &place,
                     "the two lowest bits are not of the type of service but of ECN: write 0x%02x",
                     tos & ~(uint32_t)TOS_ECN);
    rule->tos = (uint8_t)tos;
}

static void read_protocol(struct json_object *json, const struct json_place *parent,
                          struct problems *problems, struct rule *rule)
{
    const struct json_place place = {.parent = parent, .key = "ipProtocol"};
    uint64_t protocol;
    if (document_read_word(json, &place, document_protocols, 1, UINT8_MAX, problems, &protocol))
        rule->ip_protocol = (uint8_t)protocol;
}

/* Reads 80, "80" or "80-90". */
static void read_ports(struct json_object *json, const struct json_place *parent, const char *key,
                       struct problems *problems, uint16_t ports[2])
{
    const struct json_place place = {.parent = parent, .key = key};
    char low_text[16] = "";
    uint32_t low, high;
    int64_t number;
    if (!json_object_is_type(json, json_type_string)) {
        if (json_read_integer(json, &place, 1, RULE_PORT_MAX, problems, &number))
            ports[0] = ports[1] = (uint16_t)number;
        return;
    }
    const char *text = json_object_get_string(json);
    const char *dash = strchr(text, '-');
    snprintf(low_text, sizeof(low_text), "%.*s",
             dash ? (int)(dash - text < 15 ? dash - text : 15) : 15, text);
    if (!document_parse_number(low_text, RULE_PORT_MAX, &low) ||
        !document_parse_number(dash ? dash + 1 : low_text, RULE_PORT_MAX, &high) || low == 0 ||
        low > high) {
        json_problem(
            problems, false, &place,
            "\"%.300s\" is neither a port nor a range of ports: write 80 or \"80-90\", from 1 "
            "to %d",
            text, RULE_PORT_MAX);
        return;
    }
    ports[0] = (uint16_t)low;
    ports[1] = (uint16_t)high;
}

static void read_link_name(const char *text, const struct json_place *parent, const char *key,
                           struct problems *problems, char name[IFNAMSIZ])
{
    const char *fault = link_name_fault(text);
    if (fault)
        document_problem(problems, parent, key, "\"%.300s\" %s", text, fault);
    else
        memcpy(name, text, strlen(text) + 1);
}

/* Reads "from" or "to". A prefix that takes in everything restricts nothing: only its family stays.
 */
static void read_prefix(const char *text, const struct json_place *parent, const char *key,
                        struct problems *problems, struct rule *rule, struct ip_prefix *prefix)
{
    const struct json_place place = {.parent = parent, .key = key};
    struct ip_prefix read;
    if (!document_read_network(text, &place, problems, &read))
        return;
    uint8_t family = read.address.family;
    if (rule->key.family == AF_UNSPEC)
        rule->key.family = family;
    else if (rule->key.family != family)
        json_problem(
            problems, false, &place,
            "\"%s\" is %s, and something else in this rule says %s: a rule is for one of the "
            "two",
            text, family == AF_INET ? "IPv4" : "IPv6", family == AF_INET ? "IPv6" : "IPv4");
    if (read.length > 0)
        *prefix = read;
}

static void read_family(const struct rule_members *members, struct json_object *json,
                        const struct json_place *place, struct problems *problems,
                        struct rule *rule)
{
    uint64_t family = AF_UNSPEC;
    size_t errors = problems->errors;
    if (members->family && !document_word_value(families, members->family, &family))
        document_problem(problems, place, "family",
                         "\"%.300s\" is no family of addresses: write \"inet\" or \"inet6\"",
                         members->family);
    rule->key.family = (uint32_t)family;
    if (members->from)
        read_prefix(members->from, place, "from", problems, rule, &rule->from);
    if (members->to)
        read_prefix(members->to, place, "to", problems, rule, &rule->to);
    bool said = document_has(json, "family") || problems->errors != errors;
    if (rule->key.family == AF_UNSPEC && !said)
        json_problem(problems, false, place,
                     "no address tells whether the rule is for IPv4 or IPv6: write \"family\": "
                     "\"inet\" or \"inet6\"");
}

static void read_action(const struct rule_members *members, struct json_object *json,
                        const struct json_place *place, struct problems *problems,
                        struct rule *rule)
{
    const struct json_place table_place = {.parent = place, .key = "table"};
    uint64_t value = FR_ACT_TO_TBL;
    bool table = document_has(json, "table"), type = document_has(json, "type");
    char list[128];
    if (members->type && !document_word_value(document_rule_actions, members->type, &value))
        document_problem(problems, place, "type",
                         "\"%.300s\" is no type of rule: write %s, or name a table in \"table\" "
                         "instead",
                         members->type,
                         document_word_list(document_rule_actions, list, sizeof(list)));
    rule->action = (uint8_t)value;
    if (table && type)
        json_problem(problems, false, &table_place,
                     "a rule with \"type\" looks nothing up: keep \"table\" or \"type\"");
    else if (!table && !type)
        json_problem(problems, false, place,
                     "the rule does nothing: name the table that it leads to in \"table\", or what "
                     "happens to the packets in \"type\"");
    if (members->table && document_read_word(members->table, &table_place, document_tables, 1,
                                             UINT32_MAX, problems, &value))
        rule->table = (uint32_t)value;
}

static void read_suppress(const struct rule_members *members, struct json_object *json,
                          const struct json_place *place, struct problems *problems,
                          struct rule *rule)
{
    if (!document_has(json, "suppressPrefixLength"))
        return;
    rule->suppress_prefix_length = (int32_t)members->suppress;
    if (document_has(json, "type"))
        document_problem(problems, place, "suppressPrefixLength",
                         "this looks at what was found in a table, and a rule with \"type\" looks "
                         "nothing up: leave it out");
    else if (rule->key.family == AF_INET && members->suppress > 32)
        document_problem(problems, place, "suppressPrefixLength",
                         "prefixes of IPv4 have at most 32 bits");
}

static void read_members(struct rule *rule, struct json_object *json,
                         const struct json_place *place, struct problems *problems)
{
    struct rule_members members = {.suppress = -1};
    json_read_fields(json, place, rule_fields, &members, problems);
    read_family(&members, json, place, problems, rule);
    read_action(&members, json, place, problems, rule);
    read_marks(&members, place, problems, rule);
    rule->invert = members.invert;
    rule->suppress_prefix_length = -1;
    read_suppress(&members, json, place, problems, rule);
    if (members.input)
        read_link_name(members.input, place, "iif", problems, rule->input);
    if (members.output)
        read_link_name(members.output, place, "oif", problems, rule->output);
    if (members.tos)
        read_tos(members.tos, place, problems, rule);
    if (members.protocol)
        read_protocol(members.protocol, place, problems, rule);
    if (members.source_port)
        read_ports(members.source_port, place, "sourcePort", problems, rule->source_port);
    if (members.destination_port)
        read_ports(members.destination_port, place, "destinationPort", problems,
                   rule->destination_port);
}

static void read_rule(struct namespace *namespace, const char *text, struct json_object *json,
                      const struct json_place *place, struct problems *problems)
{
    struct rule draft = {.protocol = NETNSD_PROTOCOL};
    bool good = read_priority(text, place, problems, &draft.key.priority);
    if (!json || !json_read_object(json, place, problems))
        return;
    read_members(&draft, json, place, problems);
    if (!good || draft.key.family == AF_UNSPEC)
        return;
    struct rule *rule = rule_add(namespace, &draft.key);
    if (!rule) {
        problems->out_of_memory = true;
        return;
    }
    draft.hh = rule->hh;
    *rule = draft;
}

void document_read_rules(struct reader *reader, struct namespace *namespace,
                         struct json_object *json, const struct json_place *place)
{
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        read_rule(namespace, key, value, &member, reader->problems);
    }
}
