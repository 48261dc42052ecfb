/* Going into a network namespace with what belongs to it in the file system. */
#pragma once

#include "common/error.h"

#include <stdbool.h>

/* Makes this process a member of the network namespace FD, called NAME. Where that is another one
 * than before, it also gets a mount namespace of its own, in which each file /etc/netns/NAME/FILE
 * lies over /etc/FILE (ip-netns(8)) and /sys shows the devices of the namespace; everything else
 * mounted below /sys, cgroups above all, stays where it was. On failure the process may be half
 * way. */
bool enter_namespace(int fd, const char *name, struct error *error);
