/* Commands in a namespace by way of netnsd-exec(8), which takes no rights but to reach it. */
#pragma once

#include "client/client.h"

/* What shells (and env(1), nohup(1)) answer for a command that cannot be run. */
enum { STATUS_CANNOT_RUN = 126, STATUS_NOT_FOUND = 127 };

/* Runs COMMAND (ended by NULL) in NAMESPACE as the calling user, and returns the exit status; where
 * a signal killed it, this process is killed by the same one. */
int remote_run(struct client *client, const char *namespace, char **command);
