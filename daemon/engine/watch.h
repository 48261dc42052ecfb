/* Listening to the kernel: tells the drift which topologies may not be as desired any more. */
#pragma once

#include "engine/internal.h"

bool watch_start(struct engine *engine, struct error *error);
void watch_stop(struct engine *engine);

/* Messages that come from NETNS's number are about the namespace of its name. */
void watch_add(struct engine *engine, const struct netns *netns);

/* Reads all messages that wait. What is looked at after this is newer than what they tell. */
void watch_drain(struct engine *engine);
