#include "files/files.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "engine/events.h"
#include "files/read.h"
#include "files/report.h"

#include <string.h>
#include <sys/queue.h>
#include <syslog.h>

/* Seconds after which what waits for something is tried again; each time twice as many. */
#define RETRY_MIN 1
#define RETRY_MAX 64
/* The same, in microseconds, after something has come that it may have waited for. */
#define RETRY_SOON 100000

/* Who waits for a reading that is still to begin, or to end. */
struct waiter {
    files_callback *done;
    void *context;
    STAILQ_ENTRY(waiter) next;
};

STAILQ_HEAD(waiters, waiter);

struct files {
    struct job job; /* reads the files, or finds the lines of what is wrong in one */
    struct engine *engine;
    struct worker *reader;
    struct event *retry;
    struct events_listener listener;
    files_callback *told;
    void *context;
    char *directory;
    struct waiters waiting, served; /* for the next reading, and for this one */
    bool wanted;                    /* a next reading */
    bool busy, stopped;
    char *reading;         /* the directory that is read */
    struct file_list list; /* the texts of what waits stay until it is tried again */
    struct file_list gone; /* files that are not there any more */
    size_t next; /* first of those, then of the list, then of those that could not be removed */
    enum { FILES_REMOVE, FILES_APPLY, FILES_REMOVE_AGAIN, FILES_REMOVE_LAST, FILES_RETRY } phase;
    struct json_object *report, *last; /* of this reading, and of the one before */
    int delay;                         /* of the next retry */
    bool incomplete;                   /* something waits */
    bool hurried;                      /* it is tried again soon */
    bool removed;                      /* something, in this round of removals */
    struct file *file;                 /* what is being applied, or removed */
    struct json_object *problems;      /* of that */
};

static void go_on(struct files *files);

/* Changing --------------------------------------------------------------------------------- */

/* Problems are taken over. Without memory there is no report. */
static void report(struct files *files, struct file *file, const char *state, uint64_t generation,
                   struct json_object *problems)
{
    if (report_put(files->report, file, state, generation, problems))
        return;
    log_error("out of memory: what came of files cannot be told");
    json_object_put(files->report);
    files->report = NULL;
}

/* That a file still waits is known. */
static void problems_found(struct job *job)
{
    struct files *files = (struct files *)job;
    struct file *file = files->file;
    if (!file->again || files->phase != FILES_RETRY)
        report_log(file, file->again ? LOG_WARNING : LOG_ERR, files->problems);
    files->incomplete |= file->again;
    report(files, file, file->again ? "waiting" : "failed", 0, TAKE(files->problems));
    go_on(files);
}

static void find_problems(struct job *job)
{
    struct files *files = (struct files *)job;
    files->problems = report_problems(files->file);
}

/* The file's problems say why. */
static void failed(struct files *files)
{
    files->job = (struct job){.run = find_problems, .done = problems_found};
    worker_submit(files->reader, &files->job);
}

static void change_failed(struct files *files, const struct change_result *result)
{
    struct file *file = files->file;
    struct error memory = {0};
    file->again = result->error && result->error->code == ERROR_WAITING;
    if (result->problems && result->problems->errors)
        file_note_problems(file, result->problems);
    else if (result->error || !error_memory(&memory))
        file_note_error(file, result->error ? result->error : &memory);
    failed(files);
}

static void changed(void *context, const struct change_result *result)
{
    struct files *files = context;
    struct file *file = files->file;
    const char *done = file->text ? "applied" : "removed";
    bool removing = files->phase == FILES_REMOVE || files->phase == FILES_REMOVE_AGAIN;
    if (result->outcome <= CHANGE_UNCHANGED) {
        report(files, file, result->outcome == CHANGE_UNCHANGED ? "unchanged" : done,
               result->generation, json_object_new_array());
        files->removed |= removing;
    } else if (removing && result->error && result->error->code == ERROR_IN_USE) {
        file->again = true;
    } else {
        change_failed(files, result);
        return;
    }
    go_on(files);
}

static void change(struct files *files, const struct file *file)
{
    const struct change_request request = {
        .type = file->text ? CHANGE_APPLY : CHANGE_REMOVE,
        .topology = file->topology,
        .text = file->text,
        .file = file->path,
    };
    engine_change(files->engine, &request, changed, files);
}

/* True when something was begun. */
static bool begin_next(struct files *files)
{
    bool removing = files->phase != FILES_APPLY && files->phase != FILES_RETRY;
    const struct file_list *list = removing ? &files->gone : &files->list;
    while (files->next < list->count) {
        struct file *file = &list->items[files->next++];
        if (files->phase != FILES_APPLY && !file->again)
            continue;
        file->again = false;
        files->file = file;
        if (file->text || removing)
            change(files, file);
        else
            failed(files);
        return true;
    }
    return false;
}

static void finish(struct files *files);

