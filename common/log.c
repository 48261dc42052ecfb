#include "common/log.h"

#include "common/log_journal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 2048
#define PERIOD_SECONDS 5
#define PERIOD_MESSAGES 20

static atomic_int threshold = LOG_INFO;
static pthread_mutex_t sites_lock = PTHREAD_MUTEX_INITIALIZER;

/* A message that is being put together. What does not fit is cut. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t length;
};

void log_set_level(int level)
{
    atomic_store(&threshold, level);
}

bool log_level_parse(const char *word, int *level)
{
    static const struct {
        const char *word;
        int level;
    } levels[] = {
        {"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
        {"info", LOG_INFO}, {"debug", LOG_DEBUG},
    };
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(levels[i].word, word) == 0) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

static void add(struct line *line, const char *format, va_list arguments)
{
    size_t room = sizeof(line->text) - line->length;
    int length = vsnprintf(line->text + line->length, room, format, arguments);
    if (length > 0)
        line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void __attribute__((format(printf, 2, 3)))
add_text(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(line, format, arguments);
    va_end(arguments);
}

static void add_subject(struct line *line, const struct log_subject *subject)
{
    const char *pointer =
        !subject->pointer && subject->error ? subject->error->pointer : subject->pointer;
    if (subject->topology)
        add_text(line, "topology %s: ", subject->topology);
    else if (subject->namespace)
        add_text(line, "namespace %s: ", subject->namespace);
    if (pointer && *pointer)
        add_text(line, "%s: ", pointer);
}

/* One write, so that lines of threads do not mix. */
static void write_line(int level, const struct log_subject *subject, const struct line *line)
{
    char text[LINE_MAX_BYTES + NAME_MAX];
    if (log_journal_connected()) {
        log_journal_send(level, subject, line->text);
        return;
    }
    int length =
        snprintf(text, sizeof(text), "%s: %s\n", program_invocation_short_name, line->text);
    if (length > 0)
        fwrite(text, 1, (size_t)length, stderr);
}

/* Counts the message; *SUPPRESSED gets how many the period that is over lost. */
static bool site_admits(struct log_site *site, unsigned *suppressed)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&sites_lock);
    *suppressed = 0;
    if (!site->count || now.tv_sec - site->period >= PERIOD_SECONDS) {
        if (site->count > PERIOD_MESSAGES)
            *suppressed = site->count - PERIOD_MESSAGES;
        site->period = now.tv_sec;
        site->count = 0;
    }
    bool admitted = ++site->count <= PERIOD_MESSAGES;
    pthread_mutex_unlock(&sites_lock);
    return admitted;
}

void log_write_from(struct log_site *site, int level, const struct log_subject *subject,
                    const char *format, ...)
{
    struct line line = {0};
    unsigned suppressed;
    if (level > atomic_load(&threshold) || !site_admits(site, &suppressed))
        return;
    if (suppressed) {
        add_text(&line, "%u messages like the next one were left out", suppressed);
        write_line(level, NULL, &line);
        line.length = 0;
    }
    if (subject)
        add_subject(&line, subject);
    va_list arguments;
    va_start(arguments, format);
    add(&line, format, arguments);
    va_end(arguments);
    if (subject && subject->error)
        add_text(&line, ": %s", subject->error->text);
    write_line(level, subject, &line);
}
