#include "engine/look_internal.h"

#include "engine/mirror.h"
#include "kernel/dump.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* So much is done before others get a turn on the thread. To read a namespace takes as long as to
 * find out that so many names are free, or that no lower link is to be looked for. */
#define LOOK_SLICE 256
#define LOOK_READING 16
/* To look at so few namespaces takes little. */
#define BRIEF_MAX 16

static void entry_free(struct look_entry *entry)
{
    free(entry->name);
    free(entry->path);
    free(entry);
}

void look_free(struct look *look)
{
    struct look_entry *entry, *next;
    HASH_ITER (hh, look->entries, entry, next) {
        HASH_DEL(look->entries, entry);
        entry_free(entry);
    }
    free(look);
}

struct look_entry *look_entry_find(const struct look *look, const char *name)
{
    struct look_entry *entry = NULL;
    HASH_FIND_STR(look->entries, name, entry);
    return entry;
}

static struct look_entry *obtain_entry(struct look *look, const char *name)
{
    struct look_entry *entry = look_entry_find(look, name);
    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->after = entry->from = SIZE_MAX;
    entry->name = strdup(name);
    if (entry->name)
        HASH_ADD_KEYPTR(hh, look->entries, entry->name, strlen(entry->name), entry);
    if (!entry->name || !entry->hh.tbl) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

static bool set_path(struct look_entry *entry, const char *path)
{
    if (!path || entry->path)
        return true;
    entry->path = strdup(path);
    return entry->path;
}

bool look_add_name(struct look *look, const char *name, const char *path)
{
    struct look_entry *entry = obtain_entry(look, name);
    if (!entry)
        return false;
    entry->open = true;
    return set_path(entry, path);
}

bool look_add_network(struct look *look, const struct network *network, bool adopt)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        struct look_entry *entry = obtain_entry(look, namespace->name);
        if (!entry || !set_path(entry, namespace->path))
            return false;
        entry->open |= namespace_is_shared(namespace);
        entry->adopt |= adopt;
        if (namespace->cookie)
            entry->cookie = namespace->cookie;
        entry->asked[entry->asked[0] ? 1 : 0] = namespace;
    }
    return true;
}

/* Of a namespace that is asked for in part, only that part is read. */
static unsigned parts_of(const struct look_entry *entry)
{
    unsigned parts = entry->asked[0] ? 0 : DUMP_LINKS | DUMP_REST;
    for (size_t i = 0; i < 2 && entry->asked[i]; i++) {
        if (!entry->asked[i]->some_links)
            parts |= DUMP_LINKS;
        if (!entry->asked[i]->no_rest)
            parts |= DUMP_REST;
    }
    return parts;
}

static struct namespace *dump_entry(struct look *look, const struct look_entry *entry,
                                    struct netns *netns)
{
    struct namespace *namespace =
        dump_namespace(netns, parts_of(entry), entry->asked, 2, look->actual, &look->error);
    if (namespace) {
        namespace->cookie = netns->cookie;
        namespace->heard = look->heard;
        namespace->external = entry->open;
    }
    return namespace;
}

/* Made by netnsd: known by its cookie, or, when a crash came before that was stored, by its mark.
 */
static bool is_ours(const struct look_entry *entry, const struct namespace *namespace)
{
    const struct link *lo = namespace_link(namespace, "lo");
    return (entry->cookie && entry->cookie == namespace->cookie) ||
           (lo && lo->group == NETNSD_GROUP);
}

/* The number that NETNS was given in the daemon's own namespace, if that is known: to ask for it
 * takes the longer, the more there are. */
static void recall_number(const struct look_entry *entry, struct netns *netns)
{
    for (size_t i = 0; i < 2 && entry->asked[i]; i++) {
        if (entry->asked[i]->number && entry->asked[i]->cookie == netns->cookie)
            netns->number = entry->asked[i]->number;
    }
}

/* A crash in the middle of a change may have left it so (struct netns), unless its document says
 * how it is to be. */
static bool may_be_quiet(const struct look_entry *entry)
{
    return !entry->open && entry->asked[0] && !entry->asked[0]->sysctls &&
           (!entry->asked[1] || !entry->asked[1]->sysctls);
}

