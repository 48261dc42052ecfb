#include "files/read.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/varlink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".json"

static bool is_topology(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);
    return entry->d_name[0] != '.' && length > suffix &&
           strcmp(entry->d_name + length - suffix, SUFFIX) == 0;
}

static int is_wanted(const struct dirent *entry)
{
    return is_topology(entry);
}

/* Whoever may write there says what root does. */
static bool check_owner(const struct stat *status, struct error *error)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return error_set(error, ERROR_DENIED, 0, "it belongs to user %u: run 'chown root' on it",
                         status->st_uid);
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return error_set(error, ERROR_DENIED, 0,
                         "others than its owner may write it: run 'chmod go-w' on it");
    return true;
}

static bool read_bytes(int fd, char *bytes, size_t size, size_t *length, struct error *error)
{
    ssize_t got;
    for (*length = 0; *length < size; *length += (size_t)got) {
        got = read(fd, bytes + *length, size - *length);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got < 0)
            return error_set(error, ERROR_SYSTEM, errno, "it cannot be read: %s", strerror(errno));
        else if (got == 0)
            break;
    }
    return true;
}

static bool open_file(const char *path, int *fd, size_t *size, struct error *error)
{
    struct stat status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &status) < 0)
        return error_set(error, ERROR_SYSTEM, errno, "it cannot be opened: %s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_INVALID, 0, "it is not a regular file");
    if (status.st_size > VARLINK_MESSAGE_MAX)
        return error_set(error, ERROR_INVALID, 0, "it is longer than %u MiB",
                         VARLINK_MESSAGE_MAX >> 20);
    *size = (size_t)status.st_size;
    return check_owner(&status, error);
}

static bool read_file(struct file *file, struct error *error)
{
    auto_close int fd = -1;
    size_t size = 0, length = 0;
    if (!open_file(file->path, &fd, &size, error))
        return false;
    auto_free char *bytes = malloc(size + 1);
    if (!bytes)
        return error_memory(error);
    if (!read_bytes(fd, bytes, size, &length, error))
        return false;
    struct problems problems = {0};
    if (json_check(bytes, length, &problems))
        file->text = json_text_new(bytes, length);
    file_note_problems(file, &problems);
    bool told = problems.errors;
    problems_clear(&problems);
    return file->text || told || error_memory(error);
}

static bool read_entry(struct file *file, const char *directory, const char *name)
{
    if (asprintf(&file->path, "%s/%s", directory, name) < 0)
        file->path = NULL;
    file->topology = strndup(name, strlen(name) - strlen(SUFFIX));
    if (!file->path || !file->topology)
        return false;
    struct error error = {0};
    if (!read_file(file, &error))
        file_note_error(file, &error);
    return true;
}

static bool check_directory(const char *directory, struct file_list *list)
{
    struct stat status;
    if (stat(directory, &status) == 0)
        return check_owner(&status, &list->error);
    list->missing = errno == ENOENT;
    return error_set(&list->error, ERROR_SYSTEM, errno, "it cannot be read: %s", strerror(errno));
}

void file_list_read(struct file_list *list, const char *directory)
{
    *list = (struct file_list){0};
    if (!check_directory(directory, list))
        return;
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_wanted, alphasort);
    if (count < 0) {
        error_set(&list->error, ERROR_SYSTEM, errno, "it cannot be read: %s", strerror(errno));
        return;
    }
    list->items = calloc((size_t)count + 1, sizeof(*list->items));
    bool good = list->items;
    for (int i = 0; i < count; i++) {
        good = good && read_entry(&list->items[list->count++], directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (good)
        return;
    file_list_clear(list);
    error_memory(&list->error);
}

bool file_list_add(struct file_list *list, const char *path, const char *topology)
{
    struct file *grown = reallocarray(list->items, list->count + 1, sizeof(*grown));
    if (!grown)
        return false;
    list->items = grown;
    grown[list->count] = (struct file){.path = strdup(path), .topology = strdup(topology)};
    const struct file *added = &grown[list->count++];
    return added->path && added->topology;
}

void file_list_clear(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct file *file = &list->items[i];
        free(file->path);
        free(file->topology);
        json_text_put(file->text);
        problems_clear(&file->problems);
    }
    free(list->items);
    *list = (struct file_list){0};
}

void file_note_problems(struct file *file, const struct problems *problems)
{
    size_t kept = 0;
    for (size_t i = 0; i < problems->count && kept < FILE_PROBLEMS_MAX; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->warning)
            continue;
        problems_add(&file->problems, false, problem->pointer, "%s", problem->text);
        kept++;
    }
    if (problems->errors > kept)
        problems_add(&file->problems, false, "", "%zu more things are wrong",
                     problems->errors - kept);
}

void file_note_error(struct file *file, const struct error *error)
{
    problems_add(&file->problems, false, error->pointer, "%s", error->text);
}
