#include "model/attribute.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_LIST_MAX 300

static const struct {
    const char *unit;
    uint64_t microseconds;
} time_units[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60000000}, {"h", UINT64_C(3600000000)},
};

int attribute_find(const struct attribute_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool read_bool(struct json_object *json, const struct json_place *place,
                      struct problems *problems, struct value *out)
{
    bool value;
    if (!json_read_bool(json, place, problems, &value))
        return false;
    out->number = value;
    return true;
}

static bool read_integer(const struct attribute *row, struct json_object *json,
                         const struct json_place *place, struct problems *problems,
                         struct value *out)
{
    int64_t value;
    if (!json_read_integer(json, place, row->minimum, row->maximum, problems, &value))
        return false;
    out->number = (uint64_t)value;
    return true;
}

static bool read_word(const struct attribute *row, struct json_object *json,
                      const struct json_place *place, struct problems *problems, struct value *out)
{
    const char *text;
    char list[WORD_LIST_MAX] = "";
    if (!json_read_string(json, place, problems, &text))
        return false;
    for (const struct attribute_word *word = row->words; word->word; word++) {
        if (strcmp(word->word, text) == 0) {
            out->number = word->value;
            return true;
        }
        size_t length = strlen(list);
        snprintf(list + length, sizeof(list) - length, "%s\"%s\"",
                 word == row->words ? ""
                 : word[1].word     ? ", "
                                    : " or ",
                 word->word);
    }
    json_problem(problems, false, place, "\"%.100s\" is not possible here: write %s", text, list);
    return false;
}

/* Microseconds; false when TEXT is not digits and a unit, or far too long. */
static bool parse_time(const char *text, uint64_t *microseconds)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    uint64_t number = strtoull(text, &end, 10);
    if (number > UINT64_C(1000000000))
        return false;
    for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++) {
        if (strcmp(time_units[i].unit, end) == 0) {
            *microseconds = number * time_units[i].microseconds;
            return true;
        }
    }
    return false;
}

/* The shortest of "100ms" and "15s". */
static void format_time(uint64_t microseconds, char *buffer, size_t size)
{
    if (microseconds % 1000000 == 0)
        snprintf(buffer, size, "%" PRIu64 "s", microseconds / 1000000);
    else if (microseconds % 1000 == 0)
        snprintf(buffer, size, "%" PRIu64 "ms", microseconds / 1000);
    else
        snprintf(buffer, size, "%" PRIu64 "us", microseconds);
}

static bool read_duration(const struct attribute *row, struct json_object *json,
                          const struct json_place *place, struct problems *problems,
                          struct value *out)
{
    const char *text;
    char minimum[32], maximum[32], step[32];
    uint64_t time;
    if (!json_read_string(json, place, problems, &text))
        return false;
    if (!parse_time(text, &time)) {
        json_problem(problems, false, place,
                     "\"%.100s\" is not a time: write a number and us, ms, s, min or h, such as "
                     "\"15s\"",
                     text);
        return false;
    }
    format_time((uint64_t)row->minimum * 1000, minimum, sizeof(minimum));
    format_time((uint64_t)row->maximum * 1000, maximum, sizeof(maximum));
    format_time(row->unit, step, sizeof(step));
    if (time < (uint64_t)row->minimum * 1000 || time > (uint64_t)row->maximum * 1000) {
        json_problem(problems, false, place, "expected a time from %s to %s, not %.100s", minimum,
                     maximum, text);
        return false;
    }
    if (time % row->unit) {
        json_problem(problems, false, place, "the kernel counts this in steps of %s", step);
        return false;
    }
    out->number = time / row->unit;
    return true;
}

static bool read_string(const struct attribute *row, struct json_object *json,
                        const struct json_place *place, struct problems *problems,
                        struct value *out)
{
    const char *text;
    if (!json_read_string(json, place, problems, &text))
        return false;
    if (strlen(text) > (size_t)row->maximum) {
        json_problem(problems, false, place, "this text has at most %" PRId64 " bytes",
                     row->maximum);
        return false;
    }
    char *copy = strdup(text);
    if (!copy) {
        problems->out_of_memory = true;
        return false;
    }
    free(out->string);
    out->string = copy;
    return true;
}

static bool read_mac(struct json_object *json, const struct json_place *place,
                     struct problems *problems, struct value *out)
{
    const char *text;
    struct mac_address mac;
    if (!json_read_string(json, place, problems, &text))
        return false;
    if (!mac_address_parse(text, &mac)) {
        json_problem(problems, false, place,
                     "\"%.100s\" is not a MAC address such as \"02:00:00:00:00:01\"", text);
        return false;
    }
    if (!mac_address_is_unicast(&mac)) {
        json_problem(
            problems, false, place,
            "%s is no link's own address, but %s: the first byte must be even, and not all "
            "of them 0",
            text, mac.bytes[0] & 1 ? "that of a group" : "none at all");
        return false;
    }
    out->mac = mac;
    return true;
}

static bool read_address(struct json_object *json, const struct json_place *place,
                         struct problems *problems, struct value *out)
{
    const char *text;
    struct ip_address address;
    if (!json_read_string(json, place, problems, &text))
        return false;
    if (!ip_address_parse(text, &address)) {
        json_problem(problems, false, place, "\"%.100s\" is not an IPv4 or IPv6 address", text);
        return false;
    }
    if (value_set_address(out, &address))
        return true;
    problems->out_of_memory = true;
    return false;
}

