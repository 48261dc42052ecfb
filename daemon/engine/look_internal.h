/* What the parts of looking share. */
#pragma once

#include "engine/look.h"

#include <sys/queue.h>

struct look_entry {
    char *name;
    char *path;
    bool open;  /* look at it whoever made it */
    bool adopt; /* ours, if it proves to be */
    uint64_t cookie;
    const struct namespace *asked[2]; /* what documents say of it */
    size_t after;  /* this step of a plan is its last one; SIZE_MAX: that is not known */
    size_t from;   /* it can be read when this one is done */
    bool followed; /* and it is, so that the mirror follows it until it is complete */
    bool borrowed; /* from the mirror: it need not be read */
    bool seen;     /* by an earlier look: no more does it */
    bool lowers;   /* what its links stand on is known */
    TAILQ_ENTRY(look_entry) next; /* in the order in which they are read */
    UT_hash_handle hh;
};

struct look {
    struct job job;
    struct engine *engine;
    struct netns_table *table;
    struct network *actual;
    look_callback *callback;
    void *context;
    struct look_entry *entries;
    TAILQ_HEAD(look_queue, look_entry) held, ready, todo; /* for later; for the job; the job's */
    struct look_queue followed;                           /* that are read */
    bool arranged;                                        /* held is filled */
    bool running;                                         /* the job is */
    bool complete;                                        /* nothing is held any more */
    bool abandoned; /* what is not read is not wanted any more */
    bool alone;     /* the engine starts: nobody else waits for a turn on the thread */
    bool all;       /* and the job has all that is left */
    uint64_t heard; /* mirror_drain(), before what is todo was */
    enum { LOOK_READING, LOOK_LOWERS_FEW, LOOK_LOWERS_MANY } phase;
    struct look_entry *next; /* whose lower links are to be found in this phase */
    bool failed, done;
    struct error error;
};

struct look_entry *look_entry_find(const struct look *look, const char *name);
/* Is what is asked of ENTRY what the mirror, or another look, knows of a namespace? */
bool look_can_borrow(const struct look_entry *entry);

/* Reads what ENTRY asks for. False when it fails: look->error says why. */
bool look_read_entry(struct look *look, const struct look_entry *entry);

/* look_share.c: much that is still to be opened, such as all at the start, is read by two threads.
 * When that fails, look->failed is set. */
void look_share(struct look *look);

/* look_lower.c: finds out, for the links of ENTRY that documents speak of, which namespaces those
 * that they stand on are in; in the phase for namespaces that have as many as it has. False when it
 * fails: look->error says why. */
bool look_find_lowers(struct look *look, struct look_entry *entry);
