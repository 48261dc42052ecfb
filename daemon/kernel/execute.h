/* Carrying out operations of a plan. */
#pragma once

#include "kernel/netns.h"
#include "model/plan.h"

/* Most operations that one call is given: what one netlink batch may hold with its ACKs. */
#define EXECUTE_MAX 64

/* What the operations of a transaction need to know. Not changed while it runs, but for the
 * entries' own states. */
struct execution {
    const struct netns_table *namespaces; /* every namespace that an operation names */
    uint32_t park_group;
};

/* Carries out COUNT operations in order. OPERATION_NAMESPACE_MAKE is what comes after netns_make().
 * Consecutive operations in one namespace become one netlink batch; namespaces still being made
 * are waited for. Links that the kernel numbers get their ifindex written into the operation's
 * link. On failure *FAILED is the index of the operation at fault, ERROR has its pointer and the
 * kernel's own words, and operations after it were not begun. Runs on the configurer thread. */
bool execute_operations(const struct execution *execution, const struct operation *operations,
                        size_t count, size_t *failed, struct error *error);

/* Destroys the links that were parked in PARK_GROUP of NETNS, with one message. */
bool execute_destroy_parked(const struct netns *netns, uint32_t park_group, struct error *error);

/* Deletes the link called NAME in NETNS. A link that is not there is success. */
bool execute_delete_link(const struct netns *netns, const char *name, struct error *error);

/* No more operations of EXECUTION come: frees what was kept for them, and resets what they needed.
 * Runs on the same thread. */
void execute_end(const struct execution *execution);
