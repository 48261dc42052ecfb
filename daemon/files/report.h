/* What came of a file, as io.netnsd.Manager.File and the log tell it. Internal to files/. */
#pragma once

#include "files/read.h"

#include <stdint.h>

struct json_object;

/* What is wrong with FILE, an array of io.netnsd.Manager.FileProblem. Goes through the text for
 * each of them, which the event loop has no time for. NULL when memory is short. */
struct json_object *report_problems(const struct file *file);

/* Tells the log. */
void report_log(const struct file *file, int level, struct json_object *problems);

/* Puts FILE into its row of REPORT, or appends one. PROBLEMS are taken over; GENERATION 0: none.
 * False when memory is short. */
bool report_put(struct json_object *report, struct file *file, const char *state,
                uint64_t generation, struct json_object *problems);
