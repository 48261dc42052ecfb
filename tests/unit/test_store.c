/* The store: what is there after writes, failures, crashes and damage. */
#include "common/cleanup.h"
#include "store/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PATH_SIZE 256
/* Only a store that hangs takes so long; in milliseconds. */
#define HANG 60000

struct fixture {
    char directory[64];
    char database[PATH_SIZE];
    struct completions *completions;
    struct store *store;
};

struct outcome {
    bool called, good;
    pthread_t thread;
    struct error error;
};

static void note_outcome(void *context, const struct error *error)
{
    struct outcome *outcome = context;
    outcome->called = true;
    outcome->good = !error;
    outcome->thread = pthread_self();
    if (error)
        outcome->error = *error;
}

static bool wait_for(const struct fixture *fixture, const struct outcome *outcome)
{
    while (!outcome->called) {
        struct pollfd ready = {.fd = completions_fd(fixture->completions), .events = POLLIN};
        if (poll(&ready, 1, HANG) != 1)
            return false;
        completions_dispatch(fixture->completions);
    }
    return outcome->good;
}

/* Rows of "KEY VALUE" pairs; a NULL value stands for a removal. */
static struct store_rows make_rows(const char *const pairs[][2], size_t count)
{
    struct store_rows rows = {0};
    for (size_t i = 0; i < count; i++)
        assert_true(store_rows_add(&rows, pairs[i][0], pairs[i][1]));
    return rows;
}

#define ROWS(...)                                                                                  \
    make_rows((const char *const[][2]){__VA_ARGS__},                                               \
              sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *[2]))
#define NO_ROWS ((struct store_rows){0})

static bool intend(const struct fixture *fixture, const char *topology, uint64_t generation,
                   struct store_rows rows)
{
    struct outcome outcome = {0};
    store_intend(fixture->store, topology, generation, &rows, note_outcome, &outcome);
    assert_int_equal(rows.count, 0);
    return wait_for(fixture, &outcome);
}

static bool commit_as(const struct fixture *fixture, const char *topology,
                      const struct store_generation *made, int64_t deadline,
                      struct store_rows facts)
{
    struct outcome outcome = {0};
    store_commit(fixture->store, topology, made, deadline, &facts, note_outcome, &outcome);
    assert_int_equal(facts.count, 0);
    return wait_for(fixture, &outcome);
}

static bool commit(const struct fixture *fixture, const char *topology, uint64_t generation,
                   struct store_rows facts)
{
    return commit_as(fixture, topology,
                     &(struct store_generation){.generation = generation, .cause = "test"}, 0,
                     facts);
}

static bool confirm(const struct fixture *fixture, const char *topology, uint64_t generation)
{
    struct outcome outcome = {0};
    store_confirm(fixture->store, topology, generation, note_outcome, &outcome);
    return wait_for(fixture, &outcome);
}

static bool note(const struct fixture *fixture, const char *topology, struct store_rows facts)
{
    struct outcome outcome = {0};
    store_note(fixture->store, topology, &facts, note_outcome, &outcome);
    assert_int_equal(facts.count, 0);
    return wait_for(fixture, &outcome);
}

static bool abandon(const struct fixture *fixture, const char *topology, uint64_t generation)
{
    struct outcome outcome = {0};
    store_abandon(fixture->store, topology, generation, note_outcome, &outcome);
    return wait_for(fixture, &outcome);
}

static void put_rows(FILE *text, const char *before, const struct store_rows *rows)
{
    fputs(before, text);
    for (size_t i = 0; i < rows->count; i++)
        fprintf(text, " %s=%s", rows->items[i].key, rows->items[i].value);
}

static bool put_topology(void *context, const struct store_topology *topology, struct error *error)
{
    (void)error;
    FILE *text = context;
    fprintf(text, "%s %" PRIu64, topology->name, topology->generation);
    if (topology->deadline)
        fprintf(text, " from %" PRId64 " to %" PRId64, topology->committed, topology->deadline);
    put_rows(text, ":", topology->rows);
    if (topology->intended)
        put_rows(text, " intent:", topology->intent);
    put_rows(text, " facts:", topology->facts);
    fputc('\n', text);
    return true;
}

/* All that store_load() gives, a line a topology. */
static void assert_stored(const struct fixture *fixture, const char *expected)
{
    auto_free char *stored = NULL;
    size_t size;
    struct error error = {0};
    FILE *text = open_memstream(&stored, &size);
    assert_non_null(text);
    bool good = store_load(fixture->store, put_topology, text, &error);
    fclose(text);
    assert_true(good);
    assert_string_equal(stored, expected);
}

