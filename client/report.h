/* How the outcome of a change is shown. */
#pragma once

#include "client/client.h"

/* Shows the reply of Apply, Patch or Remove: the changes as a diff and a closing line on standard
 * output, the warnings on standard error with their place in SOURCE (may be NULL). DONE is the word
 * for a change that was made: "committed". Returns the exit status. */
int report_change(const struct client *client, const char *topology, const char *done,
                  struct json_object *reply, const struct source *source);
