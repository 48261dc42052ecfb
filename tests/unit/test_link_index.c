/* The index of links by ifindex, against an array: whatever is added and removed, in any order. */
#include "model/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NUMBERS 300
#define STEPS 20000

/* The Ith ifindex: some in a row, some far apart, some at the end of the range. */
static uint32_t number(uint32_t i)
{
    return i % 3 == 0 ? i + 1 : i % 3 == 1 ? i << 16 : INT32_MAX - i;
}

static void check(const struct link_index *index, struct link *links, const bool *present)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        assert_ptr_equal(link_index_find(index, number(i)), present[i] ? &links[i] : NULL);
        count += present[i];
    }
    assert_int_equal(index->count, count);
}

static void test_empty(void **unused)
{
    struct link_index index = {0};
    (void)unused;
    assert_null(link_index_find(&index, 1));
    link_index_clear(&index);
}

static void test_random(void **unused)
{
    struct link_index index = {0};
    static struct link links[NUMBERS];
    bool present[NUMBERS] = {0};
    (void)unused;
    srandom(1);
    for (uint32_t i = 0; i < NUMBERS; i++)
        links[i].ifindex = number(i);
    for (unsigned step = 0; step < STEPS; step++) {
        /* Mostly few, which collide at the ends of a small table; then all. */
        uint32_t i = (uint32_t)random() % (step < STEPS / 2 ? 6 : NUMBERS);
        if (present[i])
            link_index_remove(&index, &links[i]);
        else
            assert_true(link_index_add(&index, &links[i]));
        present[i] = !present[i];
        if (step < STEPS / 2 || step % 100 == 0)
            check(&index, links, present);
    }
    check(&index, links, present);
    link_index_clear(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
