/* The plan: what to do to the kernel so that it looks as desired. A pure function. */
#pragma once

#include "common/cleanup.h"
#include "common/error.h"
#include "model/changes.h"
#include "model/network.h"

enum operation_type {
    OPERATION_NAMESPACE_MAKE,
    OPERATION_NAMESPACE_PARK,   /* take its name away and hold it */
    OPERATION_NAMESPACE_UNPARK, /* give it its name again */
    OPERATION_LINK_CREATE,      /* veth: both ends */
    OPERATION_LINK_SET,         /* change what differs between from and link */
    OPERATION_LINK_FINISH,      /* give a new link its late attributes */
    OPERATION_LINK_PARK,        /* down, out of its master, renamed, into the parking group */
    OPERATION_LINK_DELETE,
    OPERATION_ADDRESS_ADD,
    OPERATION_ADDRESS_REMOVE,
    OPERATION_ROUTE_ADD,
    OPERATION_ROUTE_CHANGE, /* replace in place */
    OPERATION_ROUTE_REMOVE,
    OPERATION_RULE_ADD,
    OPERATION_RULE_REMOVE,
    OPERATION_SYSCTL_SET,
};

/* One step. Objects are borrowed from the networks that the plan was built from; those of
 * removals belong to the actual one. */
struct operation {
    enum operation_type type;
    struct namespace *namespace; /* where it happens */
    struct link *link;           /* CREATE, SET, FINISH, ADDRESS_*: desired; PARK, DELETE: actual */
    const struct link *from;     /* LINK_SET: the actual link; NULL: just made, as LINK_CREATE
                                  * leaves it */
    union {
        struct address *address;
        struct route *route;
        struct rule *rule;
        struct sysctl *sysctl;
    };
    const char *value; /* SYSCTL_SET: what to write. What was there before is kept in the sysctl's
                        * "earlier", unless something is there already */
};

struct plan {
    struct operation *operations;
    size_t count, capacity;
    struct changes *changes; /* owned */
};

struct plan_input {
    struct network *desired;  /* complete; its links' ifindexes are filled in */
    struct network *previous; /* what netnsd answers for now; may be NULL */
    struct network *actual;
    /* Desired is what a network was before, taken from the kernel: links are matched by ifindex,
     * namespaces by cookie, and what is not ours is put back too. */
    bool restore;
    /* Also remove what earlier transactions parked and a crash kept them from destroying. */
    bool sweep;
};

/* Builds the plan. Objects that are in PREVIOUS and not in DESIRED are removed when their marks say
 * that they are ours; all else that is not in DESIRED is left alone. Foreign things in the way, and
 * external things that are not there, are noted in ERROR with their pointer (ERROR_EXISTS,
 * ERROR_WAITING). NULL on failure. */
struct plan *plan_build(const struct plan_input *input, struct error *error);

/* Takes out the operations that are not WANTED; the changes stay as they are. */
void plan_select(struct plan *plan,
                 bool (*wanted)(void *context, const struct operation *operation), void *context);

void plan_free(struct plan *plan);
void plan_freep(struct plan **plan);
#define auto_plan AUTO(plan_freep)

/* JSON pointer of the object that OPERATION is about. Returns BUFFER. */
char *operation_pointer(const struct operation *operation, char *buffer, size_t size);

/* The name that a link called NAME is parked under: same input, same name. */
void park_name(const char *name, char parked[IFNAMSIZ]);

/* IFLA_GROUP of parked links: each transaction has a group of its own in this range, so that it can
 * destroy what it parked with one message. */
#define PARK_GROUP_FIRST 0x4e500000u
#define PARK_GROUP_LAST 0x4e5fffffu
bool park_group_is(uint32_t group);
