#include "store/database.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1

/* A row is valid from generation "since" until, and without, generation "until". What is intended
 * has a "since", or ends what it replaces, one beyond the committed generation. */
static const char schema[] =
    "CREATE TABLE topology (name TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
    " intended INTEGER) WITHOUT ROWID;"
    "CREATE TABLE row (topology TEXT NOT NULL, key TEXT NOT NULL, since INTEGER NOT NULL,"
    " until INTEGER, value TEXT NOT NULL, PRIMARY KEY (topology, key, since)) WITHOUT ROWID;"
    "CREATE INDEX row_until ON row (topology, until) WHERE until IS NOT NULL;"
    "CREATE INDEX row_since ON row (topology, since);"
    "CREATE TABLE fact (topology TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (topology, key)) WITHOUT ROWID;";

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    TOPOLOGY_INTEND,
    TOPOLOGY_COMMIT,
    TOPOLOGY_ABANDON,
    TOPOLOGY_FORGET,
    TOPOLOGY_DELETE,
    TOPOLOGY_NEXT,
    ROW_END,
    ROW_ADD,
    ROW_UNEND,
    ROW_UNADD,
    ROW_PRUNE,
    ROW_DELETE,
    ROW_LIST,
    FACT_PUT,
    FACT_REMOVE,
    FACT_DELETE,
    FACT_LIST,
    STATEMENT_COUNT,
};

/* ?1 is always the topology, ?2 the generation where there is one, or the key of a fact. */
static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [TOPOLOGY_INTEND] = "INSERT INTO topology VALUES (?1, 0, ?2)"
                        " ON CONFLICT (name) DO UPDATE SET intended = ?2",
    [TOPOLOGY_COMMIT] = "UPDATE topology SET generation = ?2, intended = NULL WHERE name = ?1",
    [TOPOLOGY_ABANDON] = "UPDATE topology SET intended = NULL WHERE name = ?1",
    [TOPOLOGY_FORGET] = "DELETE FROM topology WHERE name = ?1 AND generation = 0",
    [TOPOLOGY_DELETE] = "DELETE FROM topology WHERE name = ?1",
    [TOPOLOGY_NEXT] = "SELECT name, generation, intended FROM topology WHERE name > ?1"
                      " ORDER BY name LIMIT 1",
    [ROW_END] = "UPDATE row SET until = ?2 WHERE topology = ?1 AND key = ?3 AND until IS NULL",
    [ROW_ADD] = "INSERT INTO row VALUES (?1, ?3, ?2, NULL, ?4)",
    [ROW_UNEND] = "UPDATE row SET until = NULL WHERE topology = ?1 AND until = ?2",
    [ROW_UNADD] = "DELETE FROM row WHERE topology = ?1 AND since = ?2",
    [ROW_PRUNE] = "DELETE FROM row WHERE topology = ?1 AND until <= ?2",
    [ROW_DELETE] = "DELETE FROM row WHERE topology = ?1",
    [ROW_LIST] = "SELECT key, value FROM row WHERE topology = ?1 AND since <= ?2"
                 " AND (until IS NULL OR until > ?2) ORDER BY key",
    [FACT_PUT] = "INSERT INTO fact VALUES (?1, ?2, ?3)"
                 " ON CONFLICT (topology, key) DO UPDATE SET value = ?3",
    [FACT_REMOVE] = "DELETE FROM fact WHERE topology = ?1 AND key = ?2",
    [FACT_DELETE] = "DELETE FROM fact WHERE topology = ?1",
    [FACT_LIST] = "SELECT key, value FROM fact WHERE topology = ?1 ORDER BY key",
};

