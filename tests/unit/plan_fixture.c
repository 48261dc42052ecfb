#include "plan_fixture.h"

#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t machine_id[16] = {1, 2, 3};

struct network *read_document(const char *text)
{
    struct problems problems = {0};
    auto_json struct json_object *document = json_parse(text, strlen(text), &problems);
    struct network *network =
        document ? document_read("test", document, machine_id, NULL, &problems) : NULL;
    problems_clear(&problems);
    return network;
}

struct plan *build(struct network *desired, struct network *previous, struct network *actual,
                   bool restore)
{
    struct error error = {0};
    const struct plan_input input = {
        .desired = desired, .previous = previous, .actual = actual, .restore = restore};
    struct plan *plan = plan_build(&input, &error);
    if (!plan)
        fail_msg("no plan: %s: %s", error.pointer, error.text);
    return plan;
}

struct json_object *changes_of(const struct plan *plan)
{
    struct json_object *changes = changes_parse(plan->changes);
    assert_non_null(changes);
    return changes;
}

void assert_empty(const struct plan *plan)
{
    if (plan->count)
        fail_msg("%zu operations are left: %s", plan->count, plan->changes->text->buf);
}

void run(struct kernel_model *kernel, const struct plan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char pointer[512];
        if (!kernel_model_run(kernel, &plan->operations[i]))
            fail_msg(
                "operation %zu of %zu (%d, %s): %s", i, plan->count, (int)plan->operations[i].type,
                operation_pointer(&plan->operations[i], pointer, sizeof(pointer)), kernel->refusal);
    }
}

struct network *copy_network(const struct network *network)
{
    struct network *copy = network_new(NULL);
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        assert_non_null(namespace_copy(namespace, copy));
    }
    return copy;
}

void inherit_sysctls(const struct network *previous, const struct network *desired)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, desired->namespaces, namespace, next) {
        const struct namespace *old = network_namespace(previous, namespace->name);
        struct sysctl *sysctl, *next_sysctl;
        HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
            const struct sysctl *found = old ? namespace_sysctl(old, sysctl->path) : NULL;
            free(sysctl->earlier);
            sysctl->earlier = found && found->earlier ? strdup(found->earlier) : NULL;
        }
    }
}

void change(struct kernel_model *kernel, struct network *desired, struct network *previous)
{
    inherit_sysctls(previous, desired);
    auto_network struct network *before = copy_network(kernel->network);
    auto_plan struct plan *plan = build(desired, previous, before, false);
    run(kernel, plan, plan->count);
    auto_network struct network *after = copy_network(kernel->network);
    auto_plan struct plan *again = build(desired, desired, after, false);
    run(kernel, again, again->count);
    kernel_model_destroy_parked(kernel);
    auto_plan struct plan *nothing = build(desired, desired, kernel->network, false);
    assert_empty(nothing);
}

/* Random documents -------------------------------------------------------------------------- */

unsigned random_below(unsigned *state, unsigned limit)
{
    *state = *state * 1103515245u + 12345u;
    return (*state >> 16) % limit;
}

const char *const random_names[RANDOM_NAMES] = {"host", "a", "b", "c"};

static void add_addresses(struct json_object *link, unsigned *state)
{
    static const char *const choices[] = {"10.0.0.1/24", "10.0.1.1/24", "10.0.2.1/24",
                                          "fd00::1/64",  "10.0.0.2/24", "192.0.2.1/32"};
    struct json_object *addresses = json_object_new_array();
    for (size_t i = 0; i < 6; i++) {
        if (!random_below(state, 4))
            json_append(addresses, json_object_new_string(choices[i]));
    }
    json_put(link, "addresses", addresses);
}

static struct json_object *links_of(struct json_object *document, const char *name)
{
    char pointer[64];
    snprintf(pointer, sizeof(pointer), "/namespaces/%s/links", name);
    return json_lookup(document, pointer);
}

static struct json_object *put_link(struct json_object *links, const char *name, const char *kind,
                                    struct json_object *specific)
{
    struct json_object *link = json_object_new_object();
    json_put(link, kind, specific);
    json_put(links, name, link);
    return link;
}

static void add_bridges(struct json_object *document, const char *name, unsigned *state)
{
    for (int i = 0; i < 2; i++) {
        char bridge[16];
        snprintf(bridge, sizeof(bridge), "br%d", i);
        if (random_below(state, 2))
            continue;
        struct json_object *specific = json_object_new_object();
        if (random_below(state, 2))
            json_put_bool(specific, "stp", random_below(state, 2));
        struct json_object *link = put_link(links_of(document, name), bridge, "bridge", specific);
        if (!random_below(state, 3))
            json_put_integer(link, "mtu", 1400 + (int)random_below(state, 3));
        add_addresses(link, state);
    }
}

