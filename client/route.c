#include "client/commands.h"

#include "client/members.h"

/* RT_TABLE_MAIN (linux/rtnetlink.h) */
#define MAIN_TABLE 254

static void add_weight(struct table *table, struct json_object *hop, bool wanted)
{
    if (wanted)
        table_add_integer(table, member_integer(hop, "weight"));
    else
        table_add(table, NULL);
}

/* The row of one next hop; those after the first repeat the route, so that every row can be read by
 * itself. */
static void add_row(struct table *table, struct json_object *route, struct json_object *hop,
                    bool multipath)
{
    const char *type = member_string(route, "type");
    table_add(table, member_string(route, "namespace"));
    table_add(table, member_string(route, "destination"));
    table_add(table, member_string(hop, "via"));
    table_add(table, member_string(hop, "dev"));
    add_weight(table, hop, multipath);
    table_add(table, member_bool(hop, "onLink") ? "onLink" : NULL);
    if (member(route, "metric"))
        table_add_integer(table, member_integer(route, "metric"));
    else
        table_add(table, NULL);
    if (member_integer(route, "table") == MAIN_TABLE)
        table_add(table, "main");
    else
        table_add_integer(table, member_integer(route, "table"));
    table_add(table, type);
    table_add(table, member_string(route, "protocol"));
    table_add(table, member_string(route, "scope"));
    table_add(table, member_string(route, "source"));
    table_add(table, member_string(route, "topology"));
}

int routes_print(const struct client *client, struct json_object *reply)
{
    static const char *const titles[] = {"NAMESPACE", "DESTINATION", "VIA",     "DEV",  "WEIGHT",
                                         "FLAGS",     "METRIC",      "TABLE",   "TYPE", "PROTOCOL",
                                         "SCOPE",     "SOURCE",      "TOPOLOGY"};
    auto_table struct table table = {.titles = titles, .columns = 13};
    for (size_t i = 0; i < member_count(reply, "routes"); i++) {
        struct json_object *route = member_element(reply, "routes", i);
        size_t hops = member_count(route, "nextHops");
        for (size_t hop = 0; hop < hops || hop == 0; hop++)
            add_row(&table, route, member_element(route, "nextHops", hop), hops > 1);
    }
    return client_print_table(client, &table);
}

int command_route_list(struct client *client, int count, char **words)
{
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Route.List",
                    strings_object("namespace", count > 0 ? words[0] : NULL, NULL), "routes");
    if (!reply)
        return STATUS_FAILED;
    return client->options.json ? client_print_json(client, reply) : routes_print(client, reply);
}
