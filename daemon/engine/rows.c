#include "engine/rows.h"

#include "common/json.h"
#include "model/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 1024

static const char *json_text(struct json_object *object)
{
    return json_object_to_json_string_ext(object,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Adds the row of an object unless it says the same in both networks. FROM and TO are taken over;
 * NULL stands for an object that is not there. */
static bool add_difference(const char *key, bool was, struct json_object *from, bool is,
                           struct json_object *to, struct store_rows *rows)
{
    auto_json struct json_object *owned_from = from;
    auto_json struct json_object *owned_to = to;
    if ((was && !from) || (is && !to))
        return false;
    if (!is)
        return store_rows_add(rows, key, NULL);
    if (was && strcmp(json_text(from), json_text(to)) == 0)
        return true;
    return store_rows_add(rows, key, json_text(to));
}

/* lo and the unwritten ends of veths come with what is written. */
static const struct link *stored_link(const struct namespace *namespace, const char *name)
{
    const struct link *link = namespace ? namespace_link(namespace, name) : NULL;
    return link && !link->derived ? link : NULL;
}

static bool namespace_rows(const struct namespace *from, const struct namespace *to,
                           struct store_rows *rows)
{
    char pointer[POINTER_MAX];
    if (!add_difference(namespace_pointer(to ? to : from, pointer, sizeof(pointer)), from,
                        from ? document_write_namespace(from) : NULL, to,
                        to ? document_write_namespace(to) : NULL, rows))
        return false;
    struct link *link, *next;
    struct link *new_links = to ? to->links : NULL;
    HASH_ITER (hh, new_links, link, next) {
        const struct link *old = stored_link(from, link->name);
        if (!link->derived && !add_difference(link_pointer(link, pointer, sizeof(pointer)), old,
                                              old ? document_write_link(old) : NULL, true,
                                              document_write_link(link), rows))
            return false;
    }
    struct link *old_links = from ? from->links : NULL;
    HASH_ITER (hh, old_links, link, next) {
        if (!link->derived && !stored_link(to, link->name) &&
            !store_rows_add(rows, link_pointer(link, pointer, sizeof(pointer)), NULL))
            return false;
    }
    return true;
}

bool rows_changed(const struct network *from, const struct network *to, struct store_rows *rows)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, to->namespaces, namespace, next) {
        if (!namespace_rows(network_namespace(from, namespace->name), namespace, rows))
            return false;
    }
    HASH_ITER (hh, from->namespaces, namespace, next) {
        if (!network_namespace(to, namespace->name) && !namespace_rows(namespace, NULL, rows))
            return false;
    }
    return true;
}

static struct json_object *obtain_object(struct json_object *parent, const char *key)
{
    struct json_object *object = NULL;
    if (json_object_object_get_ex(parent, key, &object))
        return object;
    object = json_object_new_object();
    return json_put(parent, key, object) ? object : NULL;
}

/* Puts the row of a namespace, or of a link, where it belongs. Rows come in order of keys, so that
 * the namespace is there before its links. */
static bool place_row(struct json_object *document, const char *key, struct json_object *value)
{
    char step[NAMESPACE_NAME_MAX + 1];
    struct json_object *parent = document;
    while (*key == '/') {
        key = json_pointer_step(key, step, sizeof(step));
        if (!*key)
            return json_put(parent, step, json_object_get(value));
        parent = obtain_object(parent, step);
        if (!parent)
            return false;
    }
    return false;
}

struct json_object *rows_document(const struct store_rows *rows, struct error *error)
{
    auto_json struct json_object *document = json_object_new_object();
    auto_tokener struct json_tokener *tokener = json_tokener_new();
    if (!tokener || !document || !obtain_object(document, "namespaces")) {
        error_memory(error);
        return NULL;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const char *text = rows->items[i].value;
        json_tokener_reset(tokener);
        auto_json struct json_object *value = json_tokener_parse_ex(tokener, text, -1);
        if (!value || !place_row(document, rows->items[i].key, value)) {
            error_set(error, ERROR_SYSTEM, 0, "the stored row \"%s\" cannot be read",
                      rows->items[i].key);
            return NULL;
        }
    }
    return TAKE(document);
}

static const struct value *derived_mac(const struct network *network, const char *namespace,
                                       const char *name)
{
    const struct link *link = network_link(network, namespace, name);
    const struct value *mac = link ? &link->common[LINK_MAC] : NULL;
    return mac && mac->present && mac->derived ? mac : NULL;
}

static bool mac_facts(const struct network *from, const struct network *to,
                      const struct namespace *namespace, bool gone, struct store_rows *facts)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        const struct value *old = derived_mac(from, namespace->name, link->name);
        const struct value *new = derived_mac(to, namespace->name, link->name);
        char key[POINTER_MAX], text[MAC_TEXT_MAX];
        snprintf(key, sizeof(key), "mac/%s/%s", namespace->name, link->name);
        if (gone && old && !new && !store_rows_add(facts, key, NULL))
            return false;
        if (!gone && new && (!old || memcmp(&old->mac, &new->mac, sizeof(new->mac)) != 0) &&
            !store_rows_add(facts, key, mac_address_format(&new->mac, text)))
            return false;
    }
    return true;
}

static bool sysctl_facts(const struct namespace *namespace, const struct namespace *other,
                         bool gone, struct store_rows *facts)
{
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, namespace->sysctls, sysctl, next) {
        const struct sysctl *found = other ? namespace_sysctl(other, sysctl->path) : NULL;
        char key[POINTER_MAX];
        snprintf(key, sizeof(key), "sysctl/%s/%s", namespace->name, sysctl->path);
        bool stored = found && found->earlier;
        if (!stored && sysctl->earlier &&
            !store_rows_add(facts, key, gone ? NULL : sysctl->earlier))
            return false;
    }
    return true;
}

