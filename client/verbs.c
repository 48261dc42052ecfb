#include "client/verbs.h"

#include "client/commands.h"

#include <string.h>

#define CHANGE_OPTIONS (OPTION_DRY_RUN | OPTION_GENERATION | OPTION_KILL)

static int help_show(struct client *client, int count, char **words);

static const struct verb verbs[] = {
    {"apply", command_topology_apply, 1, 1, false,
     OPTION_TOPOLOGY | CHANGE_OPTIONS | OPTION_CONFIRM, "FILE",
     "make the kernel look like the topology in FILE (-: standard input)"},
    {"plan", command_topology_plan, 1, 1, false, OPTION_TOPOLOGY | OPTION_GENERATION, "FILE",
     "show what apply would change"},
    {"patch", command_topology_patch, 2, 2, false, CHANGE_OPTIONS | OPTION_CONFIRM, "NAME FILE",
     "change a topology by the JSON merge patch in FILE"},
    {"delete", command_delete, 0, 1, false, CHANGE_OPTIONS | OPTION_ALL | OPTION_YES, "NAME",
     "remove a topology, or --all, and all that it owns"},
    {"get", command_topology_get, 1, 1, false, OPTION_GENERATION, "NAME",
     "show the document of a topology"},
    {"list", command_topology_list, 0, 0, false, 0, "", "list the topologies"},
    {"history", command_history_list, 1, 1, false, 0, "NAME",
     "list the generations of a topology that are kept"},
    {"diff", command_history_diff, 2, 3, false, 0, "NAME FROM [TO]",
     "show what differs between two generations (TO: the present one)"},
    {"revert", command_history_revert, 1, 2, false, CHANGE_OPTIONS | OPTION_CONFIRM,
     "NAME [GENERATION]", "go back to a generation (the one before the present)"},
    {"confirm", command_history_confirm, 1, 1, false, OPTION_GENERATION, "NAME",
     "keep a change that was made with --confirm"},
    {"ns add", command_namespace_add, 1, -1, false, 0, "NAME...",
     "make namespaces, in the topology 'default'"},
    {"ns del", command_namespace_delete, 1, -1, false, OPTION_KILL, "NAME...",
     "remove namespaces from the topologies that own them"},
    {"ns list", command_namespace_list, 0, 0, false, 0, "", "list the namespaces"},
    {"ns show", command_namespace_show, 1, 1, false, 0, "NAME",
     "show a namespace with its links, addresses and routes"},
    {"link list", command_link_list, 0, 1, false, 0, "[NAMESPACE]",
     "list the links with their addresses"},
    {"link show", command_link_show, 1, 1, false, 0, "NAMESPACE/LINK", "show all about one link"},
    {"route list", command_route_list, 0, 1, false, 0, "[NAMESPACE]", "list the routes"},
    {"drift", command_drift_list, 0, 1, false, OPTION_EXIT_CODE, "[TOPOLOGY]",
     "show what differs from the topologies, as far as is known"},
    {"audit", command_drift_audit, 0, 1, false, OPTION_EXIT_CODE, "[TOPOLOGY]",
     "look at the kernel, and show what differs"},
    {"repair", command_drift_repair, 0, 1, false, 0, "[TOPOLOGY]",
     "look at the kernel, and put right what differs"},
    {"wait", command_wait, 1, -1, false, OPTION_TIMEOUT, "NAMESPACE...",
     "wait until namespaces are complete and their links up"},
    {"watch", command_watch, 0, 1, false, OPTION_NAMESPACE, "[TOPOLOGY]",
     "show what happens, when it happens"},
    {"graph", command_graph_draw, 0, 0, false, OPTION_FORMAT, "",
     "draw the namespaces, their links, and what joins them"},
    {"exec", command_exec_run, 2, -1, true, 0, "NAMESPACE COMMAND...",
     "run a command in a namespace"},
    {"ps", command_process_list, 0, 1, false, 0, "[NAMESPACE]",
     "list the processes in a namespace, or in all that have names"},
    {"identify", command_identify_show, 0, 1, false, 0, "[PID]",
     "show which namespace a process is in (this one unless said)"},
    {"reload", command_reload, 0, 0, false, 0, "",
     "have the configuration and the files with topologies read again"},
    {"status", command_status_show, 0, 0, false, 0, "", "show the state of the daemon"},
    {"call", command_raw_call, 1, 2, false, OPTION_MORE, "METHOD [JSON]",
     "call a method of the daemon, and show its reply as JSON"},
    {"help", help_show, 0, 2, false, 0, "[VERB]", "show the help on a verb"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* How many of WORDS the verb's own words are; 0 when they are others. */
static int match(const struct verb *verb, int count, char **words)
{
    const char *rest = verb->words;
    for (int i = 0; i < count; i++) {
        size_t length = strcspn(rest, " ");
        if (strlen(words[i]) != length || strncmp(words[i], rest, length) != 0)
            return 0;
        rest += length;
        if (*rest == '\0')
            return i + 1;
        rest++;
    }
    return 0;
}

static bool begins_with(const struct verb *verb, const char *word)
{
    size_t length = strlen(word);
    return strncmp(verb->words, word, length) == 0 && verb->words[length] == ' ';
}

static void refuse(int count, char **words)
{
    const char *separator = "";
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (!begins_with(&verbs[i], words[0]))
            continue;
        fprintf(stderr, "%s%s",
                *separator ? separator : "netnsctl: the verbs are: ", verbs[i].words);
        separator = ", ";
    }
    if (*separator)
        fprintf(stderr, "%s%s\n", count > 1 ? "; not: " : "", count > 1 ? words[1] : "");
    else
        fprintf(stderr, "netnsctl: there is no verb '%s'; 'netnsctl help' shows all of them\n",
                words[0]);
}

const struct verb *verb_find(int count, char **words, int *used)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        *used = match(&verbs[i], count, words);
        if (*used > 0)
            return &verbs[i];
    }
    refuse(count, words);
    return NULL;
}

