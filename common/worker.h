/* A thread that runs jobs, brief ones and others by turns and each in order, and the way their
 * completions come back to the event loop. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/* One piece of work. Embed it in a larger struct. run() is called on the worker's thread, done() on
 * the thread that calls completions_dispatch(), after run() has returned. Whoever submitted the job
 * keeps the memory alive until done() is called; done() may free it. */
struct job {
    void (*run)(struct job *job);
    void (*done)(struct job *job);
    bool brief;       /* others, which take longer, let it pass, every other time */
    struct job *next; /* private to the queue that holds the job */
};

struct completions;
struct worker;

/* A queue of finished jobs. */
struct completions *completions_new(struct error *error);
void completions_free(struct completions *completions);

/* Readable (poll) when completions_dispatch() has work. Owned by COMPLETIONS. */
int completions_fd(const struct completions *completions);

/* Calls done() of every job that has finished, in the order in which they finished. */
void completions_dispatch(struct completions *completions);

/* The name of a worker that has been at one job for MILLISECONDS or longer; NULL: there is none. */
const char *completions_stalled(const struct completions *completions, int64_t milliseconds);

/* Starts a thread named NAME (at most 15 characters) whose finished jobs go to COMPLETIONS, which
 * are not freed before it. All signals are blocked in it. */
struct worker *worker_new(const char *name, struct completions *completions, struct error *error);

/* Appends JOB to those that are queued, brief ones or others. Cannot fail. */
void worker_submit(struct worker *worker, struct job *job);

/* Runs what is queued, then ends the thread and frees WORKER. Completions are still to be
 * dispatched by the caller. */
void worker_free(struct worker *worker);
