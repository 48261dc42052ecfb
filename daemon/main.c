/* netnsd: options, wiring, signals. */
#include "api/interfaces.h"
#include "api/server.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/log_id.h"
#include "engine/engine.h"
#include "instance.h"
#include "watchdog.h"

#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/netnsd/io.netnsd"
#define DEFAULT_STATE "/var/lib/netnsd"
#define DEFAULT_AUDIT 60
#define AUDIT_MAX 86400u
/* That there is room for from the beginning: one a namespace, and some. 128 KiB of the kernel. */
#define DESCRIPTORS 16384
#define DESCRIPTORS_MAX 1048576

struct options {
    const char *socket;
    const char *state;
    unsigned audit; /* seconds between two; 0: none */
};

/* Everything that lives as long as the daemon. */
struct daemon {
    struct options options;
    struct event_base *base;
    struct event *signals[2];
    struct event *completed;
    struct completions *completions;
    struct worker *reader; /* of long calls */
    struct watchdog *watchdog;
    struct store *store;
    struct engine *engine;
    struct server *server;
    struct api_context api;
    bool failed;
    struct error error;
};

static void usage(FILE *out)
{
    fprintf(out, "Usage: netnsd [OPTION]...\n"
                 "Owns network namespaces and links, and serves io.netnsd over a Unix socket.\n\n"
                 "  --socket PATH      listen here (default " DEFAULT_SOCKET ")\n"
                 "  --state DIR        keep topologies here (default " DEFAULT_STATE ")\n"
                 "  --foreground       accepted for clarity: netnsd never forks\n"
                 "  --audit SECONDS    compare everything with the kernel so often (default 60; 0: "
                 "never)\n"
                 "  --log-level LEVEL  error, warning, notice, info or debug (default info)\n"
                 "  --help, --version\n\n"
                 "See netnsd(8), and netnsctl(1) for the client.\n");
}

static bool read_seconds(const char *text, unsigned *seconds)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || number > AUDIT_MAX) {
        fprintf(stderr, "netnsd: --audit: \"%s\" is no number of seconds from 0 to %u\n", text,
                AUDIT_MAX);
        return false;
    }
    *seconds = (unsigned)number;
    return true;
}

/* Returns false when the program is to end with *STATUS. */
static bool read_options(int argc, char **argv, struct options *options, int *status)
{
    static const struct option table[] = {
        {"socket", required_argument, NULL, 's'}, {"audit", required_argument, NULL, 'a'},
        {"state", required_argument, NULL, 'd'},  {"foreground", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},         {"log-level", required_argument, NULL, 'l'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    *options =
        (struct options){.socket = DEFAULT_SOCKET, .state = DEFAULT_STATE, .audit = DEFAULT_AUDIT};
    *status = EXIT_SUCCESS;
    int option, level;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 's':
            options->socket = optarg;
            break;
        case 'd':
            options->state = optarg;
            break;
        case 'a':
            if (!read_seconds(optarg, &options->audit)) {
                *status = 2;
                return false;
            }
            break;
        case 'f':
            break;
        case 'l':
            if (!log_level_parse(optarg, &level)) {
                fprintf(
                    stderr,
                    "netnsd: --log-level: \"%s\" is not error, warning, notice, info or debug\n",
                    optarg);
                *status = 2;
                return false;
            }
            log_set_level(level);
            break;
        case 'h':
            usage(stdout);
            return false;
        case 'v':
            puts("netnsd " PACKAGE_VERSION);
            return false;
        default:
            *status = 2;
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "netnsd: \"%s\" is not an option; see netnsd --help\n", argv[optind]);
        *status = 2;
        return false;
    }
    return true;
}

/* Every owned namespace is held open by a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < DESCRIPTORS_MAX)
        limit.rlim_cur = limit.rlim_max = DESCRIPTORS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warning("the limit of open files stays at its default: %s", strerror(errno));
}

/* When the table of descriptors grows in a process that has threads, the kernel waits until no
 * processor can be looking at the old one (fs/file.c, expand_fdtable()), some milliseconds each
 * time it doubles: so it grows while there is one thread alone. */
static void reserve_descriptors(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, DESCRIPTORS - 1);
    if (fd >= 0)
        close(fd);
}

static void stop_loop(void *context)
{
    struct daemon *daemon = context;
    event_base_loopbreak(daemon->base);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    log_about(LOG_NOTICE, &(struct log_subject){.id = LOG_ID_STOPPING},
              "%s: stopping; namespaces and links stay as they are", strsignal((int)number));
    sd_notify(0, "STOPPING=1");
    server_stop_accepting(daemon->server);
    engine_stop(daemon->engine, stop_loop, daemon);
}

