/* The store: what is there after writes, failures, crashes and damage. */
#include "store_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_rows(void **state)
{
    (void)state;
    struct store_rows rows = {0};
    const char key[] = "k", value[] = "v";
    for (size_t i = 0; i < 100; i++)
        assert_true(store_rows_add(&rows, key, i % 2 ? value : NULL));
    assert_int_equal(rows.count, 100);
    assert_ptr_not_equal(rows.items[99].key, key);
    assert_ptr_not_equal(rows.items[99].value, value);
    assert_string_equal(rows.items[99].key, "k");
    assert_string_equal(rows.items[99].value, "v");
    assert_null(rows.items[98].value);
    store_rows_clear(&rows);
    assert_true(!rows.items && !rows.count && !rows.capacity);
}

static void test_change(void **state)
{
    struct fixture *fixture = *state;
    assert_stored(fixture, "");
    assert_true(intend(fixture, "t", 1, ROWS({"/b", "1"}, {"/a", "1"}, {"/a/x", "1"})));
    assert_stored(fixture, "t 0: intent: /a=1 /a/x=1 /b=1 facts:\n");
    assert_true(commit(fixture, "t", 1, ROWS({"g", "1"}, {"f", "1"})));
    assert_stored(fixture, "t 1: /a=1 /a/x=1 /b=1 facts: f=1 g=1\n");
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "2"}, {"/b", NULL}, {"/c", "2"})));
    assert_true(intend(fixture, "s", 1, ROWS({"/s", "1"})));
    const char *cut_off = "s 0: intent: /s=1 facts:\n"
                          "t 1: /a=1 /a/x=1 /b=1 intent: /a=2 /a/x=1 /c=2 facts: f=1 g=1\n";
    assert_stored(fixture, cut_off);
    close_store(fixture);
    open_store(fixture);
    assert_stored(fixture, cut_off);
    assert_true(commit(fixture, "t", 2, ROWS({"f", NULL}, {"g", "2"}, {"none", NULL})));
    assert_stored(fixture, "s 0: intent: /s=1 facts:\nt 2: /a=2 /a/x=1 /c=2 facts: g=2\n");
}

static void test_abandon(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"}, {"/b", "1"})));
    assert_true(note(fixture, "t", ROWS({"f", "1"})));
    assert_true(abandon(fixture, "t", 1));
    assert_database_empty(fixture);
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"}, {"/b", "1"})));
    assert_true(commit(fixture, "t", 1, ROWS({"f", "1"})));
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "2"}, {"/b", NULL}, {"/c", "2"})));
    assert_true(abandon(fixture, "t", 2));
    assert_stored(fixture, "t 1: /a=1 /b=1 facts: f=1\n");
    assert_int_equal(query(fixture, "SELECT count(*) FROM row WHERE until IS NOT NULL"), 0);
    /* What is not intended is not touched. */
    assert_true(abandon(fixture, "t", 2));
    assert_true(abandon(fixture, "t", 1));
    assert_true(abandon(fixture, "unknown", 1));
    assert_stored(fixture, "t 1: /a=1 /b=1 facts: f=1\n");
}

static void test_intent_replaces_intent(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"}, {"/b", "1"})));
    assert_true(commit(fixture, "t", 1, NO_ROWS));
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "old"}, {"/b", NULL}, {"/old", "2"})));
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "new"})));
    assert_stored(fixture, "t 1: /a=1 /b=1 intent: /a=new /b=1 facts:\n");
    assert_true(commit(fixture, "t", 2, NO_ROWS));
    assert_stored(fixture, "t 2: /a=new /b=1 facts:\n");
}

static void test_order_of_generations(void **state)
{
    struct fixture *fixture = *state;
    assert_false(commit(fixture, "t", 1, NO_ROWS));
    assert_false(intend(fixture, "t", 2, ROWS({"/a", "1"})));
    assert_database_empty(fixture);
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"})));
    assert_false(commit(fixture, "t", 2, ROWS({"f", "1"})));
    assert_stored(fixture, "t 0: intent: /a=1 facts:\n");
    assert_true(commit(fixture, "t", 1, NO_ROWS));
    assert_false(commit(fixture, "t", 1, ROWS({"f", "1"})));
    assert_false(commit(fixture, "t", 2, ROWS({"f", "1"})));
    assert_false(intend(fixture, "t", 3, ROWS({"/a", "3"})));
    assert_stored(fixture, "t 1: /a=1 facts:\n");
}

static void test_note(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"})));
    assert_true(commit(fixture, "t", 1, ROWS({"e", "1"}, {"f", "1"})));
    assert_true(note(fixture, "t", ROWS({"e", NULL}, {"f", "2"}, {"g", "2"})));
    assert_stored(fixture, "t 1: /a=1 facts: f=2 g=2\n");
    assert_false(note(fixture, "unknown", ROWS({"f", "1"})));
    assert_stored(fixture, "t 1: /a=1 facts: f=2 g=2\n");
}

