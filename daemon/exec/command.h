/* The command: a child that becomes the caller's. */
#pragma once

#include "exec/peer.h"
#include "exec/request.h"

struct command {
    pid_t pid;  /* also its process group */
    int report; /* readable when the command was executed, or could not be; -1: it was read */
};

/* Starts what REQUEST says, in the network namespace NAMESPACE, as PEER. All signals must be
 * blocked, and this process lead a session, whose terminal that of the request becomes. The caller
 * closes command->report. */
bool command_start(const struct request *request, const struct peer *peer, int namespace,
                   struct command *command, struct error *error);

/* Waits until the command is executed. False when it is not: ERROR_NOT_FOUND when execve() failed.
 */
bool command_await(struct command *command, struct error *error);
