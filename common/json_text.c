#include "common/json_text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct json_text *json_text_new(const char *bytes, size_t length)
{
    struct json_text *text = malloc(sizeof(*text) + length);
    if (!text)
        return NULL;
    *text = (struct json_text){.references = 1, .length = length};
    memcpy(text->bytes, bytes, length);
    return text;
}

struct json_text *json_text_get(struct json_text *text)
{
    if (text)
        text->references++;
    return text;
}

void json_text_put(struct json_text *text)
{
    if (text && --text->references == 0)
        free(text);
}

void json_text_putp(struct json_text **text)
{
    json_text_put(*text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* AT is behind the quote that begins a string: returns where the one is that ends it. */
static const char *string_end(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < end ? at : end;
}

static const char *skip_string(const char *at, const char *end)
{
    at = string_end(at + 1, end);
    return at < end ? at + 1 : end;
}

/* Whatever else stands in an object or a list is passed over. */
static const bool delimits[256] = {
    ['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true};

static const char *skip_nested(const char *at, const char *end)
{
    unsigned depth = 0;
    while (at < end) {
        char c = *at;
        if (!delimits[(unsigned char)c]) {
            at++;
        } else if (c == '"') {
            at = skip_string(at, end);
        } else {
            depth += c == '{' || c == '[' ? 1 : UINT_MAX;
            at++;
            if (!depth)
                break;
        }
    }
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at < end && (*at == '{' || *at == '['))
        return skip_nested(at, end);
    if (at < end && *at == '"')
        return skip_string(at, end);
    while (at < end && !is_space(*at) && *at != ',' && *at != '}')
        at++;
    return at;
}

void json_members_begin(struct json_members *members, const char *bytes, size_t length)
{
    const char *end = bytes + length, *at = skip_space(bytes, end);
    bool object = at < end && *at == '{';
    *members = (struct json_members){.after = object ? at + 1 : end, .end = end};
}

void json_members_enter(const struct json_members *members, struct json_members *inner)
{
    json_members_begin(inner, members->value, (size_t)(members->end - members->value));
}

void json_members_leave(struct json_members *members, const struct json_members *inner)
{
    const char *at = skip_space(inner->after, inner->end);
    members->after = at < inner->end ? at + 1 : at; /* behind the brace */
}

static const char *after_value(struct json_members *members)
{
    if (!members->after)
        members->after = skip_value(members->value, members->end);
    return members->after;
}

bool json_members_next(struct json_members *members)
{
    const char *end = members->end, *at = skip_space(after_value(members), end);
    if (at < end && *at == ',')
        at = skip_space(at + 1, end);
    if (at == end || *at != '"')
        return false;
    members->key = at + 1;
    at = string_end(at + 1, end);
    members->key_length = (size_t)(at - members->key);
    members->escaped = memchr(members->key, '\\', members->key_length);
    at = at < end ? skip_space(at + 1, end) : end;
    members->value = at < end ? skip_space(at + 1, end) : end; /* behind the colon */
    members->after = NULL;
    return true;
}

bool json_members_is(const struct json_members *members, const char *key)
{
    return members->key_length == strlen(key) &&
           memcmp(members->key, key, members->key_length) == 0;
}

bool json_members_find(struct json_members *members, const char *key)
{
    while (json_members_next(members)) {
        if (json_members_is(members, key))
            return true;
    }
    return false;
}

size_t json_members_length(struct json_members *members)
{
    return (size_t)(after_value(members) - members->value);
}
