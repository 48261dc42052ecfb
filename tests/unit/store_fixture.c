#include "store_fixture.h"

#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

/* Only a store that hangs takes so long; in milliseconds. */
#define HANG 60000

void note_outcome(void *context, const struct error *error)
{
    struct outcome *outcome = context;
    outcome->called = true;
    outcome->good = !error;
    outcome->thread = pthread_self();
    if (error)
        outcome->error = *error;
}

bool wait_for(const struct fixture *fixture, const struct outcome *outcome)
{
    while (!outcome->called) {
        struct pollfd ready = {.fd = completions_fd(fixture->completions), .events = POLLIN};
        if (poll(&ready, 1, HANG) != 1)
            return false;
        completions_dispatch(fixture->completions);
    }
    return outcome->good;
}

struct store_rows make_rows(const char *const pairs[][2], size_t count)
{
    struct store_rows rows = {0};
    for (size_t i = 0; i < count; i++)
        assert_true(store_rows_add(&rows, pairs[i][0], pairs[i][1]));
    return rows;
}

bool intend(const struct fixture *fixture, const char *topology, uint64_t generation,
            struct store_rows rows)
{
    struct outcome outcome = {0};
    store_intend(fixture->store, topology, generation, &rows, note_outcome, &outcome);
    assert_int_equal(rows.count, 0);
    return wait_for(fixture, &outcome);
}

bool commit_as(const struct fixture *fixture, const char *topology,
               const struct store_generation *made, int64_t deadline, struct store_rows facts)
{
    struct outcome outcome = {0};
    store_commit(fixture->store, topology, made, deadline, &facts, note_outcome, &outcome);
    assert_int_equal(facts.count, 0);
    return wait_for(fixture, &outcome);
}

bool commit(const struct fixture *fixture, const char *topology, uint64_t generation,
            struct store_rows facts)
{
    return commit_as(fixture, topology,
                     &(struct store_generation){.generation = generation, .cause = "test"}, 0,
                     facts);
}

bool confirm(const struct fixture *fixture, const char *topology, uint64_t generation)
{
    struct outcome outcome = {0};
    store_confirm(fixture->store, topology, generation, note_outcome, &outcome);
    return wait_for(fixture, &outcome);
}

bool note(const struct fixture *fixture, const char *topology, struct store_rows facts)
{
    struct outcome outcome = {0};
    store_note(fixture->store, topology, &facts, note_outcome, &outcome);
    assert_int_equal(facts.count, 0);
    return wait_for(fixture, &outcome);
}

bool abandon(const struct fixture *fixture, const char *topology, uint64_t generation)
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

bool put_topology(void *context, const struct store_topology *topology, struct error *error)
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

void assert_stored(const struct fixture *fixture, const char *expected)
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

void assert_read(const struct fixture *fixture, const char *topology, uint64_t generation,
                 const char *expected)
{
    enum error_code reason;
    auto_free char *text = read_text(fixture, topology, generation, &reason);
    assert_int_equal(reason, ERROR_NONE);
    assert_string_equal(text, expected);
}

void assert_not_kept(const struct fixture *fixture, const char *topology, uint64_t generation)
{
    enum error_code reason;
    assert_null(read_text(fixture, topology, generation, &reason));
    assert_int_equal(reason, ERROR_NOT_FOUND);
}

void open_store(struct fixture *fixture)
{
    struct error error = {0};
    fixture->store = store_open(fixture->directory, fixture->completions, &error);
    assert_string_equal(error.text, "");
    assert_non_null(fixture->store);
}

void close_store(struct fixture *fixture)
{
    if (fixture->store)
        store_close(TAKE(fixture->store));
}

void assert_not_opened(const struct fixture *fixture, const char *directory, enum error_code code,
                       const char *reason)
{
    struct error error = {0};
    assert_null(store_open(directory, fixture->completions, &error));
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.text, reason));
}

int query(const struct fixture *fixture, const char *sql)
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

void assert_database_empty(const struct fixture *fixture)
{
    assert_int_equal(query(fixture, "SELECT (SELECT count(*) FROM topology) +"
                                    " (SELECT count(*) FROM row) + (SELECT count(*) FROM fact) +"
                                    " (SELECT count(*) FROM history)"),
                     0);
}

int set_up(void **state)
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

int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    completions_free(fixture->completions);
    int result = nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}
