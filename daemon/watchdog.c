#include "watchdog.h"

#include "common/log.h"
#include "common/log_id.h"

#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

/* What a worker is given at a time takes milliseconds, or seconds where the kernel ends thousands
 * of namespaces. One that takes so many times the watchdog's interval is stuck. */
#define PATIENCE 4

struct watchdog {
    struct event *timer; /* NULL: nobody asks for it */
    const struct completions *completions;
    int64_t patience; /* ms */
    bool stalled;
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct watchdog *watchdog = context;
    const char *name = completions_stalled(watchdog->completions, watchdog->patience);
    (void)fd;
    (void)what;
    if (!name)
        sd_notify(0, "WATCHDOG=1");
    else if (!watchdog->stalled)
        log_about(LOG_ERR, &(struct log_subject){.id = LOG_ID_STALLED},
                  "the thread \"%s\" has been at one step for %" PRId64
                  " s: unless that ends, systemd restarts netnsd",
                  name, watchdog->patience / 1000);
    watchdog->stalled = name;
}

static bool start(struct watchdog *watchdog, struct event_base *base, uint64_t interval)
{
    const struct timeval half = {.tv_sec = (time_t)(interval / 2 / 1000000),
                                 .tv_usec = (suseconds_t)(interval / 2 % 1000000)};
    watchdog->patience = (int64_t)(interval / 1000) * PATIENCE;
    watchdog->timer = event_new(base, -1, EV_PERSIST, on_timer, watchdog);
    return watchdog->timer && event_add(watchdog->timer, &half) == 0;
}

struct watchdog *watchdog_new(struct event_base *base, struct completions *completions,
                              struct error *error)
{
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
    uint64_t interval;
    if (!watchdog) {
        error_memory(error);
        return NULL;
    }
    watchdog->completions = completions;
    if (sd_watchdog_enabled(0, &interval) <= 0 || start(watchdog, base, interval))
        return watchdog;
    watchdog_free(watchdog);
    error_memory(error);
    return NULL;
}

void watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    if (watchdog->timer)
        event_free(watchdog->timer);
    free(watchdog);
}
