/* What went wrong, as text for people: where it is in the file, the pointer, the cause, and what to
 * do. */
#pragma once

#include "client/file.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

struct problem_output {
    FILE *out;
    bool colored;
    const struct source *source; /* the text that pointers refer to; NULL: none */
};

/* Writes the error of a reply. PARAMETERS may be NULL. */
void problem_write_error(const struct problem_output *output, const char *error,
                         struct json_object *parameters);

/* Writes those of PROBLEMS (an array of io.netnsd.Topology.Problem, may be NULL), each with the
 * line that it is about. Returns how many of them are no warnings. */
size_t problem_write_all(const struct problem_output *output, struct json_object *problems);
