#include "client/commands.h"

#include "client/changes.h"
#include "client/members.h"

#include <string.h>

void difference_write_fields(FILE *out, struct json_object *difference)
{
    for (size_t i = 0; i < member_count(difference, "fields"); i++) {
        struct json_object *field = member_element(difference, "fields", i);
        const char *actual = member_string(field, "actual"),
                   *wanted = member_string(field, "wanted");
        fputs(i > 0 ? "; " : "", out);
        print_text(out, member_string(field, "name"));
        fputs(": ", out);
        print_text(out, actual);
        fputs(*actual && *wanted ? ", not " : "", out);
        print_text(out, wanted);
    }
}

static void write_object(FILE *out, struct json_object *difference)
{
    object_write(out, member_string(difference, "pointer"));
}

/* The fields, why they were not put right, and when somebody was last at a thing that is contended.
 */
static void write_details(FILE *out, struct json_object *difference)
{
    const char *separator = member_count(difference, "fields") > 0 ? "; " : "";
    const char *message = member_string(difference, "message");
    difference_write_fields(out, difference);
    if (*message) {
        fputs(separator, out);
        print_text(out, message);
        separator = "; ";
    }
    if (strcmp(member_string(difference, "state"), "contended") == 0)
        fprintf(out, "%schanged last at %s", separator, member_string(difference, "lastChange"));
}

/* What WRITE writes, as a string; NULL when memory is short. */
static char *describe(void (*write)(FILE *out, struct json_object *difference),
                      struct json_object *difference)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    write(out, difference);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static int print_differences(const struct client *client, struct json_object *reply)
{
    static const char *const titles[] = {"TOPOLOGY", "STATE",   "KIND", "OBJECT",
                                         "DETAILS",  "REPAIRS", "SINCE"};
    auto_table struct table table = {.titles = titles, .columns = 7};
    for (size_t i = 0; i < member_count(reply, "differences"); i++) {
        struct json_object *difference = member_element(reply, "differences", i);
        auto_free char *object = describe(write_object, difference);
        auto_free char *details = describe(write_details, difference);
        if (!object || !details)
            return client_fail_memory(client);
        table_add(&table, member_string(difference, "topology"));
        table_add(&table, member_string(difference, "state"));
        table_add(&table, member_string(difference, "kind"));
        table_add(&table, object);
        table_add(&table, details);
        table_add_integer(&table, member_integer(difference, "repairs"));
        table_add(&table, member_string(difference, "since"));
    }
    int status = client_print_table(client, &table);
    for (size_t i = 0; i < member_count(reply, "unheard"); i++) {
        object_write(stdout, json_object_get_string(member_element(reply, "unheard", i)));
        puts(" was changed without netnsd hearing of it");
    }
    return status;
}

static int show(struct client *client, const char *method, int count, char **words)
{
    auto_json struct json_object *reply =
        client_list(client, method, strings_object("topology", count > 0 ? words[0] : NULL, NULL),
                    "differences");
    if (!reply)
        return STATUS_FAILED;
    int status =
        client->options.json ? client_print_json(client, reply) : print_differences(client, reply);
    bool differs = client->options.exit_code &&
                   (member_count(reply, "differences") > 0 || member_count(reply, "unheard") > 0);
    return status == STATUS_GOOD && differs ? STATUS_DIFFERS : status;
}

int command_drift_list(struct client *client, int count, char **words)
{
    return show(client, "io.netnsd.Drift.List", count, words);
}

int command_drift_audit(struct client *client, int count, char **words)
{
    return show(client, "io.netnsd.Drift.Audit", count, words);
}

int command_drift_repair(struct client *client, int count, char **words)
{
    return show(client, "io.netnsd.Drift.Repair", count, words);
}
