/* Plans, run on a model of the kernel: random documents, from one to the next and back, and cut off
 * anywhere. */
#include "kernel_model.h"

#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t machine_id[16] = {1, 2, 3};

static struct network *read_document(const char *text)
{
    struct problems problems = {0};
    auto_json struct json_object *document = json_parse(text, strlen(text), &problems);
    struct network *network =
        document ? document_read("test", document, machine_id, NULL, &problems) : NULL;
    problems_clear(&problems);
    return network;
}

static struct plan *build(struct network *desired, struct network *previous, struct network *actual,
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

static void assert_empty(const struct plan *plan)
{
    if (plan->count)
        fail_msg("%zu operations are left: %s", plan->count,
                 json_object_to_json_string(plan->changes));
}

/* Runs the first COUNT operations of PLAN. */
static void run(struct kernel_model *kernel, const struct plan *plan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char pointer[512];
        if (!kernel_model_run(kernel, &plan->operations[i]))
            fail_msg(
                "operation %zu of %zu (%d, %s): %s", i, plan->count, (int)plan->operations[i].type,
                operation_pointer(&plan->operations[i], pointer, sizeof(pointer)), kernel->refusal);
    }
}

/* What a look at the kernel gives: plans refer to it while they change the kernel. */
static struct network *copy_network(const struct network *network)
{
    struct network *copy = network_new(NULL);
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        assert_non_null(namespace_copy(namespace, copy));
    }
    return copy;
}

/* What sysctls were before netnsd is known from one document to the next. */
static void inherit_sysctls(const struct network *previous, const struct network *desired)
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

/* From PREVIOUS to DESIRED: what a transaction does when nothing fails. A second plan, as after a
 * verification, may put back what the first took along. */
static void change(struct kernel_model *kernel, struct network *desired, struct network *previous)
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

static unsigned random_below(unsigned *state, unsigned limit)
{
    *state = *state * 1103515245u + 12345u;
    return (*state >> 16) % limit;
}

static const char *const names[] = {"host", "a", "b", "c"};

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
    const char *other = names[random_below(state, 4)];
    char text[64];
    if (json_object_object_get(links_of(document, other), "br0") && random_below(state, 2)) {
        snprintf(text, sizeof(text), "%s/br0", other);
        struct json_object *specific = json_object_new_object();
        json_put_string(specific, "link", text);
        json_put_string(specific, "mode", modes[random_below(state, 3)]);
        add_addresses(put_link(links, "mv", "macvlan", specific), state);
    }
    other = names[random_below(state, 4)];
    if (json_object_object_get(links_of(document, other), "br1") && random_below(state, 2)) {
        snprintf(text, sizeof(text), "%s/br1", other);
        struct json_object *specific = json_object_new_object();
        json_put_string(specific, "bridge", text);
        add_addresses(put_link(links, "eth0", "veth", specific), state);
    }
}

static void add_pair(struct json_object *document, const char *name, unsigned *state)
{
    const char *other = names[random_below(state, 4)];
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

/* A valid random document, as a network. */
static struct network *random_network(unsigned *state)
{
    struct network *network = NULL;
    while (!network) {
        auto_json struct json_object *document = json_object_new_object();
        struct json_object *namespaces = json_object_new_object();
        json_put(document, "namespaces", namespaces);
        for (size_t i = 0; i < 4; i++) {
            struct json_object *namespace = json_object_new_object();
            json_put(namespace, "links", json_object_new_object());
            json_put(namespaces, names[i], namespace);
            add_bridges(document, names[i], state);
        }
        for (size_t i = 0; i < 4; i++) {
            add_stacked(document, names[i], state);
            add_pair(document, names[i], state);
        }
        for (size_t i = 0; i < 4; i++)
            add_objects(json_object_object_get(namespaces, names[i]), state);
        for (size_t i = 1; i < 4; i++) {
            if (!random_below(state, 4))
                json_object_object_del(namespaces, names[i]);
        }
        network = read_document(json_object_to_json_string(document));
    }
    return network;
}

/* Tests -------------------------------------------------------------------------------------- */

#define ROUNDS 400

static void test_there_and_back(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        unsigned state = seed;
        auto_network struct network *none = read_document("{}");
        auto_network struct network *first = random_network(&state);
        auto_network struct network *second = random_network(&state);
        struct kernel_model *kernel = kernel_model_new();
        char *empty = kernel_model_text(kernel->network);
        change(kernel, first, none);
        change(kernel, second, first);
        change(kernel, first, second);
        change(kernel, none, first);
        char *left = kernel_model_text(kernel->network);
        assert_string_equal(empty, left);
        free(empty);
        free(left);
        kernel_model_free(kernel);
    }
}

