#include "client/commands.h"

#include "client/changes.h"
#include "client/members.h"
#include "client/report.h"
#include "common/json.h"

#include <inttypes.h>

/* "revert to 3". */
static void add_cause(struct table *table, struct json_object *generation)
{
    char text[80];
    int64_t repeats = member_integer(generation, "repeats");
    const char *cause = member_string(generation, "cause");
    snprintf(text, sizeof(text), "%s to %" PRId64, cause, repeats);
    table_add(table, repeats ? text : cause);
}

static void add_count(struct table *table, struct json_object *generation, const char *name)
{
    if (member(generation, name))
        table_add_integer(table, member_integer(generation, name));
    else
        table_add(table, "");
}

int command_history_list(struct client *client, int count, char **words)
{
    static const char *const titles[] = {"GENERATION", "TIME",    "CAUSE",
                                         "CREATED",    "CHANGED", "REMOVED"};
    (void)count;
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Topology.History",
                    strings_object("topology", words[0], NULL), "generations");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    auto_table struct table table = {.titles = titles, .columns = 6};
    for (size_t i = 0; i < member_count(reply, "generations"); i++) {
        struct json_object *generation = member_element(reply, "generations", i);
        table_add_integer(&table, member_integer(generation, "generation"));
        table_add(&table, member_string(generation, "time"));
        add_cause(&table, generation);
        add_count(&table, generation, "created");
        add_count(&table, generation, "changed");
        add_count(&table, generation, "removed");
    }
    return client_print_table(client, &table);
}

/* Puts the generation that WORD says into PARAMETERS, which may be NULL. Returns STATUS_GOOD, or
 * what went wrong. */
static int put_generation(const struct client *client, struct json_object *parameters,
                          const char *name, const char *word)
{
    int64_t generation;
    if (!number_parse(word, 1, &generation))
        return client_usage("a generation is a number from 1, not '%s'", word);
    return parameters && json_put_integer(parameters, name, generation)
               ? STATUS_GOOD
               : client_fail_memory(client);
}

int command_history_diff(struct client *client, int count, char **words)
{
    static const char *const names[] = {"from", "to"};
    auto_json struct json_object *parameters = strings_object("topology", words[0], NULL);
    for (int i = 1; i < count; i++) {
        int status = put_generation(client, parameters, names[i - 1], words[i]);
        if (status != STATUS_GOOD)
            return status;
    }
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Topology.Diff", TAKE(parameters), "changes");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    changes_write(stdout, client->colored, member(reply, "changes"));
    return STATUS_GOOD;
}

int command_history_revert(struct client *client, int count, char **words)
{
    auto_json struct json_object *parameters =
        change_parameters(client, words[0], client->options.dry_run);
    int status = count > 1 ? put_generation(client, parameters, "to", words[1]) : STATUS_GOOD;
    if (status != STATUS_GOOD)
        return status;
    auto_report struct change_report report = {0};
    if (!change_call(client, "io.netnsd.Topology.Revert", TAKE(parameters), NULL, &report))
        return STATUS_FAILED;
    return report_change(client, words[0], "committed", &report, NULL);
}

int command_history_confirm(struct client *client, int count, char **words)
{
    (void)count;
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, "io.netnsd.Topology.Confirm",
                     change_parameters(client, words[0], false), NULL, &reply))
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply.parameters);
    print_text(stdout, words[0]);
    printf(": confirmed generation %" PRId64 "\n", member_integer(reply.parameters, "generation"));
    return STATUS_GOOD;
}
