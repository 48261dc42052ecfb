#include "engine/runner.h"

#include "kernel/execute.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Operations that a worker does for one transaction in one go, and how many such slices are queued:
 * a brief job waits for one at most, others for all. */
#define SLICE_MAX 64
#define SLICES 2
/* So few take about a millisecond. */
#define BRIEF_MAX 32

/* A part of the plan. Each thread has its job of it. */
struct slice {
    struct job make, configure, name;
    struct runner *runner;
    size_t first, count;
    unsigned pending; /* jobs that are not done */
};

/* The slice that has a job at OFFSET. */
static struct slice *slice_of(struct job *job, size_t offset)
{
    return (struct slice *)((char *)job - offset);
}

struct runner {
    struct engine *engine;
    const struct plan *plan;
    struct make_ahead *ahead;
    struct execution execution;
    runner_progress *progress;
    runner_callback *callback;
    void *context;
    size_t next; /* operation that no slice has yet */
    bool makes;  /* namespaces, which is another thread's to do */
    struct slice slices[SLICES];
    struct introduction introduction; /* the maker's */
    atomic_bool failed;
    struct error error; /* the first; written by whoever sets failed */
};

static void fail(struct runner *runner, const struct operation *operation,
                 const struct error *error)
{
    if (atomic_exchange(&runner->failed, true))
        return;
    runner->error = *error;
    if (!runner->error.pointer[0])
        operation_pointer(operation, runner->error.pointer, sizeof(runner->error.pointer));
}

/* The namespace that the operation makes; NULL: none. */
static struct netns *made_by(const struct runner *runner, const struct operation *operation)
{
    bool makes = operation->type == OPERATION_NAMESPACE_MAKE;
    return makes ? netns_table_find(runner->execution.namespaces, operation->namespace->name)
                 : NULL;
}

static bool obtain(const struct runner *runner, struct netns *netns, struct error *error)
{
    return make_ahead_take(runner->ahead, netns, error) &&
           (netns->fd >= 0 || netns_make(netns, error));
}

/* The configurer waits for namespaces that this thread owes it: after a failure it is told that
 * they will not come. */
static void make_run(struct job *job)
{
    const struct slice *slice = slice_of(job, offsetof(struct slice, make));
    struct runner *runner = slice->runner;
    for (size_t i = slice->first; i < slice->first + slice->count; i++) {
        const struct operation *operation = &runner->plan->operations[i];
        struct netns *netns = made_by(runner, operation);
        struct error error = {0};
        if (!netns)
            continue;
        bool wanted = !atomic_load(&runner->failed);
        bool good = wanted && obtain(runner, netns, &error);
        if (wanted && !good)
            fail(runner, operation, &error);
        if (good)
            netns_present(netns, &runner->introduction);
        else
            netns_abandon(netns);
    }
}

/* Nobody sees a namespace that is not complete. */
static void name_made(const struct slice *slice)
{
    struct runner *runner = slice->runner;
    size_t end = slice->first + slice->count;
    for (size_t i = slice->first; i < end && !atomic_load(&runner->failed); i++) {
        const struct operation *operation = &runner->plan->operations[i];
        const struct netns *netns = made_by(runner, operation);
        struct error error = {0};
        if (netns && !netns_name(netns, &error))
            fail(runner, operation, &error);
    }
}

static void name_run(struct job *job)
{
    name_made(slice_of(job, offsetof(struct slice, name)));
}

static bool is_whole_plan(const struct slice *slice)
{
    return slice->count == slice->runner->plan->count;
}

/* Where nothing else is to be done meanwhile, to have another thread go on would only take time. */
static bool is_named_apart(const struct slice *slice)
{
    return slice->runner->makes && !is_whole_plan(slice);
}

