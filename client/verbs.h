/* The table of verbs. */
#pragma once

#include "client/client.h"

#include <stdbool.h>

struct verb {
    const char *words; /* one or two: "ns add" */
    int (*run)(struct client *client, int count, char **words);
    int minimum, maximum;  /* words after the verb; maximum -1: no limit */
    bool words_first;      /* what follows the first word is not for netnsctl */
    unsigned options;      /* enum verb_option that it takes */
    const char *arguments; /* for the usage line */
    const char *help;      /* one line */
};

/* The verb that WORDS begin with; *USED becomes the number of its own words. NULL when there is
 * none, after having said so on stderr. */
const struct verb *verb_find(int count, char **words, int *used);

/* Do options and COUNT words suit VERB? Says on stderr what does not. */
bool verb_accepts(const struct verb *verb, const struct options *options, int count);

/* Writes the help on VERB; with NULL, that on all of netnsctl. */
void verb_print_help(FILE *out, const struct verb *verb);