/* "LOW-HIGH". */
static bool read_range(struct json_object *json, const struct json_place *place,
                       struct problems *problems, struct value *out)
{
    const char *text;
    unsigned low, high;
    int used = 0;
    if (!json_read_string(json, place, problems, &text))
        return false;
    if (sscanf(text, "%5u-%5u%n", &low, &high, &used) != 2 || text[used] || low == 0 ||
        low > high || high > UINT16_MAX) {
        json_problem(problems, false, place,
                     "\"%.100s\" is not a range of ports such as \"49152-65535\"", text);
        return false;
    }
    out->number = (uint64_t)low << 16 | high;
    return true;
}

static bool read_value(const struct attribute *row, struct json_object *json,
                       const struct json_place *place, struct problems *problems, struct value *out)
{
    switch (row->type) {
    case ATTRIBUTE_BOOL:
        return read_bool(json, place, problems, out);
    case ATTRIBUTE_INTEGER:
        return read_integer(row, json, place, problems, out);
    case ATTRIBUTE_WORD:
        return read_word(row, json, place, problems, out);
    case ATTRIBUTE_DURATION:
        return read_duration(row, json, place, problems, out);
    case ATTRIBUTE_STRING:
        return read_string(row, json, place, problems, out);
    case ATTRIBUTE_MAC:
        return read_mac(json, place, problems, out);
    case ATTRIBUTE_ADDRESS:
        return read_address(json, place, problems, out);
    case ATTRIBUTE_RANGE:
        return read_range(json, place, problems, out);
    }
    return false;
}

bool attribute_read(const struct attribute *row, struct json_object *json,
                    const struct json_place *place, struct problems *problems, struct value *out)
{
    if (!read_value(row, json, place, problems, out))
        return false;
    out->present = true;
    out->derived = false;
    return true;
}

static struct json_object *write_word(const struct attribute *row, uint64_t number)
{
    for (const struct attribute_word *word = row->words; word->word; word++) {
        if (word->value == number)
            return json_object_new_string(word->word);
    }
    return json_object_new_int64((int64_t)number);
}

struct json_object *attribute_write(const struct attribute *row, const struct value *value)
{
    char text[INET6_ADDRSTRLEN];
    switch (row->type) {
    case ATTRIBUTE_BOOL:
        return json_object_new_boolean(value->number != 0);
    case ATTRIBUTE_INTEGER:
        return json_object_new_int64((int64_t)value->number);
    case ATTRIBUTE_WORD:
        return write_word(row, value->number);
    case ATTRIBUTE_DURATION:
        format_time(value->number * row->unit, text, sizeof(text));
        return json_object_new_string(text);
    case ATTRIBUTE_STRING:
        return json_object_new_string(value->string ? value->string : "");
    case ATTRIBUTE_MAC:
        return json_object_new_string(mac_address_format(&value->mac, text));
    case ATTRIBUTE_ADDRESS:
        return json_object_new_string(ip_address_format(value->address, text));
    case ATTRIBUTE_RANGE:
        snprintf(text, sizeof(text), "%u-%u", (unsigned)(value->number >> 16),
                 (unsigned)(value->number & UINT16_MAX));
        return json_object_new_string(text);
    }
    return NULL;
}

static bool same(const struct attribute *row, const struct value *a, const struct value *b)
{
    switch (row->type) {
    case ATTRIBUTE_STRING:
        return strcmp(a->string ? a->string : "", b->string ? b->string : "") == 0;
    case ATTRIBUTE_MAC:
        return memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
    case ATTRIBUTE_ADDRESS:
        return ip_address_equal(a->address, b->address);
    default:
        return a->number == b->number;
    }
}

bool attribute_equal(const struct attribute *row, const struct value *desired,
                     const struct value *actual)
{
    struct value effective = attribute_effective(row, desired);
    if (!effective.present)
        return row->indifferent || !actual->present;
    if (!desired->present && !actual->present)
        return true;
    return actual->present && same(row, &effective, actual);
}

bool value_same(const struct attribute *row, const struct value *a, const struct value *b)
{
    return a->present == b->present && (!a->present || same(row, a, b));
}

bool attribute_needs_birth(const struct attribute *row, const struct value *desired,
                           const struct value *actual)
{
    struct value effective = attribute_effective(row, desired);
    return row->birth || (row->birth_value && (effective.number == row->birth_value ||
                                               actual->number == row->birth_value));
}

struct value attribute_effective(const struct attribute *row, const struct value *desired)
{
    if (desired->present || !row->has_default)
        return *desired;
    return (struct value){.present = true, .number = row->default_value};
}

bool value_set_address(struct value *value, const struct ip_address *address)
{
    struct ip_address *copy = malloc(sizeof(*copy));
    if (!copy)
        return false;
    *copy = *address;
    free(value->address);
    value->address = copy;
    value->present = true;
    return true;
}

bool value_copy(const struct attribute *row, const struct value *from, struct value *to)
{
    *to = *from;
    if (row->type == ATTRIBUTE_ADDRESS && from->present) {
        to->address = NULL;
        to->present = value_set_address(to, from->address);
        return to->present;
    }
    if (row->type != ATTRIBUTE_STRING || !from->present || !from->string)
        return true;
    to->string = strdup(from->string);
    return to->string;
}

void value_clear(const struct attribute *row, struct value *value)
{
    if (row->type == ATTRIBUTE_STRING && value->present)
        free(value->string);
    if (row->type == ATTRIBUTE_ADDRESS && value->present)
        free(value->address);
    *value = (struct value){0};
}
