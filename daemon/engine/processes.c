#include "kernel/processes.h"

#include "common/log.h"
#include "engine/holders.h"
#include "engine/transaction.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void transaction_find_processes(struct transaction *transaction, const struct netns_table *removed)
{
    size_t count = HASH_COUNT(removed->entries), used = 0;
    auto_free struct process_place *places = calloc(count + 1, sizeof(*places));
    struct error error = {0};
    for (const struct netns *netns = places ? removed->entries : NULL; netns;
         netns = netns->hh.next) {
        struct stat status;
        if (netns->fd >= 0 && fstat(netns->fd, &status) == 0)
            places[used++] = (struct process_place){
                .namespace = netns->name, .device = status.st_dev, .inode = status.st_ino};
    }
    if (!used)
        return;
    if (!(transaction->kill ? processes_kill : processes_find)(places, used,
                                                               &transaction->processes, &error))
        log_warning("topology %s: what is still in its removed namespaces is not known: %s",
                    transaction->name, error.text);
}

/* Looks for processes on the reader's thread. */
struct search {
    struct job job;
    struct engine *engine;
    char **names, **paths; /* ended by NULL, both */
    bool named;            /* there is one name, which must lead to something */
    struct process_list found;
    struct error error;
    processes_callback *callback;
    void *context;
};

static void search_free(struct search *search)
{
    strings_free(search->names);
    strings_free(search->paths);
    process_list_clear(&search->found);
    free(search);
}

static void search_run(struct job *job)
{
    struct search *search = (struct search *)job;
    size_t count = 0, used = 0;
    while (search->names[count])
        count++;
    auto_free struct process_place *places = calloc(count + 1, sizeof(*places));
    for (size_t i = 0; places && i < count; i++) {
        struct stat status;
        if (stat(search->paths[i], &status) == 0)
            places[used++] = (struct process_place){
                .namespace = search->names[i], .device = status.st_dev, .inode = status.st_ino};
    }
    if (!places)
        error_memory(&search->error);
    else if (search->named && !used)
        error_set(&search->error, ERROR_NOT_FOUND, 0, "there is no such namespace");
    else
        processes_find(places, used, &search->found, &search->error);
}

static void search_done(struct job *job)
{
    struct search *search = (struct search *)job;
    struct engine *engine = search->engine;
    search->callback(search->context, search->found.items, search->found.count,
                     search->error.code ? &search->error : NULL);
    search_free(search);
    engine->requests--;
    engine_check_idle(engine);
}

/* Where the namespace NAME is found; NULL when memory is short. */
static char *find_path(struct engine *engine, const char *name)
{
    const char *path;
    char *made = NULL;
    engine_namespace_user(engine, name, &path);
    int length = path ? asprintf(&made, "%s", path)
                 : strcmp(name, NAMESPACE_HOST) == 0
                     ? asprintf(&made, "/proc/%d/ns/net", (int)getpid())
                     : asprintf(&made, NETNS_DIRECTORY "/%s", name);
    return length < 0 ? NULL : made;
}

static bool find_paths(struct search *search)
{
    size_t count = 0;
    while (search->names[count])
        count++;
    search->paths = calloc(count + 1, sizeof(*search->paths));
    for (size_t i = 0; search->paths && i < count; i++) {
        if (!(search->paths[i] = find_path(search->engine, search->names[i])))
            return false;
    }
    return search->paths;
}

static char **one_name(const char *name)
{
    char **names = calloc(2, sizeof(*names));
    if (names && (names[0] = strdup(name)))
        return names;
    free(names);
    return NULL;
}

void engine_processes(struct engine *engine, const char *name, processes_callback *callback,
                      void *context)
{
    struct error error = {0};
    struct search *search = calloc(1, sizeof(*search));
    if (search) {
        *search = (struct search){.job = {.run = search_run, .done = search_done},
                                  .engine = engine,
                                  .named = name,
                                  .callback = callback,
                                  .context = context};
        search->names = name ? one_name(name) : netns_names(&error);
    }
    if (search && search->names && find_paths(search)) {
        engine->requests++;
        worker_submit(engine->reader, &search->job);
        return;
    }
    if (search)
        search_free(search);
    if (!error.code)
        error_memory(&error);
    callback(context, NULL, 0, &error);
}
