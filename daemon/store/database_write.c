#include "store/database_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Runs a statement that gives no rows. */
static bool run_row(const struct database *database, enum statement which, const char *topology,
                    uint64_t generation, const struct store_row *row, struct error *error)
{
    if (!database_bind(database, which, topology, generation, row, error))
        return false;
    int result = sqlite3_step(database->statements[which]);
    sqlite3_reset(database->statements[which]);
    return result == SQLITE_DONE || database_fails(database, error);
}

static bool run(const struct database *database, enum statement which, const char *topology,
                uint64_t generation, struct error *error)
{
    return run_row(database, which, topology, generation, NULL, error);
}

/* The level cannot be changed within a transaction (sqlite.org, PRAGMA synchronous). */
bool database_begin(struct database *database, bool fully, struct error *error)
{
    return database_execute(database,
                            fully ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                            error) &&
           run(database, BEGIN, NULL, 0, error);
}

bool database_end(struct database *database, struct error *error)
{
    if (run(database, COMMIT, NULL, 0, error))
        return true;
    if (!database_broken(database))
        run(database, ROLLBACK, NULL, 0, NULL);
    return false;
}

bool database_broken(const struct database *database)
{
    return sqlite3_get_autocommit(database->connection);
}

static bool begin(const struct database *database, struct error *error)
{
    return run(database, PART_BEGIN, NULL, 0, error);
}

static bool end(const struct database *database, bool good, struct error *error)
{
    if (!good && !database_broken(database))
        run(database, PART_UNDO, NULL, 0, NULL);
    return (database_broken(database) || run(database, PART_END, NULL, 0, good ? error : NULL)) &&
           good;
}

static bool write_row(const struct database *database, const char *topology, uint64_t generation,
                      const struct store_row *row, struct error *error)
{
    return (generation == 1 || run_row(database, ROW_END, topology, generation, row, error)) &&
           (!row->value || run_row(database, ROW_ADD, topology, generation, row, error));
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct store_row *)a)->key, ((const struct store_row *)b)->key);
}

/* In order, they go next to each other. */
static void sort_rows(struct store_rows *rows)
{
    if (rows->count)
        qsort(rows->items, rows->count, sizeof(*rows->items), by_key);
}

static bool write_facts(const struct database *database, const char *topology,
                        struct store_rows *facts, struct error *error)
{
    sort_rows(facts);
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
                     struct store_rows *changed, struct error *error)
{
    sort_rows(changed);
    if (!begin(database, error))
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

/* What is not known or does not apply is stored as NULL. */
static bool bind_number(sqlite3_stmt *statement, int index, int64_t number)
{
    return (number ? sqlite3_bind_int64(statement, index, number)
                   : sqlite3_bind_null(statement, index)) == SQLITE_OK;
}

static bool add_generation(const struct database *database, const char *topology,
                           const struct store_generation *made, int64_t deadline,
                           struct error *error)
{
    sqlite3_stmt *statement = database->statements[HISTORY_ADD];
    bool good = sqlite3_bind_text(statement, 1, topology, -1, SQLITE_STATIC) == SQLITE_OK &&
                bind_number(statement, 2, (int64_t)made->generation) &&
                bind_number(statement, 3, made->time) &&
                sqlite3_bind_text(statement, 4, made->cause, -1, SQLITE_STATIC) == SQLITE_OK &&
                bind_number(statement, 5, (int64_t)made->repeats) &&
                bind_number(statement, 6, deadline) &&
                sqlite3_bind_int64(statement, 7, made->created) == SQLITE_OK &&
                sqlite3_bind_int64(statement, 8, made->changed) == SQLITE_OK &&
                sqlite3_bind_int64(statement, 9, made->removed) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    return good || database_fails(database, error);
}

static bool prune(const struct database *database, const char *topology, uint64_t generation,
                  struct error *error)
{
    uint64_t oldest = store_oldest(generation);
    return run(database, ROW_PRUNE, topology, oldest, error) &&
           run(database, HISTORY_PRUNE, topology, oldest, error);
}

bool database_commit(struct database *database, const char *topology,
                     const struct store_generation *made, int64_t deadline,
                     struct store_rows *facts, struct error *error)
{
    return begin(database, error) &&
           end(database,
               commit_topology(database, topology, made->generation, error) &&
                   add_generation(database, topology, made, deadline, error) &&
                   write_facts(database, topology, facts, error) &&
                   prune(database, topology, made->generation, error),
               error);
}

/* A generation that waits for no confirmation cannot be confirmed. */
static bool confirm(const struct database *database, const char *topology, uint64_t generation,
                    struct error *error)
{
    if (!run(database, HISTORY_CONFIRM, topology, generation, error))
        return false;
    return sqlite3_changes(database->connection) ||
           error_set(error, ERROR_NOT_FOUND, 0,
                     "generation %" PRIu64 " of topology %s waits for no confirmation", generation,
                     topology);
}

bool database_confirm(struct database *database, const char *topology, uint64_t generation,
                      struct error *error)
{
    return begin(database, error) &&
           end(database, confirm(database, topology, generation, error), error);
}

bool database_remove(struct database *database, const char *topology, struct error *error)
{
    return begin(database, error) &&
           end(database, run(database, TOPOLOGY_DELETE, topology, 0, error), error);
}

bool database_note(struct database *database, const char *topology, struct store_rows *facts,
                   struct error *error)
{
    return begin(database, error) &&
           end(database, write_facts(database, topology, facts, error), error);
}

bool database_abandon(struct database *database, const char *topology, uint64_t generation,
                      struct error *error)
{
    return begin(database, error) && end(database,
                                         take_back(database, topology, generation, error) &&
                                             run(database, TOPOLOGY_FORGET, topology, 0, error),
                                         error);
}
