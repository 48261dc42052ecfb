#include "common/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Longest key that another is suggested for, and the most letters that may differ. */
#define SUGGESTION_LENGTH_MAX 40
#define SUGGESTION_DISTANCE_MAX 2

static const char *type_name(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "true or false";
    case json_type_double:
    case json_type_int:
        return "a number";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "a list";
    case json_type_string:
        return "a string";
    }
    return "something else";
}

static bool expect(struct json_object *value, json_type type, const char *wanted,
                   const struct json_place *place, struct problems *problems)
{
    if (json_object_is_type(value, type))
        return true;
    json_problem(problems, false, place, "expected %s, not %s", wanted, type_name(value));
    return false;
}

bool json_read_string(struct json_object *value, const struct json_place *place,
                      struct problems *problems, const char **out)
{
    if (!expect(value, json_type_string, "a string", place, problems))
        return false;
    *out = json_object_get_string(value);
    return true;
}

bool json_read_bool(struct json_object *value, const struct json_place *place,
                    struct problems *problems, bool *out)
{
    if (!expect(value, json_type_boolean, "true or false", place, problems))
        return false;
    *out = json_object_get_boolean(value);
    return true;
}

bool json_read_integer(struct json_object *value, const struct json_place *place, int64_t minimum,
                       int64_t maximum, struct problems *problems, int64_t *out)
{
    int64_t number = json_object_get_int64(value);
    if (json_object_is_type(value, json_type_int) && number >= minimum && number <= maximum) {
        *out = number;
        return true;
    }
    json_problem(
        problems, false, place, "expected a whole number from %" PRId64 " to %" PRId64 ", not %s",
        minimum, maximum,
        json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double)
            ? json_object_get_string(value)
            : type_name(value));
    return false;
}

bool json_read_object(struct json_object *value, const struct json_place *place,
                      struct problems *problems)
{
    return expect(value, json_type_object, "an object", place, problems);
}

bool json_read_array(struct json_object *value, const struct json_place *place,
                     struct problems *problems)
{
    return expect(value, json_type_array, "a list", place, problems);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added or taken away (Levenshtein), for texts that are not
 * longer than SUGGESTION_LENGTH_MAX. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SUGGESTION_LENGTH_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(change, least(diagonal, row[j]) + 1);
        }
    }
    return row[width];
}

static const char *nearest(const char *key, const char *const *names)
{
    const char *best = NULL;
    size_t length = strlen(key);
    size_t limit = least(SUGGESTION_DISTANCE_MAX, length / 2) + 1;
    if (length > SUGGESTION_LENGTH_MAX)
        return NULL;
    for (; *names; names++) {
        size_t found = strlen(*names) <= SUGGESTION_LENGTH_MAX ? distance(key, *names) : limit;
        if (found < limit) {
            limit = found;
            best = *names;
        }
    }
    return best;
}

static bool is_among(const char *key, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(*names, key) == 0)
            return true;
    }
    return false;
}

/* "a, b and c", cut where BUFFER ends. */
static const char *list_names(const char *const *names, char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; names[i] && length < size; i++) {
        const char *before = i == 0 ? "" : names[i + 1] ? ", " : " and ";
        int added = snprintf(buffer + length, size - length, "%s\"%s\"", before, names[i]);
        length += added > 0 ? (size_t)added : 0;
    }
    return buffer;
}

static void refuse_key(const struct json_place *place, const char *key, const char *const *names,
                       struct problems *problems)
{
    const struct json_place member = {.parent = place, .key = key};
    const char *suggestion = nearest(key, names);
    char list[700];
    if (suggestion)
        json_problem(problems, false, &member, "unknown key; did you mean \"%s\"?", suggestion);
    else
        json_problem(problems, false, &member, "unknown key; possible here: %s",
                     list_names(names, list, sizeof(list)));
}

void json_refuse_unknown(struct json_object *object, const struct json_place *place,
                         const char *const *names, struct problems *problems)
{
    json_object_object_foreach (object, key, value) {
        (void)value;
        if (!is_among(key, names))
            refuse_key(place, key, names, problems);
    }
}

static void read_field(struct json_object *value, const struct json_place *place,
                       const struct json_field *field, void *target, struct problems *problems)
{
    void *out = (char *)target + field->offset;
    switch (field->type) {
    case JSON_FIELD_STRING:
        json_read_string(value, place, problems, out);
        break;
    case JSON_FIELD_BOOL:
        json_read_bool(value, place, problems, out);
        break;
    case JSON_FIELD_INTEGER:
        json_read_integer(value, place, field->minimum, field->maximum, problems, out);
        break;
    case JSON_FIELD_OBJECT:
        if (json_read_object(value, place, problems))
            *(struct json_object **)out = value;
        break;
    case JSON_FIELD_ARRAY:
        if (json_read_array(value, place, problems))
            *(struct json_object **)out = value;
        break;
    case JSON_FIELD_VALUE:
        *(struct json_object **)out = value;
        break;
    }
}

static bool is_field(const struct json_field *fields, const char *key)
{
    for (; fields->name; fields++) {
        if (strcmp(fields->name, key) == 0)
            return true;
    }
    return false;
}

static void refuse_unknown_fields(struct json_object *object, const struct json_place *place,
                                  const struct json_field *fields, struct problems *problems)
{
    const char *names[32] = {0};
    for (size_t i = 0; fields[i].name && i < 31; i++)
        names[i] = fields[i].name;
    json_object_object_foreach (object, key, value) {
        (void)value;
        if (!is_field(fields, key))
            refuse_key(place, key, names, problems);
    }
}

bool json_read_fields(struct json_object *object, const struct json_place *place,
                      const struct json_field *fields, void *target, struct problems *problems)
{
    size_t errors = problems->errors;
    for (const struct json_field *field = fields; field->name; field++) {
        const struct json_place member = {.parent = place, .key = field->name};
        struct json_object *value = NULL;
        if (object)
            json_object_object_get_ex(object, field->name, &value);
        if (value)
            read_field(value, &member, field, target, problems);
        else if (field->required)
            json_problem(problems, false, &member, "this key is missing");
    }
    if (object)
        refuse_unknown_fields(object, place, fields, problems);
    return problems->errors == errors && !problems->out_of_memory;
}

bool json_read_all_fields(struct json_object *object, const struct json_field *fields, void *target,
                          struct error *error)
{
    struct problems problems = {0};
    bool good = json_read_fields(object, NULL, fields, target, &problems);
    if (!good && problems.count)
        error_set(error, ERROR_INVALID, 0, "%s: %s", problems.items[0].pointer,
                  problems.items[0].text);
    else if (!good)
        error_memory(error);
    problems_clear(&problems);
    return good;
}
