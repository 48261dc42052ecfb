/* netnsd.conf(5): lines of KEY=VALUE. */
#pragma once

#include "common/error.h"

#include <limits.h>
#include <stddef.h>

#define AUDIT_MAX 86400u

struct configuration {
    unsigned audit; /* seconds between two; 0: none */
    int log_level;  /* syslog(3) */
    char topologies[PATH_MAX];
};

/* What holds where nothing else is said. */
void configuration_default(struct configuration *configuration);

/* The values that keys and options have in common. False when TEXT is none. */
bool configuration_read_audit(const char *text, unsigned *seconds);

/* Reads LENGTH bytes of TEXT into CONFIGURATION, which holds the defaults. False, and *LINE (from
 * 1), when something is wrong; CONFIGURATION is then half done. */
bool configuration_parse(const char *text, size_t length, struct configuration *configuration,
                         size_t *line, struct error *error);

/* The same of the file at PATH; the error begins with PATH, and the line. A file that is not there
 * says nothing, unless it is REQUIRED. */
bool configuration_load(const char *path, bool required, struct configuration *configuration,
                        struct error *error);
