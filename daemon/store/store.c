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
#include <sys/queue.h>
#include <sys/stat.h>

struct request;
STAILQ_HEAD(requests, request);

/* Requests that are written together. */
struct batch {
    struct job job;
    struct store *store; /* NULL: it is closed */
    struct database *database;
    struct requests requests;
};

struct store {
    struct batch *batches[2]; /* that are being written, the second while it closes; NULL: none */
    struct requests waiting;
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

static bool is_write(enum request_type type)
{
    return type != REQUEST_READ && type != REQUEST_HISTORY;
}

/* What was acknowledged outlives a crash of the machine; what was intended has gone with it. */
static bool is_acknowledged(enum request_type type)
{
    return is_write(type) && type != REQUEST_INTEND && type != REQUEST_ABANDON;
}

/* What is asked of the store's thread, and what it answers. */
struct request {
    STAILQ_ENTRY(request) next;
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

static void request_run(struct database *database, struct request *request)
{
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

/* None of the writes is in the database. */
static void fail_writes(struct batch *batch, const struct error *error)
{
    const struct error reason = *error; /* which may be of one of them */
    struct request *request;
    STAILQ_FOREACH (request, &batch->requests, next) {
        if (is_write(request->type) && !request->error.code)
            request->error = reason;
    }
}

/* After a failure that ended the transaction, no other write is tried. */
static void run_requests(struct batch *batch)
{
    struct request *request;
    STAILQ_FOREACH (request, &batch->requests, next) {
        if (request->error.code)
            continue;
        request_run(batch->database, request);
        if (is_write(request->type) && database_broken(batch->database))
            fail_writes(batch, &request->error);
    }
}

/* To free the rows of a large write takes long: that is not left to the event loop's thread. */
static void free_written(struct batch *batch)
{
    struct request *request;
    STAILQ_FOREACH (request, &batch->requests, next) {
        if (is_write(request->type))
            store_rows_clear(&request->rows);
    }
}

/* What came while the batch before was written is written together: the disk is waited for once. A
 * batch of nothing tidies up. */
static void batch_run(struct job *job)
{
    struct batch *batch = (struct batch *)job;
    if (STAILQ_EMPTY(&batch->requests))
        database_shorten_log(batch->database);
    bool writes = false, fully = false;
    struct error error = {0};
    const struct request *request;
    STAILQ_FOREACH (request, &batch->requests, next) {
        writes |= is_write(request->type);
        fully |= is_acknowledged(request->type);
    }
    if (writes && !database_begin(batch->database, fully, &error))
        fail_writes(batch, &error);
    run_requests(batch);
    if (writes && !database_broken(batch->database) && !database_end(batch->database, &error))
        fail_writes(batch, &error);
    free_written(batch);
}

static void begin_batch(struct store *store, size_t place);

static void batch_done(struct job *job)
{
    struct batch *batch = (struct batch *)job;
    struct store *store = batch->store;
    struct request *request;
    if (store) {
        store->batches[0] = NULL;
        if (!STAILQ_EMPTY(&store->waiting) || database_has_long_log(store->database))
            begin_batch(store, 0);
    }
    while ((request = STAILQ_FIRST(&batch->requests))) {
        STAILQ_REMOVE_HEAD(&batch->requests, next);
        request_answer(request);
        request_clear(request);
        free(request);
    }
    free(batch);
}

/* When memory is short, all that waits fails. */
static void refuse_waiting(struct store *store)
{
    struct requests refused = STAILQ_HEAD_INITIALIZER(refused);
    struct request *request;
    STAILQ_CONCAT(&refused, &store->waiting);
    while ((request = STAILQ_FIRST(&refused))) {
        STAILQ_REMOVE_HEAD(&refused, next);
        error_memory(&request->error);
        request_answer(request);
        request_clear(request);
        free(request);
    }
}

static void begin_batch(struct store *store, size_t place)
{
    struct batch *batch = malloc(sizeof(*batch));
    if (!batch) {
        refuse_waiting(store);
        return;
    }
    *batch = (struct batch){
        .job = {.run = batch_run, .done = batch_done}, .store = store, .database = store->database};
    STAILQ_INIT(&batch->requests);
    STAILQ_CONCAT(&batch->requests, &store->waiting);
    store->batches[place] = batch;
    worker_submit(store->worker, &batch->job);
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
    STAILQ_INIT(&store->waiting);
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
    if (!STAILQ_EMPTY(&store->waiting))
        begin_batch(store, 1);
    worker_free(store->worker);
    for (size_t i = 0; i < 2; i++) {
        if (store->batches[i])
            store->batches[i]->store = NULL;
    }
    if (store->database)
        database_close(store->database);
    close_descriptor(&store->lock);
    free(store);
}

/* Takes the rows of ASKED over, and copies the strings. */
static void submit(struct store *store, const char *topology, struct request *asked)
{
    const char *cause = asked->generation.cause;
    struct request *request = malloc(sizeof(*request));
    asked->topology = strdup(topology);
    asked->generation.cause = cause ? strdup(cause) : NULL;
    if (request && asked->topology && (!cause || asked->generation.cause)) {
        *request = *asked;
        STAILQ_INSERT_TAIL(&store->waiting, request, next);
        if (!store->batches[0])
            begin_batch(store, 0);
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
