#include "store/store.h"

#include "common/cleanup.h"
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct store {
    int lock;
    struct database *database;
    struct worker *worker;
};

enum write_type {
    WRITE_INTEND,
    WRITE_COMMIT,
    WRITE_REMOVE,
    WRITE_NOTE,
    WRITE_ABANDON,
};

struct write {
    struct job job;
    struct store *store;
    enum write_type type;
    char *topology;
    uint64_t generation;
    struct store_rows rows;
    store_callback *callback;
    void *context;
    bool good;
    struct error error;
};

static bool make_one_directory(const char *path, mode_t mode, struct error *error)
{
    return mkdir(path, mode) == 0 || errno == EEXIST ||
           error_set(error, ERROR_SYSTEM, errno, "the state directory %s cannot be made: %s", path,
                     strerror(errno));
}

/* Like mkdir -p; the last one is for root alone. Good for a path only that leaves room for the
 * names of the files in it. */
static bool make_directory(const char *directory, struct error *error)
{
    char path[PATH_MAX];
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (!length)
        return error_set(error, ERROR_SYSTEM, ENOENT, "the state directory's path is empty");
    if (length + sizeof("/state.db") > sizeof(path))
        return error_set(error, ERROR_SYSTEM, ENAMETOOLONG,
                         "the state directory's path is too long");
    memcpy(path, directory, length);
    path[length] = '\0';
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_one_directory(path, 0755, error))
            return false;
        *slash = '/';
    }
    return make_one_directory(path, 0700, error);
}

static int take_lock(const char *directory, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", directory);
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return TAKE_FD(fd);
    if (fd >= 0 && errno == EWOULDBLOCK)
        error_set(error, ERROR_BUSY, errno,
                  "another netnsd uses the state directory %s: stop it, or name another directory "
                  "with --state",
                  directory);
    else
        error_set(error, ERROR_SYSTEM, errno, "%s cannot be locked: %s", path, strerror(errno));
    return -1;
}

struct store *store_open(const char *directory, struct completions *completions,
                         struct error *error)
{
    char path[PATH_MAX];
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        error_memory(error);
        return NULL;
    }
    store->lock = -1;
    snprintf(path, sizeof(path), "%s/state.db", directory);
    if (make_directory(directory, error) && (store->lock = take_lock(directory, error)) >= 0 &&
        (store->database = database_open(path, error)) &&
        (store->worker = worker_new("store", completions, error)))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    worker_free(store->worker);
    if (store->database)
        database_close(store->database);
    close_descriptor(&store->lock);
    free(store);
}

bool store_load(struct store *store,
                bool (*each)(void *context, const struct store_topology *topology,
                             struct error *error),
                void *context, struct error *error)
{
    struct database_topology found;
    struct error failure = {0};
    auto_free char *after = strdup("");
    bool good = after;
    while (good && database_next(store->database, after, &found, &failure)) {
        good = each(context,
                    &(struct store_topology){
                        .name = found.name,
                        .generation = found.generation,
                        .rows = &found.rows,
                        .facts = &found.facts,
                        .intended = found.intended,
                        .intent = &found.intent,
                    },
                    error);
        free(after);
        after = TAKE(found.name);
        database_topology_clear(&found);
    }
    if (!after)
        return error_memory(error);
    if (failure.code)
        *error = failure;
    return good && !failure.code;
}

static bool carry_out(struct write *write)
{
    struct database *database = write->store->database;
    switch (write->type) {
    case WRITE_INTEND:
        return database_intend(database, write->topology, write->generation, &write->rows,
                               &write->error);
    case WRITE_COMMIT:
        return database_commit(database, write->topology, write->generation, &write->rows,
                               &write->error);
    case WRITE_REMOVE:
        return database_remove(database, write->topology, &write->error);
    case WRITE_NOTE:
        return database_note(database, write->topology, &write->rows, &write->error);
    case WRITE_ABANDON:
        return database_abandon(database, write->topology, write->generation, &write->error);
    }
    return false;
}

static void write_run(struct job *job)
{
    struct write *write = (struct write *)job;
    write->good = carry_out(write);
}

static void write_done(struct job *job)
{
    struct write *write = (struct write *)job;
    write->callback(write->context, write->good ? NULL : &write->error);
    store_rows_clear(&write->rows);
    free(write->topology);
    free(write);
}

/* ROWS may be NULL. */
static void submit(struct store *store, enum write_type type, const char *topology,
                   uint64_t generation, struct store_rows *rows, store_callback *callback,
                   void *context)
{
    struct write *write = calloc(1, sizeof(*write));
    char *name = strdup(topology);
    if (!write || !name) {
        struct error error = {0};
        error_memory(&error);
        free(write);
        free(name);
        if (rows)
            store_rows_clear(rows);
        callback(context, &error);
        return;
    }
    write->job = (struct job){.run = write_run, .done = write_done};
    write->store = store;
    write->type = type;
    write->topology = name;
    write->generation = generation;
    write->callback = callback;
    write->context = context;
    if (rows) {
        write->rows = *rows;
        *rows = (struct store_rows){0};
    }
    worker_submit(store->worker, &write->job);
}

void store_intend(struct store *store, const char *topology, uint64_t generation,
                  struct store_rows *changed, store_callback *callback, void *context)
{
    submit(store, WRITE_INTEND, topology, generation, changed, callback, context);
}

void store_commit(struct store *store, const char *topology, uint64_t generation,
                  struct store_rows *facts, bool remove, store_callback *callback, void *context)
{
    submit(store, remove ? WRITE_REMOVE : WRITE_COMMIT, topology, generation, facts, callback,
           context);
}

void store_note(struct store *store, const char *topology, struct store_rows *facts,
                store_callback *callback, void *context)
{
    submit(store, WRITE_NOTE, topology, 0, facts, callback, context);
}

void store_abandon(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context)
{
    submit(store, WRITE_ABANDON, topology, generation, NULL, callback, context);
}
