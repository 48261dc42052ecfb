#include "client/remote.h"

#include "client/members.h"
#include "client/terminal.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define SIGNAL_BASE 128 /* shells: the status of what a signal killed is that much more */

struct remote {
    struct client *client;
    struct stream *stream;
    struct terminal terminal;
    sigset_t signals; /* that are blocked, and read from: */
    int signal_fd;
    bool ended;
    int status;
    int signal; /* that killed the command; 0: none */
};

/* Those that are passed on to the command, and those that say something of the terminal. */
static const int signal_numbers[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,   SIGUSR1, SIGUSR2,
                                     SIGTSTP, SIGCONT, SIGTTIN, SIGWINCH, SIGTTOU};

static int fail_connect(const struct client *client, const char *path, const struct error *error)
{
    const struct passwd *user = getpwuid(getuid());
    switch (error->errnum) {
    case EACCES:
    case EPERM:
        return client_fail(client,
                           "you are not in the group netnsd: run 'sudo usermod -aG netnsd %s' and "
                           "log in again, or use sudo",
                           user ? user->pw_name : "USER");
    case ENOENT:
    case ECONNREFUSED:
        return client_fail(client,
                           "netnsd-exec, which runs commands for others than root, is not there: "
                           "nothing listens at %s; run 'sudo systemctl enable --now "
                           "netnsd-exec.socket', or use sudo",
                           path);
    default:
        return client_fail(client, "%s", error->text);
    }
}

/* BYTES as text in which each character stands for one of them. */
static struct json_object *write_bytes(const char *bytes)
{
    auto_free char *text = malloc(2 * strlen(bytes) + 1);
    char *out = text;
    for (; text && *bytes; bytes++) {
        unsigned char byte = (unsigned char)*bytes;
        if (byte >= 0x80)
            *out++ = (char)(0xc0 | byte >> 6);
        *out++ = byte >= 0x80 ? (char)(0x80 | (byte & 0x3f)) : (char)byte;
    }
    return text ? json_object_new_string_len(text, (int)(out - text)) : NULL;
}

static struct json_object *write_strings(char *const *strings)
{
    auto_json struct json_object *array = json_object_new_array();
    for (; array && *strings; strings++) {
        if (!json_append(array, write_bytes(*strings)))
            return NULL;
    }
    return TAKE(array);
}

/* A descriptor that is the caller's terminal becomes the pseudo-terminal. */
static int standard(const struct remote *remote, int fd)
{
    return remote->terminal.own >= 0 && isatty(fd) ? remote->terminal.slave : fd;
}

/* In a pipeline, others may use the terminal too: the command begins in the background, and gets it
 * when it wants to read or set it, which stops it. */
static bool begins_in_foreground(struct remote *remote)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal_take(&remote->terminal);
}

static bool send_run(struct remote *remote, const char *namespace, char **command,
                     struct error *error)
{
    bool terminal = remote->terminal.own >= 0;
    const char *word = begins_in_foreground(remote) ? "foreground" : "background";
    auto_json struct json_object *parameters =
        strings_object("namespace", namespace, "terminal", terminal ? word : NULL, NULL);
    if (!parameters || !json_put(parameters, "command", write_strings(command)) ||
        !json_put(parameters, "environment", write_strings(environ)))
        return error_memory(error);
    auto_close int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot open the working directory: %s",
                         strerror(errno));
    const int descriptors[] = {standard(remote, STDIN_FILENO), standard(remote, STDOUT_FILENO),
                               standard(remote, STDERR_FILENO), directory, remote->terminal.slave};
    return stream_send(remote->stream,
                       varlink_call_new("io.netnsd.Exec.Run", TAKE(parameters), true), descriptors,
                       terminal ? 5 : 4, error);
}

/* Says something of the running command. That the connection is lost, the next reading finds. */
static void order(const struct remote *remote, const char *method, struct json_object *parameters)
{
    auto_json struct json_object *call = varlink_call_new(method, parameters, false);
    if (call && json_put_bool(call, "oneway", true))
        (void)stream_send(remote->stream, TAKE(call), NULL, 0, NULL);
}

static void pass_signal(const struct remote *remote, int number)
{
    struct json_object *parameters = json_object_new_object();
    if (parameters && json_put_integer(parameters, "signal", number))
        order(remote, "io.netnsd.Exec.Signal", parameters);
}

static void proceed(struct remote *remote)
{
    struct json_object *parameters = json_object_new_object();
    bool foreground = terminal_take(&remote->terminal);
    if (parameters && json_put_bool(parameters, "foreground", foreground))
        order(remote, "io.netnsd.Exec.Continue", parameters);
}

/* The command was stopped by signal NUMBER: so is the whole job, as the caller's shell sees it. */
static void stop(struct remote *remote, int number)
{
    sigset_t this_one, continued;
    if ((number == SIGTTIN || number == SIGTTOU) && terminal_take(&remote->terminal)) {
        proceed(remote);
        return;
    }
    if (remote->terminal.own >= 0)
        terminal_give_back(&remote->terminal);
    sigemptyset(&this_one);
    sigaddset(&this_one, number);
    sigemptyset(&continued);
    sigaddset(&continued, SIGCONT);
    kill(number == SIGSTOP ? getpid() : 0, number);
    sigprocmask(SIG_UNBLOCK, &this_one, NULL);
    sigprocmask(SIG_BLOCK, &this_one, NULL);
    sigtimedwait(&continued, NULL, &(struct timespec){0});
    proceed(remote);
}

