/* The command line. */
#pragma once

#include "files/configuration.h"

#include <stdbool.h>

/* What is NULL was not said. Borrowed from the command line. */
struct options {
    const char *socket;
    const char *state;
    const char *configuration;
    const char *audit, *log_level; /* come before what the configuration says */
};

/* Returns false when the program is to end with *STATUS: all was said then. */
bool options_read(int argc, char **argv, struct options *options, int *status);

/* Reads the configuration that holds with OPTIONS. */
bool options_configure(const struct options *options, struct configuration *configuration,
                       struct error *error);
