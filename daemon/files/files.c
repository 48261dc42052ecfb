#include "files/files.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "common/log_id.h"
#include "files/read.h"

#include <inttypes.h>
#include <string.h>
#include <sys/queue.h>

/* Seconds after which what waits for something is tried again; each time twice as many. */
#define RETRY_MIN 1
#define RETRY_MAX 64

/* Who waits for a reading that is still to begin, or to end. */
struct waiter {
    files_callback *done;
    void *context;
    STAILQ_ENTRY(waiter) next;
};

STAILQ_HEAD(waiters, waiter);

struct files {
    struct job job;
    struct engine *engine;
    struct worker *reader;
    struct event *retry;
    char *directory;
    struct waiters waiting, served; /* for the next reading, and for this one */
    bool wanted;                    /* a next reading */
    bool busy, stopped;
    char *reading; /* the directory that is read */
    struct file_list list;
    struct file_list gone; /* files that are not there any more; without a topology when that is */
    size_t next; /* first of those, then of the list, then of those that could not be removed */
    enum { FILES_REMOVE, FILES_APPLY, FILES_REMOVE_AGAIN } phase;
    struct json_object *report, *last; /* of this reading, and of the one before */
    int delay;                         /* of the next retry */
    bool incomplete;                   /* something waits */
    const struct file *file;           /* what is being applied, or removed */
};

/* The report ------------------------------------------------------------------------------- */

static struct json_object *write_problem(const struct file *file, const char *pointer,
                                         const char *text)
{
    size_t line = 0, column = 0;
    auto_json struct json_object *object = json_object_new_object();
    bool found = file && file->text &&
                 json_locate_near(file->text->bytes, file->text->length, pointer, &line, &column);
    bool good = object && json_put_string(object, "pointer", pointer) &&
                (!found || (json_put_integer(object, "line", (int64_t)line) &&
                            json_put_integer(object, "column", (int64_t)column))) &&
                json_put_string(object, "message", text);
    return good ? TAKE(object) : NULL;
}

static void log_problem(const char *path, const char *topology, struct json_object *problem)
{
    struct json_object *line = json_object_object_get(problem, "line");
    const char *pointer = json_object_get_string(json_object_object_get(problem, "pointer"));
    const char *text = json_object_get_string(json_object_object_get(problem, "message"));
    const struct log_subject subject = {
        .id = LOG_ID_FILE_WRONG, .topology = topology, .pointer = *pointer ? pointer : NULL};
    if (line)
        log_about(LOG_ERR, &subject, "%s:%s:%s: %s", path, json_object_get_string(line),
                  json_object_get_string(json_object_object_get(problem, "column")), text);
    else
        log_about(LOG_ERR, &subject, "%s: %s", path, text);
}

/* Adds what came of a file; PROBLEMS are taken over. Without memory there is no report. */
static void report(struct files *files, const char *path, const char *topology, const char *state,
                   uint64_t generation, struct json_object *problems)
{
    auto_json struct json_object *owned = problems;
    auto_json struct json_object *object = json_object_new_object();
    for (size_t i = 0; owned && i < json_object_array_length(owned); i++)
        log_problem(path, topology, json_object_array_get_idx(owned, i));
    bool good = owned && object && json_put_string(object, "file", path) &&
                (!topology || json_put_string(object, "topology", topology)) &&
                json_put_string(object, "state", state) &&
                (!generation || json_put_integer(object, "generation", (int64_t)generation)) &&
                json_put(object, "problems", TAKE(owned));
    if (files->report && (!good || !json_append(files->report, TAKE(object)))) {
        json_object_put(files->report);
        files->report = NULL;
    }
}

static struct json_object *one_problem(const struct file *file, const char *pointer,
                                       const char *text)
{
    auto_json struct json_object *array = json_object_new_array();
    return json_append(array, write_problem(file, pointer, text)) ? TAKE(array) : NULL;
}

