#include "store/database.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1

/* For locks that others hold on the file, as an administrator's sqlite3 does; in milliseconds. */
#define BUSY_TIMEOUT 2000

/* A row is valid from generation "since" until, and without, generation "until". What is intended
 * has a "since", or ends what it replaces, one beyond the committed generation. */
static const char schema[] =
    "CREATE TABLE topology (name TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
    " intended INTEGER CHECK (intended = generation + 1)) WITHOUT ROWID;"
    "CREATE TABLE row (topology TEXT NOT NULL REFERENCES topology ON DELETE CASCADE,"
    " key TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, value TEXT NOT NULL,"
    " PRIMARY KEY (topology, key, since)) WITHOUT ROWID;"
    "CREATE INDEX row_until ON row (topology, until) WHERE until IS NOT NULL;"
    "CREATE INDEX row_since ON row (topology, since);"
    "CREATE TABLE fact (topology TEXT NOT NULL REFERENCES topology ON DELETE CASCADE,"
    " key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (topology, key)) WITHOUT ROWID;";

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
    ROW_LIST,
    FACT_PUT,
    FACT_REMOVE,
    FACT_LIST,
    STATEMENT_COUNT,
};

/* ?1 is the topology, ?2 a generation, ?3 a key and ?4 a value. */
static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    /* The CHECK is made before the conflict is found: the row must be right as an insert, too. */
    [TOPOLOGY_INTEND] = "INSERT INTO topology VALUES"
                        " (?1, ifnull((SELECT generation FROM topology WHERE name = ?1), 0), ?2)"
                        " ON CONFLICT (name) DO UPDATE SET intended = ?2",
    [TOPOLOGY_COMMIT] = "UPDATE topology SET generation = ?2, intended = NULL"
                        " WHERE name = ?1 AND intended = ?2",
    [TOPOLOGY_ABANDON] = "UPDATE topology SET intended = NULL WHERE name = ?1 AND intended = ?2",
    [TOPOLOGY_FORGET] = "DELETE FROM topology"
                        " WHERE name = ?1 AND generation = 0 AND intended IS NULL",
    [TOPOLOGY_DELETE] = "DELETE FROM topology WHERE name = ?1",
    [TOPOLOGY_NEXT] = "SELECT name, generation, intended FROM topology WHERE name > ?1"
                      " ORDER BY name LIMIT 1",
    [ROW_END] = "UPDATE row SET until = ?2 WHERE topology = ?1 AND key = ?3 AND until IS NULL",
    [ROW_ADD] = "INSERT INTO row VALUES (?1, ?3, ?2, NULL, ?4)",
    [ROW_UNEND] = "UPDATE row SET until = NULL WHERE topology = ?1 AND until = ?2",
    [ROW_UNADD] = "DELETE FROM row WHERE topology = ?1 AND since = ?2",
    [ROW_PRUNE] = "DELETE FROM row WHERE topology = ?1 AND until <= ?2",
    [ROW_LIST] = "SELECT key, value FROM row WHERE topology = ?1 AND since <= ?2"
                 " AND (until IS NULL OR until > ?2) ORDER BY key",
    [FACT_PUT] = "INSERT INTO fact VALUES (?1, ?3, ?4)"
                 " ON CONFLICT (topology, key) DO UPDATE SET value = ?4",
    [FACT_REMOVE] = "DELETE FROM fact WHERE topology = ?1 AND key = ?3",
    [FACT_LIST] = "SELECT key, value FROM fact WHERE topology = ?1 ORDER BY key",
};

struct database {
    char *path;
    sqlite3 *connection;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* What can be done about a failure, to follow its description. */
static const char *advice(int result)
{
    switch (result) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ": it is damaged; stop netnsd, restore the file from a backup or move it away "
               "together with its -wal and -shm, start netnsd, and apply the topologies again";
    case SQLITE_FULL:
        return ": make room on its file system";
    case SQLITE_BUSY:
        return ": end the program that has it open, and try again";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return ": it must be a file that netnsd may write, in a directory that it may write";
    default:
        return "";
    }
}

/* SQLite knows an errno of failed input and output only, and keeps it when other things fail. */
static int system_errnum(const struct database *database, int result)
{
    if (result == SQLITE_FULL)
        return ENOSPC;
    return result == SQLITE_IOERR || result == SQLITE_CANTOPEN
               ? sqlite3_system_errno(database->connection)
               : 0;
}

