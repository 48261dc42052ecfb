/* Runs a fuzz target over the files and the folders of files named. */
#include "fuzz.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t replayed;

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    auto_free char *content = NULL;
    size_t size = 0, capacity = 0, got;
    if (!file)
        return false;
    do {
        if (size == capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *larger = realloc(content, capacity);
            if (!larger)
                abort();
            content = larger;
        }
        got = fread(content + size, 1, capacity - size, file);
        size += got;
    } while (got > 0);
    bool good = !ferror(file);
    fclose(file);
    if (good)
        LLVMFuzzerTestOneInput((const uint8_t *)content, size);
    replayed++;
    return good;
}

static bool replay(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return errno == ENOTDIR && replay_file(path);
    const struct dirent *entry;
    bool good = true;
    while (good && (entry = readdir(directory))) {
        auto_free char *member = NULL;
        if (entry->d_name[0] == '.')
            continue;
        if (asprintf(&member, "%s/%s", path, entry->d_name) < 0)
            abort();
        good = replay_file(member);
    }
    closedir(directory);
    return good;
}

int main(int argument_count, char **arguments)
{
    for (int i = 1; i < argument_count; i++) {
        if (!replay(arguments[i])) {
            fprintf(stderr, "%s: %s\n", arguments[i], strerror(errno));
            return 1;
        }
    }
    printf("%zu inputs\n", replayed);
    return replayed ? 0 : 1;
}
