/* Namespaces, asked of netnsd. */
#pragma once

#include "common/error.h"

/* A descriptor of the namespace NAME, from the netnsd that listens at SOCKET; the caller closes it.
 * -1 otherwise: ERROR_NOT_FOUND when there is no such namespace. */
int namespace_open(const char *socket, const char *name, struct error *error);
