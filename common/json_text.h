/* JSON that is kept as text: large documents are compared, and taken apart, without making objects
 * of what is of no interest. All text here has been scanned (json_scan.h): it is valid. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Shared by those who hold a reference, of whom one at a time takes or gives back another. */
struct json_text {
    unsigned references;
    size_t length;
    char bytes[];
};

/* A copy of LENGTH BYTES, with one reference; NULL when memory is short. */
struct json_text *json_text_new(const char *bytes, size_t length);
/* Another reference; TEXT may be NULL, as in json_text_put(). */
struct json_text *json_text_get(struct json_text *text);
void json_text_put(struct json_text *text);
void json_text_putp(struct json_text **text);
#define auto_json_text AUTO(json_text_putp)

/* The members of an object, one after the other. Borrowed from the text. */
struct json_members {
    const char *key; /* without its quotes, as it is written */
    size_t key_length;
    bool escaped;      /* so that the key means something else than it is written as */
    const char *value; /* begins here; NULL: the first member is still to come */
    const char *after; /* it ends here; NULL: that is not known yet */
    const char *end;   /* of the text */
};

/* Begins with the first member of the value in BYTES; there are none when that is no object. */
void json_members_begin(struct json_members *members, const char *bytes, size_t length);
/* The same with those of the present member's value. When there are no more of them, they are left
 * again, and the outer ones go on behind them. */
void json_members_enter(const struct json_members *members, struct json_members *inner);
void json_members_leave(struct json_members *members, const struct json_members *inner);
/* Goes to the next, or first, member. False when there is none. */
bool json_members_next(struct json_members *members);
/* Goes to the member KEY, which is not written with escapes. False when there is none. */
bool json_members_find(struct json_members *members, const char *key);
/* Is the present member's key KEY? */
bool json_members_is(const struct json_members *members, const char *key);
/* How long the present member's value is. */
size_t json_members_length(struct json_members *members);