/* Without warnings. */
static struct json_object *all_problems(const struct file *file, const struct problems *problems)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (!problem->warning &&
            !json_append(array, write_problem(file, problem->pointer, problem->text)))
            return NULL;
    }
    return TAKE(array);
}

/* Changing --------------------------------------------------------------------------------- */

static void go_on(struct files *files);

static void report_failure(struct files *files, const struct change_result *result)
{
    bool document = result->problems && result->problems->errors;
    bool waits = result->error && result->error->code == ERROR_WAITING;
    const char *text = result->error ? result->error->text : "out of memory";
    files->incomplete |= waits;
    report(files, files->file->path, files->file->topology, waits ? "waiting" : "failed", 0,
           document ? all_problems(files->file, result->problems)
                    : one_problem(files->file, result->error ? result->error->pointer : "", text));
}

static void changed(void *context, const struct change_result *result)
{
    struct files *files = context;
    bool in_use = result->error && result->error->code == ERROR_IN_USE;
    if (result->outcome == CHANGE_COMMITTED)
        report(files, files->file->path, files->file->topology,
               files->file->text ? "applied" : "removed", result->generation,
               json_object_new_array());
    else if (result->outcome == CHANGE_UNCHANGED)
        report(files, files->file->path, files->file->topology, "unchanged", result->generation,
               json_object_new_array());
    else if (!in_use || files->phase != FILES_REMOVE) /* else it is tried again */
        report_failure(files, result);
    if (files->phase == FILES_REMOVE && !in_use) {
        free(files->gone.items[files->next - 1].topology);
        files->gone.items[files->next - 1].topology = NULL;
    }
    go_on(files);
}

static void change(struct files *files, const struct file *file)
{
    files->file = file;
    const struct change_request request = {
        .type = file->text ? CHANGE_APPLY : CHANGE_REMOVE,
        .topology = file->topology,
        .text = file->text,
        .file = file->path,
    };
    engine_change(files->engine, &request, changed, files);
}

/* True when a change was begun. */
static bool apply_next(struct files *files)
{
    while (files->next < files->list.count) {
        const struct file *file = &files->list.items[files->next++];
        if (file->text) {
            change(files, file);
            return true;
        }
        report(files, file->path, file->topology, "failed", 0,
               file->problems.errors ? all_problems(file, &file->problems)
                                     : one_problem(file, "", file->error.text));
    }
    return false;
}

static bool remove_next(struct files *files)
{
    while (files->next < files->gone.count) {
        const struct file *file = &files->gone.items[files->next++];
        if (file->topology) {
            change(files, file);
            return true;
        }
    }
    return false;
}

static void finish(struct files *files);

static void go_on(struct files *files)
{
    while (!files->stopped) {
        bool begun = files->phase == FILES_APPLY ? apply_next(files) : remove_next(files);
        if (begun)
            return;
        files->next = 0;
        if (files->phase == FILES_REMOVE_AGAIN)
            break;
        files->phase++;
    }
    finish(files);
}

/* Reading ---------------------------------------------------------------------------------- */

static bool has_file(const struct files *files, const char *topology)
{
    for (size_t i = 0; i < files->list.count; i++) {
        if (strcmp(files->list.items[i].topology, topology) == 0)
            return true;
    }
    return false;
}

static bool add_gone(void *context, const struct topology_summary *topology)
{
    struct files *files = context;
    if (topology->file && !has_file(files, topology->name) &&
        !file_list_add(&files->gone, topology->file, topology->name))
        error_memory(&files->gone.error);
    return !files->gone.error.code;
}

/* Without memory, nothing is gone. */
static void find_gone(struct files *files)
{
    engine_each_topology(files->engine, add_gone, files);
    if (files->gone.error.code)
        file_list_clear(&files->gone);
}

