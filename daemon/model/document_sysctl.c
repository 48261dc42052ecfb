#include "model/document_internal.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Folders with one folder for each link. */
static const char *const link_folders[] = {"net/ipv4/conf/",  "net/ipv6/conf/", "net/ipv4/neigh/",
                                           "net/ipv6/neigh/", "net/mpls/conf/", NULL};

/* The kernel reads at most a page (fs/proc/proc_sysctl.c). */
#define SYSCTL_VALUE_MAX 4095

/* Exchanges dots and slashes. */
static void exchange(char *text)
{
    for (; *text; text++) {
        if (*text == '.')
            *text = '/';
        else if (*text == '/')
            *text = '.';
    }
}

/* Does every part of PATH name something, and nothing above it? */
static bool path_is_plain(const char *path)
{
    while (true) {
        size_t length = strcspn(path, "/");
        if (length == 0 || strncmp(path, ".", length) == 0 || strncmp(path, "..", length) == 0)
            return false;
        for (size_t i = 0; i < length; i++) {
            if (iscntrl((unsigned char)path[i]))
                return false;
        }
        if (!path[length])
            return true;
        path += length + 1;
    }
}

/* The path below /proc/sys that KEY means, as sysctl(8) has it: the first separator tells which of
 * the two separates, and the other one stands for a dot within a name. NULL when memory is short.
 */
static char *key_path(const char *key)
{
    char *path = strdup(key);
    if (path && path[strcspn(path, "./")] == '.')
        exchange(path);
    return path;
}

static bool is_network_path(const char *path)
{
    return strncmp(path, "net/", strlen("net/")) == 0 && path_is_plain(path);
}

/* The folder of links that PATH is in, without what comes after; NULL when it is in none. */
static const char *link_folder(const char *path)
{
    for (const char *const *folder = link_folders; *folder; folder++) {
        if (strncmp(path, *folder, strlen(*folder)) == 0)
            return *folder;
    }
    return NULL;
}

/* The text that VALUE is written to the kernel as; NULL, noted, when it is none. */
static char *read_value(struct json_object *value, const struct json_place *place,
                        struct problems *problems)
{
    char number[32];
    const char *text = number;
    if (json_object_is_type(value, json_type_string)) {
        text = json_object_get_string(value);
    } else if (json_object_is_type(value, json_type_boolean)) {
        text = json_object_get_boolean(value) ? "1" : "0";
    } else if (json_object_is_type(value, json_type_int)) {
        snprintf(number, sizeof(number), "%" PRId64, json_object_get_int64(value));
    } else {
        json_problem(problems, false, place, "expected a string, an integer, true or false");
        return NULL;
    }
    for (const char *c = text; *c; c++) {
        if (iscntrl((unsigned char)*c) && *c != '\t') {
            json_problem(problems, false, place, "a value is one line without control characters");
            return NULL;
        }
    }
    if (strlen(text) > SYSCTL_VALUE_MAX) {
        json_problem(problems, false, place, "a value has at most %d bytes", SYSCTL_VALUE_MAX);
        return NULL;
    }
    char *copy = strdup(text);
    if (!copy)
        problems->out_of_memory = true;
    return copy;
}

/* Adds PATH with the value of JSON (NULL: none to be read). */
static struct sysctl *add_sysctl(struct namespace *namespace, const char *path,
                                 struct json_object *json, const struct json_place *place,
                                 struct problems *problems)
{
    auto_free char *value = json ? read_value(json, place, problems) : NULL;
    const struct sysctl *other = namespace_sysctl(namespace, path);
    if (other) {
        json_problem(problems, false, place,
                     "this is /proc/sys/%s, which %s%s%s sets already: keep one of the two", path,
                     other->link ? "link \"" : "another key", other->link ? other->link->name : "",
                     other->link ? "\"" : "");
        return NULL;
    }
    if (!value)
        return NULL;
    struct sysctl *sysctl = sysctl_add(namespace, path, value);
    if (!sysctl)
        problems->out_of_memory = true;
    return sysctl;
}

void document_read_sysctls(struct namespace *namespace, struct json_object *json,
                           const struct json_place *place, struct problems *problems)
{
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        auto_free char *path = key_path(key);
        if (!path)
            problems->out_of_memory = true;
        else if (!is_network_path(path))
            json_problem(problems, false, &member,
                         "a namespace has the sysctls below net alone: write one such as "
                         "\"net.ipv4.ip_forward\"");
        else
            add_sysctl(namespace, path, value, &member, problems);
    }
}

/* PATH, which leaves the link's name out, with it; NULL when memory is short. */
static char *link_path(const char *path, const char *folder, const char *link)
{
    size_t size = strlen(path) + strlen(link) + 2;
    char *full = malloc(size);
    if (full)
        snprintf(full, size, "%s%s/%s", folder, link, path + strlen(folder));
    return full;
}

