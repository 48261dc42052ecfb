#include "config.h"

#include "client/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Runs the verb that ARGUMENTS begin with. */
static int run_verb(struct client *client, int count, char **arguments)
{
    static char program[] = "netnsctl";
    int used, first;
    const struct verb *verb = verb_find(count, arguments, &used);
    if (!verb)
        return STATUS_USAGE;
    count -= used - 1;
    arguments += used - 1;
    arguments[0] = program; /* what getopt_long() calls us */
    if (!options_parse(&client->options, count, arguments, verb->words_first, &first))
        return STATUS_USAGE;
    if (client->options.help) {
        verb_print_help(stdout, verb);
        return STATUS_GOOD;
    }
    if (!verb_accepts(verb, &client->options, count - first))
        return STATUS_USAGE;
    client->colored = color_wanted(client->options.color, STDOUT_FILENO);
    client->error_colored = color_wanted(client->options.color, STDERR_FILENO);
    return verb->run(client, count - first, arguments + first);
}

static int run(struct client *client, int count, char **arguments)
{
    int first;
    options_default(&client->options);
    if (!options_parse(&client->options, count, arguments, true, &first))
        return STATUS_USAGE;
    if (client->options.version) {
        puts("netnsctl " PACKAGE_VERSION);
        return STATUS_GOOD;
    }
    if (first < count)
        return run_verb(client, count - first, arguments + first);
    verb_print_help(client->options.help ? stdout : stderr, NULL);
    return client->options.help ? STATUS_GOOD : STATUS_USAGE;
}

int main(int count, char **arguments)
{
    struct client client = {0};
    int status = run(&client, count, arguments);
    client_close(&client);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "netnsctl: cannot write: %s\n", strerror(errno));
        return status == STATUS_GOOD ? STATUS_FAILED : status;
    }
    return status;
}
