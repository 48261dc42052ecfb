#include "engine/mirror_internal.h"

#include "common/log_id.h"
#include "engine/drift.h"
#include "engine/holders.h"
#include "engine/journal.h"
#include "model/network_compare.h"

#include <string.h>

struct taking {
    struct mirror *mirror;
    const char *namespace;
    void (*each)(void *context, const char *pointer); /* NULL: tells the drift */
    void *context;
    bool rest; /* routes and rules count, which are not in doubt */
};

static void note_changed(void *context, const char *link)
{
    const struct taking *taking = context;
    drift_mark(taking->mirror->engine, taking->namespace, link && *link ? link : HOLDERS_ROUTES,
               true);
}

/* The kernel knows the lower link's namespace by a number of its own: an earlier look, that saw
 * OTHER (may be NULL), found out which one that is. */
static void find_lower(const struct mirror *mirror, const struct link *other, struct link *link)
{
    if (!link->lower_elsewhere || link->lower_cookie)
        return;
    if (strcmp(link->namespace->name, NAMESPACE_HOST) == 0)
        mirror_find_lower(mirror, link);
    else if (other && other->lower_elsewhere && other->lower_nsid == link->lower_nsid &&
             other->lower_ifindex == link->lower_ifindex)
        link->lower_cookie = other->lower_cookie;
}

static void find_lowers(const struct mirror *mirror, const struct namespace *former,
                        struct namespace *namespace)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        find_lower(mirror, former ? namespace_link_by_ifindex(former, link->ifindex) : NULL, link);
    }
}

/* The kernel's own lo is no news. */
static void publish_link(const struct mirror *mirror, const struct link *link,
                         enum engine_event_type type)
{
    if (strcmp(link->name, "lo") != 0)
        mirror_publish_link(mirror, link, type);
}

/* The same link in NAMESPACE, which may be NULL. */
static const struct link *same_link(const struct namespace *namespace, const struct link *link)
{
    const struct link *same = namespace ? namespace_link(namespace, link->name) : NULL;
    return same && same->ifindex == link->ifindex ? same : NULL;
}

/* What links did unheard: before the namespace was followed (FORMER is NULL), or while it was
 * doubted. */
static void publish_links(const struct mirror *mirror, const struct namespace *former,
                          const struct namespace *namespace)
{
    const struct link *link, *next;
    const struct link *links = former ? former->links : NULL;
    HASH_ITER (hh, links, link, next) {
        if (!same_link(namespace, link))
            publish_link(mirror, link, EVENT_LINK_REMOVED);
    }
    HASH_ITER (hh, namespace->links, link, next) {
        const struct link *same = same_link(former, link);
        if (same)
            mirror_publish_running(mirror, same, link);
        else
            publish_link(mirror, link, EVENT_LINK_ADDED);
    }
}

/* Moves NAMESPACE of READ into the mirror. LENT is what it was when it was borrowed. */
static void install(struct mirror *mirror, struct mirror_entry *entry, struct network *read,
                    struct namespace *namespace, const struct namespace *lent)
{
    const struct namespace *kept = mirror_entry_namespace(mirror, entry);
    const struct namespace *former = kept ? kept : lent;
    entry->routes_changed &= namespace == entry->lent;
    entry->lent = NULL;
    find_lowers(mirror, former, namespace);
    if (former || !mirror->engine->starting)
        publish_links(mirror, former, namespace);
    if (!namespace_move(read, namespace, mirror->network)) {
        log_about(LOG_WARNING, &(struct log_subject){.namespace = entry->namespace},
                  "out of memory: it is not followed");
        return;
    }
    bool all_kept = entry->kept_since <= namespace->heard && (entry->doubt || !kept);
    entry->doubt = DOUBT_NONE;
    if (entry->heard > namespace->heard &&
        !(all_kept && mirror_hear_kept(mirror, entry, namespace)))
        mirror_entry_doubt(mirror, entry, DOUBT_ALL);
    else if (!entry->doubt)
        mirror_forget_kept(entry);
}

/* A part of a namespace was read: links that are known learn what their lower links are. */
static void learn(const struct mirror *mirror, const struct mirror_entry *entry,
                  const struct namespace *part)
{
    const struct namespace *namespace = mirror_entry_namespace(mirror, entry);
    const struct link *seen, *next;
    HASH_ITER (hh, part->links, seen, next) {
        struct link *link = namespace ? namespace_link_by_ifindex(namespace, seen->ifindex) : NULL;
        if (link)
            find_lower(mirror, seen, link);
    }
}

void mirror_follow(struct engine *engine, const char *name, struct network *network)
{
    struct mirror_entry *entry = mirror_entry_find(engine->mirror, name);
    struct namespace *namespace = network_namespace(network, name);
    if (!entry || !namespace || entry->cookie != namespace->cookie)
        return;
    entry->unborn = true;
    install(engine->mirror, entry, network, namespace, NULL);
}

