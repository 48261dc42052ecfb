/* Strict JSON over json-c.
 *
 * json-c lets through what RFC 8259 forbids or leaves open (duplicate members, NaN, single quotes,
 * raw control characters, keys cut at an escaped NUL). json_parse() refuses all of it. The readers
 * below then check shape: unknown members, missing members, wrong types, ranges; every finding goes
 * into a struct problems with its JSON pointer, and reading goes on. */
#pragma once

#include "common/error.h"

#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Documents nest at most this deep. */
#define JSON_DEPTH_MAX 32

/* A value's place in its document: a chain of stack frames from the value up to the root, so that
 * walking down costs nothing and a pointer is only rendered when something is wrong. The root is
 * NULL. */
struct json_place {
    const struct json_place *parent;
    const char *key; /* member name; NULL for an array element */
    size_t index;    /* element, when key is NULL */
};

/* Renders PLACE as a JSON pointer (RFC 6901, "~" and "/" in keys escaped); "" for the root. The
 * result is cut at SIZE. Returns BUFFER. */
char *json_pointer(const struct json_place *place, char *buffer, size_t size);

/* Unescapes the first step of the JSON pointer POINTER, which begins with "/", into PART, cut at
 * SIZE. Returns what follows it: "" or another pointer. */
const char *json_pointer_step(const char *pointer, char *part, size_t size);

/* Notes a finding at PLACE. */
void json_problem(struct problems *problems, bool warning, const struct json_place *place,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Parses LENGTH bytes of UTF-8 as one JSON value with nothing after it but white space. Everything
 * that the scanner finds is noted in PROBLEMS (syntax errors with line and column in the text,
 * duplicate members with their pointers). Returns a new reference, or NULL when there are errors.
 */
struct json_object *json_parse(const char *text, size_t length, struct problems *problems);

/* Scans the text alone, as json_parse() does. False when there are errors. */
bool json_check(const char *text, size_t length, struct problems *problems);
/* Parses text that was scanned. */
struct json_object *json_parse_scanned(const char *text, size_t length, struct problems *problems);

/* A value that is written as TEXT, which is valid and outlives it. NULL when memory is short. */
struct json_object *json_new_raw(const char *text);

/* Appends TEXT, UTF-8, to OUT as a JSON string. False when memory is short. */
bool json_write_string(struct printbuf *out, const char *text);

/* Where the value that POINTER names begins in TEXT: line and column, both from 1. For a member,
 * the place of its key. False when TEXT has no such value. */
bool json_locate(const char *text, size_t length, const char *pointer, size_t *line,
                 size_t *column);

/* The same; or of the nearest thing around it that is written there: what is missing has no place
 * of its own. False for the whole document. */
bool json_locate_near(const char *text, size_t length, const char *pointer, size_t *line,
                      size_t *column);

/* RFC 6901 lookup without copying; NULL when absent. The reference is borrowed. */
struct json_object *json_lookup(struct json_object *root, const char *pointer);

/* RFC 7396: applies PATCH to *TARGET in place (objects are merged, null removes, everything else
 * replaces). *TARGET must not be shared; what is taken from PATCH is copied. False when memory is
 * short. */
bool json_merge(struct json_object **target, struct json_object *patch);

/* Adds VALUE (whose reference it takes, also on failure) to OBJECT under KEY. False when VALUE is
 * NULL or memory is short. */
bool json_put(struct json_object *object, const char *key, struct json_object *value);
bool json_put_string(struct json_object *object, const char *key, const char *value);
bool json_put_integer(struct json_object *object, const char *key, int64_t value);
bool json_put_bool(struct json_object *object, const char *key, bool value);

/* Appends VALUE (whose reference it takes, also on failure) to ARRAY. */
bool json_append(struct json_object *array, struct json_object *value);

/* Typed readers of one value: false, and a finding that says what was expected, otherwise. */
bool json_read_string(struct json_object *value, const struct json_place *place,
                      struct problems *problems, const char **out); /* borrowed; never NULL */
bool json_read_bool(struct json_object *value, const struct json_place *place,
                    struct problems *problems, bool *out);
bool json_read_integer(struct json_object *value, const struct json_place *place, int64_t minimum,
                       int64_t maximum, struct problems *problems, int64_t *out);
bool json_read_object(struct json_object *value, const struct json_place *place,
                      struct problems *problems); /* is it an object */
bool json_read_array(struct json_object *value, const struct json_place *place,
                     struct problems *problems); /* is it an array */

/* Notes every member of OBJECT that is not in NAMES (NULL-terminated), with the nearest allowed
 * name as a suggestion where one is near ("unknown key; did you mean 'addresses'?"). */
void json_refuse_unknown(struct json_object *object, const struct json_place *place,
                         const char *const *names, struct problems *problems);

enum json_field_type {
    JSON_FIELD_STRING,  /* const char *, borrowed from the object; absent: unchanged */
    JSON_FIELD_BOOL,    /* bool */
    JSON_FIELD_INTEGER, /* int64_t, in [minimum, maximum] */
    JSON_FIELD_OBJECT,  /* struct json_object *, borrowed */
    JSON_FIELD_ARRAY,   /* struct json_object *, borrowed */
    JSON_FIELD_VALUE,   /* struct json_object * of any type, borrowed */
};

/* One member of a fixed-shape object. Tables end with a NULL name. */
struct json_field {
    const char *name;
    enum json_field_type type;
    size_t offset; /* of the member in the target struct */
    bool required;
    int64_t minimum, maximum;
};

/* Reads the members of OBJECT (NULL means no members) into TARGET by the table FIELDS. null means
 * absent. Unknown members, missing required ones, wrong types and ranges are noted; true when none
 * were. */
bool json_read_fields(struct json_object *object, const struct json_place *place,
                      const struct json_field *fields, void *target, struct problems *problems);
/* The same, where the first finding is enough to know. */
bool json_read_all_fields(struct json_object *object, const struct json_field *fields, void *target,
                          struct error *error);
