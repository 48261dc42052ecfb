#include "client/commands.h"

#include "client/members.h"
#include "client/report.h"
#include "common/json.h"

#include <inttypes.h>
#include <string.h>

/* Namespaces that are made by words belong to this topology. */
#define DEFAULT_TOPOLOGY "default"

/* NAME's element in a reply of Namespace.List; NULL when there is none. */
static struct json_object *find_namespace(struct json_object *reply, const char *name)
{
    for (size_t i = 0; i < member_count(reply, "namespaces"); i++) {
        struct json_object *namespace = member_element(reply, "namespaces", i);
        if (strcmp(member_string(namespace, "namespace"), name) == 0)
            return namespace;
    }
    return NULL;
}

/* Those of NAMES that there are, as a reply of Namespace.List. NULL after having shown what went
 * wrong. */
static struct json_object *list_named(struct client *client, int count, char **names)
{
    auto_json struct json_object *found = json_object_new_object();
    struct json_object *namespaces = json_object_new_array();
    bool good = found && json_put(found, "namespaces", namespaces);
    for (int i = 0; good && i < count; i++) {
        auto_reply struct varlink_reply reply = {0};
        if (!client_ask(client, "io.netnsd.Namespace.List",
                        strings_object("namespace", names[i], NULL),
                        "io.netnsd.Namespace.NoSuchNamespace", &reply))
            return NULL;
        struct json_object *namespace = member_element(reply.parameters, "namespaces", 0);
        good = reply.error || json_append(namespaces, json_object_get(namespace));
    }
    if (!good)
        client_fail_memory(client);
    return good ? TAKE(found) : NULL;
}

static int refuse_existing(const struct client *client, struct json_object *namespace)
{
    const char *name = member_string(namespace, "namespace");
    const char *state = member_string(namespace, "state");
    const char *topology = member_string(namespace, "topology");
    if (*topology)
        return client_fail(client, "namespace '%s' exists already, in topology '%s'", name,
                           topology);
    if (strcmp(state, "host") == 0)
        return client_fail(client, "'%s' is the name of the namespace that netnsd runs in", name);
    return client_fail(client,
                       "namespace '%s' exists already, and netnsd did not make it; 'netnsctl exec "
                       "%s' works with it as it is",
                       name, name);
}

/* A patch that gives every one of NAMES an empty object, or null to REMOVE it. NULL when memory is
 * short. */
static struct json_object *names_patch(int count, char **names, bool remove)
{
    auto_json struct json_object *patch = json_object_new_object();
    struct json_object *namespaces = json_object_new_object();
    bool good = patch && json_put(patch, "namespaces", namespaces);
    for (int i = 0; good && i < count; i++)
        good = remove ? json_object_object_add(namespaces, names[i], NULL) == 0
                      : json_put(namespaces, names[i], json_object_new_object());
    return good ? TAKE(patch) : NULL;
}

/* Patches TOPOLOGY; *REPLY is the daemon's answer. */
static bool patch_topology(struct client *client, const char *topology, struct json_object *patch,
                           struct change_report *report)
{
    auto_json struct json_object *owned = patch;
    auto_json struct json_object *parameters = change_parameters(client, topology, false);
    if (!owned || !parameters || !json_put(parameters, "patch", TAKE(owned))) {
        client_fail_memory(client);
        return false;
    }
    return change_call(client, "io.netnsd.Topology.Patch", TAKE(parameters), NULL, report);
}

int command_namespace_add(struct client *client, int count, char **words)
{
    auto_json struct json_object *existing = list_named(client, count, words);
    if (!existing)
        return STATUS_FAILED;
    for (int i = 0; i < count; i++) {
        struct json_object *namespace = find_namespace(existing, words[i]);
        if (namespace && strcmp(member_string(namespace, "state"), "broken") != 0)
            return refuse_existing(client, namespace);
    }
    auto_report struct change_report report = {0};
    if (!patch_topology(client, DEFAULT_TOPOLOGY, names_patch(count, words, false), &report))
        return STATUS_FAILED;
    if (strcmp(member_string(report.reply.parameters, "outcome"), "unchanged") == 0)
        return client_fail(client, "somebody else has made what was asked for just now");
    return report_change(client, DEFAULT_TOPOLOGY, "committed", &report, NULL);
}

/* Moves the names that belong to the same topology as the first one to the front of NAMES, and
 * returns how many they are. */
static int gather_topology(struct json_object *existing, int count, char **names)
{
    const char *topology = member_string(find_namespace(existing, names[0]), "topology");
    int gathered = 1;
    for (int i = 1; i < count; i++) {
        char *name = names[i];
        if (strcmp(member_string(find_namespace(existing, name), "topology"), topology) != 0)
            continue;
        names[i] = names[gathered];
        names[gathered++] = name;
    }
    return gathered;
}

