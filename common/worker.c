#include "common/worker.h"

#include "common/clock.h"
#include "common/heap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

/* Jobs in order of arrival. */
struct queue {
    struct job *first;
    struct job **end;
};

struct completions {
    pthread_mutex_t lock;
    struct queue finished;
    int fd;
    LIST_HEAD(, worker) workers;
};

struct worker {
    char name[16];
    LIST_ENTRY(worker) entry;
    _Atomic int64_t since; /* when the present job began, CLOCK_MONOTONIC in ms; 0: there is none */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct queue queue, brief;
    bool let_pass; /* the last job was brief: it is the turn of the others */
    bool ending;
    struct completions *completions;
};

static void queue_append(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (!queue->first)
        queue->end = &queue->first;
    *queue->end = job;
    queue->end = &job->next;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;
    if (job)
        queue->first = job->next;
    return job;
}

struct completions *completions_new(struct error *error)
{
    struct completions *completions = calloc(1, sizeof(*completions));
    if (!completions) {
        error_memory(error);
        return NULL;
    }
    completions->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (completions->fd < 0) {
        error_set(error, ERROR_SYSTEM, errno, "no eventfd can be made: %s", strerror(errno));
        free(completions);
        return NULL;
    }
    pthread_mutex_init(&completions->lock, NULL);
    return completions;
}

void completions_free(struct completions *completions)
{
    if (!completions)
        return;
    close(completions->fd);
    pthread_mutex_destroy(&completions->lock);
    free(completions);
}

int completions_fd(const struct completions *completions)
{
    return completions->fd;
}

/* The counter is only ever 0 or more: its value does not matter, and a full one (EAGAIN) is as
 * good.
 */
static void completions_add(struct completions *completions, struct job *job)
{
    pthread_mutex_lock(&completions->lock);
    queue_append(&completions->finished, job);
    pthread_mutex_unlock(&completions->lock);
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(completions->fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

void completions_dispatch(struct completions *completions)
{
    uint64_t count;
    ssize_t got;
    do {
        got = read(completions->fd, &count, sizeof(count));
    } while (got < 0 && errno == EINTR);
    pthread_mutex_lock(&completions->lock);
    struct queue finished = completions->finished;
    completions->finished = (struct queue){0};
    pthread_mutex_unlock(&completions->lock);
    struct job *job;
    while ((job = queue_take(&finished)))
        job->done(job);
}

const char *completions_stalled(const struct completions *completions, int64_t milliseconds)
{
    const struct worker *worker;
    LIST_FOREACH (worker, &completions->workers, entry) {
        int64_t since = atomic_load(&worker->since);
        if (since && clock_monotonic() - since >= milliseconds)
            return worker->name;
    }
    return NULL;
}

/* With the lock held. NULL when nothing is queued. */
static struct job *worker_take(struct worker *worker)
{
    bool brief = worker->brief.first && !(worker->let_pass && worker->queue.first);
    worker->let_pass = brief;
    return queue_take(brief ? &worker->brief : &worker->queue);
}

static struct job *worker_wait(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->queue.first && !worker->brief.first && !worker->ending)
        pthread_cond_wait(&worker->changed, &worker->lock);
    struct job *job = worker_take(worker);
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct job *job;
    heap_grow();
    while ((job = worker_wait(worker))) {
        atomic_store(&worker->since, clock_monotonic());
        job->run(job);
        atomic_store(&worker->since, 0);
        completions_add(worker->completions, job);
    }
    return NULL;
}

struct worker *worker_new(const char *name, struct completions *completions, struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        error_memory(error);
        return NULL;
    }
    worker->completions = completions;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        error_set(error, ERROR_SYSTEM, failed, "no thread can be started: %s", strerror(failed));
        pthread_cond_destroy(&worker->changed);
        pthread_mutex_destroy(&worker->lock);
        free(worker);
        return NULL;
    }
    pthread_setname_np(worker->thread, name);
    snprintf(worker->name, sizeof(worker->name), "%s", name);
    LIST_INSERT_HEAD(&completions->workers, worker, entry);
    return worker;
}

void worker_submit(struct worker *worker, struct job *job)
{
    pthread_mutex_lock(&worker->lock);
    queue_append(job->brief ? &worker->brief : &worker->queue, job);
    pthread_mutex_unlock(&worker->lock);
    pthread_cond_signal(&worker->changed);
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->ending = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    LIST_REMOVE(worker, entry);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}
