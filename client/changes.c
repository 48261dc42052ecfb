#include "client/changes.h"

#include "client/members.h"
#include "client/output.h"

#include <string.h>

/* Pointers have few parts; deeper ones keep their tail as the last part. */
#define PARTS_MAX 8

struct parts {
    char text[400];
    const char *part[PARTS_MAX];
    size_t count;
};

/* What one element of a document's map is called. */
static const struct {
    const char *map, *element;
} nouns[] = {
    {"addresses", "address"}, {"fdb", "fdb entry"},        {"namespaces", "namespace"},
    {"routes", "route"},      {"neighbours", "neighbour"}, {"rules", "rule"},
};

static const char *noun_of(const char *map)
{
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        if (strcmp(nouns[i].map, map) == 0)
            return nouns[i].element;
    }
    return map;
}

/* RFC 6901: "~1" stands for a slash, "~0" for a tilde. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (in[0] == '~' && (in[1] == '0' || in[1] == '1')) {
            *out++ = in[1] == '1' ? '/' : '~';
            in++;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
}

static void split_pointer(const char *pointer, struct parts *parts)
{
    *parts = (struct parts){0};
    snprintf(parts->text, sizeof(parts->text), "%s", pointer);
    char *rest = *parts->text == '/' ? parts->text + 1 : NULL;
    while (rest && parts->count < PARTS_MAX) {
        char *slash = parts->count + 1 < PARTS_MAX ? strchr(rest, '/') : NULL;
        if (slash)
            *slash = '\0';
        unescape(rest);
        parts->part[parts->count++] = rest;
        rest = slash ? slash + 1 : NULL;
    }
}

static bool is_part(const struct parts *parts, size_t index, const char *word)
{
    return index < parts->count && strcmp(parts->part[index], word) == 0;
}

/* object_write() for a pointer that was split. Returns the word for what the object is ("address"),
 * "" when there is none. */
static const char *write_object(FILE *out, const struct parts *parts)
{
    if (!is_part(parts, 0, "namespaces") || parts->count < 2) {
        for (size_t i = 0; i < parts->count; i++) {
            fputs(i > 0 ? "/" : "", out);
            print_text(out, parts->part[i]);
        }
        return "";
    }
    print_text(out, parts->part[1]);
    size_t next = 2;
    if (is_part(parts, 2, "links") && parts->count > 3) {
        putc('/', out);
        print_text(out, parts->part[3]);
        next = 4;
    }
    const char *noun = next == 2 && parts->count == 2 ? "namespace" : "";
    if (*noun)
        fprintf(out, " %s", noun);
    for (bool first = true; next < parts->count; next++, first = false) {
        noun = first ? noun_of(parts->part[next]) : noun;
        putc(' ', out);
        print_text(out, first ? noun : parts->part[next]);
    }
    return noun;
}

void object_write(FILE *out, const char *pointer)
{
    struct parts parts;
    split_pointer(pointer, &parts);
    write_object(out, &parts);
}

/* A field that stands for the whole object needs no name of its own. */
static bool is_whole_object(const char *field, const char *noun)
{
    return strcmp(field, "value") == 0 || strcmp(field, noun) == 0;
}

static bool is_kind(struct json_object *field)
{
    return strcmp(member_string(field, "name"), "kind") == 0;
}

static void write_kind(FILE *out, struct json_object *change)
{
    for (size_t i = 0; i < member_count(change, "fields"); i++) {
        struct json_object *field = member_element(change, "fields", i);
        if (!is_kind(field) || (member(field, "from") && member(field, "to")))
            continue;
        putc(' ', out);
        print_text(out, member_string(field, member(field, "to") ? "to" : "from"));
    }
}

static void write_value(FILE *out, struct json_object *field, const char *name)
{
    const char *text = member_string(field, name);
    print_text(out, member(field, name) && *text ? text : "none");
}

/* Of an object that goes, there is only what it was. */
static void write_field(FILE *out, struct json_object *field, const char *noun, bool goes)
{
    const char *name = member_string(field, "name");
    if (!is_whole_object(name, noun)) {
        print_text(out, name);
        fputs(": ", out);
    }
    if (member(field, "from"))
        write_value(out, field, "from");
    if (member(field, "from") && !goes)
        fputs(" -> ", out);
    if (!goes)
        write_value(out, field, "to");
}

static void write_fields(FILE *out, struct json_object *change, const char *noun)
{
    const char *separator = ": ";
    bool goes = strcmp(member_string(change, "action"), "remove") == 0;
    for (size_t i = 0; i < member_count(change, "fields"); i++) {
        struct json_object *field = member_element(change, "fields", i);
        if (is_kind(field) && !(member(field, "from") && member(field, "to")))
            continue;
        fputs(separator, out);
        write_field(out, field, noun, goes);
        separator = ", ";
    }
}

static const struct action {
    const char *word, *mark;
    enum color color;
} actions[] = {
    {"create", "+", COLOR_GREEN},
    {"change", "~", COLOR_YELLOW},
    {"recreate", "-/+", COLOR_YELLOW},
    {"remove", "-", COLOR_RED},
};

static const struct action *find_action(const char *word)
{
    static const struct action unknown = {"", "?", COLOR_BOLD};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].word, word) == 0)
            return &actions[i];
    }
    return &unknown;
}

static void write_change(FILE *out, bool colored, struct json_object *change)
{
    const struct action *action = find_action(member_string(change, "action"));
    struct parts parts;
    split_pointer(member_string(change, "pointer"), &parts);
    fprintf(out, "%s%s ", color_begin(action->color, colored), action->mark);
    const char *noun = write_object(out, &parts);
    write_kind(out, change);
    write_fields(out, change, noun);
    if (member_bool(change, "irreversible"))
        fputs(" (cannot be set aside for a rollback)", out);
    fprintf(out, "%s\n", color_end(colored));
}

void changes_write(FILE *out, bool colored, struct json_object *changes)
{
    size_t count = changes ? json_object_array_length(changes) : 0;
    for (size_t i = 0; i < count; i++)
        write_change(out, colored, json_object_array_get_idx(changes, i));
}