static void print_usage(FILE *out, const struct verb *verb)
{
    fprintf(out, "netnsctl %s%s%s", verb->words, *verb->arguments ? " " : "", verb->arguments);
    options_print_usage(out, verb->options);
    putc('\n', out);
}

bool verb_accepts(const struct verb *verb, const struct options *options, int count)
{
    unsigned refused = options->given & ~verb->options;
    if (refused) {
        fprintf(stderr, "netnsctl: '%s' takes no --%s\n", verb->words, option_name(refused));
    } else if (count < verb->minimum) {
        fprintf(stderr, "netnsctl: '%s' needs more words\n", verb->words);
    } else if (verb->maximum >= 0 && count > verb->maximum) {
        fprintf(stderr, "netnsctl: '%s' takes fewer words\n", verb->words);
    } else {
        return true;
    }
    fputs("usage: ", stderr);
    print_usage(stderr, verb);
    return false;
}

static void print_overview(FILE *out)
{
    fputs("Usage: netnsctl [OPTION...] VERB [WORD...]\n\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        char form[40];
        snprintf(form, sizeof(form), "%s %s", verbs[i].words, verbs[i].arguments);
        fprintf(out, "  %-27s %s\n", form, verbs[i].help);
    }
    fputs("\nOptions:\n", out);
    options_print_help(out, 0);
    fputs("\n'netnsctl help VERB' shows the options of a verb; netnsctl(1) tells the rest.\n", out);
}

void verb_print_help(FILE *out, const struct verb *verb)
{
    if (!verb) {
        print_overview(out);
        return;
    }
    fputs("Usage: ", out);
    print_usage(out, verb);
    fprintf(out, "\n  %s\n", verb->help);
    if (verb->options) {
        fputs("\nOptions:\n", out);
        options_print_help(out, verb->options);
    }
}

static int help_show(struct client *client, int count, char **words)
{
    (void)client;
    if (count == 0) {
        verb_print_help(stdout, NULL);
        return STATUS_GOOD;
    }
    int used;
    const struct verb *verb = verb_find(count, words, &used);
    if (!verb)
        return STATUS_USAGE;
    verb_print_help(stdout, verb);
    return STATUS_GOOD;
}
