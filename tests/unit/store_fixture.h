/* A store in a directory of its own, and what tests of it ask and expect. */
#pragma once

#include "common/cleanup.h"
#include "store/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define PATH_SIZE 256

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

/* A test with a fixture, that a test finds in *STATE. */
#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
int set_up(void **state);
int tear_down(void **state);
void open_store(struct fixture *fixture);
void close_store(struct fixture *fixture);
/* The store in DIRECTORY cannot be opened. */
void assert_not_opened(const struct fixture *fixture, const char *directory, enum error_code code,
                       const char *reason);

/* The store's callbacks, with a struct outcome; and the wait for one. */
void note_outcome(void *context, const struct error *error);
bool wait_for(const struct fixture *fixture, const struct outcome *outcome);

/* Rows of "KEY VALUE" pairs; a NULL value stands for a removal. */
struct store_rows make_rows(const char *const pairs[][2], size_t count);
#define ROWS(...)                                                                                  \
    make_rows((const char *const[][2]){__VA_ARGS__},                                               \
              sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *[2]))
#define NO_ROWS ((struct store_rows){0})

/* Writes; ROWS are taken over. Are they done well? */
bool intend(const struct fixture *fixture, const char *topology, uint64_t generation,
            struct store_rows rows);
bool commit_as(const struct fixture *fixture, const char *topology,
               const struct store_generation *made, int64_t deadline, struct store_rows facts);
bool commit(const struct fixture *fixture, const char *topology, uint64_t generation,
            struct store_rows facts);
bool confirm(const struct fixture *fixture, const char *topology, uint64_t generation);
bool note(const struct fixture *fixture, const char *topology, struct store_rows facts);
bool abandon(const struct fixture *fixture, const char *topology, uint64_t generation);

/* For store_load(): writes a line on each topology to CONTEXT, a FILE. */
bool put_topology(void *context, const struct store_topology *topology, struct error *error);
/* All that store_load() gives, a line a topology. */
void assert_stored(const struct fixture *fixture, const char *expected);
/* The rows of a generation, or with 0 the history, a line a generation. */
void assert_read(const struct fixture *fixture, const char *topology, uint64_t generation,
                 const char *expected);
void assert_not_kept(const struct fixture *fixture, const char *topology, uint64_t generation);

/* Runs SQL behind the store's back; gives the number in its last row, or -1. */
int query(const struct fixture *fixture, const char *sql);
void assert_database_empty(const struct fixture *fixture);
