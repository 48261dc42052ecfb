#include "client/commands.h"

#include "client/members.h"
#include "client/report.h"
#include "common/json.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define REMOVED "removed, last at"

static int delete_one(struct client *client, const char *topology)
{
    auto_report struct change_report report = {0};
    if (!change_call(client, "io.netnsd.Topology.Remove",
                     change_parameters(client, topology, client->options.dry_run), NULL, &report))
        return STATUS_FAILED;
    return report_change(client, topology, REMOVED, &report, NULL);
}

/* Everything that is to go. */
struct removal {
    struct client *client;
    struct json_object *topologies; /* array of io.netnsd.Topology.Summary */
    struct json_object *removed;    /* array of names */
    bool failed;                    /* some could not be removed */
};

/* Shows what is to go. */
static bool show(const struct removal *removal)
{
    static const char *const titles[] = {"TOPOLOGY", "GENERATION", "NAMESPACES", "LINKS"};
    auto_table struct table table = {.titles = titles, .columns = 4};
    for (size_t i = 0; i < json_object_array_length(removal->topologies); i++) {
        struct json_object *topology = json_object_array_get_idx(removal->topologies, i);
        table_add(&table, member_string(topology, "topology"));
        table_add_integer(&table, member_integer(topology, "generation"));
        table_add_integer(&table, member_integer(topology, "namespaces"));
        table_add_integer(&table, member_integer(topology, "links"));
    }
    return client_print_table(removal->client, &table) == STATUS_GOOD && fflush(stdout) == 0;
}

/* Has the user been told what will go, and agreed? */
static bool is_agreed(const struct removal *removal)
{
    char answer[16] = "";
    if (!show(removal))
        return false;
    fputs("Remove all of these, with everything in them and their history? Type 'yes': ", stderr);
    if (fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0)
        return true;
    fputs("Nothing was removed.\n", stderr);
    return false;
}

static void print_removed(const struct client *client, const char *name, struct json_object *reply)
{
    if (client->options.json)
        return;
    print_text(stdout, name);
    printf(": " REMOVED " generation %" PRId64 "\n", member_integer(reply, "generation"));
    report_processes(client, reply);
}

/* Removes TOPOLOGY, or puts it among what is LEFT: another one uses what it has. False when netnsd
 * cannot be reached, or memory is short. */
static bool remove_one(struct removal *removal, struct json_object *topology,
                       struct json_object *left, struct varlink_reply *reply)
{
    struct client *client = removal->client;
    const char *name = member_string(topology, "topology");
    bool good = true;
    varlink_reply_clear(reply);
    if (!client_ask(client, "io.netnsd.Topology.Remove", change_parameters(client, name, false),
                    ANY_ERROR, reply))
        return false;
    if (!reply->error) {
        print_removed(client, name, reply->parameters);
        good = json_append(removal->removed, json_object_new_string(name));
    } else if (strcmp(reply->error, "io.netnsd.Topology.InUse") == 0) {
        good = json_append(left, json_object_get(topology));
    } else {
        client_show_error(client, reply->error, reply->parameters, NULL);
        removal->failed = true;
    }
    if (!good)
        client_fail_memory(client);
    return good;
}

/* What one topology has may be used by another, which then has to go first: goes through what is
 * left again and again, as long as something goes. */
static bool remove_all(struct removal *removal)
{
    auto_json struct json_object *topologies = json_object_get(removal->topologies);
    size_t count;
    while ((count = json_object_array_length(topologies)) > 0) {
        auto_reply struct varlink_reply reply = {0};
        auto_json struct json_object *left = json_object_new_array();
        for (size_t i = 0; i < count; i++) {
            if (!remove_one(removal, json_object_array_get_idx(topologies, i), left, &reply))
                return false;
        }
        if (json_object_array_length(left) == count) {
            client_show_error(removal->client, reply.error, reply.parameters, NULL);
            return false;
        }
        json_object_put(topologies);
        topologies = TAKE(left);
    }
    return !removal->failed;
}

static int delete_agreed(struct removal *removal)
{
    struct client *client = removal->client;
    auto_json struct json_object *report = json_object_new_object();
    removal->removed = json_object_new_array();
    if (!report || !json_put(report, "removed", removal->removed))
        return client_fail_memory(client);
    bool good = remove_all(removal);
    if (client->options.json && client_print_json(client, report) != STATUS_GOOD)
        return STATUS_FAILED;
    return good ? STATUS_GOOD : STATUS_FAILED;
}

/* What belongs to a file goes with that. */
static void leave_files(struct json_object *topologies)
{
    for (size_t i = json_object_array_length(topologies); i-- > 0;) {
        if (member(json_object_array_get_idx(topologies, i), "file"))
            json_object_array_del_idx(topologies, i, 1);
    }
}

static int delete_all(struct client *client)
{
    unsigned given = client->options.given;
    bool asks = !(given & (OPTION_YES | OPTION_DRY_RUN));
    if (asks && !isatty(STDIN_FILENO))
        return client_usage("there is no terminal to ask at: 'delete --all' needs --yes");
    auto_json struct json_object *all =
        client_list(client, "io.netnsd.Topology.List", json_object_new_object(), "topologies");
    if (!all)
        return STATUS_FAILED;
    struct removal removal = {.client = client, .topologies = member(all, "topologies")};
    leave_files(removal.topologies);
    if ((given & OPTION_DRY_RUN) && client->options.json)
        return client_print_json(client, all);
    if (given & OPTION_DRY_RUN)
        return show(&removal) ? STATUS_GOOD : STATUS_FAILED;
    if (asks && json_object_array_length(removal.topologies) > 0 && !is_agreed(&removal))
        return STATUS_FAILED;
    return delete_agreed(&removal);
}

int command_delete(struct client *client, int count, char **words)
{
    unsigned given = client->options.given;
    bool all = given & OPTION_ALL;
    if (all == (count > 0))
        return client_usage("'delete' takes the name of a topology, or --all");
    if ((all && (given & OPTION_GENERATION)) || (!all && (given & OPTION_YES)))
        return client_usage("'delete%s' takes no --%s", all ? " --all" : "",
                            all ? "generation" : "yes");
    return all ? delete_all(client) : delete_one(client, words[0]);
}