static void go_on(struct files *files)
{
    while (!files->stopped) {
        if (begin_next(files))
            return;
        files->next = 0;
        /* What was used by something that has gone can go now. */
        bool again = files->removed;
        files->removed = false;
        if (again)
            continue;
        if (files->phase >= FILES_REMOVE_LAST)
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
    for (size_t i = 0; i < files->gone.count; i++)
        files->gone.items[i].again = true;
}

/* When the directory cannot be read, nothing is known of what should be. */
static void report_directory(struct files *files)
{
    struct file directory = {.path = files->reading};
    if (files->gone.count || !files->list.missing) {
        file_note_error(&directory, &files->list.error);
        struct json_object *problems = report_problems(&directory);
        report_log(&directory, LOG_ERR, problems);
        report(files, &directory, "failed", 0, problems);
        problems_clear(&directory.problems);
    }
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
    files->delay = 0;
    event_del(files->retry);
    file_list_clear(&files->list);
    free(files->reading);
    files->reading = files->directory ? strdup(files->directory) : NULL;
    files->job = (struct job){.run = read_all, .done = was_read};
    if (files->reading)
        worker_submit(files->reader, &files->job);
    else
        finish(files);
}

/* Keeps the text of what waits, and of nothing else. */
static void forget(struct files *files)
{
    file_list_clear(&files->gone);
    for (size_t i = 0; i < files->list.count; i++) {
        struct file *file = &files->list.items[i];
        problems_clear(&file->problems);
        if (!file->again) {
            json_text_put(file->text);
            file->text = NULL;
        }
    }
}

static void set_retry(struct files *files)
{
    files->hurried = false;
    files->delay = files->delay ? 2 * files->delay : RETRY_MIN;
    if (files->delay > RETRY_MAX)
        files->delay = RETRY_MAX;
    const struct timeval delay = {.tv_sec = files->delay};
    if (files->incomplete && !files->stopped)
        event_add(files->retry, &delay);
}

static void hear(void *context, const struct engine_event *event)
{
    static const struct timeval soon = {.tv_usec = RETRY_SOON};
    struct files *files = context;
    bool came = event->type == EVENT_LINK_ADDED || event->type == EVENT_NAMESPACE_ADDED;
    if (!came || files->hurried || !event_pending(files->retry, EV_TIMEOUT, NULL))
        return;
    files->hurried = true;
    event_add(files->retry, &soon);
}

static void answer(struct waiters *waiters, struct json_object *report)
{
    struct waiter *waiter;
    while ((waiter = STAILQ_FIRST(waiters))) {
        STAILQ_REMOVE_HEAD(waiters, next);
        waiter->done(waiter->context, report);
        free(waiter);
    }
}

static void finish(struct files *files)
{
    forget(files);
    json_object_put(files->last);
    files->last = TAKE(files->report);
    files->busy = false;
    set_retry(files);
    files->told(files->context, files->last);
    /* Who is answered may ask again at once. */
    struct waiters served = STAILQ_HEAD_INITIALIZER(served);
    STAILQ_CONCAT(&served, &files->served);
    auto_json struct json_object *report = json_object_get(files->last);
    answer(&served, report);
    if (files->wanted && !files->busy && !files->stopped)
        begin(files);
}

/* Only what waits is tried again, as it was read: whoever edits files has not said yet that they
 * are to be applied. */
static void on_retry(evutil_socket_t fd, short what, void *context)
{
    struct files *files = context;
    (void)fd;
    (void)what;
    files->busy = true;
    files->incomplete = false;
    files->phase = FILES_RETRY;
    files->next = 0;
    files->report = json_object_get(files->last);
    go_on(files);
}

/* From outside ----------------------------------------------------------------------------- */

struct files *files_new(struct event_base *base, struct engine *engine, struct worker *reader,
                        files_callback *told, void *context, struct error *error)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files || !(files->retry = evtimer_new(base, on_retry, files))) {
        free(files);
        error_memory(error);
        return NULL;
    }
    files->engine = engine;
    files->reader = reader;
    files->told = told;
    files->context = context;
    STAILQ_INIT(&files->waiting);
    STAILQ_INIT(&files->served);
    files->listener = (struct events_listener){.hear = hear, .context = files};
    events_listen(engine, &files->listener);
    return files;
}

void files_free(struct files *files)
{
    if (!files)
        return;
    event_free(files->retry);
    file_list_clear(&files->list);
    file_list_clear(&files->gone);
    json_object_put(files->report);
    json_object_put(files->last);
    json_object_put(files->problems);
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
    if (waiter && !files->stopped) {
        *waiter = (struct waiter){.done = done, .context = context};
        STAILQ_INSERT_TAIL(&files->waiting, waiter, next);
    } else if (done) {
        free(waiter);
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
    answer(&files->waiting, NULL);
}

struct json_object *files_report(const struct files *files)
{
    return files->last;
}
