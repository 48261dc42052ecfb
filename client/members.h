/* Reading the members of replies. What is absent, null or of another type reads as empty, so that a
 * client still shows the rest of what a newer or older daemon says. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed from OBJECT (which may be NULL); NULL when absent or null. */
struct json_object *member(struct json_object *object, const char *name);

/* Borrowed; "" when there is no such string. */
const char *member_string(struct json_object *object, const char *name);

/* 0 when there is no such number. */
int64_t member_integer(struct json_object *object, const char *name);

bool member_bool(struct json_object *object, const char *name);

/* Elements of the array, borrowed. There are none when it is absent or no array. */
size_t member_count(struct json_object *object, const char *name);
struct json_object *member_element(struct json_object *object, const char *name, size_t index);

/* An object of strings from pairs of name and value, ended by a NULL name. Pairs whose value is
 * NULL are left out. A new reference; NULL when memory is short. */
struct json_object *strings_object(const char *name, ...) __attribute__((sentinel));
