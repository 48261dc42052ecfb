/* What the files of the database share. Internal to store/. */
#pragma once

#include "store/database.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PART_BEGIN,
    PART_END,
    PART_UNDO,
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
    HISTORY_ADD,
    HISTORY_CONFIRM,
    HISTORY_PRUNE,
    HISTORY_KEPT,
    HISTORY_LIST,
    FACT_PUT,
    FACT_REMOVE,
    FACT_LIST,
    STATEMENT_COUNT,
};

struct database {
    char *path;
    sqlite3 *connection;
    int log_pages; /* in the log since the last attempt to shorten it */
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Fills ERROR with what SQLite last complained of; false. */
bool database_fails(const struct database *database, struct error *error);

/* Runs SQL that gives no rows. */
bool database_execute(const struct database *database, const char *text, struct error *error);

/* Binds what the statement asks for: ?1 is the topology, ?2 a generation, ?3 a key and ?4 a value.
 * ROW may be NULL. What is bound must live until it has run. */
bool database_bind(const struct database *database, enum statement which, const char *topology,
                   uint64_t generation, const struct store_row *row, struct error *error);