static bool fails(const struct database *database, struct error *error)
{
    int result = sqlite3_errcode(database->connection) & 0xff; /* without the extension */
    if (result == SQLITE_NOMEM)
        return error_memory(error);
    return error_set(error, ERROR_SYSTEM, system_errnum(database, result),
                     "the state in %s cannot be read or written: %s%s", database->path,
                     sqlite3_errmsg(database->connection), advice(result));
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
    if (!read_version(database, &version, error))
        return false;
    if (version > SCHEMA_VERSION)
        return error_set(error, ERROR_SYSTEM, 0,
                         "the state in %s was written by a newer netnsd: run that one, or move the "
                         "file away to begin anew",
                         database->path);
    if (!execute(database, "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON", error))
        return false;
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

static bool open_file(struct database *database, const char *path, struct error *error)
{
    database->path = strdup(path);
    int result = sqlite3_open(path, &database->connection);
    if (!database->path || !database->connection)
        return error_memory(error);
    return (result == SQLITE_OK &&
            sqlite3_busy_timeout(database->connection, BUSY_TIMEOUT) == SQLITE_OK) ||
           fails(database, error);
}

struct database *database_open(const char *path, struct error *error)
{
    struct database *database = calloc(1, sizeof(*database));
    if (!database) {
        error_memory(error);
        return NULL;
    }
    if (open_file(database, path, error) && make_schema(database, error) &&
        prepare(database, error))
        return database;
    database_close(database);
    return NULL;
}

void database_close(struct database *database)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    sqlite3_close(database->connection);
    free(database->path);
    free(database);
}

/* Binds what the statement asks for. ROW may be NULL. What is bound must live until it has run. */
static bool bind(const struct database *database, enum statement which, const char *topology,
                 uint64_t generation, const struct store_row *row, struct error *error)
{
    sqlite3_stmt *statement = database->statements[which];
    int count = sqlite3_bind_parameter_count(statement);
    const char *key = row ? row->key : NULL;
    const char *value = row ? row->value : NULL;
    bool good =
        (count < 1 || sqlite3_bind_text(statement, 1, topology, -1, SQLITE_STATIC) == SQLITE_OK) &&
        (count < 2 || sqlite3_bind_int64(statement, 2, (sqlite3_int64)generation) == SQLITE_OK) &&
        (count < 3 || sqlite3_bind_text(statement, 3, key, -1, SQLITE_STATIC) == SQLITE_OK) &&
        (count < 4 || sqlite3_bind_text(statement, 4, value, -1, SQLITE_STATIC) == SQLITE_OK);
    return good || fails(database, error);
}

/* Runs a statement that gives no rows. */
static bool run_row(const struct database *database, enum statement which, const char *topology,
                    uint64_t generation, const struct store_row *row, struct error *error)
{
    if (!bind(database, which, topology, generation, row, error))
        return false;
    int result = sqlite3_step(database->statements[which]);
    sqlite3_reset(database->statements[which]);
    return result == SQLITE_DONE || fails(database, error);
}

static bool run(const struct database *database, enum statement which, const char *topology,
                uint64_t generation, struct error *error)
{
    return run_row(database, which, topology, generation, NULL, error);
}

/* The level cannot be changed within a transaction (sqlite.org, PRAGMA synchronous). */
static bool begin(const struct database *database, bool full, struct error *error)
{
    return execute(database, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                   error) &&
           run(database, BEGIN, NULL, 0, error);
}

static bool end(const struct database *database, bool good, struct error *error)
{
    if (good && run(database, COMMIT, NULL, 0, error))
        return true;
    if (!sqlite3_get_autocommit(database->connection))
        run(database, ROLLBACK, NULL, 0, NULL);
    return false;
}

static bool write_row(const struct database *database, const char *topology, uint64_t generation,
                      const struct store_row *row, struct error *error)
{
    return run_row(database, ROW_END, topology, generation, row, error) &&
           (!row->value || run_row(database, ROW_ADD, topology, generation, row, error));
}

static bool write_facts(const struct database *database, const char *topology,
                        const struct store_rows *facts, struct error *error)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct store_row *fact = &facts->items[i];
        if (!run_row(database, fact->value ? FACT_PUT : FACT_REMOVE, topology, 0, fact, error))
            return false;
    }
    return true;
}

