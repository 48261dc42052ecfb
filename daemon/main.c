/* netnsd: wiring, signals. */
#include "api/interfaces.h"
#include "api/server.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/log_id.h"
#include "engine/engine.h"
#include "files/configuration.h"
#include "files/files.h"
#include "instance.h"
#include "options.h"
#include "priority.h"
#include "watchdog.h"

#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* That there is room for from the beginning: one a namespace, and some. 128 KiB of the kernel. */
#define DESCRIPTORS 16384
#define DESCRIPTORS_MAX 1048576
#define SIGNALS 3

/* Everything that lives as long as the daemon. */
struct daemon {
    struct options options;
    struct configuration configuration;
    struct error misconfigured; /* why the configuration was not taken over when it was read last */
    struct event_base *base;
    struct event *signals[SIGNALS];
    struct event *completed;
    struct completions *completions;
    struct worker *reader; /* of long calls, and of files */
    struct watchdog *watchdog;
    struct store *store;
    struct engine *engine;
    struct files *files;
    struct server *server;
    struct api_context api;
    bool started; /* the files are being read, or were */
    bool stopping, failed;
    struct error error;
};

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
    daemon->stopping = true;
    log_about(LOG_NOTICE, &(struct log_subject){.id = LOG_ID_STOPPING},
              "%s: stopping; namespaces and links stay as they are", strsignal((int)number));
    sd_notify(0, "STOPPING=1");
    files_stop(daemon->files);
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

/* Reads the configuration anew. What is wrong is told, and then all stays as it was. */
static void configure(void *context)
{
    struct daemon *daemon = context;
    struct configuration configuration;
    daemon->misconfigured = (struct error){0};
    if (!options_configure(&daemon->options, &configuration, &daemon->misconfigured)) {
        log_error("%s", daemon->misconfigured.text);
        return;
    }
    if (!files_set_directory(daemon->files, configuration.topologies)) {
        error_memory(&daemon->misconfigured);
        return;
    }
    daemon->configuration = configuration;
    log_set_level(configuration.log_level);
    engine_set_audit(daemon->engine, configuration.audit);
}

/* For 'systemctl status'. */
static void tell_status(void *context, struct json_object *report)
{
    const struct daemon *daemon = context;
    size_t count = report ? json_object_array_length(report) : 0, wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *problems =
            json_object_object_get(json_object_array_get_idx(report, i), "problems");
        wrong += json_object_array_length(problems) > 0;
    }
    if (daemon->misconfigured.code)
        sd_notifyf(0, "STATUS=%s", daemon->misconfigured.text);
    else if (wrong)
        sd_notifyf(0, "STATUS=Files applied: %zu of %zu; see 'netnsctl status'", count - wrong,
                   count);
    else
        sd_notifyf(0, "STATUS=Files applied: %zu", count);
}

static void reloaded(void *context, struct json_object *report)
{
    (void)context;
    (void)report;
    sd_notify(0, "READY=1");
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    struct daemon *daemon = context;
    (void)number;
    (void)what;
    if (!daemon->started) {
        configure(daemon);
        return;
    }
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "000", clock_monotonic());
    configure(daemon);
    files_load(daemon->files, reloaded, daemon);
}

/* All that is wanted is there, or was tried. */
static void on_loaded(void *context, struct json_object *report)
{
    struct daemon *daemon = context;
    (void)report;
    if (daemon->stopping)
        return;
    if (!listen_anywhere(daemon)) {
        daemon->failed = true;
        event_base_loopbreak(daemon->base);
        return;
    }
    log_about(LOG_INFO, &(struct log_subject){.id = LOG_ID_READY},
              "netnsd " PACKAGE_VERSION " is ready");
    sd_notify(0, "READY=1");
}

static void on_ready(void *context)
{
    struct daemon *daemon = context;
    daemon->started = true;
    files_load(daemon->files, on_loaded, daemon);
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
    static const struct {
        int number;
        event_callback_fn callback;
    } signals[] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_hangup}};
    daemon->completions = completions_new(&daemon->error);
    daemon->base = daemon->completions ? new_base() : NULL;
    if (!daemon->base)
        return daemon->completions && error_memory(&daemon->error);
    daemon->completed = event_new(daemon->base, completions_fd(daemon->completions),
                                  EV_READ | EV_PERSIST, on_completions, daemon->completions);
    if (!daemon->completed || event_add(daemon->completed, NULL) < 0)
        return error_memory(&daemon->error);
    for (size_t i = 0; i < SIGNALS; i++) {
        daemon->signals[i] =
            evsignal_new(daemon->base, signals[i].number, signals[i].callback, daemon);
        if (!daemon->signals[i] || event_add(daemon->signals[i], NULL) < 0)
            return error_memory(&daemon->error);
    }
    daemon->watchdog = watchdog_new(daemon->base, daemon->completions, &daemon->error);
    return daemon->watchdog;
}

static bool make_server(struct daemon *daemon)
{
    daemon->api = (struct api_context){
        .engine = daemon->engine,
        .files = daemon->files,
        .state_directory = daemon->options.state,
        .version = PACKAGE_VERSION,
        .configure = configure,
        .misconfigured = &daemon->misconfigured,
        .daemon = daemon,
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

static bool make_files(struct daemon *daemon)
{
    daemon->reader = worker_new("reading", daemon->completions, &daemon->error);
    daemon->files = daemon->reader ? files_new(daemon->base, daemon->engine, daemon->reader,
                                               tell_status, daemon, &daemon->error)
                                   : NULL;
    return daemon->files && (files_set_directory(daemon->files, daemon->configuration.topologies) ||
                             error_memory(&daemon->error));
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
                                daemon->configuration.audit, &daemon->error);
    if (!daemon->engine || !make_files(daemon) || !make_server(daemon))
        return false;
    priority_raise();
    if (!engine_start(daemon->engine, on_ready, daemon, &daemon->error))
        return false;
    if (!daemon->failed && event_base_dispatch(daemon->base) < 0)
        return error_set(&daemon->error, ERROR_SYSTEM, errno, "the event loop failed: %s",
                         strerror(errno));
    return !daemon->failed;
}

/* In the order in which the parts use each other. */
static void clear(struct daemon *daemon)
{
    daemon->stopping = true;
    if (daemon->files)
        files_stop(daemon->files);
    if (daemon->server)
        server_free(daemon->server);
    worker_free(daemon->reader);
    engine_free(daemon->engine);
    files_free(daemon->files);
    if (daemon->store)
        store_close(daemon->store);
    for (size_t i = 0; i < SIGNALS; i++) {
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
    if (!options_read(argc, argv, &daemon.options, &status))
        return status;
    if (!options_configure(&daemon.options, &daemon.configuration, &daemon.error)) {
        log_error("%s", daemon.error.text);
        return EXIT_FAILURE;
    }
    log_set_level(daemon.configuration.log_level);
    signal(SIGPIPE, SIG_IGN);
    heap_set_up();
    raise_descriptor_limit();
    reserve_descriptors();
    bool good = run(&daemon);
    if (!good)
        log_error("%s", daemon.error.text);
    clear(&daemon);
    libevent_global_shutdown();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
