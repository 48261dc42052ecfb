#include "common/json_scan.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 1400
/* Longest number that is read for its range; longer ones are refused. */
#define NUMBER_MAX 64

/* A string in the text, without its quotes. */
struct span {
    size_t begin, end;
};

struct key {
    uint64_t hash;
    struct span span;
};

/* A place in the text, as struct json_place is one in a parsed document. */
struct place {
    const struct place *parent;
    const struct span *key; /* NULL for an array element */
    size_t index;
};

struct scanner {
    const char *text;
    size_t length, at;
    unsigned depth;
    struct problems *problems; /* NULL: only to find */
    bool failed;
    struct key *keys; /* of all objects that are open, innermost last */
    size_t key_count, key_capacity;
    const char *sought; /* what is left of the pointer to find; NULL: nothing, or not below here */
    bool found;
    size_t found_at;
};

void json_scan_position(const char *text, size_t offset, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static unsigned hex_digits(const char *text)
{
    unsigned value = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = text[i];
        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00u >> count) | code);
    return count;
}

static char unescaped(char c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *found = memchr(from, c, sizeof(from) - 1);
    return found ? to[found - from] : c;
}

/* Reads one character of a valid string at *AT into OUT; returns its bytes. */
static size_t next_character(const char *text, size_t *at, char out[4])
{
    if (text[*at] != '\\') {
        out[0] = text[(*at)++];
        return 1;
    }
    char c = text[*at + 1];
    *at += 2;
    if (c != 'u') {
        out[0] = unescaped(c);
        return 1;
    }
    unsigned code = hex_digits(text + *at);
    *at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex_digits(text + *at + 2) - 0xdc00);
        *at += 6;
    }
    return put_utf8(code, out);
}

