/* Tells systemd that netnsd is alive, where that asks for it (WatchdogSec=,
 * sd_watchdog_enabled(3)): as long as the event loop turns, and no worker is stuck. */
#pragma once

#include "common/error.h"
#include "common/worker.h"

#include <event2/event.h>

struct watchdog;

/* BASE and COMPLETIONS, whose workers are watched, are borrowed. Where nobody asks for it, this
 * does nothing, and wakes nobody up. */
struct watchdog *watchdog_new(struct event_base *base, struct completions *completions,
                              struct error *error);
void watchdog_free(struct watchdog *watchdog);