/* Reads one sysctl of LINK and appends it to its list, whose end is **LAST. */
static void read_link_sysctl(struct link *link, const char *key, struct json_object *json,
                             const struct json_place *place, struct problems *problems,
                             struct sysctl ***last)
{
    auto_free char *path = key_path(key);
    if (!path) {
        problems->out_of_memory = true;
        return;
    }
    const char *folder = is_network_path(path) ? link_folder(path) : NULL;
    if (!folder || strchr(path + strlen(folder), '/')) {
        json_problem(problems, false, place,
                     "a link's sysctls are those of net.ipv4.conf, net.ipv6.conf, net.ipv4.neigh, "
                     "net.ipv6.neigh and net.mpls.conf, without its name: write one such as "
                     "\"net.ipv4.conf.rp_filter\"");
        return;
    }
    auto_free char *full = link_path(path, folder, link->name);
    if (!full) {
        problems->out_of_memory = true;
        return;
    }
    struct sysctl *sysctl = add_sysctl(link->namespace, full, json, place, problems);
    if (!sysctl)
        return;
    sysctl->link = link;
    **last = sysctl;
    *last = &sysctl->next;
}

void document_read_link_sysctls(struct link *link, struct json_object *json,
                                const struct json_place *place, struct problems *problems)
{
    if (!json_read_object(json, place, problems))
        return;
    struct sysctl **last = &link->sysctls;
    json_object_object_foreach (json, key, value) {
        const struct json_place member = {.parent = place, .key = key};
        read_link_sysctl(link, key, value, &member, problems, &last);
    }
}

static void check_sysctl(const struct namespace *namespace, const char *path,
                         const struct json_place *place, struct problems *problems)
{
    const char *folder = is_network_path(path) ? link_folder(path) : NULL;
    if (!folder)
        return;
    const char *start = path + strlen(folder), *rest = strchr(start, '/');
    char name[IFNAMSIZ];
    if (!rest || (size_t)(rest - start) >= sizeof(name))
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(rest - start), start);
    const struct link *link = namespace_link(namespace, name);
    if (!link && !namespace_is_shared(namespace) && strcmp(name, "all") != 0 &&
        strcmp(name, "default") != 0) {
        json_problem(problems, false, place,
                     "there is no link \"%s\" in namespace \"%s\": describe it there", name,
                     namespace->name);
        return;
    }
    if (!link || link->external || strcmp(name, "lo") == 0)
        return;
    auto_free char *proper = NULL;
    if (asprintf(&proper, "%s%s", folder, rest + 1) < 0) {
        proper = NULL;
        problems->out_of_memory = true;
        return;
    }
    exchange(proper);
    json_problem(problems, false, place,
                 "this is of link \"%s\", and is set once that is there: write it in \"sysctl\" of "
                 "the link, as \"%s\"",
                 name, proper);
}

void document_check_sysctls(const struct namespace *namespace, struct json_object *json,
                            const struct json_place *place, struct problems *problems)
{
    if (!json)
        return;
    json_object_object_foreach (json, key, value) {
        (void)value;
        const struct json_place member = {.parent = place, .key = key};
        auto_free char *path = key_path(key);
        if (path)
            check_sysctl(namespace, path, &member, problems);
        else
            problems->out_of_memory = true;
    }
}

/* Integers are written as such. */
static struct json_object *write_value(const char *value)
{
    char *end, canonical[32];
    long long number = strtoll(value, &end, 10);
    snprintf(canonical, sizeof(canonical), "%lld", number);
    if (strcmp(canonical, value) == 0)
        return json_object_new_int64(number);
    return json_object_new_string(value);
}

static bool put_value(struct json_object **object, const char *path, const char *value)
{
    auto_free char *key = strdup(path);
    if (!key || (!*object && !(*object = json_object_new_object())))
        return false;
    exchange(key);
    return json_put(*object, key, write_value(value));
}

bool document_write_sysctls(const struct namespace *namespace, struct json_object *parent)
{
    auto_json struct json_object *object = NULL;
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, namespace->sysctls, sysctl, next) {
        if (!sysctl->link && !put_value(&object, sysctl->path, sysctl->value))
            return false;
    }
    return !object || json_put(parent, "sysctl", TAKE(object));
}

bool document_write_link_sysctls(const struct link *link, struct json_object *parent)
{
    auto_json struct json_object *object = NULL;
    for (const struct sysctl *sysctl = link->sysctls; sysctl; sysctl = sysctl->next) {
        const char *folder = link_folder(sysctl->path);
        size_t skip = folder ? strlen(folder) + strlen(link->name) + 1 : 0;
        auto_free char *path = NULL;
        if (!folder || strlen(sysctl->path) < skip)
            continue;
        if (asprintf(&path, "%s%s", folder, sysctl->path + skip) < 0) {
            path = NULL;
            return false;
        }
        if (!put_value(&object, path, sysctl->value))
            return false;
    }
    return !object || json_put(parent, "sysctl", TAKE(object));
}
