#include "instance.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int instance_lock(struct error *error)
{
    static const char name[] = "io.netnsd.instance";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name, sizeof(name) - 1);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name));
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0)
        return TAKE_FD(fd);
    if (fd >= 0 && errno == EADDRINUSE)
        error_set(error, ERROR_BUSY, errno,
                  "another netnsd runs in this network namespace already: stop it first");
    else
        error_set(error, ERROR_SYSTEM, errno, "no Unix socket can be made: %s", strerror(errno));
    return -1;
}
