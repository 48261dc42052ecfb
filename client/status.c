#include "client/commands.h"

#include "client/members.h"

#include <string.h>

int command_status_show(struct client *client, int count, char **words)
{
    (void)count;
    (void)words;
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, "io.netnsd.Manager.Status", json_object_new_object(), NULL, &reply))
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply.parameters);
    if (!reply.parameters)
        return STATUS_GOOD;
    auto_table struct table table = {.columns = 2};
    json_object_object_foreach (reply.parameters, name, value) {
        if (strcmp(name, "files") == 0)
            continue;
        table_add(&table, name);
        table_add(&table, json_object_get_string(value));
    }
    int status = client_print_table(client, &table);
    files_print_problems(reply.parameters);
    return status;
}
