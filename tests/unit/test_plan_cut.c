/* Plans of parts of a network, and of what others added to it, run on a model of the kernel. */
#include "plan_fixture.h"

#include "engine/dirty.h"
#include "model/network_compare.h"
#include "model/network_cut.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 400

static struct link *random_link(const struct namespace *namespace, unsigned *state)
{
    unsigned which = random_below(state, HASH_COUNT(namespace->links));
    struct link *link = namespace->links;
    while (which--)
        link = link->hh.next;
    return strcmp(link->name, "lo") == 0 ? link->hh.next : link;
}

static void disturb_link(struct kernel_model *kernel, struct link *link, unsigned *state)
{
    struct operation operation = {
        .namespace = link->namespace, .link = link, .address = link->addresses};
    switch (random_below(state, 4)) {
    case 0:
        operation.type = OPERATION_LINK_DELETE;
        assert_true(kernel_model_run(kernel, &operation));
        break;
    case 1:
        link->common[LINK_MTU].number = 1300;
        break;
    case 2:
        link->master_ifindex = 0;
        break;
    default:
        operation.type = OPERATION_ADDRESS_REMOVE;
        assert_true(!link->addresses || kernel_model_run(kernel, &operation));
    }
}

static void disturb_rest(struct kernel_model *kernel, struct namespace *namespace, unsigned *state)
{
    struct operation route = {
        .type = OPERATION_ROUTE_REMOVE, .namespace = namespace, .route = namespace->routes};
    struct operation rule = {
        .type = OPERATION_RULE_REMOVE, .namespace = namespace, .rule = namespace->rules};
    switch (random_below(state, 3)) {
    case 0:
        assert_true(!route.route || kernel_model_run(kernel, &route));
        break;
    case 1:
        assert_true(!rule.rule || kernel_model_run(kernel, &rule));
        break;
    default:
        namespace
        ->sysctls->value[0] ^= 1;
    }
}

static void disturb(struct kernel_model *kernel, unsigned *state)
{
    const char *name = random_names[random_below(state, RANDOM_NAMES)];
    struct namespace *namespace = network_namespace(kernel->network, name);
    struct link *link = namespace ? random_link(namespace, state) : NULL;
    if (link && random_below(state, 3))
        disturb_link(kernel, link, state);
    else if (namespace)
        disturb_rest(kernel, namespace, state);
}

struct marking {
    struct dirty **set;
    const char *namespace;
};

static void mark(void *context, const char *link)
{
    const struct marking *marking = context;
    assert_true(dirty_add(marking->set, marking->namespace, link ? link : ""));
}

/* The part of DESIRED in which NOW is not as BEFORE: as the mirror finds it. */
static struct network *cut_changed(const struct network *desired, const struct network *before,
                                   const struct network *now)
{
    auto_dirty struct dirty *set = NULL;
    const struct namespace *each, *next;
    HASH_ITER (hh, before->namespaces, each, next) {
        struct marking marking = {.set = &set, .namespace = each->name};
        namespace_compare(each, network_namespace(now, each->name), mark, &marking);
    }
    struct network *cut = dirty_cut(set, desired);
    assert_non_null(cut);
    return cut;
}

static bool has_change(struct json_object *changes, struct json_object *wanted)
{
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        if (json_object_equal(json_object_array_get_idx(changes, i), wanted))
            return true;
    }
    return false;
}

static bool has_pointer(struct json_object *changes, const char *pointer)
{
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        if (strcmp(json_object_get_string(json_object_object_get(change, "pointer")), pointer) == 0)
            return true;
    }
    return false;
}

/* A cable that is to be made is told of at the end that comes first. */
static bool has_other_end(struct json_object *changes, const struct network *desired,
                          const char *pointer)
{
    char namespace[NAMESPACE_NAME_MAX + 1], name[IFNAMSIZ], other[512];
    const char *rest = pointer_parts(pointer, namespace, name);
    const struct link *link = rest && *name ? network_link(desired, namespace, name) : NULL;
    return link && link_peer(link) &&
           has_pointer(changes, link_pointer(link_peer(link), other, sizeof(other)));
}

