#include "engine/dirty.h"

#include "model/network_cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "NAMESPACE", "NAMESPACE/" or "NAMESPACE/LINK". */
struct dirty {
    UT_hash_handle hh;
    char key[];
};

#define KEY_MAX (NAMESPACE_NAME_MAX + IFNAMSIZ + 2)

static char *format_key(const char *namespace, const char *link, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "%s%s%s", namespace, link ? "/" : "", link ? link : "");
    return key;
}

static struct dirty *find(const struct dirty *set, const char *key)
{
    struct dirty *dirty;
    HASH_FIND_STR(set, key, dirty);
    return dirty;
}

bool dirty_has(const struct dirty *set, const char *namespace, const char *link)
{
    char key[KEY_MAX];
    return find(set, namespace) || (link && find(set, format_key(namespace, link, key)));
}

bool dirty_add(struct dirty **set, const char *namespace, const char *link)
{
    char key[KEY_MAX];
    if (find(*set, format_key(namespace, link, key)))
        return true;
    struct dirty *dirty = calloc(1, sizeof(*dirty) + strlen(key) + 1);
    if (!dirty)
        return false;
    memcpy(dirty->key, key, strlen(key) + 1);
    HASH_ADD_STR(*set, key, dirty);
    if (dirty->hh.tbl)
        return true;
    free(dirty);
    return false;
}

void dirty_clear(struct dirty **set)
{
    struct dirty *dirty, *next;
    HASH_ITER (hh, *set, dirty, next) {
        HASH_DEL(*set, dirty);
        free(dirty);
    }
}

static void move(struct dirty **from, size_t limit, struct dirty **to)
{
    struct dirty *dirty, *next, *other;
    HASH_ITER (hh, *from, dirty, next) {
        if (!limit--)
            return;
        HASH_DEL(*from, dirty);
        HASH_FIND_STR(*to, dirty->key, other);
        if (!other)
            HASH_ADD_STR(*to, key, dirty);
        if (other || !dirty->hh.tbl)
            free(dirty); /* without memory for it, the audit finds it again */
    }
}

struct dirty *dirty_take(struct dirty **set, size_t limit)
{
    struct dirty *taken = NULL;
    move(set, limit, &taken);
    return taken;
}

size_t dirty_count(const struct dirty *set)
{
    return HASH_COUNT(set);
}

const char *dirty_namespace(const struct dirty *set)
{
    return strchr(set->key, '/') ? NULL : set->key;
}

bool dirty_add_namespaces(const struct dirty *set, struct dirty **into)
{
    const struct dirty *dirty, *next;
    HASH_ITER (hh, set, dirty, next) {
        char namespace[NAMESPACE_NAME_MAX + 1];
        snprintf(namespace, sizeof(namespace), "%.*s", (int)strcspn(dirty->key, "/"), dirty->key);
        if (!dirty_add(into, namespace, NULL))
            return false;
    }
    return true;
}

bool dirty_split(struct dirty **set, const struct network *from)
{
    const struct namespace *namespace = *set ? network_namespace(from, (*set)->key) : NULL;
    struct dirty *parts = NULL;
    const struct link *link, *next;
    const struct link *links = namespace ? namespace->links : NULL;
    bool good = !namespace || dirty_add(&parts, namespace->name, "");
    HASH_ITER (hh, links, link, next) {
        good = good && dirty_add(&parts, namespace->name, link->name);
    }
    if (good && parts)
        dirty_clear(set);
    dirty_move(&parts, set);
    return good;
}

void dirty_move(struct dirty **from, struct dirty **to)
{
    move(from, SIZE_MAX, to);
}

static bool cut_one(const char *key, struct network *cut, const struct network *from)
{
    const char *slash = strchr(key, '/');
    char namespace[NAMESPACE_NAME_MAX + 1];
    if (!slash)
        return network_cut_namespace(cut, from, key);
    snprintf(namespace, sizeof(namespace), "%.*s", (int)(slash - key), key);
    return slash[1] ? network_cut_link(cut, from, namespace, slash + 1)
                    : network_cut_rest(cut, from, namespace);
}

struct network *dirty_cut(const struct dirty *set, const struct network *from)
{
    auto_network struct network *cut = network_cut_new(from);
    const struct dirty *dirty, *next;
    HASH_ITER (hh, set, dirty, next) {
        if (!cut || !cut_one(dirty->key, cut, from))
            return NULL;
    }
    return cut && network_cut_close(cut, from) ? TAKE(cut) : NULL;
}
