/* Reading the kernel: whole namespaces, into the model. */
#pragma once

#include "kernel/netns.h"
#include "model/network.h"

/* Adds what NETNS holds now to INTO, as a namespace of its name: links with addresses, routes of
 * all tables (those that the kernel makes for itself in the local table, and cached ones, left
 * out), rules (the kernel's own three left out), and the sysctls whose paths occur in SYSCTLS
 * (array of COUNT namespaces, entries may be NULL; a path that does not exist is left out). A dump
 * that the kernel marks as interrupted (NLM_F_DUMP_INTR) is repeated. Runs on any worker thread.
 * NULL on failure. */
struct namespace *dump_namespace(const struct netns *netns, const struct namespace *const *sysctls,
                                 size_t count, struct network *into, struct error *error);