static uint64_t key_hash(const char *text, const struct span *span)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a (RFC 9923) */
    for (size_t at = span->begin; at < span->end;) {
        char bytes[4];
        size_t count = next_character(text, &at, bytes);
        for (size_t i = 0; i < count; i++)
            hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Appends the key, escaped for a JSON pointer. */
static void append_key(const char *text, const struct span *span, char *buffer, size_t size)
{
    size_t length = strlen(buffer);
    for (size_t at = span->begin; at < span->end;) {
        char bytes[4];
        size_t count = next_character(text, &at, bytes);
        if (length + count + 2 > size)
            break;
        if (count == 1 && (bytes[0] == '~' || bytes[0] == '/')) {
            buffer[length++] = '~';
            bytes[0] = bytes[0] == '~' ? '0' : '1';
        }
        memcpy(buffer + length, bytes, count);
        length += count;
    }
    buffer[length] = '\0';
}

static void render(const struct scanner *scanner, const struct place *place, char *buffer,
                   size_t size)
{
    if (!place) {
        buffer[0] = '\0';
        return;
    }
    render(scanner, place->parent, buffer, size);
    size_t length = strlen(buffer);
    if (!place->key) {
        snprintf(buffer + length, size - length, "/%zu", place->index);
        return;
    }
    snprintf(buffer + length, size - length, "/");
    append_key(scanner->text, place->key, buffer, size);
}

/* The first syntax error ends the scan. */
static bool fails(struct scanner *scanner, const struct place *place, const char *what)
{
    if (!scanner->failed && scanner->problems) {
        char pointer[POINTER_MAX];
        size_t line, column;
        render(scanner, place, pointer, sizeof(pointer));
        json_scan_position(scanner->text, scanner->at, &line, &column);
        problems_add(scanner->problems, false, pointer, "line %zu, column %zu: %s", line, column,
                     what);
    }
    scanner->failed = true;
    return false;
}

static char peek(const struct scanner *scanner)
{
    return scanner->at < scanner->length ? scanner->text[scanner->at] : '\0';
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->length && memchr(" \t\n\r", scanner->text[scanner->at], 4))
        scanner->at++;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool scan_hex(struct scanner *scanner, const struct place *place, unsigned *code)
{
    if (scanner->length - scanner->at < 4)
        return fails(scanner, place, "the text ends within an escape");
    for (size_t i = 0; i < 4; i++) {
        if (!is_hex(scanner->text[scanner->at + i]))
            return fails(scanner, place, "\\u is followed by four hexadecimal digits");
    }
    *code = hex_digits(scanner->text + scanner->at);
    scanner->at += 4;
    return true;
}

static bool scan_escape(struct scanner *scanner, const struct place *place)
{
    unsigned code, low;
    scanner->at++;
    char c = peek(scanner);
    if (!c || !strchr("\"\\/bfnrtu", c))
        return fails(scanner, place, "a backslash is followed by one of \" \\ / b f n r t u");
    scanner->at++;
    if (c != 'u')
        return true;
    if (!scan_hex(scanner, place, &code))
        return false;
    if (code == 0)
        return fails(scanner, place, "\\u0000 (NUL) is not allowed in a string");
    if (code >= 0xdc00 && code < 0xe000)
        return fails(scanner, place, "the second half of a surrogate pair without the first");
    if (code < 0xd800 || code >= 0xdc00)
        return true;
    if (scanner->length - scanner->at < 2 || memcmp(scanner->text + scanner->at, "\\u", 2) != 0)
        return fails(scanner, place, "half of a surrogate pair");
    scanner->at += 2;
    if (!scan_hex(scanner, place, &low))
        return false;
    return (low >= 0xdc00 && low < 0xe000) || fails(scanner, place, "half of a surrogate pair");
}

/* One character beyond ASCII, as RFC 3629 allows it. */
static bool scan_utf8(struct scanner *scanner, const struct place *place)
{
    const unsigned char *c = (const unsigned char *)scanner->text + scanner->at;
    size_t left = scanner->length - scanner->at;
    size_t count = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    unsigned code = c[0] & (0x7fu >> count);
    bool good = c[0] >= 0xc2 && c[0] <= 0xf4 && count <= left;
    for (size_t i = 1; good && i < count; i++) {
        good = (c[i] & 0xc0) == 0x80;
        code = code << 6 | (c[i] & 0x3f);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!good || code < least[count] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return fails(scanner, place, "the text is not UTF-8");
    scanner->at += count;
    return true;
}

static bool scan_string(struct scanner *scanner, const struct place *place, struct span *span)
{
    scanner->at++;
    span->begin = scanner->at;
    while (scanner->at < scanner->length) {
        unsigned char c = (unsigned char)scanner->text[scanner->at];
        if (c == '"') {
            span->end = scanner->at++;
            return true;
        }
        if (c < 0x20)
            return fails(scanner, place, "a control character stands in a string: escape it");
        if (c == '\\') {
            if (!scan_escape(scanner, place))
                return false;
        } else if (c < 0x80) {
            scanner->at++;
        } else if (!scan_utf8(scanner, place)) {
            return false;
        }
    }
    return fails(scanner, place, "the text ends within a string");
}

static size_t scan_digits(struct scanner *scanner)
{
    size_t begin = scanner->at;
    while (peek(scanner) >= '0' && peek(scanner) <= '9')
        scanner->at++;
    return scanner->at - begin;
}

/* json-c would take a number out of range for the nearest that it has. */
static bool check_range(struct scanner *scanner, const struct place *place, size_t begin,
                        bool whole)
{
    char number[NUMBER_MAX];
    size_t length = scanner->at - begin;
    if (length >= sizeof(number))
        return fails(scanner, place, "a number has too many digits");
    memcpy(number, scanner->text + begin, length);
    number[length] = '\0';
    errno = 0;
    if (whole)
        (void)strtoll(number, NULL, 10);
    else if (!isinf(strtod(number, NULL)))
        errno = 0;
    return errno != ERANGE || fails(scanner, place, "a number is out of range");
}

static bool scan_number(struct scanner *scanner, const struct place *place)
{
    size_t begin = scanner->at;
    bool whole = true;
    if (peek(scanner) == '-')
        scanner->at++;
    bool zero = peek(scanner) == '0';
    size_t digits = scan_digits(scanner);
    if (!digits || (zero && digits > 1))
        return fails(scanner, place, "a number begins with a digit, and not with a needless 0");
    if (peek(scanner) == '.') {
        whole = false;
        scanner->at++;
        if (!scan_digits(scanner))
            return fails(scanner, place, "a digit is missing after the point");
    }
    if (peek(scanner) == 'e' || peek(scanner) == 'E') {
        whole = false;
        scanner->at++;
        if (peek(scanner) == '+' || peek(scanner) == '-')
            scanner->at++;
        if (!scan_digits(scanner))
            return fails(scanner, place, "a digit is missing in the exponent");
    }
    return check_range(scanner, place, begin, whole);
}

static bool scan_word(struct scanner *scanner, const struct place *place)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (scanner->length - scanner->at >= length &&
            memcmp(scanner->text + scanner->at, words[i], length) == 0) {
            scanner->at += length;
            return true;
        }
    }
    return fails(scanner, place,
                 scanner->at < scanner->length
                     ? "a value is expected here: an object, a list, a string in double quotes, a "
                       "number, true, false or null"
                     : "the text ends where a value is expected");
}

static bool push_key(struct scanner *scanner, const struct span *span)
{
    if (scanner->key_count == scanner->key_capacity) {
        size_t capacity = scanner->key_capacity ? scanner->key_capacity * 2 : 64;
        struct key *grown = reallocarray(scanner->keys, capacity, sizeof(*scanner->keys));
        if (!grown) {
            scanner->problems->out_of_memory = true;
            scanner->failed = true;
            return false;
        }
        scanner->keys = grown;
        scanner->key_capacity = capacity;
    }
    scanner->keys[scanner->key_count++] =
        (struct key){.hash = key_hash(scanner->text, span), .span = *span};
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *one = a, *other = b;
    if (one->hash != other->hash)
        return one->hash < other->hash ? -1 : 1;
    return one->span.begin < other->span.begin ? -1 : 1;
}

