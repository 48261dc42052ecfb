/* One daemon a network namespace. */
#pragma once

#include "common/error.h"

/* Takes a lock that belongs to the network namespace of the process and goes with the process: an
 * abstract Unix socket (unix(7)). Returns a descriptor to keep open; -1 (ERROR_BUSY) when another
 * netnsd has it. */
int instance_lock(struct error *error);