/* A transaction that fails after COUNT operations leaves the kernel as it was. */
static void fail_after(struct kernel_model *kernel, struct network *desired,
                       struct network *previous, size_t count)
{
    auto_network struct network *before = copy_network(kernel->network);
    char *was = kernel_model_text(kernel->network);
    auto_network struct network *looked = copy_network(kernel->network);
    auto_plan struct plan *plan = build(desired, previous, looked, false);
    run(kernel, plan, count < plan->count ? count : plan->count);
    kernel_model_destroy_made(kernel, before);
    auto_network struct network *failed = copy_network(kernel->network);
    auto_plan struct plan *undo = build(before, desired, failed, true);
    run(kernel, undo, undo->count);
    char *is = kernel_model_text(kernel->network);
    assert_string_equal(was, is);
    free(was);
    free(is);
}

static void test_cut_off_anywhere(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= ROUNDS / 4; seed++) {
        unsigned state = seed * 7919;
        auto_network struct network *none = read_document("{}");
        auto_network struct network *first = random_network(&state);
        auto_network struct network *second = random_network(&state);
        struct kernel_model *kernel = kernel_model_new();
        change(kernel, first, none);
        for (size_t count = 0; count < 40; count++)
            fail_after(kernel, second, first, count);
        kernel_model_free(kernel);
    }
}

static void test_foreign_things_are_in_the_way(void **unused)
{
    (void)unused;
    static const char text[] = "{\"namespaces\": {\"a\": {}}}";
    auto_network struct network *none = read_document("{}");
    auto_network struct network *desired = read_document(text);
    struct kernel_model *kernel = kernel_model_new();
    namespace_add(kernel->network, "a");
    struct error error = {0};
    const struct plan_input input = {
        .desired = desired, .previous = none, .actual = kernel->network};
    assert_null(plan_build(&input, &error));
    assert_int_equal(error.code, ERROR_EXISTS);
    assert_string_equal(error.pointer, "/namespaces/a");
    kernel_model_free(kernel);
}

/* A cable went together with the namespace of its other end, which was vanishing already. */
static void test_rollback_leaves_out_what_it_cannot_make(void **unused)
{
    (void)unused;
    auto_network struct network *none = read_document("{}");
    auto_network struct network *cable =
        read_document("{\"namespaces\": {\"host\": {\"links\": {\"x\": {\"veth\": {\"peer\": "
                      "\"a/y\"}, \"addresses\": [\"10.0.0.1/24\"]}}}, \"a\": {}}}");
    struct kernel_model *kernel = kernel_model_new();
    change(kernel, cable, none);
    auto_network struct network *before = copy_network(kernel->network);
    namespace_remove(before, network_namespace(before, "a"));
    auto_network struct network *after = copy_network(before);
    link_remove(network_link(after, NAMESPACE_HOST, "x"));
    auto_plan struct plan *undo = build(before, cable, after, true);
    assert_empty(undo);
    kernel_model_free(kernel);
}

static void test_one_change_is_one_operation(void **unused)
{
    (void)unused;
    auto_network struct network *none = read_document("{}");
    auto_network struct network *first =
        read_document("{\"namespaces\": {\"a\": {\"links\": {\"br0\": {\"bridge\": {}}, \"br1\": "
                      "{\"bridge\": {}}}}}}");
    auto_network struct network *second = read_document(
        "{\"namespaces\": {\"a\": {\"links\": {\"br0\": {\"bridge\": {}, \"mtu\": 1400}, "
        "\"br1\": {\"bridge\": {}}}}}}");
    struct kernel_model *kernel = kernel_model_new();
    change(kernel, first, none);
    auto_plan struct plan *plan = build(second, first, kernel->network, false);
    assert_int_equal(plan->count, 1);
    assert_int_equal(plan->operations[0].type, OPERATION_LINK_SET);
    assert_string_equal(plan->operations[0].link->name, "br0");
    kernel_model_free(kernel);
}

static void test_parked_names_are_stable_and_short(void **unused)
{
    (void)unused;
    char one[IFNAMSIZ], same[IFNAMSIZ], other[IFNAMSIZ];
    park_name("eth0", one);
    park_name("eth0", same);
    park_name("eth1", other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(one[0], '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_foreign_things_are_in_the_way),
        cmocka_unit_test(test_rollback_leaves_out_what_it_cannot_make),
        cmocka_unit_test(test_one_change_is_one_operation),
        cmocka_unit_test(test_parked_names_are_stable_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
