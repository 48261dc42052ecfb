/* What happens, logged: the journal's entries carry what events carry (common/log_id.h). */
#pragma once

#include "engine/events.h"

/* Logs what is published from now on; LISTENER, which the engine keeps, listens. */
void journal_start(struct engine *engine, struct events_listener *listener);
