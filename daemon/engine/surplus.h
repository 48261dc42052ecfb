/* Memory that large work leaves behind goes back to the system: malloc would keep it, for a next
 * time that may be far. */
#pragma once

#include "engine/internal.h"

bool surplus_start(struct engine *engine, struct error *error);
void surplus_stop(struct engine *engine);

/* What was done with the links of NETWORK (may be NULL) is about to end. */
void surplus_add(struct engine *engine, const struct network *network);
