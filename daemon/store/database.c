#include "store/database_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For locks that others hold on the file, as an administrator's sqlite3 does; in milliseconds. */
#define BUSY_TIMEOUT 2000

/* Each takes the schema from one version to the next, beginning with nothing. */
static const char *const migrations[] = {
    /* A row is valid from generation "since" until, and without, generation "until". What is
     * intended has a "since", or ends what it replaces, one beyond the committed generation. */
    "CREATE TABLE topology (name TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
    " intended INTEGER CHECK (intended = generation + 1)) WITHOUT ROWID;"
    "CREATE TABLE row (topology TEXT NOT NULL REFERENCES topology ON DELETE CASCADE,"
    " key TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, value TEXT NOT NULL,"
    " PRIMARY KEY (topology, key, since)) WITHOUT ROWID;"
    "CREATE INDEX row_until ON row (topology, until) WHERE until IS NOT NULL;"
    "CREATE INDEX row_since ON row (topology, since);"
    "CREATE TABLE fact (topology TEXT NOT NULL REFERENCES topology ON DELETE CASCADE,"
    " key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (topology, key)) WITHOUT ROWID;",
    /* What happened with each generation whose rows are kept. Nothing is known of those that came
     * before this table, but that they are there. */
    "CREATE TABLE history (topology TEXT NOT NULL REFERENCES topology ON DELETE CASCADE,"
    " number INTEGER NOT NULL, time INTEGER, cause TEXT, repeats INTEGER, deadline INTEGER,"
    " created INTEGER, changed INTEGER, removed INTEGER,"
    " PRIMARY KEY (topology, number)) WITHOUT ROWID;"
    "INSERT INTO history (topology, number)"
    " WITH RECURSIVE kept (name, number, oldest) AS"
    " (SELECT name, generation, max(1, generation - 31) FROM topology WHERE generation > 0"
    " UNION ALL SELECT name, number - 1, oldest FROM kept WHERE number > oldest)"
    " SELECT name, number FROM kept;",
};

/* From so many pages on the log is shortened when nobody waits (SQLite's own default), and from so
 * many on in any case. */
#define LOG_PAGES_LONG 1000
#define LOG_PAGES_MAX 8000

#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* ?1 is the topology, ?2 a generation, ?3 a key and ?4 a value. */
static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PART_BEGIN] = "SAVEPOINT part",
    [PART_END] = "RELEASE part",
    [PART_UNDO] = "ROLLBACK TO part",
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
    [TOPOLOGY_NEXT] = "SELECT name, generation, intended, deadline, time FROM topology"
                      " LEFT JOIN history ON topology = name AND number = generation"
                      " WHERE name > ?1 ORDER BY name LIMIT 1",
    [ROW_END] = "UPDATE row SET until = ?2 WHERE topology = ?1 AND key = ?3 AND until IS NULL",
    [ROW_ADD] = "INSERT INTO row VALUES (?1, ?3, ?2, NULL, ?4)",
    [ROW_UNEND] = "UPDATE row SET until = NULL WHERE topology = ?1 AND until = ?2",
    [ROW_UNADD] = "DELETE FROM row WHERE topology = ?1 AND since = ?2",
    [ROW_PRUNE] = "DELETE FROM row WHERE topology = ?1 AND until <= ?2",
    [ROW_LIST] = "SELECT key, value FROM row WHERE topology = ?1 AND since <= ?2"
                 " AND (until IS NULL OR until > ?2) ORDER BY key",
    [HISTORY_ADD] = "INSERT INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [HISTORY_CONFIRM] = "UPDATE history SET deadline = NULL"
                        " WHERE topology = ?1 AND number = ?2 AND deadline IS NOT NULL",
    [HISTORY_PRUNE] = "DELETE FROM history WHERE topology = ?1 AND number < ?2",
    [HISTORY_KEPT] = "SELECT 1 FROM history WHERE topology = ?1 AND number = ?2",
    [HISTORY_LIST] = "SELECT number, time, cause, repeats, created, changed, removed"
                     " FROM history WHERE topology = ?1 ORDER BY number",
    [FACT_PUT] = "INSERT INTO fact VALUES (?1, ?3, ?4)"
                 " ON CONFLICT (topology, key) DO UPDATE SET value = ?4",
    [FACT_REMOVE] = "DELETE FROM fact WHERE topology = ?1 AND key = ?3",
    [FACT_LIST] = "SELECT key, value FROM fact WHERE topology = ?1 ORDER BY key",
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

bool database_fails(const struct database *database, struct error *error)
{
    int result = sqlite3_errcode(database->connection) & 0xff; /* without the extension */
    if (result == SQLITE_NOMEM)
        return error_memory(error);
    return error_set(error, ERROR_SYSTEM, system_errnum(database, result),
                     "the state in %s cannot be read or written: %s%s", database->path,
                     sqlite3_errmsg(database->connection), advice(result));
}

bool database_execute(const struct database *database, const char *text, struct error *error)
{
    return sqlite3_exec(database->connection, text, NULL, NULL, NULL) == SQLITE_OK ||
           database_fails(database, error);
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
        database_fails(database, error);
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
    if (!database_execute(database, "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON", error))
        return false;
    if (version == SCHEMA_VERSION)
        return true;
    bool good = database_execute(database, "BEGIN", error);
    for (; good && version < SCHEMA_VERSION; version++)
        good = database_execute(database, migrations[version], error);
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", SCHEMA_VERSION);
    return good && database_execute(database, set_version, error) &&
           database_execute(database, "COMMIT", error);
}

static bool prepare(struct database *database, struct error *error)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(database->connection, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &database->statements[i], NULL) != SQLITE_OK)
            return database_fails(database, error);
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
           database_fails(database, error);
}

static int note_log(void *context, sqlite3 *connection, const char *name, int pages)
{
    struct database *database = context;
    (void)connection;
    (void)name;
    database->log_pages = pages;
    if (pages >= LOG_PAGES_MAX)
        database_shorten_log(database);
    return SQLITE_OK;
}

struct database *database_open(const char *path, struct error *error)
{
    struct database *database = calloc(1, sizeof(*database));
    if (!database) {
        error_memory(error);
        return NULL;
    }
    if (open_file(database, path, error) && make_schema(database, error) &&
        prepare(database, error)) {
        sqlite3_wal_hook(database->connection, note_log, database);
        return database;
    }
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

bool database_has_long_log(const struct database *database)
{
    return database->log_pages >= LOG_PAGES_LONG;
}

/* What cannot be done now is done after the next write. */
void database_shorten_log(struct database *database)
{
    database->log_pages = 0;
    (void)sqlite3_wal_checkpoint_v2(database->connection, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                    NULL);
}

bool database_bind(const struct database *database, enum statement which, const char *topology,
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
    return good || database_fails(database, error);
}
