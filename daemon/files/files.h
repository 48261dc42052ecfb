/* Topologies that are kept as files: NAME.json in a directory is what topology NAME is to be.
 *
 * They are read when asked to, and applied one after the other, in order of their names. A topology
 * whose file is gone is removed. What is wrong with one is told, and keeps no other from being
 * applied; what waits for something that is not there yet is tried again. */
#pragma once

#include "engine/engine.h"

struct files;

/* REPORT is an array of io.netnsd.Manager.File; borrowed. NULL when memory was short, or
 * files_stop() came before. */
typedef void files_callback(void *context, struct json_object *report);

/* The other parameters are borrowed; files are read on READER. TOLD is called with CONTEXT after
 * each reading, and when what waited was tried again. NULL when memory is short. */
struct files *files_new(struct event_base *base, struct engine *engine, struct worker *reader,
                        files_callback *told, void *context, struct error *error);
/* Not while anything is read. FILES may be NULL. */
void files_free(struct files *files);

/* The directory to look at from the next reading on. False when memory is short. */
bool files_set_directory(struct files *files, const char *directory);

/* Reads the files, and makes the kernel look like them; DONE (NULL: nobody waits) is called then.
 */
void files_load(struct files *files, files_callback *done, void *context);
/* No further file is applied. What is being applied goes on. */
void files_stop(struct files *files);

/* What came of the last reading, and of what waited since; borrowed, NULL: nothing was read. */
struct json_object *files_report(const struct files *files);
