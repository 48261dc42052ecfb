#include "store/database_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Appends the keys and values that a statement gives to ROWS. */
static bool read_rows(const struct database *database, enum statement which, const char *topology,
                      uint64_t generation, struct store_rows *rows, struct error *error)
{
    if (!database_bind(database, which, topology, generation, NULL, error))
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
    return result == SQLITE_DONE || database_fails(database, error);
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
    if (!database_bind(database, TOPOLOGY_NEXT, after, 0, NULL, error))
        return false;
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        sqlite3_reset(statement);
        return result != SQLITE_DONE && database_fails(database, error);
    }
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    topology->name = name ? strdup(name) : NULL;
    topology->generation = (uint64_t)sqlite3_column_int64(statement, 1);
    topology->intended = sqlite3_column_type(statement, 2) != SQLITE_NULL;
    topology->deadline = sqlite3_column_int64(statement, 3);
    topology->committed = sqlite3_column_int64(statement, 4);
    sqlite3_reset(statement);
    if (!topology->name)
        return error_memory(error);
    if (read_topology(database, topology, error))
        return true;
    database_topology_clear(topology);
    return false;
}

/* Is GENERATION among those whose rows are all there? */
static bool check_kept(const struct database *database, const char *topology, uint64_t generation,
                       struct error *error)
{
    if (!database_bind(database, HISTORY_KEPT, topology, generation, NULL, error))
        return false;
    sqlite3_stmt *statement = database->statements[HISTORY_KEPT];
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (result == SQLITE_DONE)
        return error_set(error, ERROR_NOT_FOUND, 0,
                         "generation %" PRIu64 " of topology %s is not kept", generation, topology);
    return result == SQLITE_ROW || database_fails(database, error);
}

bool database_read(struct database *database, const char *topology, uint64_t generation,
                   struct store_rows *rows, struct error *error)
{
    return check_kept(database, topology, generation, error) &&
           read_rows(database, ROW_LIST, topology, generation, rows, error);
}

static bool add_generation(struct store_history *history, sqlite3_stmt *statement)
{
    const char *cause = (const char *)sqlite3_column_text(statement, 2);
    struct store_generation *grown =
        reallocarray(history->items, history->count + 1, sizeof(*history->items));
    if (!grown)
        return false;
    history->items = grown;
    struct store_generation *added = &grown[history->count++];
    *added = (struct store_generation){
        .generation = (uint64_t)sqlite3_column_int64(statement, 0),
        .time = sqlite3_column_int64(statement, 1),
        .cause = cause ? strdup(cause) : NULL,
        .repeats = (uint64_t)sqlite3_column_int64(statement, 3),
        .created = (uint32_t)sqlite3_column_int64(statement, 4),
        .changed = (uint32_t)sqlite3_column_int64(statement, 5),
        .removed = (uint32_t)sqlite3_column_int64(statement, 6),
    };
    return !cause || added->cause;
}

bool database_history(struct database *database, const char *topology,
                      struct store_history *history, struct error *error)
{
    if (!database_bind(database, HISTORY_LIST, topology, 0, NULL, error))
        return false;
    sqlite3_stmt *statement = database->statements[HISTORY_LIST];
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!add_generation(history, statement)) {
            sqlite3_reset(statement);
            return error_memory(error);
        }
    }
    sqlite3_reset(statement);
    return result == SQLITE_DONE || database_fails(database, error);
}
