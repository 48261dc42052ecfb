/* Reading a long call on a thread of its own, so that other clients are answered meanwhile.
 * Internal to api/. */
#pragma once

#include "common/varlink.h"
#include "common/worker.h"

struct reading;

/* CALL (which is handed over) is what was read; or ERROR says why it cannot be. */
typedef void reading_callback(void *context, struct varlink_call *call, const struct error *error);

/* Reads LENGTH bytes of TEXT, which are copied, on WORKER; CALLBACK is called on the event loop's
 * thread. NULL when memory is short. */
struct reading *reading_start(struct worker *worker, const char *text, size_t length,
                              reading_callback *callback, void *context);
/* CALLBACK is not called any more. */
void reading_abandon(struct reading *reading);
