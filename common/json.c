#include "common/json.h"

#include "common/cleanup.h"
#include "common/json_scan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 1400
#define TEXT_MAX 1024

/* Appends KEY, escaped (RFC 6901 section 3), as far as it fits. */
static void append_key(char *buffer, size_t size, const char *key)
{
    size_t length = strlen(buffer);
    for (; *key && length + 2 < size; key++) {
        if (*key == '~' || *key == '/') {
            buffer[length++] = '~';
            buffer[length++] = *key == '~' ? '0' : '1';
        } else {
            buffer[length++] = *key;
        }
    }
    buffer[length] = '\0';
}

char *json_pointer(const struct json_place *place, char *buffer, size_t size)
{
    if (!place) {
        buffer[0] = '\0';
        return buffer;
    }
    json_pointer(place->parent, buffer, size);
    size_t length = strlen(buffer);
    if (!place->key) {
        snprintf(buffer + length, size - length, "/%zu", place->index);
        return buffer;
    }
    snprintf(buffer + length, size - length, "/");
    append_key(buffer, size, place->key);
    return buffer;
}

const char *json_pointer_step(const char *pointer, char *part, size_t size)
{
    size_t length = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && pointer[1])
            c = *++pointer == '1' ? '/' : '~';
        if (length + 1 < size)
            part[length++] = c;
    }
    part[length] = '\0';
    return pointer;
}

void json_problem(struct problems *problems, bool warning, const struct json_place *place,
                  const char *format, ...)
{
    char pointer[POINTER_MAX], text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(problems, warning, json_pointer(place, pointer, sizeof(pointer)), "%s", text);
}

bool json_check(const char *text, size_t length, struct problems *problems)
{
    size_t errors = problems->errors;
    if (length > INT_MAX)
        problems_add(problems, false, "", "the text is too long");
    else
        json_scan(text, length, problems);
    return problems->errors == errors && !problems->out_of_memory;
}

struct json_object *json_parse(const char *text, size_t length, struct problems *problems)
{
    return json_check(text, length, problems) ? json_parse_scanned(text, length, problems) : NULL;
}

struct json_object *json_parse_scanned(const char *text, size_t length, struct problems *problems)
{
    auto_tokener struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
    if (!tokener) {
        problems->out_of_memory = true;
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    struct json_object *value = json_tokener_parse_ex(tokener, text, (int)length);
    if (!value && json_tokener_get_error(tokener) == json_tokener_continue)
        value = json_tokener_parse_ex(tokener, "", -1); /* a number ends where the text does */
    if (!value)
        problems_add(problems, false, "", "%s",
                     json_tokener_get_error(tokener) == json_tokener_success
                         ? "null is no value here"
                         : json_tokener_error_desc(json_tokener_get_error(tokener)));
    return value;
}

static int write_raw(struct json_object *object, struct printbuf *out, int level, int flags)
{
    const char *text = json_object_get_userdata(object);
    (void)level;
    (void)flags;
    return printbuf_memappend(out, text, (int)strlen(text));
}

struct json_object *json_new_raw(const char *text)
{
    struct json_object *object = json_object_new_object();
    if (object)
        json_object_set_serializer(object, write_raw, (void *)text, NULL);
    return object;
}

/* What a JSON string must not hold as it is (RFC 8259, section 7). */
static bool is_escaped(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

bool json_write_string(struct printbuf *out, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    bool good = printbuf_memappend(out, "\"", 1) >= 0;
    while (good && *text) {
        size_t plain = 0;
        while (text[plain] && !is_escaped((unsigned char)text[plain]))
            plain++;
        good = printbuf_memappend(out, text, (int)plain) >= 0;
        text += plain;
        if (good && *text) {
            unsigned char c = (unsigned char)*text++;
            const char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
            good = printbuf_memappend(out, escape, sizeof(escape)) >= 0;
        }
    }
    return good && printbuf_memappend(out, "\"", 1) >= 0;
}

bool json_locate(const char *text, size_t length, const char *pointer, size_t *line, size_t *column)
{
    size_t offset;
    if (!json_scan_find(text, length, pointer, &offset))
        return false;
    json_scan_position(text, offset, line, column);
    return true;
}

bool json_locate_near(const char *text, size_t length, const char *pointer, size_t *line,
                      size_t *column)
{
    auto_free char *path = strdup(pointer);
    while (path && *path == '/') {
        if (json_locate(text, length, path, line, column))
            return true;
        *strrchr(path, '/') = '\0';
    }
    return false;
}

/* One step of a pointer into STEP, unescaped; returns what follows. NULL when it does not fit. */
static const char *next_step(const char *pointer, char *step, size_t size)
{
    size_t length = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && pointer[1])
            c = *++pointer == '1' ? '/' : '~';
        if (length + 1 >= size)
            return NULL;
        step[length++] = c;
    }
    step[length] = '\0';
    return pointer;
}

struct json_object *json_lookup(struct json_object *root, const char *pointer)
{
    while (root && pointer && *pointer == '/') {
        char step[POINTER_MAX];
        pointer = next_step(pointer, step, sizeof(step));
        if (!pointer)
            return NULL;
        if (json_object_is_type(root, json_type_array)) {
            char *end;
            unsigned long index = strtoul(step, &end, 10);
            root = *end || end == step ? NULL : json_object_array_get_idx(root, index);
        } else if (!json_object_is_type(root, json_type_object) ||
                   !json_object_object_get_ex(root, step, &root)) {
            return NULL;
        }
    }
    return pointer && !*pointer ? root : NULL;
}

bool json_merge(struct json_object **target, struct json_object *patch)
{
    if (!json_object_is_type(patch, json_type_object)) {
        struct json_object *copy = NULL;
        if (patch && json_object_deep_copy(patch, &copy, NULL) < 0)
            return false;
        json_object_put(*target);
        *target = copy;
        return true;
    }
    if (!json_object_is_type(*target, json_type_object)) {
        json_object_put(*target);
        *target = json_object_new_object();
        if (!*target)
            return false;
    }
    json_object_object_foreach (patch, key, value) {
        struct json_object *member = NULL;
        if (!value) {
            json_object_object_del(*target, key);
            continue;
        }
        json_object_object_get_ex(*target, key, &member);
        struct json_object *merged = json_object_get(member);
        bool in_place = json_object_is_type(merged, json_type_object) &&
                        json_object_is_type(value, json_type_object);
        if (!json_merge(&merged, value)) {
            json_object_put(merged);
            return false;
        }
        if (in_place)
            json_object_put(merged);
        else if (!json_put(*target, key, merged))
            return false;
    }
    return true;
}

bool json_put(struct json_object *object, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

bool json_put_string(struct json_object *object, const char *key, const char *value)
{
    return json_put(object, key, json_object_new_string(value));
}

bool json_put_integer(struct json_object *object, const char *key, int64_t value)
{
    return json_put(object, key, json_object_new_int64(value));
}

bool json_put_bool(struct json_object *object, const char *key, bool value)
{
    return json_put(object, key, json_object_new_boolean(value));
}

bool json_append(struct json_object *array, struct json_object *value)
{
    if (value && json_object_array_add(array, value) == 0)
        return true;
    json_object_put(value);
    return false;
}
