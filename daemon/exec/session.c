#include "exec/session.h"

#include "common/access.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/varlink.h"
#include "exec/command.h"
#include "exec/namespace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a command that was hung up has to end by itself. */
#define GRACE_MS 2000

struct session {
    struct stream *stream;
    const char *socket;
    struct request request;
    struct peer peer;
    struct command command;
    int signals;   /* signalfd */
    bool ended;    /* the command */
    bool answered; /* for the last time */
};

static void send_reply(struct session *session, struct json_object *message)
{
    struct error error = {0};
    if (!stream_send(session->stream, message, NULL, 0, &error))
        log_info("no answer could be given: %s", error.text);
}

/* Ends the session with ERROR, and PARAMETERS of it: pairs of name and value, ended by a NULL name.
 */
static void refuse(struct session *session, const char *error, const char *const (*parameters)[2])
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object;
    for (; good && parameters && (*parameters)[0]; parameters++)
        good = json_put_string(object, (*parameters)[0], (*parameters)[1]);
    send_reply(session, good ? varlink_error_new(error, TAKE(object)) : NULL);
    session->answered = true;
}

static void refuse_error(struct session *session, const struct error *error)
{
    const char *command = session->request.command ? session->request.command[0] : "";
    log_info("user %u is refused: %s", (unsigned)session->peer.user, error->text);
    if (error->code == ERROR_NOT_FOUND && error->errnum)
        refuse(session, "io.netnsd.Exec.CannotRun",
               (const char *const[][2]){{"command", command},
                                        {"errno", errno_name(error->errnum)},
                                        {"message", error->text},
                                        {NULL}});
    else if (error->code == ERROR_NOT_FOUND)
        refuse(session, "io.netnsd.Exec.NoSuchNamespace",
               (const char *const[][2]){{"namespace", session->request.namespace}, {NULL}});
    else
        refuse(session, "io.netnsd.Exec.Failed",
               (const char *const[][2]){{"message", error->text}, {NULL}});
}

static void tell(struct session *session, const char *outcome, int number, bool continues)
{
    auto_json struct json_object *parameters = json_object_new_object();
    bool good = parameters && json_put_string(parameters, "outcome", outcome) &&
                json_put_integer(parameters, "number", number);
    send_reply(session, good ? varlink_reply_new(TAKE(parameters), continues) : NULL);
    session->answered = !continues;
}

static void command_ended(struct session *session, int status)
{
    struct error error = {0};
    session->ended = true;
    if (session->command.report >= 0 && !command_await(&session->command, &error))
        refuse_error(session, &error);
    else if (WIFSIGNALED(status))
        tell(session, "killed", WTERMSIG(status), false);
    else
        tell(session, "exited", WEXITSTATUS(status), false);
}

/* Also children that only became ours (PR_SET_CHILD_SUBREAPER). */
static void reap(struct session *session)
{
    int status;
    pid_t pid;
    while (!session->ended && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != session->command.pid)
            continue;
        if (WIFSTOPPED(status))
            tell(session, "stopped", WSTOPSIG(status), true);
        else
            command_ended(session, status);
    }
}

static void obey(const struct session *session, const struct order *order)
{
    int terminal = session->request.descriptors[REQUEST_TERMINAL];
    pid_t group = session->command.pid;
    if (order->signal) {
        kill(-group, order->signal);
        return;
    }
    if (terminal >= 0 && tcsetpgrp(terminal, order->foreground ? group : getpgrp()) < 0)
        log_info("the terminal is not passed on: %s", strerror(errno));
    kill(-group, SIGCONT);
}

/* False when the client has gone, or does not keep to the protocol. */
static bool hear(struct session *session)
{
    struct error error = {0};
    const char *text;
    size_t length;
    bool good = stream_fill(session->stream, &error);
    stream_close_descriptors(session->stream);
    while (good && stream_next(session->stream, &text, &length)) {
        struct order order;
        good = order_read(text, length, &order, &error);
        if (good)
            obey(session, &order);
    }
    if (!good)
        log_info("the command of user %u is hung up: %s", (unsigned)session->peer.user, error.text);
    return good;
}

