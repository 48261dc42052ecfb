/* What the parts of the mirror share. */
#pragma once

#include "engine/mirror.h"
#include "kernel/monitor.h"

#include <sys/queue.h>

/* What may be stale. */
enum mirror_doubt {
    DOUBT_NONE,
    DOUBT_REST, /* routes, rules and sysctls */
    DOUBT_ALL,
};

/* What the kernel told of a namespace that was being read. */
struct mirror_message {
    uint64_t heard;             /* mirror->heard with it */
    struct monitor_event event; /* whose message follows */
    STAILQ_ENTRY(mirror_message) next;
    _Alignas(struct nlmsghdr) char message[];
};

/* A namespace that is listened to. What is doubted is in the queue, or with a running transaction,
 * which gives it back to mirror_release(), or being read: until it is read it is doubted. Links and
 * addresses are followed by messages all the while. What comes while the namespace is not known for
 * sure is kept, for what is read meanwhile. */
struct mirror_entry {
    char *namespace;
    int32_t number; /* the daemon's own namespace knows it by */
    uint64_t cookie;
    uint64_t heard; /* mirror->heard with the last message from it */
    enum mirror_doubt doubt;
    unsigned awaited;             /* the round of waiting in which its end is; 0: none */
    bool queued, audited;         /* it is to be read; to see whether all is well */
    bool unborn;                  /* a running change has made it (mirror_follow()) */
    bool routes_changed;          /* others' ones may have, since they were read */
    const struct namespace *lent; /* what a running transaction has borrowed, or NULL */
    STAILQ_HEAD(mirror_messages, mirror_message) messages; /* that are kept */
    size_t message_count;
    uint64_t kept_since;            /* mirror->heard with the last message that is not */
    UT_hash_handle hh;              /* by name, in mirror->entries */
    UT_hash_handle hh_number;       /* by number, in mirror->by_number */
    TAILQ_ENTRY(mirror_entry) next; /* in mirror->queue */
};

struct mirror {
    struct engine *engine;
    struct monitor *monitor;
    struct event *messages, *pause_over, *mounts, *names;
    struct mirror_entry *entries, *by_number;
    TAILQ_HEAD(, mirror_entry) queue;
    size_t queued; /* entries in it */
    size_t round;  /* of them that were there when the present reading began */
    struct network *network;
    uint64_t heard;  /* messages */
    uint64_t wrong;  /* things that audits found to differ from the kernel */
    uint64_t losses; /* how often messages were lost */
    int64_t due;     /* when the queue is to be worked on, CLOCK_MONOTONIC in ms */
    int64_t pause;   /* ms from the first message to the reading of it, and of those after it */
    int64_t read_at; /* when messages were last read, CLOCK_MONOTONIC in ms */
    bool reading;
    unsigned await_round, await_count; /* of waiting for ends, and how many are awaited */
    bool tries_later;                  /* not all that was to be read could be */
    uint64_t heard_of_unknown; /* heard, with the last message from a number that no entry had */
};

struct mirror_entry *mirror_entry_find(const struct mirror *mirror, const char *namespace);
/* What the mirror has of the entry's namespace; NULL when nothing, or that of another of its name.
 */
struct namespace *mirror_entry_namespace(const struct mirror *mirror,
                                         const struct mirror_entry *entry);
void mirror_entry_doubt(struct mirror *mirror, struct mirror_entry *entry, enum mirror_doubt doubt);
/* The kernel ends ENTRY's namespace, or is not listened to any more. */
void mirror_entry_ends(struct mirror *mirror, struct mirror_entry *entry);
void mirror_entry_forget(struct mirror *mirror, struct mirror_entry *entry);

/* Tells what LINK did: TYPE is an event about a link. What is parked has gone already. */
void mirror_publish_link(const struct mirror *mirror, const struct link *link,
                         enum engine_event_type type);
/* Tells when LINK, which was FORMER, can carry traffic, or can no more. */
void mirror_publish_running(const struct mirror *mirror, const struct link *former,
                            const struct link *link);
/* Does a topology, or a running change, own the namespace of that name? Then it lives. */
bool mirror_is_owned(const struct engine *engine, const char *name);
/* mirror_take.c: takes over the namespace called NAME from READ, and marks what has changed. */
void mirror_take_read(struct mirror *mirror, struct network *read, const char *name);
/* mirror_hear.c: applies one message; a monitor_callback whose context is the mirror. */
void mirror_hear(void *context, const struct monitor_event *event);
/* Applies what came since NAMESPACE was read. False when not all of it is here any more. */
bool mirror_hear_kept(struct mirror *mirror, struct mirror_entry *entry,
                      struct namespace *namespace);
/* Messages are kept from now on: those that are here belong to the past. */
void mirror_keep(const struct mirror *mirror, struct mirror_entry *entry);
void mirror_forget_kept(struct mirror_entry *entry);
/* Fills lower_cookie of LINK in the daemon's own namespace. */
void mirror_find_lower(const struct mirror *mirror, struct link *link);