static void on_completions(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    completions_dispatch(context);
}

/* Listens where systemd passed sockets, or else at the path of the options. */
static bool listen_anywhere(struct daemon *daemon)
{
    int count = sd_listen_fds(1);
    if (count <= 0)
        return server_listen(daemon->server, daemon->options.socket, &daemon->error);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
        if (!server_adopt(daemon->server, fd, &daemon->error))
            return false;
    }
    return true;
}

static void on_ready(void *context)
{
    struct daemon *daemon = context;
    if (!listen_anywhere(daemon)) {
        daemon->failed = true;
        event_base_loopbreak(daemon->base);
        return;
    }
    log_about(LOG_INFO, &(struct log_subject){.id = LOG_ID_READY},
              "netnsd " PACKAGE_VERSION " is ready");
    sd_notify(0, "READY=1");
}

/* Without precise timers the loop goes by a clock that the kernel sets a few hundred times a
 * second. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

static bool make_loop(struct daemon *daemon)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    daemon->completions = completions_new(&daemon->error);
    daemon->base = daemon->completions ? new_base() : NULL;
    if (!daemon->base)
        return daemon->completions && error_memory(&daemon->error);
    daemon->completed = event_new(daemon->base, completions_fd(daemon->completions),
                                  EV_READ | EV_PERSIST, on_completions, daemon->completions);
    if (!daemon->completed || event_add(daemon->completed, NULL) < 0)
        return error_memory(&daemon->error);
    for (size_t i = 0; i < 2; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, numbers[i], on_signal, daemon);
        if (!daemon->signals[i] || event_add(daemon->signals[i], NULL) < 0)
            return error_memory(&daemon->error);
    }
    daemon->watchdog = watchdog_new(daemon->base, daemon->completions, &daemon->error);
    return daemon->watchdog;
}

static bool make_server(struct daemon *daemon)
{
    daemon->reader = worker_new("calls", daemon->completions, &daemon->error);
    if (!daemon->reader)
        return false;
    daemon->api = (struct api_context){
        .engine = daemon->engine,
        .state_directory = daemon->options.state,
        .version = PACKAGE_VERSION,
    };
    const struct server_options options = {
        .vendor = "netnsd",
        .product = "netnsd",
        .version = PACKAGE_VERSION,
        .url = PACKAGE_URL,
        .interfaces = netnsd_interfaces,
        .texts = interface_texts,
        .text_count = interface_text_count,
        .context = &daemon->api,
        .reader = daemon->reader,
    };
    daemon->server = server_new(daemon->base, &options, &daemon->error);
    daemon->api.server = daemon->server;
    return daemon->server;
}

static bool run(struct daemon *daemon)
{
    auto_close int instance = instance_lock(&daemon->error);
    if (instance < 0 || !make_loop(daemon))
        return false;
    daemon->store = store_open(daemon->options.state, daemon->completions, &daemon->error);
    if (!daemon->store)
        return false;
    daemon->engine = engine_new(daemon->base, daemon->store, daemon->completions,
                                daemon->options.audit, &daemon->error);
    if (!daemon->engine || !make_server(daemon) ||
        !engine_start(daemon->engine, on_ready, daemon, &daemon->error))
        return false;
    if (!daemon->failed && event_base_dispatch(daemon->base) < 0)
        return error_set(&daemon->error, ERROR_SYSTEM, errno, "the event loop failed: %s",
                         strerror(errno));
    return !daemon->failed;
}

/* In the order in which the parts use each other. */
static void clear(struct daemon *daemon)
{
    if (daemon->server)
        server_free(daemon->server);
    worker_free(daemon->reader);
    engine_free(daemon->engine);
    if (daemon->store)
        store_close(daemon->store);
    for (size_t i = 0; i < 2; i++) {
        if (daemon->signals[i])
            event_free(daemon->signals[i]);
    }
    watchdog_free(daemon->watchdog);
    if (daemon->completed)
        event_free(daemon->completed);
    if (daemon->base)
        event_base_free(daemon->base);
    completions_free(daemon->completions);
}

int main(int argc, char **argv)
{
    struct daemon daemon = {0};
    int status;
    if (!read_options(argc, argv, &daemon.options, &status))
        return status;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    reserve_descriptors();
    bool good = run(&daemon);
    if (!good)
        log_error("%s", daemon.error.text);
    clear(&daemon);
    libevent_global_shutdown();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
