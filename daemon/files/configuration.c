#include "files/configuration.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define DEFAULT_AUDIT 60
#define DEFAULT_TOPOLOGIES SYSCONFDIR "/netnsd/topologies.d"
#define FILE_MAX 65536

void configuration_default(struct configuration *configuration)
{
    *configuration = (struct configuration){.audit = DEFAULT_AUDIT, .log_level = LOG_INFO};
    snprintf(configuration->topologies, sizeof(configuration->topologies), "%s",
             DEFAULT_TOPOLOGIES);
}

bool configuration_read_audit(const char *text, unsigned *seconds)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || number > AUDIT_MAX)
        return false;
    *seconds = (unsigned)number;
    return true;
}

static bool read_audit(const char *value, struct configuration *configuration, struct error *error)
{
    return configuration_read_audit(value, &configuration->audit) ||
           error_set(error, ERROR_INVALID, 0, "\"%s\" is no number of seconds from 0 to %u", value,
                     AUDIT_MAX);
}

static bool read_log_level(const char *value, struct configuration *configuration,
                           struct error *error)
{
    return log_level_parse(value, &configuration->log_level) ||
           error_set(error, ERROR_INVALID, 0, "\"%s\" is not error, warning, notice, info or debug",
                     value);
}

static bool read_topologies(const char *value, struct configuration *configuration,
                            struct error *error)
{
    if (*value != '/' || strlen(value) >= sizeof(configuration->topologies))
        return error_set(error, ERROR_INVALID, 0, "\"%.300s\" is no path that begins with \"/\"",
                         value);
    snprintf(configuration->topologies, sizeof(configuration->topologies), "%s", value);
    return true;
}

static const struct key {
    const char *name;
    bool (*read)(const char *value, struct configuration *configuration, struct error *error);
} keys[] = {
    {"Audit", read_audit},
    {"LogLevel", read_log_level},
    {"Topologies", read_topologies},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* TEXT without white space at its ends. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return text;
}

/* SEEN has a bit for each key that had its line. */
static bool read_line(char *line, unsigned *seen, struct configuration *configuration,
                      struct error *error)
{
    line = trim(line);
    if (*line == '\0' || *line == '#')
        return true;
    char *equals = strchr(line, '=');
    if (!equals)
        return error_set(error, ERROR_INVALID, 0,
                         "\"%.100s\" is neither KEY=VALUE nor a comment, which begins with \"#\"",
                         line);
    *equals = '\0';
    const char *name = trim(line);
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        if (*seen & 1u << i)
            return error_set(error, ERROR_INVALID, 0, "%s is said twice", name);
        *seen |= 1u << i;
        struct error why = {0};
        return keys[i].read(trim(equals + 1), configuration, &why) ||
               error_set(error, ERROR_INVALID, 0, "%s: %s", name, why.text);
    }
    return error_set(error, ERROR_INVALID, 0,
                     "there is no \"%.100s\"; there are Audit, LogLevel and Topologies", name);
}

bool configuration_parse(const char *text, size_t length, struct configuration *configuration,
                         size_t *line, struct error *error)
{
    auto_free char *copy = malloc(length + 1);
    if (!copy)
        return error_memory(error);
    memcpy(copy, text, length);
    copy[length] = '\0';
    unsigned seen = 0;
    *line = 1;
    if (strlen(copy) != length)
        return error_set(error, ERROR_INVALID, 0, "it is no text");
    char *rest = copy, *each;
    for (; (each = strsep(&rest, "\n")); (*line)++) {
        if (!read_line(each, &seen, configuration, error))
            return false;
    }
    return true;
}

bool configuration_load(const char *path, bool required, struct configuration *configuration,
                        struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT && !required)
        return true;
    if (!file)
        return error_set(error, ERROR_SYSTEM, errno, "%s: cannot be opened: %s", path,
                         strerror(errno));
    auto_free char *text = malloc(FILE_MAX);
    size_t line, length = text ? fread(text, 1, FILE_MAX, file) : 0;
    bool failed = ferror(file);
    fclose(file);
    if (!text)
        return error_memory(error);
    if (failed || length == FILE_MAX)
        return error_set(error, ERROR_SYSTEM, 0, "%s: %s", path,
                         failed ? "cannot be read" : "is longer than 64 KiB");
    struct error why = {0};
    return configuration_parse(text, length, configuration, &line, &why) ||
           error_set(error, ERROR_INVALID, 0, "%s:%zu: %s", path, line, why.text);
}
