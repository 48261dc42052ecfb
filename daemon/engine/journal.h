/* What happens, logged: the journal's entries carry what events carry (common/log_id.h). */
#pragma once

#include "common/log.h"
#include "engine/events.h"
#include "model/network.h"

/* Logs what is published from now on; LISTENER, which the engine keeps, listens. */
void journal_start(struct engine *engine, struct events_listener *listener);

struct journal_place {
    char namespace[NAMESPACE_NAME_MAX + 1], link[IFNAMSIZ];
};

/* Gives SUBJECT the namespace and the link that its pointer leads to; PLACE keeps them. */
void journal_locate(struct log_subject *subject, struct journal_place *place);