/* What hangs on a bridge, when there is one. */
static void add_stacked(struct json_object *document, const char *name, unsigned *state)
{
    static const char *const modes[] = {"bridge", "private", "vepa"};
    struct json_object *links = links_of(document, name);
    const char *other = random_names[random_below(state, RANDOM_NAMES)];
    char text[64];
    if (json_object_object_get(links_of(document, other), "br0") && random_below(state, 2)) {
        snprintf(text, sizeof(text), "%s/br0", other);
        struct json_object *specific = json_object_new_object();
        json_put_string(specific, "link", text);
        json_put_string(specific, "mode", modes[random_below(state, 3)]);
        add_addresses(put_link(links, "mv", "macvlan", specific), state);
    }
    other = random_names[random_below(state, RANDOM_NAMES)];
    if (json_object_object_get(links_of(document, other), "br1") && random_below(state, 2)) {
        snprintf(text, sizeof(text), "%s/br1", other);
        struct json_object *specific = json_object_new_object();
        json_put_string(specific, "bridge", text);
        add_addresses(put_link(links, "eth0", "veth", specific), state);
    }
}

static void add_pair(struct json_object *document, const char *name, unsigned *state)
{
    const char *other = random_names[random_below(state, RANDOM_NAMES)];
    char text[64], end[16];
    if (strcmp(other, name) == 0 || random_below(state, 2))
        return;
    snprintf(end, sizeof(end), "to-%s", name);
    snprintf(text, sizeof(text), "%s/%s", other, end);
    struct json_object *specific = json_object_new_object();
    json_put_string(specific, "peer", text);
    struct json_object *link = put_link(links_of(document, name), "cable", "veth", specific);
    add_addresses(link, state);
    if (random_below(state, 2))
        return;
    snprintf(text, sizeof(text), "%s/cable", name);
    specific = json_object_new_object();
    json_put_string(specific, "peer", text);
    add_addresses(put_link(links_of(document, other), end, "veth", specific), state);
}

static void add_objects(struct json_object *namespace, unsigned *state)
{
    struct json_object *routes = json_object_new_object();
    if (!random_below(state, 3)) {
        struct json_object *route = json_object_new_object();
        json_put_string(route, "type", random_below(state, 2) ? "blackhole" : "unreachable");
        json_put(routes, "203.0.113.0/24", route);
    }
    if (json_object_object_get(json_object_object_get(namespace, "links"), "cable") &&
        random_below(state, 2)) {
        struct json_object *route = json_object_new_object();
        json_put_string(route, "dev", "cable");
        json_put(routes, "198.51.100.0/24 table 7", route);
    }
    json_put(namespace, "routes", routes);
    struct json_object *rules = json_object_new_object();
    if (!random_below(state, 3)) {
        struct json_object *rule = json_object_new_object();
        json_put_string(rule, "from", "10.0.0.0/24");
        json_put_integer(rule, "table", 7 + (int)random_below(state, 2));
        json_put(rules, "1000", rule);
    }
    json_put(namespace, "rules", rules);
    struct json_object *sysctls = json_object_new_object();
    if (!random_below(state, 3))
        json_put_integer(sysctls, "net.ipv4.ip_forward", (int)random_below(state, 2));
    json_put(namespace, "sysctl", sysctls);
}

struct network *random_network(unsigned *state)
{
    struct network *network = NULL;
    while (!network) {
        auto_json struct json_object *document = json_object_new_object();
        struct json_object *namespaces = json_object_new_object();
        json_put(document, "namespaces", namespaces);
        for (size_t i = 0; i < 4; i++) {
            struct json_object *namespace = json_object_new_object();
            json_put(namespace, "links", json_object_new_object());
            json_put(namespaces, random_names[i], namespace);
            add_bridges(document, random_names[i], state);
        }
        for (size_t i = 0; i < 4; i++) {
            add_stacked(document, random_names[i], state);
            add_pair(document, random_names[i], state);
        }
        for (size_t i = 0; i < 4; i++)
            add_objects(json_object_object_get(namespaces, random_names[i]), state);
        for (size_t i = 1; i < 4; i++) {
            if (!random_below(state, 4))
                json_object_object_del(namespaces, random_names[i]);
        }
        network = read_document(json_object_to_json_string(document));
    }
    return network;
}