/* False when it is time to end. */
static bool take_signal(struct session *session)
{
    struct signalfd_siginfo information;
    if (read(session->signals, &information, sizeof(information)) != sizeof(information))
        return errno == EINTR || errno == EAGAIN;
    if (information.ssi_signo != SIGCHLD)
        return false;
    reap(session);
    return true;
}

static bool await(struct session *session)
{
    struct pollfd fds[] = {
        {.fd = session->signals, .events = POLLIN},
        {.fd = stream_fd(session->stream), .events = POLLIN},
        {.fd = session->command.report, .events = POLLIN},
    };
    struct error error = {0};
    if (poll(fds, 3, -1) < 0)
        return errno == EINTR;
    if (fds[2].revents && !command_await(&session->command, &error)) {
        refuse_error(session, &error);
        return true;
    }
    if (fds[0].revents && !take_signal(session))
        return false;
    return session->answered || !fds[1].revents || hear(session);
}

/* Ends all that descends from the command: whoever loses its parent becomes our child. */
static void kill_descendants(void)
{
    bool any = true;
    while (any) {
        FILE *file = fopen("/proc/thread-self/children", "re");
        int pid;
        any = false;
        while (file && fscanf(file, "%d", &pid) == 1) {
            any = true;
            kill(pid, SIGKILL);
        }
        if (file)
            fclose(file);
        if (any)
            any = waitpid(-1, NULL, 0) > 0;
    }
}

static void hang_up(struct session *session)
{
    int64_t deadline = clock_monotonic() + GRACE_MS, left;
    session->answered = true;
    kill(-session->command.pid, SIGHUP);
    kill(-session->command.pid, SIGCONT);
    while (!session->ended && (left = deadline - clock_monotonic()) > 0) {
        struct pollfd poll_fd = {.fd = session->signals, .events = POLLIN};
        int status;
        struct signalfd_siginfo information;
        if (poll(&poll_fd, 1, (int)left) > 0 &&
            read(session->signals, &information, sizeof(information)) > 0)
            session->ended = waitpid(session->command.pid, &status, WNOHANG) != 0;
    }
    if (!session->ended)
        kill(-session->command.pid, SIGKILL);
    kill_descendants();
}

static bool start(struct session *session, struct error *error)
{
    const struct request *request = &session->request;
    auto_close int namespace = namespace_open(session->socket, request->namespace, error);
    if (namespace < 0 ||
        !command_start(request, &session->peer, namespace, &session->command, error))
        return false;
    log_info("user %u runs %.200s in namespace %s", (unsigned)session->peer.user,
             request->command[0], request->namespace);
    return true;
}

/* Is who calls root, or of the group? */
static bool is_allowed(const struct stream *stream)
{
    struct access access;
    return access_read(stream_fd(stream), access_group(), &access) && access.full;
}

static bool begin(struct session *session, struct error *error)
{
    const char *text;
    size_t length;
    if (!request_await(session->stream, &text, &length, error))
        return false;
    if (!is_allowed(session->stream)) {
        refuse(session, "org.varlink.service.PermissionDenied", NULL);
        return false;
    }
    return peer_read(stream_fd(session->stream), &session->peer, error) &&
           request_read(session->stream, text, length, &session->request, error) &&
           start(session, error);
}

static void run(struct session *session)
{
    struct error error = {0};
    if (!begin(session, &error)) {
        if (!session->answered)
            refuse_error(session, &error);
        return;
    }
    while (!session->answered) {
        if (!await(session))
            hang_up(session);
    }
}

void session_run(struct stream *stream, const char *socket)
{
    sigset_t signals;
    struct session session = {
        .stream = stream,
        .socket = socket,
        .request.descriptors = {-1, -1, -1, -1, -1},
        .peer.cgroup = -1,
        .command.report = -1,
    };
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    session.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (session.signals >= 0)
        run(&session);
    else
        log_error("signals cannot be awaited: %s", strerror(errno));
    close_descriptor(&session.signals);
    close_descriptor(&session.command.report);
    request_clear(&session.request);
    peer_clear(&session.peer);
}