bool mirror_lend(struct engine *engine, const char *name, struct network *network)
{
    struct mirror *mirror = engine->mirror;
    struct mirror_entry *entry = mirror_entry_find(mirror, name);
    struct namespace *namespace = entry ? mirror_entry_namespace(mirror, entry) : NULL;
    if (!namespace || entry->doubt || entry->queued || entry->audited || namespace->external)
        return false;
    namespace->heard = mirror->heard;
    if (namespace_move(mirror->network, namespace, network)) {
        entry->lent = namespace;
        mirror_keep(mirror, entry);
        return true;
    }
    mirror_entry_doubt(mirror, entry, DOUBT_ALL);
    return false;
}

void mirror_take(struct engine *engine, const struct topology *topology, struct network *actual,
                 const struct network *before, struct namespace *namespace)
{
    struct mirror *mirror = engine->mirror;
    struct mirror_entry *entry = mirror_entry_find(mirror, namespace->name);
    if (!entry || entry->cookie != namespace->cookie)
        return;
    entry->unborn = false;
    if (!namespace->some_links && !namespace->no_rest &&
        holders_owner(engine, namespace->name) == topology)
        install(mirror, entry, actual, namespace, network_namespace(before, namespace->name));
    else
        learn(mirror, entry, namespace);
}

void mirror_give_back(struct engine *engine, struct network *network, struct namespace *namespace)
{
    struct mirror *mirror = engine->mirror;
    struct mirror_entry *entry = mirror_entry_find(mirror, namespace->name);
    if (entry && entry->cookie == namespace->cookie && !entry->doubt &&
        !mirror_entry_namespace(mirror, entry))
        install(mirror, entry, network, namespace, namespace);
}

/* Sysctls are not heard of. */
static void note_pointer(void *context, const char *link)
{
    const struct taking *taking = context;
    char pointer[NAMESPACE_NAME_MAX + IFNAMSIZ + 32];
    if (link && (*link || taking->rest))
        taking->each(taking->context,
                     place_pointer(taking->namespace, link, pointer, sizeof(pointer)));
}

/* Calls EACH for what is kept of a namespace and not as in ACTUAL. */
static void check(const struct mirror *mirror, const struct mirror_entry *entry,
                  const struct namespace *actual, void (*each)(void *context, const char *pointer),
                  void *context)
{
    const struct namespace *kept = mirror_entry_namespace(mirror, entry);
    struct taking taking = {
        .namespace = actual->name, .each = each, .context = context, .rest = !entry->doubt};
    if (kept && entry->doubt != DOUBT_ALL && entry->heard <= actual->heard)
        namespace_compare(kept, actual, note_pointer, &taking);
}

void mirror_check(struct engine *engine, const struct network *actual,
                  void (*each)(void *context, const char *pointer), void *context)
{
    const struct namespace *namespace, *next;
    HASH_ITER (hh, actual->namespaces, namespace, next) {
        const struct mirror_entry *entry = mirror_entry_find(engine->mirror, namespace->name);
        if (entry && !namespace->some_links && !namespace->no_rest &&
            holders_owner(engine, namespace->name))
            check(engine->mirror, entry, namespace, each, context);
    }
}

/* Has an audit found that the mirror was wrong? */
static void tell_wrong(void *context, const char *pointer)
{
    struct mirror *mirror = context;
    struct journal_place place;
    struct log_subject subject = {.id = LOG_ID_UNHEARD, .pointer = pointer};
    mirror->wrong++;
    journal_locate(&subject, &place);
    log_about(LOG_WARNING, &subject, "it was changed without netnsd hearing of it");
}

/* Does whatever others have there count? */
static bool removes_extra(const struct engine *engine, const char *name)
{
    const struct topology *owner = holders_owner(engine, name);
    const struct namespace *namespace = owner ? network_namespace(owner->network, name) : NULL;
    return namespace && namespace->remove_extra;
}

/* What was compared with what is wanted may not have been what was kept: a repair has looked at the
 * kernel meanwhile. */
static void mark_changes(struct mirror *mirror, enum mirror_doubt doubt,
                         const struct namespace *kept, const struct namespace *namespace)
{
    struct taking taking = {.mirror = mirror, .namespace = namespace->name};
    if (!kept || doubt == DOUBT_ALL || removes_extra(mirror->engine, namespace->name)) {
        drift_mark(mirror->engine, namespace->name, NULL, true);
        return;
    }
    namespace_compare(kept, namespace, note_changed, &taking);
    drift_mark(mirror->engine, namespace->name, HOLDERS_ROUTES, true);
}

void mirror_take_read(struct mirror *mirror, struct network *read, const char *name)
{
    struct mirror_entry *entry = mirror_entry_find(mirror, name);
    struct namespace *namespace = network_namespace(read, name);
    if (!entry || !namespace || namespace->cookie != entry->cookie)
        return;
    const struct namespace *kept = mirror_entry_namespace(mirror, entry);
    bool audited = entry->audited;
    entry->audited = false;
    /* What is kept is newer than what was read, but for what is not told. */
    if (kept && !entry->doubt && entry->heard > namespace->heard) {
        drift_mark(mirror->engine, name, NULL, true);
        return;
    }
    if (kept) {
        namespace->parked = kept->parked;
    }
    if (audited) {
        check(mirror, entry, namespace, tell_wrong, mirror);
        drift_mark(mirror->engine, name, NULL, true);
    } else {
        mark_changes(mirror, entry->doubt, kept, namespace);
    }
    install(mirror, entry, read, namespace, NULL);
}
