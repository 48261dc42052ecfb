/* The start: from what is stored to what is in the kernel. */
#pragma once

#include "engine/internal.h"

/* Reads the store and queues a recovery for every topology; they begin with
 * transactions_schedule(). A topology that cannot be read is kept, marked as failed. */
bool recovery_load(struct engine *engine, struct error *error);

/* Removes what changes had parked that were committed, but not yet destroyed, when netnsd came to
 * an end. For when all recoveries are over. */
void recovery_sweep(const struct engine *engine);