static void take_signal(struct remote *remote)
{
    struct signalfd_siginfo information;
    if (read(remote->signal_fd, &information, sizeof(information)) != sizeof(information))
        return;
    int number = (int)information.ssi_signo;
    if (number == SIGCONT)
        proceed(remote);
    else if (number == SIGWINCH)
        terminal_resize(&remote->terminal);
    else if (number != SIGTTIN && number != SIGTTOU)
        pass_signal(remote, number);
}

static void take_error(struct remote *remote, const struct varlink_reply *reply)
{
    bool found = strcmp(member_string(reply->parameters, "errno"), "ENOENT") != 0;
    bool ran = strcmp(reply->error, "io.netnsd.Exec.CannotRun") != 0;
    if (remote->terminal.own >= 0)
        terminal_give_back(&remote->terminal);
    client_show_error(remote->client, reply->error, reply->parameters, NULL);
    remote->ended = true;
    remote->status = ran ? STATUS_FAILED : found ? STATUS_CANNOT_RUN : STATUS_NOT_FOUND;
}

static void take_reply(struct remote *remote, const struct varlink_reply *reply)
{
    const char *outcome = member_string(reply->parameters, "outcome");
    int number = (int)member_integer(reply->parameters, "number");
    if (strcmp(outcome, "stopped") == 0) {
        stop(remote, number);
        return;
    }
    remote->ended = true;
    remote->signal = strcmp(outcome, "killed") == 0 ? number : 0;
    remote->status = remote->signal ? SIGNAL_BASE + number : number;
}

static bool hear(struct remote *remote, struct error *error)
{
    const char *text;
    size_t length;
    bool good = stream_fill(remote->stream, error);
    while (good && !remote->ended && stream_next(remote->stream, &text, &length)) {
        auto_reply struct varlink_reply reply = {0};
        good = varlink_reply_read(text, length, &reply, error);
        if (good && reply.error)
            take_error(remote, &reply);
        else if (good)
            take_reply(remote, &reply);
    }
    return good;
}

static bool await(struct remote *remote, struct error *error)
{
    struct pollfd fds[4] = {
        {.fd = stream_fd(remote->stream), .events = POLLIN},
        {.fd = remote->signal_fd, .events = POLLIN},
    };
    terminal_poll(&remote->terminal, fds + 2);
    if (poll(fds, 4, -1) < 0)
        return errno == EINTR || error_set(error, ERROR_SYSTEM, errno, "poll: %s", strerror(errno));
    terminal_relay(&remote->terminal, fds + 2);
    if (fds[1].revents)
        take_signal(remote);
    return !fds[0].revents || hear(remote, error);
}

/* Ends this process by SIGNAL, as the command was, but without a core of its own. */
static void die(const struct remote *remote)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    signal(remote->signal, SIG_DFL);
    raise(remote->signal);
    sigprocmask(SIG_UNBLOCK, &remote->signals, NULL);
}

static bool block_signals(struct remote *remote, struct error *error)
{
    sigemptyset(&remote->signals);
    for (size_t i = 0; i < sizeof(signal_numbers) / sizeof(signal_numbers[0]); i++)
        sigaddset(&remote->signals, signal_numbers[i]);
    sigprocmask(SIG_BLOCK, &remote->signals, NULL);
    remote->signal_fd = signalfd(-1, &remote->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return remote->signal_fd >= 0 ||
           error_set(error, ERROR_SYSTEM, errno, "cannot wait for signals: %s", strerror(errno));
}

static bool run(struct remote *remote, const char *namespace, char **command, struct error *error)
{
    if (!block_signals(remote, error) || !terminal_open(&remote->terminal, error) ||
        !send_run(remote, namespace, command, error))
        return false;
    while (!remote->ended) {
        if (!await(remote, error))
            return false;
    }
    return true;
}

int remote_run(struct client *client, const char *namespace, char **command)
{
    struct remote remote = {
        .client = client, .terminal = {.own = -1, .master = -1, .slave = -1}, .signal_fd = -1};
    struct error error = {0};
    auto_free char *path = NULL;
    if (asprintf(&path, "%s.exec", client->options.socket_path) < 0) {
        path = NULL;
        return client_fail_memory(client);
    }
    remote.stream = stream_open(path, &error);
    if (!remote.stream)
        return fail_connect(client, path, &error);
    bool good = run(&remote, namespace, command, &error);
    terminal_close(&remote.terminal);
    close_descriptor(&remote.signal_fd);
    stream_free(remote.stream);
    if (!good)
        return client_fail(client, "the command cannot be run, or was ended: %s", error.text);
    if (remote.signal)
        die(&remote);
    return remote.status;
}
