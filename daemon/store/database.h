/* The SQLite database behind the store. Every function runs on one thread at a time. Internal to
 * store/. */
#pragma once

#include "store/store.h"

#include <sqlite3.h>

struct database;

struct database *database_open(const char *path, struct error *error);
void database_close(struct database *database);

/* The writes of store.h come between these two, several of them as one transaction, which is FULLY
 * on the disk afterwards, or survives all but a crash of the machine. When database_end() fails,
 * none of them is in the database. */
bool database_begin(struct database *database, bool fully, struct error *error);
bool database_end(struct database *database, struct error *error);
/* Is there so much in the log (sqlite.org, Write-Ahead Logging) that it is worth the while to bring
 * that into the database? It takes its time, so it is better done while nobody waits. */
bool database_has_long_log(const struct database *database);
void database_shorten_log(struct database *database);
/* Did a failure end the transaction, so that nothing of it will be in the database? */
bool database_broken(const struct database *database);

/* Each of them is in the transaction as a whole, or not at all. */
bool database_intend(struct database *database, const char *topology, uint64_t generation,
                     struct store_rows *changed, struct error *error);
bool database_commit(struct database *database, const char *topology,
                     const struct store_generation *made, int64_t deadline,
                     struct store_rows *facts, struct error *error);
bool database_confirm(struct database *database, const char *topology, uint64_t generation,
                      struct error *error);
bool database_remove(struct database *database, const char *topology, struct error *error);
bool database_note(struct database *database, const char *topology, struct store_rows *facts,
                   struct error *error);
bool database_abandon(struct database *database, const char *topology, uint64_t generation,
                      struct error *error);

/* A topology as the database has it. */
struct database_topology {
    char *name; /* owned */
    uint64_t generation;
    bool intended;
    int64_t deadline, committed;
    struct store_rows rows, facts, intent;
};
void database_topology_clear(struct database_topology *topology);

/* The first topology whose name comes after AFTER. False at the end (ERROR is left alone), and on
 * failure. */
bool database_next(struct database *database, const char *after, struct database_topology *topology,
                   struct error *error);

/* The reads of store.h. What was read before a failure stays in ROWS and HISTORY. */
bool database_read(struct database *database, const char *topology, uint64_t generation,
                   struct store_rows *rows, struct error *error);
bool database_history(struct database *database, const char *topology,
                      struct store_history *history, struct error *error);
