#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { SHORTLESS = 256 };

struct option_row {
    const char *name;
    int letter;           /* what getopt_long() returns; below SHORTLESS also its short form */
    unsigned mask;        /* enum verb_option; 0 for options of all verbs */
    const char *argument; /* NULL: takes none */
    const char *help;
};

static const struct option_row rows[] = {
    {"topology", 't', OPTION_TOPOLOGY, "NAME", "the topology's name; the file's name unless said"},
    {"dry-run", 'n', OPTION_DRY_RUN, NULL, "show what would change, and touch nothing"},
    {"generation", 'g', OPTION_GENERATION, "N",
     "refuse unless the topology is at generation N; 0: it must not exist; of get: show that one"},
    {"confirm", SHORTLESS + 4, OPTION_CONFIRM, "SECONDS",
     "take the change back unless it is confirmed in time"},
    {"all", SHORTLESS + 5, OPTION_ALL, NULL, "all of them; asks first"},
    {"yes", SHORTLESS + 6, OPTION_YES, NULL, "do not ask"},
    {"kill", SHORTLESS + 8, OPTION_KILL, NULL, "kill the processes in what is removed"},
    {"timeout", SHORTLESS + 7, OPTION_TIMEOUT, "SECONDS", "give up then"},
    {"more", SHORTLESS, OPTION_MORE, NULL, "ask for a stream of replies, and show each"},
    {"format", 'f', OPTION_FORMAT, "FORMAT", "text, dot (for graphviz) or svg"},
    {"namespace", SHORTLESS + 3, OPTION_NAMESPACE, "NAME", "only what happens in this namespace"},
    {"exit-code", SHORTLESS + 2, OPTION_EXIT_CODE, NULL, "end with status 3 when anything differs"},
    {"socket", 's', 0, "PATH", "where netnsd listens (" DEFAULT_SOCKET ", or $NETNSD_SOCKET)"},
    {"json", 'j', 0, NULL, "show replies and errors as JSON on standard output"},
    {"color", SHORTLESS + 1, 0, "WHEN", "auto, always or never"},
    {"help", 'h', 0, NULL, "show this help, or that of the verb"},
    {"version", 'V', 0, NULL, "show the version"},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void options_default(struct options *options)
{
    const char *socket_path = getenv("NETNSD_SOCKET");
    *options = (struct options){
        .socket_path = socket_path && *socket_path ? socket_path : DEFAULT_SOCKET,
    };
}

bool number_parse(const char *word, int64_t minimum, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(word, &end, 10);
    return errno == 0 && *word != '\0' && *end == '\0' && *number >= minimum;
}

static bool read_color(const char *word, enum color_mode *mode)
{
    static const char *const words[] = {
        [COLOR_MODE_AUTO] = "auto",
        [COLOR_MODE_ALWAYS] = "always",
        [COLOR_MODE_NEVER] = "never",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            *mode = (enum color_mode)i;
            return true;
        }
    }
    fprintf(stderr, "netnsctl: --color takes auto, always or never, not '%s'\n", word);
    return false;
}

static bool read_number(const char *option, const char *word, int64_t minimum, int64_t *number)
{
    if (number_parse(word, minimum, number))
        return true;
    fprintf(stderr, "netnsctl: --%s takes a number from %d, not '%s'\n", option, (int)minimum,
            word);
    return false;
}

static bool read_format(const char *word, const char **format)
{
    *format = word;
    if (strcmp(word, "text") == 0 || strcmp(word, "dot") == 0 || strcmp(word, "svg") == 0)
        return true;
    fprintf(stderr, "netnsctl: --format takes text, dot or svg, not '%s'\n", word);
    return false;
}

static bool take(struct options *options, int letter, const char *argument)
{
    switch (letter) {
    case 't':
        options->topology = argument;
        return true;
    case 'n':
        options->dry_run = true;
        return true;
    case 'g':
        return read_number("generation", argument, 0, &options->generation);
    case 'f':
        return read_format(argument, &options->format);
    case SHORTLESS:
        options->more = true;
        return true;
    case 's':
        options->socket_path = argument;
        return true;
    case 'j':
        options->json = true;
        return true;
    case SHORTLESS + 1:
        return read_color(argument, &options->color);
    case SHORTLESS + 2:
        options->exit_code = true;
        return true;
    case SHORTLESS + 3:
        options->namespace = argument;
        return true;
    case SHORTLESS + 4:
        return read_number("confirm", argument, 1, &options->confirm);
    case SHORTLESS + 5:
    case SHORTLESS + 6:
    case SHORTLESS + 8:
        return true; /* given says so */
    case SHORTLESS + 7:
        return read_number("timeout", argument, 1, &options->timeout);
    case 'h':
        options->help = true;
        return true;
    case 'V':
        options->version = true;
        return true;
    default:
        return false; /* getopt_long() has said why */
    }
}

static unsigned mask_of(int letter)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].letter == letter)
            return rows[i].mask;
    }
    return 0;
}

bool options_parse(struct options *options, int count, char **arguments, bool words_first,
                   int *first)
{
    struct option table[ROW_COUNT + 1] = {0};
    char letters[2 + 2 * ROW_COUNT] = {0};
    size_t used = 0;
    if (words_first)
        letters[used++] = '+';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].argument ? required_argument : no_argument,
                                   .val = rows[i].letter};
        if (rows[i].letter >= SHORTLESS)
            continue;
        letters[used++] = (char)rows[i].letter;
        if (rows[i].argument)
            letters[used++] = ':';
    }
    optind = 0; /* makes glibc begin anew (getopt(3), notes) */
    int letter;
    while ((letter = getopt_long(count, arguments, letters, table, NULL)) != -1) {
        if (!take(options, letter, optarg))
            return false;
        options->given |= mask_of(letter);
    }
    *first = optind;
    return true;
}

static void print_form(FILE *out, const struct option_row *row)
{
    if (row->letter < SHORTLESS && row->argument)
        fprintf(out, " [-%c %s]", row->letter, row->argument);
    else
        fprintf(out, " [--%s%s%s]", row->name, row->argument ? " " : "",
                row->argument ? row->argument : "");
}

void options_print_usage(FILE *out, unsigned mask)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].mask & mask)
            print_form(out, &rows[i]);
    }
}

void options_print_help(FILE *out, unsigned mask)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (mask ? !(rows[i].mask & mask) : rows[i].mask != 0)
            continue;
        char form[40], letter[5] = "    ";
        if (rows[i].letter < SHORTLESS)
            snprintf(letter, sizeof(letter), "-%c, ", (char)rows[i].letter);
        snprintf(form, sizeof(form), "%s--%s%s%s", letter, rows[i].name,
                 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
        fprintf(out, "  %-22s  %s\n", form, rows[i].help);
    }
}

const char *option_name(unsigned mask)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].mask & mask)
            return rows[i].name;
    }
    return "";
}
