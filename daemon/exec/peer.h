/* Who asks for a command, and what of that process the command inherits, as if it were its child.
 */
#pragma once

#include "common/access.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct peer {
    pid_t pid;
    uid_t user;
    gid_t group;
    gid_t *groups; /* supplementary; owned */
    size_t group_count;
    struct rlimit limits[RLIM_NLIMITS];
    mode_t mask; /* umask */
    int nice;
    int oom_score;         /* oom_score_adj, see proc(5) */
    uint64_t capabilities; /* the bounding set */
    bool no_new_privileges;
    int cgroup; /* its cgroup.procs, to be written to; -1: it cannot be had */
};

/* Reads who connected FD, and looks at that process. ERROR_DENIED when it sees another file system,
 * or other users, than netnsd-exec does: what the command gets would not be the caller's. The
 * caller clears PEER, also on failure. */
bool peer_read(int fd, struct peer *peer, struct error *error);
void peer_clear(struct peer *peer);

/* Makes this process, which is root's, one as PEER could have started: all that struct peer tells,
 * without capabilities but the bounding set. What exec() then does for root or for set-user-ID
 * programs, it does. */
bool peer_become(const struct peer *peer, struct error *error);
