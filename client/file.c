#include "client/file.h"

#include "common/varlink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_standard_input(const char *path)
{
    return strcmp(path, "-") == 0;
}

static bool grow(struct source *source, size_t *capacity, struct error *error)
{
    if (source->length + 1 < *capacity)
        return true;
    if (source->length > VARLINK_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID, 0, "%s: longer than the %u MiB that netnsd reads",
                         source->name, VARLINK_MESSAGE_MAX >> 20);
    size_t wanted = *capacity ? *capacity * 2 : 16 * 1024;
    char *text = realloc(source->text, wanted);
    if (!text)
        return error_memory(error);
    source->text = text;
    *capacity = wanted;
    return true;
}

static bool read_all(int fd, struct source *source, struct error *error)
{
    size_t capacity = 0;
    for (;;) {
        if (!grow(source, &capacity, error))
            return false;
        ssize_t count = read(fd, source->text + source->length, capacity - source->length - 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set(error, ERROR_SYSTEM, errno, "cannot read %s: %s", source->name,
                             strerror(errno));
        source->text[source->length + (size_t)count] = '\0';
        if (count == 0)
            return true;
        source->length += (size_t)count;
    }
}

bool source_read(const char *path, struct source *source, struct error *error)
{
    *source = (struct source){.name = strdup(is_standard_input(path) ? "standard input" : path)};
    if (!source->name)
        return error_memory(error);
    if (is_standard_input(path))
        return read_all(STDIN_FILENO, source, error);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, ERROR_SYSTEM, errno, "cannot open %s: %s", path, strerror(errno));
    return read_all(fd, source, error);
}

void source_clear(struct source *source)
{
    free(source->name);
    free(source->text);
    *source = (struct source){0};
}

char *topology_name_from_path(const char *path)
{
    static const char suffix[] = ".json";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = strlen(name), suffix_length = strlen(suffix);
    if (length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0)
        length -= suffix_length;
    return length == 0 || is_standard_input(path) ? NULL : strndup(name, length);
}