static void test_remove(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"s", "t"};
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t generation = 1; generation <= 3; generation++) {
            const char *value = generation == 3 ? NULL : generation == 2 ? "2" : "1";
            assert_true(intend(fixture, names[i], generation, ROWS({"/a", value}, {"/b", "1"})));
            assert_true(commit(fixture, names[i], generation, ROWS({"f", "1"})));
        }
    }
    struct outcome outcome = {0};
    assert_true(intend(fixture, "t", 4, ROWS({"/b", NULL})));
    store_remove(fixture->store, "t", note_outcome, &outcome);
    assert_true(wait_for(fixture, &outcome));
    assert_stored(fixture, "s 3: /b=1 facts: f=1\n");
    assert_not_kept(fixture, "t", 3);
    assert_read(fixture, "t", 0, "");
    assert_int_equal(query(fixture, "SELECT (SELECT count(*) FROM row WHERE topology = 't') +"
                                    " (SELECT count(*) FROM fact WHERE topology = 't')"),
                     0);
}

/* A write that fails half way leaves nothing of it, and the next one works. */
static void test_failed_writes(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"})));
    assert_true(commit(fixture, "t", 1, ROWS({"f", "1"})));
    query(fixture, "CREATE TRIGGER bad_row BEFORE INSERT ON row WHEN new.key = '/bad'"
                   " BEGIN SELECT raise(FAIL, 'no such luck'); END");
    query(fixture, "CREATE TRIGGER bad_fact BEFORE INSERT ON fact WHEN new.key = 'bad'"
                   " BEGIN SELECT raise(FAIL, 'no such luck'); END");
    struct outcome outcome = {0};
    struct store_rows rows = ROWS({"/a", "2"}, {"/bad", "2"});
    store_intend(fixture->store, "t", 2, &rows, note_outcome, &outcome);
    assert_false(wait_for(fixture, &outcome));
    assert_int_equal(outcome.error.code, ERROR_SYSTEM);
    assert_non_null(strstr(outcome.error.text, fixture->database));
    assert_non_null(strstr(outcome.error.text, "no such luck"));
    assert_stored(fixture, "t 1: /a=1 facts: f=1\n");
    assert_true(intend(fixture, "t", 2, ROWS({"/a", "2"})));
    assert_false(commit(fixture, "t", 2, ROWS({"f", "2"}, {"bad", "2"})));
    assert_stored(fixture, "t 1: /a=1 intent: /a=2 facts: f=1\n");
    assert_true(commit(fixture, "t", 2, ROWS({"f", "2"})));
    assert_stored(fixture, "t 2: /a=2 facts: f=2\n");
}

/* Completions come on the thread that dispatches them, when it does, and in order. */
static void test_completions(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[20] = {0};
    for (uint64_t i = 0; i < 10; i++) {
        struct store_rows rows = ROWS({"/a", i % 2 ? "odd" : "even"}), facts = {0};
        const struct store_generation made = {.generation = i + 1, .cause = "test"};
        store_intend(fixture->store, "t", i + 1, &rows, note_outcome, &outcomes[2 * i]);
        store_commit(fixture->store, "t", &made, 0, &facts, note_outcome, &outcomes[2 * i + 1]);
    }
    /* Closing finishes what is queued. */
    close_store(fixture);
    for (size_t i = 0; i < 20; i++)
        assert_false(outcomes[i].called);
    completions_dispatch(fixture->completions);
    for (size_t i = 0; i < 20; i++) {
        assert_true(outcomes[i].called && outcomes[i].good);
        assert_true(pthread_equal(outcomes[i].thread, pthread_self()));
    }
    open_store(fixture);
    assert_stored(fixture, "t 10: /a=odd facts:\n");
}

/* Of what is written together, one that cannot be leaves the others alone. */
static void test_written_together(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[4] = {0};
    const struct store_generation wrong = {.generation = 7, .cause = "test"};
    const struct store_generation right = {.generation = 1, .cause = "test"};
    struct store_rows rows[] = {ROWS({"/a", "1"}), ROWS({"/b", "1"})};
    struct store_rows facts[] = {ROWS({"f", "1"}), ROWS({"g", "1"})};
    store_intend(fixture->store, "s", 1, &rows[0], note_outcome, &outcomes[0]);
    store_intend(fixture->store, "t", 1, &rows[1], note_outcome, &outcomes[1]);
    store_commit(fixture->store, "s", &wrong, 0, &facts[0], note_outcome, &outcomes[2]);
    store_commit(fixture->store, "t", &right, 0, &facts[1], note_outcome, &outcomes[3]);
    assert_true(wait_for(fixture, &outcomes[3]));
    assert_true(outcomes[0].good && outcomes[1].good);
    assert_true(outcomes[2].called && !outcomes[2].good);
    assert_stored(fixture, "s 0: intent: /a=1 facts:\nt 1: /b=1 facts: g=1\n");
}

