/* Reading the kernel: whole namespaces, into the model. */
#pragma once

#include "kernel/netns.h"
#include "model/network.h"

/* How much of a namespace is read. */
enum dump_part {
    DUMP_LINKS = 1 << 0, /* all links; without it those that are asked for, and their masters */
    DUMP_REST = 1 << 1,  /* routes and rules */
};

/* Adds what NETNS holds now to INTO, as a namespace of its name: links with addresses, routes of
 * all tables (those that the kernel makes for itself in the local table, and cached ones, left
 * out), rules (the kernel's own three left out), as PARTS (enum dump_part) says. Networks ASKED (an
 * array of COUNT, entries may be NULL) say which links and sysctls are wanted: a link that has not
 * its name there is found by its ifindex; what does not exist is left out. A dump that the kernel
 * marks as interrupted (NLM_F_DUMP_INTR) is repeated. Takes the socket that is kept in NETNS, but
 * for that of a hub, which may be in use. Runs on any worker thread. NULL on failure. */
struct namespace *dump_namespace(struct netns *netns, unsigned parts,
                                 const struct namespace *const *asked, size_t count,
                                 struct network *into, struct error *error);
