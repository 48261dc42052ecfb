/* Documents as files. */
#pragma once

#include "common/cleanup.h"
#include "common/error.h"

#include <stddef.h>

/* A text and where it came from, so that a finding can be shown in its place. */
struct source {
    char *name; /* as the user wrote it; owned */
    char *text; /* ended by a NUL that length does not count; owned */
    size_t length;
};

/* Reads the file at PATH, standard input when it is "-". */
bool source_read(const char *path, struct source *source, struct error *error);

void source_clear(struct source *source);
#define auto_source AUTO(source_clear)

/* The topology's name that goes with a file's: its last part without ".json". NULL for standard
 * input and where nothing is left. The caller frees it; NULL also when memory is short. */
char *topology_name_from_path(const char *path);