/* What a read gave: its outcome, and what it read as text. */
struct reading {
    struct outcome outcome;
    FILE *text;
};

static void put_generation(void *context, const struct store_rows *rows, const struct error *error)
{
    struct reading *reading = context;
    if (rows)
        put_rows(reading->text, "", rows);
    note_outcome(&reading->outcome, error);
}

static void put_history(void *context, const struct store_history *history,
                        const struct error *error)
{
    struct reading *reading = context;
    for (size_t i = 0; history && i < history->count; i++) {
        const struct store_generation *each = &history->items[i];
        fprintf(reading->text, "%" PRIu64 " %" PRId64 " %s %" PRIu64 " +%u ~%u -%u\n",
                each->generation, each->time, each->cause ? each->cause : "?", each->repeats,
                each->created, each->changed, each->removed);
    }
    note_outcome(&reading->outcome, error);
}

/* The rows of a generation, or its history when GENERATION is 0; the caller frees it. NULL when
 * it cannot be read, for REASON. */
static char *read_text(const struct fixture *fixture, const char *topology, uint64_t generation,
                       enum error_code *reason)
{
    char *text = NULL;
    size_t size;
    struct reading reading = {.text = open_memstream(&text, &size)};
    assert_non_null(reading.text);
    if (generation)
        store_read(fixture->store, topology, generation, put_generation, &reading);
    else
        store_history(fixture->store, topology, put_history, &reading);
    bool good = wait_for(fixture, &reading.outcome);
    fclose(reading.text);
    *reason = reading.outcome.error.code;
    if (!good)
        free(TAKE(text));
    return text;
}

static void assert_read(const struct fixture *fixture, const char *topology, uint64_t generation,
                        const char *expected)
{
    enum error_code reason;
    auto_free char *text = read_text(fixture, topology, generation, &reason);
    assert_int_equal(reason, ERROR_NONE);
    assert_string_equal(text, expected);
}

static void assert_not_kept(const struct fixture *fixture, const char *topology,
                            uint64_t generation)
{
    enum error_code reason;
    assert_null(read_text(fixture, topology, generation, &reason));
    assert_int_equal(reason, ERROR_NOT_FOUND);
}

static void open_store(struct fixture *fixture)
{
    struct error error = {0};
    fixture->store = store_open(fixture->directory, fixture->completions, &error);
    assert_string_equal(error.text, "");
    assert_non_null(fixture->store);
}

static void close_store(struct fixture *fixture)
{
    if (fixture->store)
        store_close(TAKE(fixture->store));
}

static void assert_not_opened(const struct fixture *fixture, const char *directory,
                              enum error_code code, const char *reason)
{
    struct error error = {0};
    assert_null(store_open(directory, fixture->completions, &error));
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.text, reason));
}

/* Runs SQL behind the store's back; gives the number in its last row, or -1. */
static int query(const struct fixture *fixture, const char *sql)
{
    sqlite3 *connection = NULL;
    sqlite3_stmt *statement = NULL;
    int number = -1;
    assert_int_equal(sqlite3_open(fixture->database, &connection), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(connection);
    assert_int_equal(result, SQLITE_DONE);
    return number;
}

static void assert_database_empty(const struct fixture *fixture)
{
    assert_int_equal(query(fixture, "SELECT (SELECT count(*) FROM topology) +"
                                    " (SELECT count(*) FROM row) + (SELECT count(*) FROM fact) +"
                                    " (SELECT count(*) FROM history)"),
                     0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    if (!fixture || !(fixture->completions = completions_new(NULL)))
        return -1;
    strcpy(fixture->directory, "/tmp/test_store.XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->database, sizeof(fixture->database), "%s/state.db", fixture->directory);
    open_store(fixture);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    completions_free(fixture->completions);
    int result = nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}

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

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

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
        STORE_TEST(test_history),
        STORE_TEST(test_generations),
        STORE_TEST(test_what_happened),
        STORE_TEST(test_deadline),
        STORE_TEST(test_first_schema),
        STORE_TEST(test_failed_writes),
        STORE_TEST(test_completions),
        STORE_TEST(test_crash),
        STORE_TEST(test_load_ends_early),
        STORE_TEST(test_lock),
        STORE_TEST(test_directory),
        STORE_TEST(test_newer_schema),
        STORE_TEST(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
