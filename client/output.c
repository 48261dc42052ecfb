#include "client/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool color_wanted(enum color_mode mode, int fd)
{
    if (mode != COLOR_MODE_AUTO)
        return mode == COLOR_MODE_ALWAYS;
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(fd) && !(refused && *refused) && !(terminal && strcmp(terminal, "dumb") == 0);
}

const char *color_begin(enum color color, bool wanted)
{
    static const char *const sequences[] = {
        [COLOR_BOLD] = "\033[1m",
        [COLOR_RED] = "\033[31m",
        [COLOR_GREEN] = "\033[32m",
        [COLOR_YELLOW] = "\033[33m",
    };
    return wanted ? sequences[color] : "";
}

const char *color_end(bool wanted)
{
    return wanted ? "\033[0m" : "";
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

void print_bytes(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        unsigned char next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        if (byte == '\t') {
            putc(' ', out);
        } else if (byte < 0x20 || byte == 0x7f) {
            putc('?', out);
        } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) { /* U+0080 to U+009F, C1 */
            putc('?', out);
            i++;
        } else {
            putc(byte, out);
        }
    }
}

void print_text(FILE *out, const char *text)
{
    print_bytes(out, text, strlen(text));
}

size_t text_columns(const char *text, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += !is_continuation(text[i]);
    return columns;
}

/* json-c puts the two brackets of what is empty on lines of their own. */
static void print_without_empty_lines(FILE *out, const char *text)
{
    bool quoted = false;
    for (const char *at = text; *at; at++) {
        putc(*at, out);
        if (quoted && *at == '\\' && at[1])
            putc(*++at, out);
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == '{' || *at == '[')) {
            size_t blanks = strspn(at + 1, " \n");
            if (at[1 + blanks] == '}' || at[1 + blanks] == ']')
                at += blanks;
        }
    }
    putc('\n', out);
}

bool print_json(FILE *out, struct json_object *object)
{
    const char *text = json_object_to_json_string_ext(
        object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!text)
        return false;
    print_without_empty_lines(out, text);
    return true;
}

bool print_json_line(FILE *out, struct json_object *object)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!text)
        return false;
    fputs(text, out);
    putc('\n', out);
    return true;
}

static bool table_grow(struct table *table)
{
    if (table->count < table->capacity)
        return true;
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    char **cells = reallocarray(table->cells, capacity, sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void table_add(struct table *table, const char *text)
{
    char *copy = strdup(text ? text : "");
    if (!copy || !table_grow(table)) {
        free(copy);
        table->out_of_memory = true;
        return;
    }
    table->cells[table->count++] = copy;
}

void table_add_integer(struct table *table, int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, number);
    table_add(table, text);
}

void table_add_property(struct table *table, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    table_add(table, name);
    table_add(table, text);
}

/* The widest cell of COLUMN, 0 when all are empty. */
static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t columns = text_columns(table->cells[i], strlen(table->cells[i]));
        if (columns > width)
            width = columns;
    }
    if (width > 0 && table->titles && strlen(table->titles[column]) > width)
        width = strlen(table->titles[column]);
    return width;
}

static void print_row(const struct table *table, char *const *cells, const size_t *widths,
                      FILE *out)
{
    size_t blanks = 0;
    for (size_t column = 0; column < table->columns; column++) {
        if (widths[column] == 0)
            continue;
        const char *text = *cells[column] ? cells[column] : "-";
        fprintf(out, "%*s", (int)blanks, "");
        print_text(out, text);
        blanks = widths[column] - text_columns(text, strlen(text)) + 2;
    }
    putc('\n', out);
}

bool table_print(const struct table *table, FILE *out, bool colored)
{
    size_t *widths = calloc(table->columns, sizeof(*widths));
    if (!widths || table->out_of_memory) {
        free(widths);
        return false;
    }
    for (size_t column = 0; column < table->columns; column++)
        widths[column] = column_width(table, column);
    if (table->titles && table->count > 0) {
        fputs(color_begin(COLOR_BOLD, colored), out);
        print_row(table, (char *const *)table->titles, widths, out);
        fputs(color_end(colored), out);
    }
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
        print_row(table, table->cells + i, widths, out);
    free(widths);
    return true;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = table->capacity = 0;
}