static void configure_run(struct job *job)
{
    const struct slice *slice = slice_of(job, offsetof(struct slice, configure));
    struct runner *runner = slice->runner;
    const struct operation *operations = runner->plan->operations;
    size_t end = slice->first + slice->count;
    for (size_t i = slice->first; i < end && !atomic_load(&runner->failed); i += EXECUTE_MAX) {
        size_t count = end - i < EXECUTE_MAX ? end - i : EXECUTE_MAX;
        struct error error = {0};
        size_t failed = 0;
        if (!execute_operations(&runner->execution, &operations[i], count, &failed, &error))
            fail(runner, &operations[i + failed], &error);
    }
    if (!is_named_apart(slice))
        name_made(slice);
    if (end == runner->plan->count || atomic_load(&runner->failed))
        execute_end(&runner->execution);
}

static void begin_slice(struct runner *runner, struct slice *slice)
{
    slice->first = runner->next;
    slice->count = runner->plan->count - runner->next;
    if (slice->count > SLICE_MAX)
        slice->count = SLICE_MAX;
    runner->next += slice->count;
    slice->pending = 1U + runner->makes + is_named_apart(slice);
    if (runner->makes)
        worker_submit(runner->engine->maker, &slice->make);
}

static bool runner_busy(const struct runner *runner)
{
    for (size_t i = 0; i < SLICES; i++) {
        if (runner->slices[i].pending)
            return true;
    }
    return false;
}

static void slice_done(struct slice *slice)
{
    struct runner *runner = slice->runner;
    if (--slice->pending)
        return;
    /* Slices are done in order: the configurer does one after the other. */
    if (runner->progress && !is_whole_plan(slice) && !atomic_load(&runner->failed))
        runner->progress(runner->context, slice->first + slice->count);
    if (runner->next < runner->plan->count && !atomic_load(&runner->failed)) {
        begin_slice(runner, slice);
        worker_submit(runner->engine->configurer, &slice->configure);
        return;
    }
    if (runner_busy(runner))
        return;
    netns_introduce_end(&runner->introduction);
    runner->callback(runner->context, atomic_load(&runner->failed) ? &runner->error : NULL);
    free(runner);
}

static void make_done(struct job *job)
{
    slice_done(slice_of(job, offsetof(struct slice, make)));
}

static void configure_done(struct job *job)
{
    struct slice *slice = slice_of(job, offsetof(struct slice, configure));
    if (is_named_apart(slice))
        worker_submit(slice->runner->engine->reader, &slice->name);
    slice_done(slice);
}

static void name_done(struct job *job)
{
    slice_done(slice_of(job, offsetof(struct slice, name)));
}

static bool makes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->operations[i].type == OPERATION_NAMESPACE_MAKE)
            return true;
    }
    return false;
}

struct runner *runner_start(struct engine *engine, const struct plan *plan,
                            const struct netns_table *namespaces, struct make_ahead *ahead,
                            uint32_t park_group, runner_progress *progress,
                            runner_callback *callback, void *context)
{
    struct runner *runner = calloc(1, sizeof(*runner));
    if (!runner)
        return NULL;
    runner->engine = engine;
    runner->plan = plan;
    runner->ahead = ahead;
    make_ahead_stop(ahead);
    runner->execution = (struct execution){.namespaces = namespaces, .park_group = park_group};
    runner->progress = progress;
    runner->callback = callback;
    runner->context = context;
    runner->makes = makes(plan);
    bool brief = plan->count <= BRIEF_MAX;
    for (size_t i = 0; i < SLICES; i++) {
        struct slice *slice = &runner->slices[i];
        slice->make = (struct job){.run = make_run, .done = make_done, .brief = brief};
        slice->configure =
            (struct job){.run = configure_run, .done = configure_done, .brief = brief};
        slice->name = (struct job){.run = name_run, .done = name_done, .brief = brief};
        slice->runner = runner;
    }
    for (size_t i = 0; i < SLICES && (runner->next < plan->count || i == 0); i++)
        begin_slice(runner, &runner->slices[i]);
    return runner;
}

void runner_go_on(struct runner *runner, const struct error *error)
{
    if (error && !atomic_exchange(&runner->failed, true))
        runner->error = *error;
    for (size_t i = 0; i < SLICES; i++) {
        if (runner->slices[i].pending)
            worker_submit(runner->engine->configurer, &runner->slices[i].configure);
    }
}
