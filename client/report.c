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
    if ((options->given & OPTION_KILL) && !json_put_bool(parameters, "kill", true))
        return NULL;
    return TAKE(parameters);
}

/* Shown text is made of the changes while they are carried out. */
struct gathering {
    const struct client *client;
    FILE *text;
    struct change_report *report;
};

static bool gather(struct gathering *gathering, struct json_object *changes)
{
    struct change_report *report = gathering->report;
    size_t count = changes ? json_object_array_length(changes) : 0;
    report->count += count;
    if (gathering->text) {
        changes_write(gathering->text, gathering->client->colored, changes);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!json_append(report->changes, json_object_get(json_object_array_get_idx(changes, i))))
            return false;
    }
    return true;
}

/* Receives replies up to the last one. */
static bool gather_all(struct client *client, struct gathering *gathering,
                       const struct source *source)
{
    struct varlink_reply *reply = &gathering->report->reply;
    do {
        varlink_reply_clear(reply);
        if (!client_receive(client, source, reply))
            return false;
        if (!gather(gathering, member(reply->parameters, "changes"))) {
            client_fail_memory(client);
            return false;
        }
    } while (reply->continues);
    return true;
}

bool change_call(struct client *client, const char *method, struct json_object *parameters,
                 const struct source *source, struct change_report *report)
{
    size_t length;
    bool json = client->options.json;
    struct gathering gathering = {.client = client, .report = report};
    if (json ? !(report->changes = json_object_new_array())
             : !(gathering.text = open_memstream(&report->text, &length))) {
        json_object_put(parameters);
        client_fail_memory(client);
        return false;
    }
    bool good =
        client_send(client, method, parameters, true) && gather_all(client, &gathering, source);
    if (gathering.text && fclose(gathering.text) != 0 && good) {
        client_fail_memory(client);
        good = false;
    }
    if (!good)
        change_report_clear(report);
    return good;
}

void change_report_clear(struct change_report *report)
{
    varlink_reply_clear(&report->reply);
    json_object_put(report->changes);
    free(report->text);
    *report = (struct change_report){0};
}

static void print_closing_line(const char *topology, const char *done, struct json_object *reply,
                               size_t count)
{
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

void report_processes(const struct client *client, struct json_object *reply)
{
    bool killed = client->options.given & OPTION_KILL;
    for (size_t i = 0; i < member_count(reply, "processes"); i++) {
        struct json_object *process = member_element(reply, "processes", i);
        fputs(killed ? "killed in " : "still in ", stdout);
        print_text(stdout, member_string(process, "namespace"));
        printf(": %" PRId64 " (", member_integer(process, "pid"));
        print_text(stdout, member_string(process, "command"));
        fputs(")\n", stdout);
    }
    if (member_count(reply, "processes") > 0 && !killed)
        fputs("What they are in lives on without a name until they end; --kill ends them.\n",
              stdout);
}

int report_change(const struct client *client, const char *topology, const char *done,
                  const struct change_report *report, const struct source *source)
{
    struct json_object *reply = report->reply.parameters;
    if (client->options.json)
        return reply && json_put(reply, "changes", json_object_get(report->changes))
                   ? client_print_json(client, reply)
                   : client_fail_memory(client);
    struct problem_output output = {
        .out = stderr, .colored = client->error_colored, .source = source};
    if (member_count(reply, "warnings") > 0)
        problem_write_all(&output, member(reply, "warnings"));
    fputs(report->text, stdout);
    print_closing_line(topology, done, reply, report->count);
    report_processes(client, reply);
    if (member(reply, "confirmBy"))
        print_deadline(topology, member_string(reply, "confirmBy"));
    return STATUS_GOOD;
}
