/* What netnsctl prints: text that is safe for a terminal, colours, aligned tables, JSON. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum color_mode { COLOR_MODE_AUTO, COLOR_MODE_ALWAYS, COLOR_MODE_NEVER };

enum color { COLOR_BOLD, COLOR_RED, COLOR_GREEN, COLOR_YELLOW };

/* Does output on FD get colours? In COLOR_MODE_AUTO it does on a terminal, unless NO_COLOR
 * (no-color.org) is set or TERM is "dumb". */
bool color_wanted(enum color_mode mode, int fd);

/* The sequences that begin and end COLOR; "" unless WANTED. */
const char *color_begin(enum color color, bool wanted);
const char *color_end(bool wanted);

/* Writes LENGTH bytes of TEXT with each control character replaced: names in the kernel may hold
 * any byte, and a terminal must not obey them. A tab becomes one blank. */
void print_bytes(FILE *out, const char *text, size_t length);
void print_text(FILE *out, const char *text);

/* Columns that TEXT takes on a terminal, every code point counted as one. */
size_t text_columns(const char *text, size_t length);

/* Pretty, with a newline. False when memory is short. */
bool print_json(FILE *out, struct json_object *object);

/* The same on one line. */
bool print_json_line(FILE *out, struct json_object *object);

/* An aligned table. Set titles (borrowed; NULL for none) and columns, leave the rest zero. */
struct table {
    const char *const *titles;
    size_t columns;
    char **cells; /* row by row; owned */
    size_t count, capacity;
    bool out_of_memory;
};

/* Adds the next cell, rows from left to right; "" and NULL leave it empty. */
void table_add(struct table *table, const char *text);
void table_add_integer(struct table *table, int64_t number);

/* A row of two cells, NAME and TEXT; nothing when TEXT is "" or NULL. */
void table_add_property(struct table *table, const char *name, const char *text);

/* Writes the table. Columns that are empty in all rows are left out, empty cells of the others are
 * shown as "-". False when a cell was lost for lack of memory. */
bool table_print(const struct table *table, FILE *out, bool colored);

void table_clear(struct table *table);
#define auto_table AUTO(table_clear)
