#include "client/commands.h"

#include "client/call.h"
#include "client/members.h"
#include "client/remote.h"
#include "common/enter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A descriptor of the namespace NAME; -1 after having shown what went wrong. */
static int open_namespace(struct client *client, const char *name)
{
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, "io.netnsd.Namespace.Open", strings_object("namespace", name, NULL),
                     NULL, &reply))
        return -1;
    int fd = connection_take_descriptor(client->connection,
                                        member_integer(reply.parameters, "fileDescriptor"));
    if (fd < 0)
        client_fail(client, "netnsd sent no file descriptor of namespace '%s'", name);
    return fd;
}

int command_exec_run(struct client *client, int count, char **words)
{
    (void)count; /* words end with NULL, as execvp() wants it */
    if (geteuid() != 0)
        return remote_run(client, words[0], words + 1);
    auto_close int fd = open_namespace(client, words[0]);
    if (fd < 0)
        return STATUS_FAILED;
    struct error error = {0};
    if (!enter_namespace(fd, words[0], &error))
        return client_fail(client, "%s", error.text);
    execvp(words[1], words + 1);
    int cause = errno;
    client_fail(client, "cannot run '%s': %s", words[1], strerror(cause));
    return cause == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}
