#include "client/commands.h"

#include "client/members.h"

#include <inttypes.h>
#include <string.h>

/* "FILE:LINE:COLUMN: what is wrong there". */
static void print_problem(const char *file, struct json_object *problem)
{
    print_text(stderr, file);
    if (member(problem, "line"))
        fprintf(stderr, ":%" PRId64 ":%" PRId64, member_integer(problem, "line"),
                member_integer(problem, "column"));
    fputs(": ", stderr);
    if (!member(problem, "line") && *member_string(problem, "pointer")) {
        print_text(stderr, member_string(problem, "pointer"));
        fputs(": ", stderr);
    }
    print_text(stderr, member_string(problem, "message"));
    putc('\n', stderr);
}

bool files_print_problems(struct json_object *reply)
{
    bool good = !member(reply, "misconfigured");
    if (!good) {
        print_text(stderr, member_string(reply, "misconfigured"));
        putc('\n', stderr);
    }
    for (size_t i = 0; i < member_count(reply, "files"); i++) {
        struct json_object *file = member_element(reply, "files", i);
        for (size_t j = 0; j < member_count(file, "problems"); j++)
            print_problem(member_string(file, "file"), member_element(file, "problems", j));
        good &= strcmp(member_string(file, "state"), "failed") != 0;
    }
    return good;
}

int command_reload(struct client *client, int count, char **words)
{
    static const char *const titles[] = {"FILE", "STATE", "GENERATION"};
    (void)count;
    (void)words;
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, "io.netnsd.Manager.Reload", json_object_new_object(), NULL, &reply))
        return STATUS_FAILED;
    if (client->options.json && client_print_json(client, reply.parameters) != STATUS_GOOD)
        return STATUS_FAILED;
    auto_table struct table table = {.titles = titles, .columns = 3};
    for (size_t i = 0; i < member_count(reply.parameters, "files"); i++) {
        struct json_object *file = member_element(reply.parameters, "files", i);
        table_add(&table, member_string(file, "file"));
        table_add(&table, member_string(file, "state"));
        table_add(&table, member(file, "generation")
                              ? json_object_get_string(member(file, "generation"))
                              : "");
    }
    if (!client->options.json && client_print_table(client, &table) != STATUS_GOOD)
        return STATUS_FAILED;
    return files_print_problems(reply.parameters) ? STATUS_GOOD : STATUS_FAILED;
}