/* Both plans find the same in what CUT holds, which is all that there is. */
static void assert_same_changes(const struct network *cut, const struct network *desired,
                                const struct plan *part, const struct plan *all)
{
    auto_json struct json_object *in_part = changes_of(part);
    auto_json struct json_object *in_all = changes_of(all);
    for (size_t i = 0; i < json_object_array_length(in_all); i++) {
        struct json_object *change = json_object_array_get_idx(in_all, i);
        const char *pointer = json_object_get_string(json_object_object_get(change, "pointer"));
        if (!network_cut_holds(cut, pointer) ||
            !(has_change(in_part, change) || has_other_end(in_part, desired, pointer)))
            fail_msg("not in the plan of the cut: %s", json_object_to_json_string(change));
    }
    assert_int_equal(json_object_array_length(in_part), json_object_array_length(in_all));
}

static void repair(struct kernel_model *kernel, struct network *desired, struct network *cut)
{
    for (int i = 0; i < 2; i++) {
        auto_network struct network *look = copy_network(kernel->network);
        auto_network struct network *actual = network_cut_actual(cut, look);
        auto_plan struct plan *plan = build(cut, cut, actual, false);
        run(kernel, plan, plan->count);
    }
    kernel_model_destroy_parked(kernel);
    assert_true(network_cut_learn(cut, desired));
}

static void test_what_was_disturbed_is_put_right(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        unsigned state = seed * 31;
        auto_network struct network *none = read_document("{}");
        auto_network struct network *desired = random_network(&state);
        struct kernel_model *kernel = kernel_model_new();
        change(kernel, desired, none);
        auto_network struct network *before = copy_network(kernel->network);
        for (unsigned count = 1 + random_below(&state, 4); count; count--)
            disturb(kernel, &state);
        auto_network struct network *cut = cut_changed(desired, before, kernel->network);
        auto_network struct network *look = copy_network(kernel->network);
        auto_network struct network *actual = network_cut_actual(cut, look);
        auto_plan struct plan *part = build(cut, cut, actual, false);
        auto_plan struct plan *all = build(desired, desired, look, false);
        assert_same_changes(cut, desired, part, all);
        repair(kernel, desired, cut);
        auto_plan struct plan *nothing = build(desired, desired, kernel->network, false);
        assert_empty(nothing);
        kernel_model_free(kernel);
    }
}

/* What others added --------------------------------------------------------------------------- */

static struct link *add_link(struct namespace *namespace, const char *name, const char *kind,
                             uint32_t group)
{
    struct link *link = link_add(namespace, name);
    assert_non_null(link);
    assert_true(link_set_kind(link, link_kind_find(kind)));
    snprintf(link->kind_name, sizeof(link->kind_name), "%s", kind);
    link->ifindex = 500 + HASH_COUNT(namespace->links);
    link->group = group;
    assert_true(link_index(link));
    return link;
}

static void add_address(struct link *link, const char *text, uint8_t protocol, uint32_t flags)
{
    struct ip_prefix prefix;
    assert_true(ip_prefix_parse(text, &prefix));
    struct address *address = address_add(link, &prefix);
    address->protocol = protocol;
    address->flags = flags;
}

static void add_route(struct namespace *namespace, const char *destination, uint8_t protocol)
{
    struct route_key key;
    memset(&key, 0, sizeof(key));
    assert_true(ip_prefix_parse(destination, &key.destination));
    key.table = RT_TABLE_MAIN;
    struct route *route = route_add(namespace, &key);
    route->type = RTN_BLACKHOLE;
    route->protocol = protocol;
}

static void add_rule(struct namespace *namespace, uint32_t priority, uint8_t protocol)
{
    const struct rule_key key = {.priority = priority, .family = AF_INET};
    rule_add(namespace, &key)->protocol = protocol;
}

