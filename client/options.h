/* The command line's options. */
#pragma once

#include "client/output.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DEFAULT_SOCKET "/run/netnsd/io.netnsd"

/* Options that only some verbs take: bits of verb.options. */
enum verb_option {
    OPTION_TOPOLOGY = 1 << 0,
    OPTION_DRY_RUN = 1 << 1,
    OPTION_GENERATION = 1 << 2,
    OPTION_MORE = 1 << 3,
    OPTION_FORMAT = 1 << 4,
    OPTION_EXIT_CODE = 1 << 5,
    OPTION_NAMESPACE = 1 << 6,
    OPTION_CONFIRM = 1 << 7,
    OPTION_ALL = 1 << 8,
    OPTION_YES = 1 << 9,
    OPTION_TIMEOUT = 1 << 10,
    OPTION_KILL = 1 << 11,
};

struct options {
    const char *socket_path;
    enum color_mode color;
    bool json, help, version;
    unsigned given; /* enum verb_option: which of them were on the command line */
    const char *topology;
    const char *namespace;
    const char *format; /* "text", "dot" or "svg"; NULL: not said */
    bool dry_run;
    bool more;
    bool exit_code;
    int64_t generation;
    int64_t confirm; /* seconds */
    int64_t timeout; /* the same */
};

/* Reads a whole number that is at least MINIMUM. */
bool number_parse(const char *word, int64_t minimum, int64_t *number);

/* What holds where the command line says nothing. */
void options_default(struct options *options);

/* Reads the options among ARGUMENTS, of which the first is the program's name. What is wrong is
 * said on stderr. With WORDS_FIRST, everything from the first word on is left alone; otherwise
 * options may follow words, and words are moved behind them. *FIRST becomes the index of the first
 * word. */
bool options_parse(struct options *options, int count, char **arguments, bool words_first,
                   int *first);

/* Writes the options in MASK (enum verb_option) as a usage line shows them: " [-t NAME]". */
void options_print_usage(FILE *out, unsigned mask);

/* Writes a line on each option in MASK, or on each that all verbs take when MASK is 0. */
void options_print_help(FILE *out, unsigned mask);

/* The long name of the first option in MASK: "dry-run". */
const char *option_name(unsigned mask);