/* PARKED (NULL: it is not) is where a namespace of ours was parked when netnsd came to an end. */
static bool open_entry(struct look *look, const struct look_entry *entry, const char *parked)
{
    struct error error = {0};
    auto_netns struct netns *netns = netns_open(entry->name, parked ? parked : entry->path, &error);
    if (!netns && error.code == ERROR_NOT_FOUND)
        return true;
    if (!netns) {
        look->error = error;
        return false;
    }
    recall_number(entry, netns);
    /* What a document speaks of is listened to before it is read. */
    if (entry->asked[0] && !netns->host && !netns_number(netns, false, &look->error))
        return false;
    struct namespace *namespace = dump_entry(look, entry, netns);
    if (!namespace)
        return false;
    if (!entry->open && !is_ours(entry, namespace)) {
        namespace_remove(look->actual, namespace);
        return namespace_add(look->actual, entry->name) || error_memory(&look->error);
    }
    namespace->parked = parked;
    netns->hub = namespace->hub;
    netns->quiet = namespace->hub && may_be_quiet(entry);
    return netns_table_add(look->table, TAKE(netns)) || error_memory(&look->error);
}

bool look_read_entry(struct look *look, const struct look_entry *entry)
{
    struct netns *netns = netns_table_find(look->table, entry->name);
    if (entry->seen)
        return true;
    if (netns && netns->fd >= 0) {
        struct namespace *namespace = entry->borrowed ? network_namespace(look->actual, entry->name)
                                                      : dump_entry(look, entry, netns);
        if (namespace && !entry->open) {
            namespace->parked = !netns_is_named(netns);
        }
        return namespace;
    }
    char path[PATH_MAX];
    bool absent = !entry->open && netns_probe(entry->name) != NETNS_PRESENT;
    if (entry->open || entry->adopt)
        return open_entry(look, entry, absent ? netns_parked_path(entry->name, path) : NULL);
    return netns_probe(entry->name) != NETNS_PRESENT || namespace_add(look->actual, entry->name) ||
           error_memory(&look->error);
}

/* Must ENTRY's namespace be read, if it is there? */
static bool is_read(const struct look *look, const struct look_entry *entry)
{
    bool known = entry->borrowed || entry->seen;
    return !known && (entry->open || entry->adopt || netns_table_find(look->table, entry->name));
}

/* Of a plan's namespaces all are open. */
static bool read_next(struct look *look)
{
    struct look_entry *entry = TAILQ_FIRST(&look->todo);
    TAILQ_REMOVE(&look->todo, entry, next);
    if (entry->followed)
        TAILQ_INSERT_TAIL(&look->followed, entry, next);
    return look_read_entry(look, entry) &&
           (entry->after == SIZE_MAX || entry->followed || look_find_lowers(look, entry));
}

/* False when all are done. */
static bool find_next(struct look *look)
{
    if (!look->next && look->phase < LOOK_LOWERS_MANY) {
        look->phase++;
        look->next = look->entries;
    }
    if (!look->next)
        return false;
    look->failed = !look_find_lowers(look, look->next);
    look->next = look->next->hh.next;
    return look->next || look->phase < LOOK_LOWERS_MANY;
}

/* Namespaces must all be open before lower links are looked for among them. */
static void look_run(struct job *job)
{
    struct look *look = (struct look *)job;
    bool more = true;
    look_share(look);
    for (int left = LOOK_SLICE; (left > 0 || look->alone) && more && !look->failed;) {
        const struct look_entry *entry = TAILQ_FIRST(&look->todo);
        left -= entry && is_read(look, entry) ? LOOK_READING : 1;
        if (entry)
            look->failed = !read_next(look);
        else
            more = look->all && find_next(look);
    }
    look->done = look->all && !more;
}

/* What is ready is read after all that was told of it up to now. */
static void submit(struct look *look)
{
    look->heard = mirror_drain(look->engine);
    const struct look_entry *entry;
    TAILQ_FOREACH (entry, &look->ready, next) {
        if (!entry->borrowed)
            mirror_reads(look->engine, entry->name);
    }
    TAILQ_CONCAT(&look->todo, &look->ready, next);
    look->all = look->complete;
    look->alone = look->engine->starting;
    look->running = true;
    look->job.brief = HASH_COUNT(look->entries) <= BRIEF_MAX;
    worker_submit(look->engine->reader, &look->job);
}

static void finish(struct look *look)
{
    look->callback(look->context, look->failed ? &look->error : NULL);
    look_free(look);
}

