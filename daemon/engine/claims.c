#include "engine/claims.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct claim {
    char *key;
    const void *holder;
    UT_hash_handle hh;
};

__attribute__((format(printf, 2, 3))) static bool add_key(struct claim_keys *keys,
                                                          const char *format, ...)
{
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity ? keys->capacity * 2 : 16;
        char **grown = reallocarray(keys->items, capacity, sizeof(*grown));
        if (!grown)
            return false;
        keys->items = grown;
        keys->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&keys->items[keys->count], format, arguments);
    va_end(arguments);
    if (length < 0)
        return false;
    keys->count++;
    return true;
}

bool claim_keys_add_topology(struct claim_keys *keys, const char *name)
{
    return add_key(keys, "topology/%s", name);
}

bool claim_keys_add_network(struct claim_keys *keys, const struct network *network)
{
    if (!network)
        return true;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        bool host = strcmp(namespace->name, NAMESPACE_HOST) == 0;
        if (!host && !add_key(keys, "namespace/%s", namespace->name))
            return false;
        if (!namespace_is_shared(namespace))
            continue;
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            if (!add_key(keys, "link/%s/%s", namespace->name, link->name))
                return false;
        }
        if ((namespace->routes || namespace->rules || namespace->sysctls) &&
            !add_key(keys, "objects/%s", namespace->name))
            return false;
    }
    return true;
}

void claim_keys_clear(struct claim_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->items[i]);
    free(keys->items);
    *keys = (struct claim_keys){0};
}

bool claims_conflict(struct claim *claims, const struct claim_keys *keys, const void *holder)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct claim *claim = NULL;
        HASH_FIND_STR(claims, keys->items[i], claim);
        if (claim && claim->holder != holder)
            return true;
    }
    return false;
}

static bool take_one(struct claim **claims, const char *key, const void *holder)
{
    struct claim *claim = NULL;
    HASH_FIND_STR(*claims, key, claim);
    if (claim)
        return true;
    claim = calloc(1, sizeof(*claim));
    if (!claim)
        return false;
    claim->key = strdup(key);
    claim->holder = holder;
    if (claim->key)
        HASH_ADD_KEYPTR(hh, *claims, claim->key, strlen(claim->key), claim);
    if (claim->key && claim->hh.tbl)
        return true;
    free(claim->key);
    free(claim);
    return false;
}

bool claims_take(struct claim **claims, const struct claim_keys *keys, const void *holder,
                 bool *out_of_memory)
{
    *out_of_memory = false;
    if (claims_conflict(*claims, keys, holder))
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        if (!take_one(claims, keys->items[i], holder)) {
            claims_release(claims, keys, holder);
            *out_of_memory = true;
            return false;
        }
    }
    return true;
}

static void remove_one(struct claim **claims, struct claim *claim)
{
    HASH_DEL(*claims, claim);
    free(claim->key);
    free(claim);
}

void claims_release(struct claim **claims, const struct claim_keys *keys, const void *holder)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct claim *claim = NULL;
        HASH_FIND_STR(*claims, keys->items[i], claim);
        if (claim && claim->holder == holder)
            remove_one(claims, claim);
    }
}

void claims_clear(struct claim **claims)
{
    struct claim *claim, *next;
    HASH_ITER (hh, *claims, claim, next) {
        remove_one(claims, claim);
    }
}
