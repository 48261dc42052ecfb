/* Logging to stderr, or, when that is connected to the journal (JOURNAL_STREAM, systemd.exec(5)),
 * to the journal itself, with fields. The levels are syslog's (syslog(3)): LOG_ERR, LOG_WARNING,
 * LOG_NOTICE, LOG_INFO, LOG_DEBUG. Safe to call from any thread. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* Messages above LEVEL are dropped. The default is LOG_INFO. */
void log_set_level(int level);

/* Reads "error", "warning", "notice", "info" or "debug" into *LEVEL; false for other words. */
bool log_level_parse(const char *word, int *level);

/* What a message is about. The text begins with the topology, or else the namespace, and with the
 * pointer, and ends with what the error says; the journal has all of it in fields as well. What is
 * NULL, "" or 0 is left out. Everything is borrowed. */
struct log_subject {
    const char *id; /* the kind of message (log_id.h) */
    const char *topology;
    const char *namespace;
    const char *link;
    const char *pointer;       /* into the document; the error's unless it is said */
    uint64_t generation;       /* for the journal alone */
    const struct error *error; /* why */
};

/* Writes one line. A call site that floods is limited: beyond 20 messages in 5 s the rest are
 * counted, and the count is printed when the period is over. */
#define log_write(level, ...) log_about(level, NULL, __VA_ARGS__)

/* The same, about a struct log_subject: log_about(LEVEL, &SUBJECT, FORMAT, ...). */
#define log_about(level, ...)                                                                      \
    do {                                                                                           \
        static struct log_site site_;                                                              \
        log_write_from(&site_, (level), __VA_ARGS__);                                              \
    } while (0)

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* The rate limit's memory of one call site; see log_write(). */
struct log_site {
    long period; /* start of the current period, CLOCK_MONOTONIC seconds */
    unsigned count;
};

void log_write_from(struct log_site *site, int level, const struct log_subject *subject,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
