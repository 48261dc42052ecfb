#include "engine/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that hold what the key says: "NAMESPACE", and in a shared one "NAMESPACE/LINK" or, for the
 * rest of it, "NAMESPACE/". */
struct holder {
    char *key; /* owned */
    struct topology **topologies;
    size_t count;
    UT_hash_handle hh;
};

#define KEY_MAX (NAMESPACE_NAME_MAX + IFNAMSIZ + 2)

static struct holder *find(const struct engine *engine, const char *namespace, const char *link)
{
    char key[KEY_MAX];
    struct holder *holder;
    snprintf(key, sizeof(key), "%s%s%s", namespace, link ? "/" : "", link ? link : "");
    HASH_FIND_STR(engine->holders, key, holder);
    return holder;
}

static void holder_free(struct engine *engine, struct holder *holder)
{
    if (holder->hh.tbl)
        HASH_DEL(engine->holders, holder);
    free(holder->key);
    free(holder->topologies);
    free(holder);
}

static struct holder *obtain(struct engine *engine, const char *namespace, const char *link)
{
    struct holder *holder = find(engine, namespace, link);
    if (holder)
        return holder;
    holder = calloc(1, sizeof(*holder));
    if (!holder)
        return NULL;
    if (asprintf(&holder->key, "%s%s%s", namespace, link ? "/" : "", link ? link : "") < 0)
        holder->key = NULL;
    if (holder->key)
        HASH_ADD_KEYPTR(hh, engine->holders, holder->key, strlen(holder->key), holder);
    if (holder->hh.tbl)
        return holder;
    holder_free(engine, holder);
    return NULL;
}

static bool add(struct engine *engine, const char *namespace, const char *link,
                struct topology *topology)
{
    struct holder *holder = obtain(engine, namespace, link);
    struct topology **grown =
        holder ? reallocarray(holder->topologies, holder->count + 1, sizeof(struct topology *))
               : NULL;
    if (!grown)
        return false;
    holder->topologies = grown;
    grown[holder->count++] = topology;
    return true;
}

static void drop(struct engine *engine, const char *namespace, const char *link,
                 const struct topology *topology)
{
    struct holder *holder = find(engine, namespace, link);
    for (size_t i = 0; holder && i < holder->count; i++) {
        if (holder->topologies[i] == topology) {
            holder->topologies[i] = holder->topologies[--holder->count];
            break;
        }
    }
    if (holder && !holder->count)
        holder_free(engine, holder);
}

static bool add_rest(struct engine *engine, const struct namespace *namespace,
                     struct topology *topology)
{
    return (!namespace->routes || add(engine, namespace->name, HOLDERS_ROUTES, topology)) &&
           (!namespace->rules || add(engine, namespace->name, HOLDERS_RULES, topology)) &&
           (!namespace->sysctls || add(engine, namespace->name, HOLDERS_SYSCTLS, topology));
}

static bool add_shared(struct engine *engine, const struct namespace *namespace,
                       struct topology *topology)
{
    const struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!add(engine, namespace->name, link->name, topology))
            return false;
    }
    return namespace->no_rest || add_rest(engine, namespace, topology);
}

/* Whether any namespace has sysctls is noted like the rest of one whose name is "". */
bool holders_add(struct engine *engine, struct topology *topology,
                 const struct namespace *namespace)
{
    return add(engine, namespace->name, NULL, topology) &&
           (!namespace->sysctls || add(engine, "", HOLDERS_SYSCTLS, topology)) &&
           (!namespace_is_shared(namespace) || add_shared(engine, namespace, topology));
}

static void drop_rest(struct engine *engine, const char *namespace, struct topology *topology)
{
    drop(engine, namespace, HOLDERS_ROUTES, topology);
    drop(engine, namespace, HOLDERS_RULES, topology);
    drop(engine, namespace, HOLDERS_SYSCTLS, topology);
}

void holders_remove(struct engine *engine, struct topology *topology,
                    const struct namespace *namespace)
{
    bool shared = namespace_is_shared(namespace);
    const struct link *link = shared ? namespace->links : NULL;
    for (; link; link = link->hh.next)
        drop(engine, namespace->name, link->name, topology);
    if (shared && !namespace->no_rest)
        drop_rest(engine, namespace->name, topology);
    if (namespace->sysctls)
        drop(engine, "", HOLDERS_SYSCTLS, topology);
    drop(engine, namespace->name, NULL, topology);
}

struct topology *holders_owner(const struct engine *engine, const char *name)
{
    bool host = strcmp(name, NAMESPACE_HOST) == 0;
    const struct holder *holder = host ? NULL : find(engine, name, NULL);
    for (size_t i = 0; holder && i < holder->count; i++) {
        const struct namespace *namespace = network_namespace(holder->topologies[i]->network, name);
        if (namespace && !namespace_is_shared(namespace))
            return holder->topologies[i];
    }
    return NULL;
}

static bool owns_link(const struct topology *topology, const char *namespace, const char *name)
{
    const struct link *link = network_link(topology->network, namespace, name);
    return link && !link->external;
}

struct topology *holders_link_owner(const struct engine *engine, const char *namespace,
                                    const char *link)
{
    struct topology *owner = holders_owner(engine, namespace);
    const struct holder *holder = owner ? NULL : find(engine, namespace, link);
    for (size_t i = 0; holder && i < holder->count && !owner; i++) {
        if (owns_link(holder->topologies[i], namespace, link))
            owner = holder->topologies[i];
    }
    return owner && owns_link(owner, namespace, link) ? owner : NULL;
}

void holders_each(const struct engine *engine, const char *namespace, const char *link,
                  holders_callback *each, void *context)
{
    struct topology *owner = link ? holders_owner(engine, namespace) : NULL;
    const struct holder *holder = find(engine, namespace, link);
    if (owner)
        each(context, owner);
    for (size_t i = 0; holder && i < holder->count; i++)
        each(context, holder->topologies[i]);
}

bool holders_any(const struct engine *engine, const char *namespace)
{
    return find(engine, namespace, NULL);
}

bool holders_any_sysctls(const struct engine *engine)
{
    return find(engine, "", HOLDERS_SYSCTLS);
}
