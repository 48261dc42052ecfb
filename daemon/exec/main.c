/* netnsd-exec: runs one command in a namespace for whoever is at the other end of a connection that
 * systemd has accepted. */
#include "common/log.h"
#include "common/stream.h"
#include "exec/session.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/netnsd/io.netnsd"

static void print_usage(FILE *out)
{
    fputs(
        "Usage: netnsd-exec [OPTION...]\n\n"
        "Runs one command for the client of the connection that systemd passes; netnsctl exec is\n"
        "that client. netnsd-exec(8) tells the rest.\n\n"
        "  -s, --socket PATH  where netnsd listens (" DEFAULT_SOCKET ")\n"
        "  -h, --help         show this help\n"
        "  -V, --version      show the version\n",
        out);
}

/* False when the program is to end with *STATUS. */
static bool read_options(int count, char **arguments, const char **socket, int *status)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL},
    };
    *socket = DEFAULT_SOCKET;
    int letter;
    while ((letter = getopt_long(count, arguments, "s:hV", options, NULL)) != -1) {
        *status = EXIT_SUCCESS;
        if (letter == 's') {
            *socket = optarg;
            continue;
        }
        if (letter == 'V') {
            puts("netnsd-exec " PACKAGE_VERSION);
            return false;
        }
        if (letter != 'h')
            *status = EXIT_FAILURE;
        print_usage(letter == 'h' ? stdout : stderr);
        return false;
    }
    *status = EXIT_FAILURE;
    if (optind == count)
        return true;
    print_usage(stderr);
    return false;
}

/* The command's terminal is that of this session, the command's descendants are ours, and no signal
 * but those that are asked for comes. */
static bool prepare(void)
{
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return false;
    return getsid(0) == getpid() || setsid() > 0;
}

int main(int count, char **arguments)
{
    const char *socket;
    int status;
    struct error error = {0};
    if (!read_options(count, arguments, &socket, &status))
        return status;
    if (sd_listen_fds(1) != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_STREAM, 0) <= 0) {
        log_error("netnsd-exec is started by netnsd-exec.socket, a connection at a time");
        return EXIT_FAILURE;
    }
    if (!prepare()) {
        log_error("a session cannot be made");
        return EXIT_FAILURE;
    }
    struct stream *stream = stream_new(SD_LISTEN_FDS_START, &error);
    if (!stream) {
        log_error("%s", error.text);
        return EXIT_FAILURE;
    }
    session_run(stream, socket);
    stream_free(stream);
    return EXIT_SUCCESS;
}