struct database {
    sqlite3 *connection;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

static bool fails(const struct database *database, struct error *error)
{
    if (sqlite3_errcode(database->connection) == SQLITE_NOMEM)
        return error_memory(error);
    return error_set(error, ERROR_SYSTEM, sqlite3_system_errno(database->connection),
                     "the state in %s cannot be read or written: %s",
                     sqlite3_db_filename(database->connection, "main"),
                     sqlite3_errmsg(database->connection));
}

static bool execute(const struct database *database, const char *text, struct error *error)
{
    return sqlite3_exec(database->connection, text, NULL, NULL, NULL) == SQLITE_OK ||
           fails(database, error);
}

static bool read_version(const struct database *database, int *version, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(database->connection, "PRAGMA user_version", -1, &statement,
                                   NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;
    if (good)
        *version = sqlite3_column_int(statement, 0);
    else
        fails(database, error);
    sqlite3_finalize(statement);
    return good;
}

static bool make_schema(const struct database *database, struct error *error)
{
    int version = 0;
    char set_version[40];
    if (!execute(database, "PRAGMA journal_mode = WAL", error) ||
        !read_version(database, &version, error))
        return false;
    if (version > SCHEMA_VERSION)
        return error_set(error, ERROR_SYSTEM, 0,
                         "the state in %s was written by a newer netnsd: run that one, or move the "
                         "file away to begin anew",
                         sqlite3_db_filename(database->connection, "main"));
    if (version == SCHEMA_VERSION)
        return true;
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", SCHEMA_VERSION);
    return execute(database, "BEGIN", error) && execute(database, schema, error) &&
           execute(database, set_version, error) && execute(database, "COMMIT", error);
}

static bool prepare(struct database *database, struct error *error)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(database->connection, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &database->statements[i], NULL) != SQLITE_OK)
            return fails(database, error);
    }
    return true;
}

struct database *database_open(const char *path, struct error *error)
{
    struct database *database = calloc(1, sizeof(*database));
    if (!database) {
        error_memory(error);
        return NULL;
    }
    if (sqlite3_open(path, &database->connection) == SQLITE_OK && make_schema(database, error) &&
        prepare(database, error))
        return database;
    if (database->connection && !error->code)
        fails(database, error);
    database_close(database);
    return NULL;
}

void database_close(struct database *database)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close(database->connection);
    free(database);
}

static sqlite3_stmt *bound(struct database *database, enum statement which, const char *topology)
{
    sqlite3_stmt *statement = database->statements[which];
    sqlite3_reset(statement);
    if (topology)
        sqlite3_bind_text(statement, 1, topology, -1, SQLITE_STATIC);
    return statement;
}

/* Runs a statement that gives no rows. */
static bool run(struct database *database, sqlite3_stmt *statement, struct error *error)
{
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE || fails(database, error);
}

static bool run_plain(struct database *database, enum statement which, const char *topology,
                      struct error *error)
{
    return run(database, bound(database, which, topology), error);
}

static bool run_generation(struct database *database, enum statement which, const char *topology,
                           uint64_t generation, struct error *error)
{
    sqlite3_stmt *statement = bound(database, which, topology);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation);
    return run(database, statement, error);
}

/* The level cannot be changed within a transaction (sqlite.org, PRAGMA synchronous). */
static bool begin(struct database *database, bool full, struct error *error)
{
    return execute(database, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                   error) &&
           run_plain(database, BEGIN, NULL, error);
}

static bool end(struct database *database, bool good, struct error *error)
{
    if (good && run_plain(database, COMMIT, NULL, error))
        return true;
    if (!sqlite3_get_autocommit(database->connection))
        run_plain(database, ROLLBACK, NULL, NULL);
    return false;
}

static bool write_row(struct database *database, const char *topology, uint64_t generation,
                      const struct store_row *row, struct error *error)
{
    sqlite3_stmt *statement = bound(database, ROW_END, topology);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation);
    sqlite3_bind_text(statement, 3, row->key, -1, SQLITE_STATIC);
    if (!run(database, statement, error))
        return false;
    if (!row->value)
        return true;
    statement = bound(database, ROW_ADD, topology);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation);
    sqlite3_bind_text(statement, 3, row->key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, row->value, -1, SQLITE_STATIC);
    return run(database, statement, error);
}

static bool write_facts(struct database *database, const char *topology,
                        const struct store_rows *facts, struct error *error)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct store_row *fact = &facts->items[i];
        sqlite3_stmt *statement = bound(database, fact->value ? FACT_PUT : FACT_REMOVE, topology);
        sqlite3_bind_text(statement, 2, fact->key, -1, SQLITE_STATIC);
        if (fact->value)
            sqlite3_bind_text(statement, 3, fact->value, -1, SQLITE_STATIC);
        if (!run(database, statement, error))
            return false;
    }
    return true;
}

