#include "client/commands.h"

#include "client/members.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

static void add_user(struct table *table, int64_t number)
{
    const struct passwd *user = getpwuid((uid_t)number);
    if (user)
        table_add(table, user->pw_name);
    else
        table_add_integer(table, number);
}

int command_process_list(struct client *client, int count, char **words)
{
    static const char *const titles[] = {"NAMESPACE", "PID", "USER", "COMMAND"};
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Namespace.Processes",
                    strings_object("namespace", count > 0 ? words[0] : NULL, NULL), "processes");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    auto_table struct table table = {.titles = titles, .columns = 4};
    for (size_t i = 0; i < member_count(reply, "processes"); i++) {
        struct json_object *process = member_element(reply, "processes", i);
        table_add(&table, member_string(process, "namespace"));
        table_add_integer(&table, member_integer(process, "pid"));
        add_user(&table, member_integer(process, "user"));
        table_add(&table, member_string(process, "command"));
    }
    return client_print_table(client, &table);
}
