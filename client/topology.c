#include "client/commands.h"

#include "client/members.h"
#include "client/report.h"
#include "common/json.h"

#include <string.h>

/* Shows the findings of netnsctl's own reading as the daemon would have reported them. */
static void show_problems(const struct client *client, const struct problems *problems,
                          const struct source *source)
{
    auto_json struct json_object *parameters = json_object_new_object();
    struct json_object *list = json_object_new_array();
    bool good = parameters && json_put(parameters, "problems", list);
    for (size_t i = 0; good && i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        struct json_object *item =
            strings_object("severity", problem->warning ? "warning" : "error", "pointer",
                           problem->pointer, "message", problem->text, NULL);
        good = item && json_append(list, item);
    }
    if (!good || problems->out_of_memory)
        client_fail_memory(client);
    else
        client_show_error(client, "io.netnsd.Topology.InvalidDocument", parameters, source);
}

/* Reads a document. The daemon checks what it says; whether it is JSON at all is told here, with
 * line and column. False after having shown what is wrong. */
static bool read_document(const struct client *client, const char *path, struct source *source)
{
    struct error error = {0};
    if (!source_read(path, source, &error)) {
        client_fail(client, "%s", error.text);
        return false;
    }
    struct problems problems = {0};
    bool good = json_check(source->text, source->length, &problems);
    if (!good)
        show_problems(client, &problems, source);
    problems_clear(&problems);
    return good;
}

/* Sends the document at PATH as the parameter NAME of METHOD. */
static int send_document(struct client *client, const char *method, const char *name,
                         const char *topology, const char *path, bool dry_run)
{
    auto_source struct source source = {0};
    if (!read_document(client, path, &source))
        return STATUS_FAILED;
    auto_json struct json_object *parameters = change_parameters(client, topology, dry_run);
    if (!parameters || !json_put(parameters, name, json_new_raw(source.text)))
        return client_fail_memory(client);
    auto_report struct change_report report = {0};
    if (!change_call(client, method, TAKE(parameters), &source, &report))
        return STATUS_FAILED;
    return report_change(client, topology, "committed", &report, &source);
}

static int apply(struct client *client, const char *path, bool dry_run)
{
    const char *given = client->options.topology;
    auto_free char *name = given ? strdup(given) : topology_name_from_path(path);
    if (!name)
        return client_usage("'%s' names no topology: say one with -t NAME", path);
    return send_document(client, "io.netnsd.Topology.Apply", "document", name, path, dry_run);
}

int command_topology_apply(struct client *client, int count, char **words)
{
    (void)count;
    return apply(client, words[0], client->options.dry_run);
}

int command_topology_plan(struct client *client, int count, char **words)
{
    (void)count;
    return apply(client, words[0], true);
}

int command_topology_patch(struct client *client, int count, char **words)
{
    (void)count;
    return send_document(client, "io.netnsd.Topology.Patch", "patch", words[0], words[1],
                         client->options.dry_run);
}

int command_topology_get(struct client *client, int count, char **words)
{
    (void)count;
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, "io.netnsd.Topology.Get", change_parameters(client, words[0], false),
                     NULL, &reply))
        return STATUS_FAILED;
    return client_print_json(client, client->options.json ? reply.parameters
                                                          : member(reply.parameters, "document"));
}

int command_topology_list(struct client *client, int count, char **words)
{
    static const char *const titles[] = {"TOPOLOGY", "GENERATION", "STATE",      "NAMESPACES",
                                         "LINKS",    "FILE",       "CONFIRM BY", "MESSAGE"};
    (void)count;
    (void)words;
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Topology.List", json_object_new_object(), "topologies");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    auto_table struct table table = {.titles = titles, .columns = 8};
    for (size_t i = 0; i < member_count(reply, "topologies"); i++) {
        struct json_object *topology = member_element(reply, "topologies", i);
        table_add(&table, member_string(topology, "topology"));
        table_add_integer(&table, member_integer(topology, "generation"));
        table_add(&table, member_string(topology, "state"));
        table_add_integer(&table, member_integer(topology, "namespaces"));
        table_add_integer(&table, member_integer(topology, "links"));
        table_add(&table, member_string(topology, "file"));
        table_add(&table, member_string(topology, "confirmBy"));
        table_add(&table, member_string(topology, "message"));
    }
    return client_print_table(client, &table);
}