/* What is followed is complete: of what the mirror is not sure, that is read after all. */
static void end_following(struct look *look)
{
    struct look_entry *entry;
    if (!TAILQ_EMPTY(&look->followed))
        mirror_drain(look->engine);
    while ((entry = TAILQ_FIRST(&look->followed))) {
        TAILQ_REMOVE(&look->followed, entry, next);
        entry->followed = false;
        if (mirror_lend(look->engine, entry->name, look->actual))
            continue;
        struct namespace *outdated = network_namespace(look->actual, entry->name);
        if (outdated)
            namespace_remove(look->actual, outdated);
        TAILQ_INSERT_TAIL(&look->ready, entry, next);
    }
}

/* While nothing is read: the mirror gets what is to be followed, and gives it back at the end. */
static void follow(struct look *look)
{
    const struct look_entry *entry;
    TAILQ_FOREACH (entry, &look->followed, next)
        mirror_follow(look->engine, entry->name, look->actual);
    if (look->complete)
        end_following(look);
}

static void look_done(struct job *job)
{
    struct look *look = (struct look *)job;
    look->running = false;
    if (!look->failed)
        follow(look);
    if (look->abandoned || (look->complete && (look->failed || look->done)))
        finish(look);
    else if (!look->failed &&
             (look->complete || !TAILQ_EMPTY(&look->todo) || !TAILQ_EMPTY(&look->ready)))
        submit(look);
}

struct look *look_new(struct engine *engine, struct netns_table *table, struct network *actual,
                      look_callback *callback, void *context)
{
    struct look *look = actual ? calloc(1, sizeof(*look)) : NULL;
    if (!look)
        return NULL;
    look->job = (struct job){.run = look_run, .done = look_done};
    look->engine = engine;
    look->table = table;
    look->actual = actual;
    look->callback = callback;
    look->context = context;
    TAILQ_INIT(&look->held);
    TAILQ_INIT(&look->ready);
    TAILQ_INIT(&look->todo);
    TAILQ_INIT(&look->followed);
    return look;
}

/* Sysctls are not told of; and what is looked at in part is not taken from the mirror as a whole.
 */
bool look_can_borrow(const struct look_entry *entry)
{
    for (size_t i = 0; i < 2; i++) {
        const struct namespace *asked = entry->asked[i];
        if (asked && (asked->sysctls || asked->some_links || asked->no_rest))
            return false;
    }
    return !entry->open;
}

void look_borrow(struct look *look, const char *name)
{
    struct look_entry *entry = look_entry_find(look, name);
    entry->borrowed = look_can_borrow(entry) && mirror_lend(look->engine, name, look->actual);
}

void look_hold(struct look *look, const char *name, size_t step, bool told)
{
    struct look_entry *entry = look_entry_find(look, name);
    if (!entry)
        return;
    entry->after = step;
    if (!told || !look_can_borrow(entry))
        entry->from = step;
}

static int by_step(const struct look_entry *a, const struct look_entry *b)
{
    return (a->from > b->from) - (a->from < b->from);
}

static void hold_all(struct look *look)
{
    for (struct look_entry *entry = look->entries; entry; entry = entry->hh.next)
        TAILQ_INSERT_TAIL(&look->held, entry, next);
    look->arranged = true;
}

void look_arrange(struct look *look)
{
    HASH_SORT(look->entries, by_step);
    hold_all(look);
}

void look_advance(struct look *look, size_t end)
{
    struct look_entry *entry;
    while ((entry = TAILQ_FIRST(&look->held)) && entry->from < end) {
        entry->followed = entry->after >= end;
        const struct netns *netns = netns_table_find(look->table, entry->name);
        if (netns)
            mirror_watch(look->engine, netns);
        TAILQ_REMOVE(&look->held, entry, next);
        TAILQ_INSERT_TAIL(&look->ready, entry, next);
    }
    if (!look->running && !look->failed && !TAILQ_EMPTY(&look->ready))
        submit(look);
}

void look_start(struct look *look)
{
    if (!look->arranged)
        hold_all(look);
    TAILQ_CONCAT(&look->ready, &look->held, next);
    look->complete = true;
    if (look->running)
        return;
    if (look->failed) {
        finish(look);
        return;
    }
    follow(look);
    submit(look);
}

void look_abandon(struct look *look)
{
    look->abandoned = true;
    if (!look->running)
        finish(look);
}
