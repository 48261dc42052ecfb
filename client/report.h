/* What changes have in common: what they ask, and how their outcome is shown. */
#pragma once

#include "client/client.h"

/* The parameters of a change of TOPOLOGY that the options say; a new reference, NULL when memory is
 * short. */
struct json_object *change_parameters(const struct client *client, const char *topology,
                                      bool dry_run);

/* Shows the reply of Apply, Patch, Revert or Remove: the changes as a diff and a closing line on
 * standard output, the warnings on standard error with their place in SOURCE (may be NULL). DONE is
 * the word for a change that was made: "committed". Returns the exit status. */
int report_change(const struct client *client, const char *topology, const char *done,
                  struct json_object *reply, const struct source *source);
