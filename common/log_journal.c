#define SD_JOURNAL_SUPPRESS_LOCATION /* the kind of message says where it comes from */

#include "common/log_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#define FIELDS_MAX 12
#define FIELDS_BYTES 4096

/* The entry that is being put together. */
struct entry {
    struct iovec fields[FIELDS_MAX];
    int count;
    char text[FIELDS_BYTES];
    size_t used;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool connected;

/* JOURNAL_STREAM holds device and inode of what systemd connected; stderr may have been redirected
 * since (systemd.exec(5)). */
static void find_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    unsigned long long device, inode;
    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return;
    connected =
        fstat(fileno(stderr), &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

bool log_journal_connected(void)
{
    pthread_once(&once, find_journal);
    return connected;
}

/* A field that there is no room for is left out. */
static void __attribute__((format(printf, 2, 3))) add(struct entry *entry, const char *format, ...)
{
    size_t room = sizeof(entry->text) - entry->used;
    char *field = entry->text + entry->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(field, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room || entry->count == FIELDS_MAX)
        return;
    entry->fields[entry->count++] = (struct iovec){.iov_base = field, .iov_len = (size_t)length};
    entry->used += (size_t)length + 1;
}

static void add_text(struct entry *entry, const char *name, const char *value)
{
    if (value && *value)
        add(entry, "%s=%s", name, value);
}

static void add_subject(struct entry *entry, const struct log_subject *subject)
{
    const struct error *error = subject->error;
    add_text(entry, "MESSAGE_ID", subject->id);
    add_text(entry, "TOPOLOGY", subject->topology);
    add_text(entry, "NAMESPACE", subject->namespace);
    add_text(entry, "LINK", subject->link);
    add_text(entry, "POINTER", !subject->pointer && error ? error->pointer : subject->pointer);
    if (subject->generation)
        add(entry, "GENERATION=%" PRIu64, subject->generation);
    if (error && error->errnum)
        add(entry, "ERRNO=%d", error->errnum);
}

void log_journal_send(int level, const struct log_subject *subject, const char *text)
{
    struct entry entry = {0};
    add(&entry, "PRIORITY=%d", level);
    add(&entry, "SYSLOG_IDENTIFIER=%s", program_invocation_short_name);
    add(&entry, "MESSAGE=%s", text);
    if (subject)
        add_subject(&entry, subject);
    (void)sd_journal_sendv(entry.fields, entry.count);
}