/* Takes back the rows of an intended generation. One that is not intended may be history, and
 * stays. */
static bool take_back(const struct database *database, const char *topology, uint64_t generation,
                      struct error *error)
{
    return run(database, TOPOLOGY_ABANDON, topology, generation, error) &&
           (!sqlite3_changes(database->connection) ||
            (run(database, ROW_UNADD, topology, generation, error) &&
             run(database, ROW_UNEND, topology, generation, error)));
}

bool database_intend(struct database *database, const char *topology, uint64_t generation,
                     const struct store_rows *changed, struct error *error)
{
    if (!begin(database, false, error))
        return false;
    /* What was cut off and could not be recovered from must not be mixed into this. */
    bool good = take_back(database, topology, generation, error) &&
                run(database, TOPOLOGY_INTEND, topology, generation, error);
    for (size_t i = 0; good && i < changed->count; i++)
        good = write_row(database, topology, generation, &changed->items[i], error);
    return end(database, good, error);
}

/* Without an intent there are no rows of GENERATION to acknowledge. */
static bool commit_topology(const struct database *database, const char *topology,
                            uint64_t generation, struct error *error)
{
    if (!run(database, TOPOLOGY_COMMIT, topology, generation, error))
        return false;
    return sqlite3_changes(database->connection) ||
           error_set(error, ERROR_SYSTEM, 0,
                     "the state in %s has no intended generation %" PRIu64
                     " of topology %s; restart netnsd, which makes it and the kernel agree",
                     database->path, generation, topology);
}

bool database_commit(struct database *database, const char *topology, uint64_t generation,
                     const struct store_rows *facts, struct error *error)
{
    uint64_t oldest = generation > STORE_HISTORY ? generation - STORE_HISTORY + 1 : 1;
    return begin(database, true, error) &&
           end(database,
               commit_topology(database, topology, generation, error) &&
                   write_facts(database, topology, facts, error) &&
                   run(database, ROW_PRUNE, topology, oldest, error),
               error);
}

bool database_remove(struct database *database, const char *topology, struct error *error)
{
    return begin(database, true, error) &&
           end(database, run(database, TOPOLOGY_DELETE, topology, 0, error), error);
}

bool database_note(struct database *database, const char *topology, const struct store_rows *facts,
                   struct error *error)
{
    return begin(database, true, error) &&
           end(database, write_facts(database, topology, facts, error), error);
}

bool database_abandon(struct database *database, const char *topology, uint64_t generation,
                      struct error *error)
{
    return begin(database, false, error) &&
           end(database,
               take_back(database, topology, generation, error) &&
                   run(database, TOPOLOGY_FORGET, topology, 0, error),
               error);
}

/* Appends the keys and values that a statement gives to ROWS. */
static bool read_rows(const struct database *database, enum statement which, const char *topology,
                      uint64_t generation, struct store_rows *rows, struct error *error)
{
    if (!bind(database, which, topology, generation, NULL, error))
        return false;
    sqlite3_stmt *statement = database->statements[which];
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

void database_topology_clear(struct database_topology *topology)
{
    free(topology->name);
    store_rows_clear(&topology->rows);
    store_rows_clear(&topology->facts);
    store_rows_clear(&topology->intent);
    *topology = (struct database_topology){0};
}

/* All but the name and the generations. */
static bool read_topology(const struct database *database, struct database_topology *topology,
                          struct error *error)
{
    const char *name = topology->name;
    uint64_t generation = topology->generation;
    return read_rows(database, ROW_LIST, name, generation, &topology->rows, error) &&
           (!topology->intended ||
            read_rows(database, ROW_LIST, name, generation + 1, &topology->intent, error)) &&
           read_rows(database, FACT_LIST, name, 0, &topology->facts, error);
}

bool database_next(struct database *database, const char *after, struct database_topology *topology,
                   struct error *error)
{
    *topology = (struct database_topology){0};
    sqlite3_stmt *statement = database->statements[TOPOLOGY_NEXT];
    if (!bind(database, TOPOLOGY_NEXT, after, 0, NULL, error))
        return false;
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
    if (read_topology(database, topology, error))
        return true;
    database_topology_clear(topology);
    return false;
}
