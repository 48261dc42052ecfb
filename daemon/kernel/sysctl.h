/* Sysctls of the network namespace that the calling thread is in. PATH is below /proc/sys. */
#pragma once

#include "common/error.h"

#include <stdbool.h>

/* The value without its newline; the caller frees it. NULL on failure; ERROR_NOT_FOUND when there
 * is no such sysctl. */
char *sysctl_read(const char *path, struct error *error);

bool sysctl_write(const char *path, const char *value, struct error *error);
