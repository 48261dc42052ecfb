/* The store's history: what is kept of earlier generations, and what a generation waits for. */
#include "store_fixture.h"

#include <inttypes.h>

static void test_history(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t last = STORE_HISTORY + 8;
    for (uint64_t generation = 1; generation <= last; generation++) {
        char value[24];
        snprintf(value, sizeof(value), "%" PRIu64, generation);
        assert_true(
            intend(fixture, "t", generation,
                   generation == 1 ? ROWS({"/a", value}, {"/kept", "1"}) : ROWS({"/a", value})));
        assert_true(commit(fixture, "t", generation, NO_ROWS));
    }
    assert_stored(fixture, "t 40: /a=40 /kept=1 facts:\n");
    assert_int_equal(query(fixture, "SELECT count(*) FROM row WHERE key = '/a'"), STORE_HISTORY);
    assert_int_equal(query(fixture, "SELECT min(since) FROM row WHERE key = '/a'"),
                     last - STORE_HISTORY + 1);
    assert_int_equal(query(fixture, "SELECT count(*) FROM row WHERE key = '/kept'"), 1);
    assert_int_equal(query(fixture, "SELECT count(*) FROM history"), STORE_HISTORY);
    assert_not_kept(fixture, "t", last - STORE_HISTORY);
    assert_read(fixture, "t", last - STORE_HISTORY + 1, " /a=9 /kept=1");
    assert_read(fixture, "t", last, " /a=40 /kept=1");
    assert_not_kept(fixture, "t", last + 1);
    assert_not_kept(fixture, "unknown", 1);
}

/* Each generation reads as it was, also beside an intent. */
static void test_generations(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"}, {"/b", "1"})));
    assert_not_kept(fixture, "t", 1);
    assert_true(commit(fixture, "t", 1, NO_ROWS));
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "2"}, {"/b", NULL}, {"/c", "2"})));
    assert_true(commit(fixture, "t", 2, NO_ROWS));
    assert_true(intend(fixture, "t", 3, ROWS({"/b", "3"}, {"/c", NULL})));
    assert_true(commit(fixture, "t", 3, NO_ROWS));
    assert_true(intend(fixture, "t", 4, ROWS({"/a", NULL}, {"/b", "4"})));
    for (unsigned times = 0; times < 2; times++) {
        assert_read(fixture, "t", 1, " /a=1 /b=1");
        assert_read(fixture, "t", 2, " /a=2 /c=2");
        assert_read(fixture, "t", 3, " /a=2 /b=3");
        assert_not_kept(fixture, "t", 4);
        close_store(fixture);
        open_store(fixture);
    }
}

static void test_what_happened(void **state)
{
    struct fixture *fixture = *state;
    const struct store_generation made[] = {
        {.generation = 1, .time = 1700000000123, .cause = "apply", .created = 3},
        {.generation = 2, .time = 1700000001000, .cause = "patch", .changed = 1, .removed = 2},
        {.generation = 3, .time = 1600000000000, .cause = "revert", .repeats = 1, .created = 2},
    };
    for (size_t i = 0; i < 3; i++) {
        assert_true(intend(fixture, "t", i + 1, NO_ROWS));
        assert_true(commit_as(fixture, "t", &made[i], 0, NO_ROWS));
    }
    assert_true(intend(fixture, "t", 4, NO_ROWS));
    assert_true(abandon(fixture, "t", 4));
    assert_false(commit(fixture, "t", 4, NO_ROWS));
    close_store(fixture);
    open_store(fixture);
    assert_read(fixture, "t", 0,
                "1 1700000000123 apply 0 +3 ~0 -0\n"
                "2 1700000001000 patch 0 +0 ~1 -2\n"
                "3 1600000000000 revert 1 +2 ~0 -0\n");
}

/* A deadline is stored with its generation, and goes with its confirmation or the next one. */
static void test_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct store_generation made = {.generation = 1, .time = 1000, .cause = "apply"};
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"})));
    assert_true(commit_as(fixture, "t", &made, 6000, NO_ROWS));
    close_store(fixture);
    open_store(fixture);
    assert_stored(fixture, "t 1 from 1000 to 6000: /a=1 facts:\n");
    assert_false(confirm(fixture, "t", 2));
    assert_false(confirm(fixture, "unknown", 1));
    assert_stored(fixture, "t 1 from 1000 to 6000: /a=1 facts:\n");
    assert_true(confirm(fixture, "t", 1));
    assert_stored(fixture, "t 1: /a=1 facts:\n");
    assert_false(confirm(fixture, "t", 1));
    made = (struct store_generation){.generation = 2, .time = 2000, .cause = "apply"};
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "2"})));
    assert_true(commit_as(fixture, "t", &made, 7000, NO_ROWS));
    assert_true(intend(fixture, "t", 3, ROWS({"/a", "1"})));
    assert_stored(fixture, "t 2 from 2000 to 7000: /a=2 intent: /a=1 facts:\n");
    assert_true(commit(fixture, "t", 3, NO_ROWS));
    assert_stored(fixture, "t 3: /a=1 facts:\n");
    assert_false(confirm(fixture, "t", 3));
}

/* A database of the first schema: what happened is not known, but the rows are there. */
static void test_first_schema(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t generation = 1; generation <= STORE_HISTORY + 8; generation++) {
        char value[24];
        snprintf(value, sizeof(value), "%" PRIu64, generation);
        assert_true(intend(fixture, "long", generation, ROWS({"/a", value})));
        assert_true(commit(fixture, "long", generation, NO_ROWS));
    }
    assert_true(intend(fixture, "short", 1, ROWS({"/a", "1"})));
    assert_true(commit(fixture, "short", 1, ROWS({"f", "1"})));
    assert_true(intend(fixture, "cut", 1, ROWS({"/a", "1"})));
    close_store(fixture);
    query(fixture, "DROP TABLE history");
    query(fixture, "PRAGMA user_version = 1");
    open_store(fixture);
    assert_int_equal(query(fixture, "PRAGMA user_version"), 2);
    assert_stored(fixture, "cut 0: intent: /a=1 facts:\n"
                           "long 40: /a=40 facts:\n"
                           "short 1: /a=1 facts: f=1\n");
    assert_read(fixture, "short", 0, "1 0 ? 0 +0 ~0 -0\n");
    assert_read(fixture, "cut", 0, "");
    assert_int_equal(query(fixture, "SELECT count(*) FROM history WHERE topology = 'long'"),
                     STORE_HISTORY);
    assert_not_kept(fixture, "long", 8);
    assert_read(fixture, "long", 9, " /a=9");
    assert_read(fixture, "long", 40, " /a=40");
    assert_true(intend(fixture, "short", 2, ROWS({"/a", "2"})));
    assert_true(commit(fixture, "short", 2, NO_ROWS));
    assert_read(fixture, "short", 0, "1 0 ? 0 +0 ~0 -0\n2 0 test 0 +0 ~0 -0\n");
    assert_read(fixture, "short", 1, " /a=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_history),  STORE_TEST(test_generations),  STORE_TEST(test_what_happened),
        STORE_TEST(test_deadline), STORE_TEST(test_first_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
