#include "client/report.h"

#include "client/changes.h"
#include "client/members.h"
#include "client/problem.h"
#include "common/json.h"

#include <inttypes.h>
#include <string.h>

struct json_object *change_parameters(const struct client *client, const char *topology,
                                      bool dry_run)
{
    const struct options *options = &client->options;
    auto_json struct json_object *parameters = strings_object("topology", topology, NULL);
    if (!parameters)
        return NULL;
    if (dry_run && !json_put_bool(parameters, "dryRun", true))
        return NULL;
    if ((options->given & OPTION_GENERATION) &&
        !json_put_integer(parameters, "generation", options->generation))
        return NULL;
    if ((options->given & OPTION_CONFIRM) &&
        !json_put_integer(parameters, "confirmSeconds", options->confirm))
        return NULL;
    return TAKE(parameters);
}

static void print_closing_line(const char *topology, const char *done, struct json_object *reply)
{
    size_t count = member_count(reply, "changes");
    const char *plural = count == 1 ? "" : "s";
    const char *outcome = member_string(reply, "outcome");
    int64_t generation = member_integer(reply, "generation");
    print_text(stdout, topology);
    if (strcmp(outcome, "committed") == 0)
        printf(": %s generation %" PRId64 ", %zu change%s\n", done, generation, count, plural);
    else if (strcmp(outcome, "planned") == 0 && count > 0)
        printf(": plan: %zu change%s; nothing was touched\n", count, plural);
    else
        printf(": no changes\n");
}

static void print_deadline(const char *topology, const char *until)
{
    print_text(stdout, topology);
    fputs(": taken back at ", stdout);
    print_text(stdout, until);
    fputs(" unless you run: netnsctl confirm ", stdout);
    print_text(stdout, topology);
    putchar('\n');
}

int report_change(const struct client *client, const char *topology, const char *done,
                  struct json_object *reply, const struct source *source)
{
    if (client->options.json)
        return client_print_json(client, reply);
    struct problem_output output = {
        .out = stderr, .colored = client->error_colored, .source = source};
    if (member_count(reply, "warnings") > 0)
        problem_write_all(&output, member(reply, "warnings"));
    if (member_count(reply, "changes") > 0)
        changes_write(stdout, client->colored, member(reply, "changes"));
    print_closing_line(topology, done, reply);
    if (member(reply, "confirmBy"))
        print_deadline(topology, member_string(reply, "confirmBy"));
    return STATUS_GOOD;
}