/* The keys from FIRST on are those of the object at PLACE, which ends. */
static void find_duplicates(struct scanner *scanner, const struct place *place, size_t first)
{
    struct key *keys = scanner->keys + first;
    size_t count = scanner->key_count - first;
    scanner->key_count = first;
    if (count > 1)
        qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        char one[POINTER_MAX] = "", other[POINTER_MAX] = "";
        if (keys[i].hash != keys[i - 1].hash)
            continue;
        render(scanner, &(struct place){.parent = place, .key = &keys[i - 1].span}, one,
               sizeof(one));
        render(scanner, &(struct place){.parent = place, .key = &keys[i].span}, other,
               sizeof(other));
        if (strcmp(one, other) != 0)
            continue;
        size_t line, column;
        json_scan_position(scanner->text, keys[i].span.begin - 1, &line, &column);
        problems_add(scanner->problems, false, other,
                     "this key occurs twice in its object, the second time in line %zu, column "
                     "%zu: keep one of the two",
                     line, column);
    }
}

/* If the place is the next step of what is sought: the rest of that; "" when it has been found. */
static const char *step_into(const struct scanner *scanner, const struct place *place)
{
    if (!scanner->sought || *scanner->sought != '/')
        return NULL;
    char step[POINTER_MAX] = "";
    render(scanner, &(struct place){.key = place->key, .index = place->index}, step, sizeof(step));
    size_t length = strlen(step);
    if (strncmp(scanner->sought, step, length) != 0)
        return NULL;
    const char *rest = scanner->sought + length;
    return *rest == '/' || !*rest ? rest : NULL;
}

static bool scan_value(struct scanner *scanner, const struct place *place);

/* Scans the value at PLACE; AT is where what stands there begins. */
static bool scan_child(struct scanner *scanner, const struct place *place, size_t at)
{
    const char *outer = scanner->sought;
    scanner->sought = step_into(scanner, place);
    if (scanner->sought && !*scanner->sought) {
        scanner->found = true;
        scanner->found_at = at;
        return false;
    }
    bool good = scan_value(scanner, place);
    scanner->sought = outer;
    return good;
}

static bool scan_member(struct scanner *scanner, const struct place *parent)
{
    struct span key;
    skip_space(scanner);
    size_t at = scanner->at;
    if (peek(scanner) != '"')
        return fails(scanner, parent, "a key in double quotes is expected here");
    if (!scan_string(scanner, parent, &key) || (scanner->problems && !push_key(scanner, &key)))
        return false;
    const struct place place = {.parent = parent, .key = &key};
    skip_space(scanner);
    if (peek(scanner) != ':')
        return fails(scanner, &place, "a colon is expected after a key");
    scanner->at++;
    skip_space(scanner);
    return scan_child(scanner, &place, at);
}

static bool scan_object(struct scanner *scanner, const struct place *place)
{
    size_t first = scanner->key_count;
    scanner->at++;
    skip_space(scanner);
    if (peek(scanner) == '}') {
        scanner->at++;
        return true;
    }
    for (;;) {
        if (!scan_member(scanner, place))
            return false;
        skip_space(scanner);
        char c = peek(scanner);
        if (c != ',' && c != '}')
            return fails(scanner, place, "a comma or } is expected here");
        scanner->at++;
        if (c == '}')
            break;
    }
    if (scanner->problems)
        find_duplicates(scanner, place, first);
    return true;
}

static bool scan_array(struct scanner *scanner, const struct place *parent)
{
    scanner->at++;
    skip_space(scanner);
    if (peek(scanner) == ']') {
        scanner->at++;
        return true;
    }
    for (size_t i = 0;; i++) {
        skip_space(scanner);
        if (!scan_child(scanner, &(struct place){.parent = parent, .index = i}, scanner->at))
            return false;
        skip_space(scanner);
        char c = peek(scanner);
        if (c != ',' && c != ']')
            return fails(scanner, parent, "a comma or ] is expected here");
        scanner->at++;
        if (c == ']')
            return true;
    }
}

static bool scan_value(struct scanner *scanner, const struct place *place)
{
    struct span span;
    char c = peek(scanner);
    if (c == '"')
        return scan_string(scanner, place, &span);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(scanner, place);
    if (c != '{' && c != '[')
        return scan_word(scanner, place);
    if (scanner->depth == JSON_DEPTH_MAX)
        return fails(scanner, place, "objects and lists nest too deeply here");
    scanner->depth++;
    bool good = c == '{' ? scan_object(scanner, place) : scan_array(scanner, place);
    scanner->depth--;
    return good;
}

void json_scan(const char *text, size_t length, struct problems *problems)
{
    struct scanner scanner = {.text = text, .length = length, .problems = problems};
    skip_space(&scanner);
    if (scan_value(&scanner, NULL)) {
        skip_space(&scanner);
        if (scanner.at < length)
            fails(&scanner, NULL, "the value ends before here: nothing may follow it");
    }
    free(scanner.keys);
}

bool json_scan_find(const char *text, size_t length, const char *pointer, size_t *offset)
{
    struct scanner scanner = {.text = text, .length = length, .sought = pointer};
    skip_space(&scanner);
    *offset = scanner.at;
    if (!*pointer)
        return scanner.at < length;
    scan_value(&scanner, NULL);
    *offset = scanner.found_at;
    return scanner.found;
}