bool database_intend(struct database *database, const char *topology, uint64_t generation,
                     const struct store_rows *changed, struct error *error)
{
    if (!begin(database, false, error))
        return false;
    bool good = run_generation(database, TOPOLOGY_INTEND, topology, generation, error);
    for (size_t i = 0; good && i < changed->count; i++)
        good = write_row(database, topology, generation, &changed->items[i], error);
    return end(database, good, error);
}

bool database_commit(struct database *database, const char *topology, uint64_t generation,
                     const struct store_rows *facts, struct error *error)
{
    uint64_t oldest = generation > STORE_HISTORY ? generation - STORE_HISTORY + 1 : 1;
    if (!begin(database, true, error))
        return false;
    return end(database,
               run_generation(database, TOPOLOGY_COMMIT, topology, generation, error) &&
                   write_facts(database, topology, facts, error) &&
                   run_generation(database, ROW_PRUNE, topology, oldest, error),
               error);
}

bool database_remove(struct database *database, const char *topology, struct error *error)
{
    if (!begin(database, true, error))
        return false;
    return end(database,
               run_plain(database, TOPOLOGY_DELETE, topology, error) &&
                   run_plain(database, ROW_DELETE, topology, error) &&
                   run_plain(database, FACT_DELETE, topology, error),
               error);
}

bool database_note(struct database *database, const char *topology, const struct store_rows *facts,
                   struct error *error)
{
    if (!begin(database, true, error))
        return false;
    return end(database, write_facts(database, topology, facts, error), error);
}

bool database_abandon(struct database *database, const char *topology, uint64_t generation,
                      struct error *error)
{
    if (!begin(database, false, error))
        return false;
    return end(database,
               run_generation(database, ROW_UNADD, topology, generation, error) &&
                   run_generation(database, ROW_UNEND, topology, generation, error) &&
                   run_plain(database, TOPOLOGY_ABANDON, topology, error) &&
                   run_plain(database, TOPOLOGY_FORGET, topology, error),
               error);
}

/* Reads keys and values that STATEMENT gives into ROWS. */
static bool read_rows(struct database *database, sqlite3_stmt *statement, struct store_rows *rows,
                      struct error *error)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        const char *value = (const char *)sqlite3_column_text(statement, 1);
        if (!key || !value || !store_rows_add(rows, key, value)) {
            sqlite3_reset(statement);
            return error_memory(error);
        }
    }
    sqlite3_reset(statement);
    return result == SQLITE_DONE || fails(database, error);
}

static bool read_generation(struct database *database, const char *topology, uint64_t generation,
                            struct store_rows *rows, struct error *error)
{
    sqlite3_stmt *statement = bound(database, ROW_LIST, topology);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation);
    return read_rows(database, statement, rows, error);
}

void database_topology_clear(struct database_topology *topology)
{
    free(topology->name);
    store_rows_clear(&topology->rows);
    store_rows_clear(&topology->facts);
    store_rows_clear(&topology->intent);
    *topology = (struct database_topology){0};
}

bool database_next(struct database *database, const char *after, struct database_topology *topology,
                   struct error *error)
{
    *topology = (struct database_topology){0};
    sqlite3_stmt *statement = bound(database, TOPOLOGY_NEXT, after);
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        sqlite3_reset(statement);
        return result != SQLITE_DONE && fails(database, error);
    }
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    topology->name = name ? strdup(name) : NULL;
    topology->generation = (uint64_t)sqlite3_column_int64(statement, 1);
    topology->intended = sqlite3_column_type(statement, 2) != SQLITE_NULL;
    sqlite3_reset(statement);
    if (!topology->name)
        return error_memory(error);
    bool good =
        read_generation(database, topology->name, topology->generation, &topology->rows, error) &&
        (!topology->intended || read_generation(database, topology->name, topology->generation + 1,
                                                &topology->intent, error)) &&
        read_rows(database, bound(database, FACT_LIST, topology->name), &topology->facts, error);
    if (!good)
        database_topology_clear(topology);
    return good;
}
