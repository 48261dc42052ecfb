#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LINE_MAX_BYTES 2048
#define PERIOD_SECONDS 5
#define PERIOD_MESSAGES 20

static atomic_int threshold = LOG_INFO;
static pthread_mutex_t sites_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool journal;

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

/* JOURNAL_STREAM holds device and inode of what systemd connected; stderr may have been redirected
 * since (systemd.exec(5)). */
static void find_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    unsigned long long device, inode;
    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return;
    journal =
        fstat(fileno(stderr), &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* The journal reads the level from the beginning of a line (sd-daemon(3)). One write, so that lines
 * of threads do not mix. */
static void write_line(int level, const char *text)
{
    char line[LINE_MAX_BYTES + 16];
    pthread_once(&journal_once, find_journal);
    int length = journal ? snprintf(line, sizeof(line), "<%d>%s\n", level, text)
                         : snprintf(line, sizeof(line), "netnsd: %s\n", text);
    if (length > 0)
        fwrite(line, 1, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1, stderr);
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

void log_write_from(struct log_site *site, int level, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    unsigned suppressed;
    if (level > atomic_load(&threshold) || !site_admits(site, &suppressed))
        return;
    if (suppressed) {
        snprintf(text, sizeof(text), "%u messages like the next one were left out", suppressed);
        write_line(level, text);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_line(level, text);
}
