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

enum request_type {
    REQUEST_INTEND,
    REQUEST_COMMIT,
    REQUEST_CONFIRM,
    REQUEST_REMOVE,
    REQUEST_NOTE,
    REQUEST_ABANDON,
    REQUEST_READ,
    REQUEST_HISTORY,
};

/* What is asked of the store's thread, and what it answers. */
struct request {
    struct job job;
    struct store *store;
    enum request_type type;
    char *topology;
    struct store_generation generation; /* its number; all of it for a commit */
    int64_t deadline;
    struct store_rows rows;
    struct store_history history;
    union {
        store_callback *written;
        store_rows_callback *read;
        store_history_callback *listed;
    } callback;
    void *context;
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
                        .committed = found.committed,
                        .deadline = found.deadline,
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

static void request_run(struct job *job)
{
    struct request *request = (struct request *)job;
    struct database *database = request->store->database;
    const char *topology = request->topology;
    uint64_t generation = request->generation.generation;
    struct error *error = &request->error;
    switch (request->type) {
    case REQUEST_INTEND:
        database_intend(database, topology, generation, &request->rows, error);
        break;
    case REQUEST_COMMIT:
        database_commit(database, topology, &request->generation, request->deadline, &request->rows,
                        error);
        break;
    case REQUEST_CONFIRM:
        database_confirm(database, topology, generation, error);
        break;
    case REQUEST_REMOVE:
        database_remove(database, topology, error);
        break;
    case REQUEST_NOTE:
        database_note(database, topology, &request->rows, error);
        break;
    case REQUEST_ABANDON:
        database_abandon(database, topology, generation, error);
        break;
    case REQUEST_READ:
        database_read(database, topology, generation, &request->rows, error);
        break;
    case REQUEST_HISTORY:
        database_history(database, topology, &request->history, error);
        break;
    }
}

static void request_answer(struct request *request)
{
    const struct error *error = request->error.code ? &request->error : NULL;
    if (request->type == REQUEST_READ)
        request->callback.read(request->context, error ? NULL : &request->rows, error);
    else if (request->type == REQUEST_HISTORY)
        request->callback.listed(request->context, error ? NULL : &request->history, error);
    else
        request->callback.written(request->context, error);
}

static void request_clear(struct request *request)
{
    store_rows_clear(&request->rows);
    store_history_clear(&request->history);
    free((char *)request->generation.cause);
    free(request->topology);
}

static void request_done(struct job *job)
{
    struct request *request = (struct request *)job;
    request_answer(request);
    request_clear(request);
    free(request);
}

/* Takes the rows of ASKED over, and copies the strings. */
static void submit(struct store *store, const char *topology, struct request *asked)
{
    const char *cause = asked->generation.cause;
    struct request *request = malloc(sizeof(*request));
    asked->job = (struct job){.run = request_run, .done = request_done};
    asked->store = store;
    asked->topology = strdup(topology);
    asked->generation.cause = cause ? strdup(cause) : NULL;
    if (request && asked->topology && (!cause || asked->generation.cause)) {
        *request = *asked;
        worker_submit(store->worker, &request->job);
        return;
    }
    error_memory(&asked->error);
    request_answer(asked);
    request_clear(asked);
    free(request);
}

static void submit_write(struct store *store, enum request_type type, const char *topology,
                         uint64_t generation, struct store_rows *rows, store_callback *callback,
                         void *context)
{
    struct request asked = {
        .type = type,
        .generation = {.generation = generation},
        .rows = rows ? *rows : (struct store_rows){0},
        .callback = {.written = callback},
        .context = context,
    };
    if (rows)
        *rows = (struct store_rows){0};
    submit(store, topology, &asked);
}

void store_intend(struct store *store, const char *topology, uint64_t generation,
                  struct store_rows *changed, store_callback *callback, void *context)
{
    submit_write(store, REQUEST_INTEND, topology, generation, changed, callback, context);
}

void store_commit(struct store *store, const char *topology, const struct store_generation *made,
                  int64_t deadline, struct store_rows *facts, store_callback *callback,
                  void *context)
{
    struct request asked = {
        .type = REQUEST_COMMIT,
        .generation = *made,
        .deadline = deadline,
        .rows = *facts,
        .callback = {.written = callback},
        .context = context,
    };
    *facts = (struct store_rows){0};
    submit(store, topology, &asked);
}

void store_confirm(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context)
{
    submit_write(store, REQUEST_CONFIRM, topology, generation, NULL, callback, context);
}

void store_remove(struct store *store, const char *topology, store_callback *callback,
                  void *context)
{
    submit_write(store, REQUEST_REMOVE, topology, 0, NULL, callback, context);
}

void store_note(struct store *store, const char *topology, struct store_rows *facts,
                store_callback *callback, void *context)
{
    submit_write(store, REQUEST_NOTE, topology, 0, facts, callback, context);
}

void store_abandon(struct store *store, const char *topology, uint64_t generation,
                   store_callback *callback, void *context)
{
    submit_write(store, REQUEST_ABANDON, topology, generation, NULL, callback, context);
}

void store_read(struct store *store, const char *topology, uint64_t generation,
                store_rows_callback *callback, void *context)
{
    submit(store, topology,
           &(struct request){
               .type = REQUEST_READ,
               .generation = {.generation = generation},
               .callback = {.read = callback},
               .context = context,
           });
}

void store_history(struct store *store, const char *topology, store_history_callback *callback,
                   void *context)
{
    submit(store, topology,
           &(struct request){
               .type = REQUEST_HISTORY,
               .callback = {.listed = callback},
               .context = context,
           });
}
