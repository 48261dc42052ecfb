#include "engine/claims.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool add_key(struct claim_keys *keys,
                                                          const char *format, ...)
{
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity ? keys->capacity * 2 : 16;
        struct claim *grown = reallocarray(keys->items, capacity, sizeof(*grown));
        if (!grown)
            return false;
        keys->items = grown;
        keys->capacity = capacity;
    }
    struct claim *claim = &keys->items[keys->count];
    *claim = (struct claim){0};
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&claim->key, format, arguments);
    va_end(arguments);
    if (length < 0)
        return false;
    claim->length = (unsigned)length;
    HASH_VALUE(claim->key, claim->length, claim->hash);
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
        free(keys->items[i].key);
    free(keys->items);
    *keys = (struct claim_keys){0};
}

static struct claim *find(struct claim *claims, const struct claim *key)
{
    struct claim *claim = NULL;
    HASH_FIND_BYHASHVALUE(hh, claims, key->key, key->length, key->hash, claim);
    return claim;
}

bool claims_conflict(struct claim *claims, const struct claim_keys *keys, const void *holder)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct claim *claim = find(claims, &keys->items[i]);
        if (claim && claim->holder != holder)
            return true;
    }
    return false;
}

bool claims_take(struct claim **claims, struct claim_keys *keys, const void *holder,
                 bool *out_of_memory)
{
    *out_of_memory = false;
    if (claims_conflict(*claims, keys, holder))
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        struct claim *claim = &keys->items[i];
        if (find(*claims, claim))
            continue;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, *claims, claim->key, claim->length, claim->hash, claim);
        if (!claim->hh.tbl) {
            claims_release(claims, keys);
            *out_of_memory = true;
            return false;
        }
        claim->holder = holder;
    }
    return true;
}

static void release(struct claim **claims, struct claim *claim)
{
    HASH_DEL(*claims, claim);
    claim->holder = NULL;
}

void claims_release(struct claim **claims, struct claim_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].holder)
            release(claims, &keys->items[i]);
    }
}

void claims_clear(struct claim **claims)
{
    struct claim *claim, *next;
    HASH_ITER (hh, *claims, claim, next) {
        release(claims, claim);
    }
}