/* What the kernel makes, what another topology has, and what is foreign. */
static void add_extras(struct namespace *a)
{
    struct link *lo = namespace_link(a, "lo"), *br0 = namespace_link(a, "br0");
    add_link(a, "foreign", "bridge", 0);
    add_link(a, "theirs", "bridge", NETNSD_GROUP);
    add_link(a, "parked", "bridge", KERNEL_MODEL_PARK_GROUP);
    add_link(a, "tunl0", "bridge", 0);
    add_link(a, "eno1", "bridge", 0)->kind_name[0] = '\0';
    add_address(lo, "127.0.0.1/8", 0, 0);
    add_address(lo, "::1/128", IFAPROT_KERNEL_LO, 0);
    add_address(lo, "10.9.0.1/32", 0, 0);
    add_address(br0, "fe80::1/64", IFAPROT_KERNEL_LL, 0);
    add_address(br0, "fd00::1/64", IFAPROT_KERNEL_RA, 0);
    add_address(br0, "fd00::2/64", 0, IFA_F_TEMPORARY);
    add_address(br0, "10.9.0.2/24", NETNSD_PROTOCOL, 0);
    add_address(br0, "10.9.0.3/24", 0, 0);
    add_route(a, "10.9.0.0/24", RTPROT_KERNEL);
    add_route(a, "10.9.1.0/24", RTPROT_RA);
    add_route(a, "10.9.2.0/24", RTPROT_REDIRECT);
    add_route(a, "10.9.3.0/24", NETNSD_PROTOCOL);
    add_route(a, "10.9.4.0/24", RTPROT_STATIC);
    add_rule(a, 7, NETNSD_PROTOCOL);
    add_rule(a, 8, 0);
}

static const char *const extras[] = {
    "/namespaces/a/links/foreign",
    "/namespaces/a/links/lo/addresses/10.9.0.1~132",
    "/namespaces/a/links/br0/addresses/10.9.0.3~124",
    "/namespaces/a/routes/10.9.4.0~124",
    "/namespaces/a/rules/8",
};

#define EXTRAS (sizeof(extras) / sizeof(extras[0]))

static void assert_removes_extras(const struct plan *plan)
{
    auto_json struct json_object *changes = changes_of(plan);
    assert_int_equal(json_object_array_length(changes), EXTRAS);
    for (size_t i = 0; i < EXTRAS; i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        assert_string_equal(json_object_get_string(json_object_object_get(change, "action")),
                            "remove");
        assert_string_equal(json_object_get_string(json_object_object_get(change, "pointer")),
                            extras[i]);
    }
}

static struct kernel_model *kernel_with_extras(struct network *desired)
{
    auto_network struct network *none = read_document("{}");
    struct kernel_model *kernel = kernel_model_new();
    change(kernel, desired, none);
    add_extras(network_namespace(kernel->network, "a"));
    return kernel;
}

#define DOCUMENT(extra)                                                                            \
    "{\"namespaces\": {\"a\": {" extra "\"links\": {\"br0\": {\"bridge\": {}}}}}}"

static void test_extras_are_removed(void **unused)
{
    (void)unused;
    auto_network struct network *desired = read_document(DOCUMENT("\"extra\": \"remove\", "));
    struct kernel_model *kernel = kernel_with_extras(desired);
    auto_network struct network *look = copy_network(kernel->network);
    auto_plan struct plan *plan = build(desired, desired, look, false);
    assert_removes_extras(plan);
    run(kernel, plan, plan->count);
    auto_plan struct plan *nothing = build(desired, desired, kernel->network, false);
    assert_empty(nothing);
    kernel_model_free(kernel);
}

static void test_extras_are_kept(void **unused)
{
    (void)unused;
    auto_network struct network *desired = read_document(DOCUMENT(""));
    struct kernel_model *kernel = kernel_with_extras(desired);
    auto_plan struct plan *nothing = build(desired, desired, kernel->network, false);
    assert_empty(nothing);
    kernel_model_free(kernel);
}

/* A part without all links and the rest says nothing of those. */
static void test_extras_outside_a_cut_are_kept(void **unused)
{
    (void)unused;
    auto_network struct network *desired = read_document(DOCUMENT("\"extra\": \"remove\", "));
    struct kernel_model *kernel = kernel_with_extras(desired);
    auto_network struct network *cut = network_cut_new(desired);
    assert_true(network_cut_link(cut, desired, "a", "br0") && network_cut_close(cut, desired));
    auto_network struct network *actual = network_cut_actual(cut, kernel->network);
    auto_plan struct plan *plan = build(cut, cut, actual, false);
    assert_int_equal(plan->count, 1);
    assert_int_equal(plan->operations[0].type, OPERATION_ADDRESS_REMOVE);
    kernel_model_free(kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_disturbed_is_put_right),
        cmocka_unit_test(test_extras_are_removed),
        cmocka_unit_test(test_extras_are_kept),
        cmocka_unit_test(test_extras_outside_a_cut_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
