/* Who is at the other end of a connection (unix(7), SO_PEERCRED), and what they may do. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* The group whose members may do everything; its socket is theirs too. */
#define ACCESS_GROUP "netnsd"

/* The number of ACCESS_GROUP; (gid_t)-1 when there is no such group. */
gid_t access_group(void);

struct access {
    uid_t user;
    bool full; /* root, and members of GROUP: may call all methods, others those that read */
};

/* Reads who connected FD. False when the kernel does not tell. */
bool access_read(int fd, gid_t group, struct access *access);
