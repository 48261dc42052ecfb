#include "client/report.h"

#include "client/changes.h"
#include "client/members.h"
#include "client/problem.h"

#include <inttypes.h>
#include <string.h>

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
    return STATUS_GOOD;
}
