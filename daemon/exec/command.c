#include "exec/command.h"

#include "common/cleanup.h"
#include "common/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_FAILED 127

static bool fail(struct error *error, const char *what)
{
    return error_set(error, ERROR_SYSTEM, errno, "%s: %s", what, strerror(errno));
}

/* A group of its own, in the session of its parent: the terminal can stop it, which it cannot do to
 * a group without a parent in the same session (POSIX, orphaned process groups). */
static bool take_group(const struct request *request, struct error *error)
{
    if (setpgid(0, 0) < 0)
        return fail(error, "cannot make a process group");
    return !request->foreground ||
           tcsetpgrp(request->descriptors[REQUEST_TERMINAL], getpid()) == 0 ||
           fail(error, "cannot take the terminal");
}

static bool take_descriptors(const struct request *request, struct error *error)
{
    if (fchdir(request->descriptors[REQUEST_DIRECTORY]) < 0)
        return fail(error, "cannot enter the working directory");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (dup2(request->descriptors[fd], fd) < 0)
            return fail(error, "cannot take the standard descriptors");
    }
    return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ||
           fail(error, "cannot close descriptors");
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In this order: nothing is done with what the caller gave until the process is the caller's. */
static bool become_command(const struct request *request, const struct peer *peer, int namespace,
                           struct error *error)
{
    if (!take_group(request, error) || !enter_namespace(namespace, request->namespace, error) ||
        !peer_become(peer, error))
        return false;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return fail(error, "cannot be bound to netnsd-exec");
    if (!take_descriptors(request, error))
        return false;
    reset_signals();
    environ = request->environment;
    execvp(request->command[0], request->command);
    return error_set(error, ERROR_NOT_FOUND, errno, "cannot run '%s': %s", request->command[0],
                     strerror(errno));
}

_Noreturn static void run_child(const struct request *request, const struct peer *peer,
                                int namespace, int report)
{
    struct error error = {0};
    become_command(request, peer, namespace, &error);
    ssize_t written = write(report, &error, sizeof(error)); /* fits into any pipe as a whole */
    _exit(written == sizeof(error) ? STATUS_FAILED : STATUS_FAILED + 1);
}

bool command_start(const struct request *request, const struct peer *peer, int namespace,
                   struct command *command, struct error *error)
{
    int report[2];
    int terminal = request->descriptors[REQUEST_TERMINAL];
    if (terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) < 0)
        return fail(error, "cannot take the pseudo-terminal");
    if (pipe2(report, O_CLOEXEC) < 0)
        return fail(error, "cannot make a pipe");
    auto_close int read_end = report[0], write_end = report[1];
    command->pid = fork();
    if (command->pid < 0)
        return fail(error, "cannot fork");
    if (command->pid == 0)
        run_child(request, peer, namespace, write_end);
    command->report = TAKE_FD(read_end);
    return true;
}

bool command_await(struct command *command, struct error *error)
{
    struct error failure;
    auto_close int report = TAKE_FD(command->report);
    ssize_t length;
    do {
        length = read(report, &failure, sizeof(failure));
    } while (length < 0 && errno == EINTR);
    if (length != sizeof(failure))
        return true;
    *error = failure;
    return false;
}