/* BOOT:COOKIE:OWN:NUMBER. As long as it lives, a namespace keeps the number that another one knows
 * it by; OWN is the cookie of that one, the daemon's. */
static bool cookie_fact(const struct engine *engine, const struct namespace *namespace,
                        const struct namespace *other, bool gone, struct store_rows *facts)
{
    char key[POINTER_MAX], text[SD_ID128_STRING_MAX + 64];
    uint64_t stored = other ? other->cookie : 0;
    if (namespace_is_shared(namespace) || !namespace->cookie || stored == namespace->cookie ||
        (gone && stored))
        return true;
    snprintf(key, sizeof(key), "cookie/%s", namespace->name);
    snprintf(text, sizeof(text), SD_ID128_FORMAT_STR ":%" PRIu64 ":%" PRIu64 ":%" PRId32,
             SD_ID128_FORMAT_VAL(engine->boot_id), namespace->cookie, engine->cookie,
             namespace->number);
    return store_rows_add(facts, key, gone ? NULL : text);
}

bool facts_changed(const struct engine *engine, const struct network *from,
                   const struct network *to, struct store_rows *facts)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, to->namespaces, namespace, next) {
        const struct namespace *old = network_namespace(from, namespace->name);
        if (!mac_facts(from, to, namespace, false, facts) ||
            !sysctl_facts(namespace, old, false, facts) ||
            !cookie_fact(engine, namespace, old, false, facts))
            return false;
    }
    HASH_ITER (hh, from->namespaces, namespace, next) {
        const struct namespace *new = network_namespace(to, namespace->name);
        if (!mac_facts(from, to, namespace, true, facts) ||
            !sysctl_facts(namespace, new, true, facts) ||
            !cookie_fact(engine, namespace, new, true, facts))
            return false;
    }
    return true;
}

/* Splits "WHAT/NAMESPACE/REST"; false when FACT is of another kind. */
static bool split_fact(const char *fact, const char *what, char namespace[NAMESPACE_NAME_MAX + 1],
                       const char **rest)
{
    size_t length = strlen(what);
    if (strncmp(fact, what, length) != 0 || fact[length] != '/')
        return false;
    const char *name = fact + length + 1;
    const char *slash = strchrnul(name, '/');
    if (slash - name > NAMESPACE_NAME_MAX)
        return false;
    memcpy(namespace, name, (size_t)(slash - name));
    namespace[slash - name] = '\0';
    *rest = *slash ? slash + 1 : slash;
    return true;
}

struct network *facts_macs(const struct store_rows *facts)
{
    auto_network struct network *network = network_new(NULL);
    if (!network)
        return NULL;
    for (size_t i = 0; i < facts->count; i++) {
        char name[NAMESPACE_NAME_MAX + 1];
        const char *rest;
        struct mac_address mac;
        if (!split_fact(facts->items[i].key, "mac", name, &rest) || strlen(rest) >= IFNAMSIZ ||
            !mac_address_parse(facts->items[i].value, &mac))
            continue;
        struct namespace *namespace = network_namespace(network, name);
        if (!namespace && !(namespace = namespace_add(network, name)))
            return NULL;
        struct link *link = link_add(namespace, rest);
        if (!link)
            return NULL;
        link->common[LINK_MAC] = (struct value){.present = true, .derived = true, .mac = mac};
    }
    return TAKE(network);
}

/* An earlier netnsd wrote no number. */
static void restore_cookie(const struct engine *engine, const char *value,
                           struct namespace *namespace)
{
    char boot[SD_ID128_STRING_MAX];
    uint64_t cookie, own;
    int32_t number;
    sd_id128_t id;
    int count =
        sscanf(value, "%32[0-9a-f]:%" SCNu64 ":%" SCNu64 ":%" SCNd32, boot, &cookie, &own, &number);
    if (count < 2 || sd_id128_from_string(boot, &id) < 0 || !sd_id128_equal(id, engine->boot_id))
        return;
    namespace->cookie = cookie;
    if (count == 4 && own == engine->cookie) {
        namespace->number = number;
    }
}

struct network *facts_namespaces(const struct engine *engine, const struct store_rows *facts)
{
    auto_network struct network *network = network_new(NULL);
    char name[NAMESPACE_NAME_MAX + 1];
    const char *rest;
    for (size_t i = 0; network && i < facts->count; i++) {
        if (!split_fact(facts->items[i].key, "cookie", name, &rest))
            continue;
        struct namespace *namespace = namespace_add(network, name);
        if (!namespace)
            return NULL;
        restore_cookie(engine, facts->items[i].value, namespace);
        if (!namespace->cookie)
            namespace_remove(network, namespace);
    }
    return TAKE(network);
}

bool facts_restore(const struct engine *engine, const struct store_rows *facts,
                   struct network *network)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct store_row *fact = &facts->items[i];
        char name[NAMESPACE_NAME_MAX + 1];
        const char *rest;
        if (split_fact(fact->key, "cookie", name, &rest)) {
            struct namespace *namespace = network_namespace(network, name);
            if (namespace)
                restore_cookie(engine, fact->value, namespace);
        } else if (split_fact(fact->key, "sysctl", name, &rest)) {
            struct namespace *namespace = network_namespace(network, name);
            struct sysctl *sysctl = namespace ? namespace_sysctl(namespace, rest) : NULL;
            if (sysctl && !sysctl->earlier && !(sysctl->earlier = strdup(fact->value)))
                return false;
        }
    }
    return true;
}