/* When the directory cannot be read, nothing is known of what should be. */
static void report_directory(struct files *files)
{
    bool used = files->gone.count || !files->list.missing;
    if (used)
        report(files, files->reading, NULL, "failed", 0,
               one_problem(NULL, "", files->list.error.text));
    file_list_clear(&files->gone);
}

static void was_read(struct job *job)
{
    struct files *files = (struct files *)job;
    files->report = json_object_new_array();
    files->next = 0;
    files->phase = FILES_REMOVE;
    if (files->stopped) {
        finish(files);
        return;
    }
    find_gone(files);
    if (files->list.error.code)
        report_directory(files);
    go_on(files);
}

static void read_all(struct job *job)
{
    struct files *files = (struct files *)job;
    file_list_read(&files->list, files->reading);
}

static void begin(struct files *files)
{
    STAILQ_CONCAT(&files->served, &files->waiting);
    files->wanted = false;
    files->busy = true;
    files->incomplete = false;
    event_del(files->retry);
    free(files->reading);
    files->reading = files->directory ? strdup(files->directory) : NULL;
    files->job = (struct job){.run = read_all, .done = was_read};
    if (files->reading)
        worker_submit(files->reader, &files->job);
    else
        finish(files);
}

static void set_retry(struct files *files)
{
    files->delay = !files->incomplete || !files->delay ? RETRY_MIN : 2 * files->delay;
    if (files->delay > RETRY_MAX)
        files->delay = RETRY_MAX;
    const struct timeval delay = {.tv_sec = files->delay};
    if (files->incomplete && !files->stopped)
        event_add(files->retry, &delay);
}

static void finish(struct files *files)
{
    struct waiter *waiter;
    file_list_clear(&files->list);
    file_list_clear(&files->gone);
    json_object_put(files->last);
    files->last = TAKE(files->report);
    files->busy = false;
    set_retry(files);
    while ((waiter = STAILQ_FIRST(&files->served))) {
        STAILQ_REMOVE_HEAD(&files->served, next);
        waiter->done(waiter->context, files->last);
        free(waiter);
    }
    if (files->wanted && !files->busy && !files->stopped)
        begin(files);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    files_load(context, NULL, NULL);
}

/* From outside ----------------------------------------------------------------------------- */

struct files *files_new(struct event_base *base, struct engine *engine, struct worker *reader,
                        struct error *error)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files || !(files->retry = evtimer_new(base, on_retry, files))) {
        free(files);
        error_memory(error);
        return NULL;
    }
    files->engine = engine;
    files->reader = reader;
    STAILQ_INIT(&files->waiting);
    STAILQ_INIT(&files->served);
    return files;
}

void files_free(struct files *files)
{
    struct waiter *waiter;
    if (!files)
        return;
    STAILQ_CONCAT(&files->served, &files->waiting);
    while ((waiter = STAILQ_FIRST(&files->served))) {
        STAILQ_REMOVE_HEAD(&files->served, next);
        free(waiter);
    }
    event_free(files->retry);
    file_list_clear(&files->list);
    file_list_clear(&files->gone);
    json_object_put(files->report);
    json_object_put(files->last);
    free(files->directory);
    free(files->reading);
    free(files);
}

bool files_set_directory(struct files *files, const char *directory)
{
    char *copy = strdup(directory);
    if (!copy)
        return false;
    free(files->directory);
    files->directory = copy;
    return true;
}

void files_load(struct files *files, files_callback *done, void *context)
{
    struct waiter *waiter = done ? malloc(sizeof(*waiter)) : NULL;
    if (waiter) {
        *waiter = (struct waiter){.done = done, .context = context};
        STAILQ_INSERT_TAIL(&files->waiting, waiter, next);
    } else if (done) {
        done(context, NULL);
        return;
    }
    files->wanted = true;
    if (!files->busy && !files->stopped)
        begin(files);
}

void files_stop(struct files *files)
{
    files->stopped = true;
    event_del(files->retry);
}

struct json_object *files_report(const struct files *files)
{
    return files->last;
}
