/* The union of two networks. */
#pragma once

#include "model/network.h"

/* Moves to INTO whatever FROM has and INTO has not: namespaces, links, and what is in them. FROM is
 * left with the rest. False when memory is short: then INTO has some of it. */
bool network_merge(struct network *into, struct network *from);
