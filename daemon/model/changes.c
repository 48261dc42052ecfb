#include "model/changes.h"

#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENT "{\"action\":\""

static bool append(struct printbuf *text, const char *bytes, size_t length)
{
    return printbuf_memappend(text, bytes, (int)length) >= 0;
}

static bool append_text(struct printbuf *text, const char *string)
{
    return append(text, string, strlen(string));
}

struct changes *changes_new(void)
{
    auto_changes struct changes *changes = calloc(1, sizeof(*changes));
    if (!changes || !(changes->text = printbuf_new()) || !append_text(changes->text, "[]"))
        return NULL;
    return TAKE(changes);
}

void changes_free(struct changes *changes)
{
    if (changes)
        printbuf_free(changes->text);
    free(changes);
}

void changes_freep(struct changes **changes)
{
    changes_free(*changes);
}

size_t changes_count(const struct changes *changes)
{
    size_t count = 0;
    for (int i = 0; changes && i < ACTION_COUNT; i++)
        count += changes->counts[i];
    return count;
}

/* No string holds what elements begin with: it has quotes, which are escaped in strings. */
size_t changes_piece(const struct changes *changes, size_t offset, size_t size)
{
    const char *text = changes->text->buf + 1;
    size_t length = (size_t)changes->text->bpos - 2;
    if (offset + size >= length)
        return offset < length ? length - offset : 0; /* behind the last one, there is no comma */
    const char *next =
        memmem(text + offset + size, length - offset - size, "," ELEMENT, strlen("," ELEMENT));
    return (next ? (size_t)(next - text) : length) - offset;
}

struct json_object *changes_parse(const struct changes *changes)
{
    struct problems problems = {0};
    struct json_object *array =
        json_parse_scanned(changes->text->buf, (size_t)changes->text->bpos, &problems);
    problems_clear(&problems);
    return array;
}

bool change_fields_begin(struct change_fields *fields)
{
    if (!fields->text && !(fields->text = printbuf_new()))
        return false;
    printbuf_reset(fields->text);
    fields->count = 0;
    return true;
}

void change_fields_clear(struct change_fields *fields)
{
    printbuf_free(fields->text);
    *fields = (struct change_fields){0};
}

static bool append_value(struct printbuf *text, const char *key, struct json_object *value)
{
    if (!value)
        return true;
    const char *written = json_object_is_type(value, json_type_string)
                              ? json_object_get_string(value)
                              : json_object_to_json_string_ext(
                                    value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    return written && append_text(text, key) && json_write_string(text, written);
}

bool change_fields_add(struct change_fields *fields, const char *name, struct json_object *from,
                       struct json_object *to)
{
    auto_json struct json_object *owned_from = from;
    auto_json struct json_object *owned_to = to;
    struct printbuf *text = fields->text;
    bool first = fields->count++ == 0;
    return append_text(text, first ? "{\"name\":" : ",{\"name\":") &&
           json_write_string(text, name) && append_value(text, ",\"from\":", from) &&
           append_value(text, ",\"to\":", to) && append_text(text, "}");
}

bool changes_add(struct changes *changes, enum change_action action, const char *pointer,
                 const struct change_fields *fields, bool irreversible)
{
    static const char *const words[] = {[ACTION_CREATE] = "create",
                                        [ACTION_CHANGE] = "change",
                                        [ACTION_RECREATE] = "recreate",
                                        [ACTION_REMOVE] = "remove"};
    struct printbuf *text = changes->text;
    bool first = changes_count(changes) == 0;
    text->bpos--; /* the bracket that closes the array */
    changes->counts[action]++;
    return append_text(text, first ? ELEMENT : "," ELEMENT) && append_text(text, words[action]) &&
           append_text(text, "\",\"pointer\":") && json_write_string(text, pointer) &&
           append_text(text, ",\"fields\":[") &&
           (!fields || append(text, fields->text->buf, (size_t)fields->text->bpos)) &&
           append_text(text,
                       irreversible ? "],\"irreversible\":true}]" : "],\"irreversible\":false}]");
}
