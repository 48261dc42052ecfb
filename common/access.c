#include "common/access.h"

#include "common/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>

#define GROUP_BUFFER_SIZE 65536

gid_t access_group(void)
{
    struct group entry, *found = NULL;
    auto_free char *buffer = malloc(GROUP_BUFFER_SIZE);
    if (!buffer || getgrnam_r(ACCESS_GROUP, &entry, buffer, GROUP_BUFFER_SIZE, &found) != 0)
        return (gid_t)-1;
    return found ? found->gr_gid : (gid_t)-1;
}

/* Is GROUP among the supplementary groups that the peer had when it connected (SO_PEERGROUPS)? */
static bool is_member(int fd, gid_t group)
{
    socklen_t size = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
        return false;
    auto_free gid_t *groups = malloc(size);
    if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(*groups); i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

bool access_read(int fd, gid_t group, struct access *access)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    access->user = peer.uid;
    access->full =
        peer.uid == 0 || (group != (gid_t)-1 && (peer.gid == group || is_member(fd, group)));
    return true;
}