/* Can each of NAMES be removed by a patch of its topology? */
static bool check_owned(const struct client *client, struct json_object *existing, int count,
                        char **names)
{
    for (int i = 0; i < count; i++) {
        struct json_object *namespace = find_namespace(existing, names[i]);
        if (!namespace) {
            client_fail(client,
                        "there is no namespace '%s'; 'netnsctl ns list' shows those that there are",
                        names[i]);
            return false;
        }
        if (strcmp(member_string(namespace, "state"), "owned") != 0) {
            client_fail(client, "namespace '%s' (%s) is not netnsd's: it removes only what it made",
                        names[i], member_string(namespace, "state"));
            return false;
        }
    }
    return true;
}

int command_namespace_delete(struct client *client, int count, char **words)
{
    auto_json struct json_object *existing = list_named(client, count, words);
    if (!existing || !check_owned(client, existing, count, words))
        return STATUS_FAILED;
    while (count > 0) {
        int together = gather_topology(existing, count, words);
        const char *topology = member_string(find_namespace(existing, words[0]), "topology");
        auto_report struct change_report report = {0};
        if (!patch_topology(client, topology, names_patch(together, words, true), &report))
            return STATUS_FAILED;
        int status = report_change(client, topology, "committed", &report, NULL);
        if (status != STATUS_GOOD)
            return status;
        words += together;
        count -= together;
    }
    return STATUS_GOOD;
}

int command_namespace_list(struct client *client, int count, char **words)
{
    static const char *const titles[] = {"NAMESPACE", "STATE", "TOPOLOGY", "PATH"};
    (void)count;
    (void)words;
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Namespace.List", json_object_new_object(), "namespaces");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    auto_table struct table table = {.titles = titles, .columns = 4};
    for (size_t i = 0; i < member_count(reply, "namespaces"); i++) {
        struct json_object *namespace = member_element(reply, "namespaces", i);
        table_add(&table, member_string(namespace, "namespace"));
        table_add(&table, member_string(namespace, "state"));
        table_add(&table, member_string(namespace, "topology"));
        table_add(&table, member_string(namespace, "path"));
    }
    return client_print_table(client, &table);
}

static int print_properties(const struct client *client, struct json_object *namespace)
{
    char cookie[32] = "";
    if (member(namespace, "cookie"))
        snprintf(cookie, sizeof(cookie), "%" PRId64, member_integer(namespace, "cookie"));
    auto_table struct table table = {.columns = 2};
    table_add_property(&table, "namespace", member_string(namespace, "namespace"));
    table_add_property(&table, "state", member_string(namespace, "state"));
    table_add_property(&table, "topology", member_string(namespace, "topology"));
    table_add_property(&table, "path", member_string(namespace, "path"));
    table_add_property(&table, "cookie", cookie);
    return client_print_table(client, &table);
}

static int print_all(const struct client *client, struct json_object *namespace,
                     struct json_object *links, struct json_object *routes)
{
    int status = print_properties(client, namespace);
    if (status == STATUS_GOOD && member_count(links, "links") > 0) {
        putchar('\n');
        status = links_print(client, links);
    }
    if (status == STATUS_GOOD && member_count(routes, "routes") > 0) {
        putchar('\n');
        status = routes_print(client, routes);
    }
    return status;
}

static int print_all_json(const struct client *client, struct json_object *namespace,
                          struct json_object *links, struct json_object *routes)
{
    auto_json struct json_object *all = json_object_new_object();
    if (!all || !json_put(all, "namespace", json_object_get(namespace)) ||
        !json_put(all, "links", json_object_get(member(links, "links"))) ||
        !json_put(all, "routes", json_object_get(member(routes, "routes"))))
        return client_fail_memory(client);
    return client_print_json(client, all);
}

int command_namespace_show(struct client *client, int count, char **words)
{
    (void)count;
    const char *name = words[0];
    auto_json struct json_object *found = client_list(
        client, "io.netnsd.Namespace.List", strings_object("namespace", name, NULL), "namespaces");
    if (!found)
        return STATUS_FAILED;
    auto_json struct json_object *links = client_list(
        client, "io.netnsd.Link.List", strings_object("namespace", name, NULL), "links");
    if (!links)
        return STATUS_FAILED;
    auto_json struct json_object *routes = client_list(
        client, "io.netnsd.Route.List", strings_object("namespace", name, NULL), "routes");
    if (!routes)
        return STATUS_FAILED;
    struct json_object *namespace = member_element(found, "namespaces", 0);
    return client->options.json ? print_all_json(client, namespace, links, routes)
                                : print_all(client, namespace, links, routes);
}
