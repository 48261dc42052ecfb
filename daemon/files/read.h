/* Reading the topologies that are kept as files. Internal to files/. */
#pragma once

#include "common/error.h"
#include "common/json_text.h"

#include <stdbool.h>
#include <stddef.h>

/* As many as one wants to read; each costs a pass through the text, to find its line. */
#define FILE_PROBLEMS_MAX 20

/* NAME.json: either TEXT, or problems. */
struct file {
    char *path;
    char *topology; /* NAME; NULL: it is the directory */
    struct json_text *text;
    struct problems problems;
    size_t row; /* in the report, from 1; 0: it is not there yet */
    bool again; /* it is to be tried again */
};

struct file_list {
    struct file *items; /* in order of their names */
    size_t count;
    bool missing;       /* there is no such directory */
    struct error error; /* why they cannot be told; then there are none */
};

/* Reads all files of DIRECTORY whose names end with ".json" and do not begin with a dot. They, and
 * it, must belong to root, or to whom netnsd runs as, and be for nobody else to write. */
void file_list_read(struct file_list *list, const char *directory);
/* Appends a file that is not there; false when memory is short. */
bool file_list_add(struct file_list *list, const char *path, const char *topology);
void file_list_clear(struct file_list *list);

/* Copies what is wrong, without warnings; what is beyond FILE_PROBLEMS_MAX is only counted. */
void file_note_problems(struct file *file, const struct problems *problems);
void file_note_error(struct file *file, const struct error *error);