static void test_crash(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        open_store(fixture);
        if (intend(fixture, "t", 1, ROWS({"/a", "1"})) &&
            commit(fixture, "t", 1, ROWS({"f", "1"})) && intend(fixture, "t", 2, ROWS({"/a", "2"})))
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    open_store(fixture);
    assert_stored(fixture, "t 1: /a=1 intent: /a=2 facts: f=1\n");
}

static bool refuse(void *context, const struct store_topology *topology, struct error *error)
{
    (*(int *)context)++;
    return error_set(error, ERROR_INVALID, 0, "%s is refused", topology->name);
}

static void test_load_ends_early(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "s", 1, NO_ROWS));
    assert_true(intend(fixture, "t", 1, NO_ROWS));
    struct error error = {0};
    int calls = 0;
    assert_false(store_load(fixture->store, refuse, &calls, &error));
    assert_int_equal(calls, 1);
    assert_string_equal(error.text, "s is refused");
}

static void test_lock(void **state)
{
    struct fixture *fixture = *state;
    assert_not_opened(fixture, fixture->directory, ERROR_BUSY, fixture->directory);
    close_store(fixture);
    open_store(fixture);
}

static void test_directory(void **state)
{
    struct fixture *fixture = *state;
    static const char *const made[] = {"/a/b/c", "/d/e//"};
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_SIZE];
        struct stat status;
        struct error error = {0};
        snprintf(path, sizeof(path), "%s%s", fixture->directory, made[i]);
        struct store *store = store_open(path, fixture->completions, &error);
        assert_non_null(store);
        store_close(store);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode, S_IFDIR | 0700);
    }
    char path[PATH_MAX + 1];
    snprintf(path, sizeof(path), "%s/below", fixture->database);
    assert_not_opened(fixture, path, ERROR_SYSTEM, path);
    memset(path, 'x', PATH_MAX);
    path[PATH_MAX] = '\0';
    assert_not_opened(fixture, path, ERROR_SYSTEM, "too long");
    assert_not_opened(fixture, "", ERROR_SYSTEM, "empty");
}

static void test_newer_schema(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    query(fixture, "PRAGMA user_version = 1000");
    assert_not_opened(fixture, fixture->directory, ERROR_SYSTEM, "newer netnsd");
    assert_int_equal(query(fixture, "PRAGMA user_version"), 1000);
}

static void overwrite(const struct fixture *fixture, off_t offset)
{
    char rubbish[4096];
    struct stat status;
    memset(rubbish, 0xa5, sizeof(rubbish));
    auto_close int fd = open(fixture->database, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    for (; offset < status.st_size; offset += (off_t)sizeof(rubbish))
        assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), offset), sizeof(rubbish));
}

static void test_damage(void **state)
{
    struct fixture *fixture = *state;
    assert_true(intend(fixture, "t", 1, ROWS({"/a", "1"})));
    assert_true(commit(fixture, "t", 1, NO_ROWS));
    close_store(fixture);
    /* Behind the first page, which is all that opening reads. */
    overwrite(fixture, 4096);
    open_store(fixture);
    struct error error = {0};
    assert_false(store_load(fixture->store, put_topology, stderr, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_non_null(strstr(error.text, fixture->database));
    assert_non_null(strstr(error.text, "damaged"));
    close_store(fixture);
    overwrite(fixture, 0);
    assert_not_opened(fixture, fixture->directory, ERROR_SYSTEM, fixture->database);
    assert_not_opened(fixture, fixture->directory, ERROR_SYSTEM, "move it away");
    assert_int_equal(unlink(fixture->database), 0);
    assert_int_equal(mkdir(fixture->database, 0700), 0);
    assert_not_opened(fixture, fixture->directory, ERROR_SYSTEM, fixture->database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        STORE_TEST(test_change),
        STORE_TEST(test_abandon),
        STORE_TEST(test_intent_replaces_intent),
        STORE_TEST(test_order_of_generations),
        STORE_TEST(test_note),
        STORE_TEST(test_remove),
        STORE_TEST(test_failed_writes),
        STORE_TEST(test_completions),
        STORE_TEST(test_written_together),
        STORE_TEST(test_crash),
        STORE_TEST(test_load_ends_early),
        STORE_TEST(test_lock),
        STORE_TEST(test_directory),
        STORE_TEST(test_newer_schema),
        STORE_TEST(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
