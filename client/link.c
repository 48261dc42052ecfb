#include "client/commands.h"

#include "client/members.h"

#include <string.h>

/* One word for whether packets pass: IF_OPER_UNKNOWN is what lo and others without a carrier of
 * their own say. */
static const char *link_state(struct json_object *link)
{
    const char *state = member_string(link, "operState");
    if (!member_bool(link, "up"))
        return "down";
    return strcmp(state, "unknown") == 0 || strcmp(state, "") == 0 ? "up" : state;
}

/* The addresses with blanks between them; NULL when memory is short. */
static char *join_addresses(struct json_object *link)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < member_count(link, "addresses"); i++) {
        fputs(i > 0 ? " " : "", out);
        fputs(json_object_get_string(member_element(link, "addresses", i)), out);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int links_print(const struct client *client, struct json_object *reply)
{
    static const char *const titles[] = {"NAMESPACE", "LINK",     "KIND",     "STATE",
                                         "MTU",       "MAC",      "MASTER",   "PEER",
                                         "LOWER",     "TOPOLOGY", "ADDRESSES"};
    auto_table struct table table = {.titles = titles, .columns = 11};
    for (size_t i = 0; i < member_count(reply, "links"); i++) {
        struct json_object *link = member_element(reply, "links", i);
        auto_free char *addresses = join_addresses(link);
        if (!addresses)
            return client_fail_memory(client);
        table_add(&table, member_string(link, "namespace"));
        table_add(&table, member_string(link, "link"));
        table_add(&table, member_string(link, "kind"));
        table_add(&table, link_state(link));
        table_add_integer(&table, member_integer(link, "mtu"));
        table_add(&table, member_string(link, "mac"));
        table_add(&table, member_string(link, "master"));
        table_add(&table, member_string(link, "peer"));
        table_add(&table, member_string(link, "lower"));
        table_add(&table, member_string(link, "topology"));
        table_add(&table, addresses);
    }
    return client_print_table(client, &table);
}

int command_link_list(struct client *client, int count, char **words)
{
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Link.List",
                    strings_object("namespace", count > 0 ? words[0] : NULL, NULL), "links");
    if (!reply)
        return STATUS_FAILED;
    return client->options.json ? client_print_json(client, reply) : links_print(client, reply);
}

static void add_integer_property(struct table *table, const char *name, int64_t number)
{
    table_add(table, name);
    table_add_integer(table, number);
}

static void add_attributes(struct table *table, struct json_object *attributes)
{
    if (!json_object_is_type(attributes, json_type_object))
        return;
    json_object_object_foreach (attributes, name, value) {
        table_add(table, name);
        table_add(table,
                  json_object_is_type(value, json_type_string)
                      ? json_object_get_string(value)
                      : json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
    }
}

static int print_link(const struct client *client, struct json_object *link)
{
    auto_table struct table table = {.columns = 2};
    table_add_property(&table, "namespace", member_string(link, "namespace"));
    table_add_property(&table, "link", member_string(link, "link"));
    table_add_property(&table, "topology", member_string(link, "topology"));
    table_add_property(&table, "kind", member_string(link, "kind"));
    add_integer_property(&table, "ifindex", member_integer(link, "ifindex"));
    table_add_property(&table, "up", member_bool(link, "up") ? "true" : "false");
    table_add_property(&table, "operState", member_string(link, "operState"));
    add_integer_property(&table, "mtu", member_integer(link, "mtu"));
    table_add_property(&table, "mac", member_string(link, "mac"));
    table_add_property(&table, "alias", member_string(link, "alias"));
    table_add_property(&table, "master", member_string(link, "master"));
    table_add_property(&table, "peer", member_string(link, "peer"));
    table_add_property(&table, "lower", member_string(link, "lower"));
    for (size_t i = 0; i < member_count(link, "addresses"); i++)
        table_add_property(&table, "address",
                           json_object_get_string(member_element(link, "addresses", i)));
    add_attributes(&table, member(link, "attributes"));
    return client_print_table(client, &table);
}

int command_link_show(struct client *client, int count, char **words)
{
    (void)count;
    char *slash = strchr(words[0], '/');
    if (!slash)
        return client_usage("'%s' names no link: write NAMESPACE/LINK", words[0]);
    *slash = '\0';
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Link.List",
                    strings_object("namespace", words[0], "link", slash + 1, NULL), "links");
    if (!reply)
        return STATUS_FAILED;
    return client->options.json ? client_print_json(client, reply)
                                : print_link(client, member_element(reply, "links", 0));
}
