/* Plans, run on a model of the kernel: random documents, from one to the next and back, and cut off
 * anywhere. */
#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
