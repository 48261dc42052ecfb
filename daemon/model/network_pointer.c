#include "model/network.h"

#include "common/json.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX 160

/* The metric of IPv6 routes that say none (include/uapi/linux/ipv6_route.h, IP6_RT_PRIO_USER). */
#define IPV6_METRIC 1024

static const struct json_place namespaces = {.key = "namespaces"};

char *place_pointer(const char *namespace, const char *link, char *buffer, size_t size)
{
    const struct json_place home = {.parent = &namespaces, .key = namespace};
    const struct json_place links = {.parent = &home, .key = "links"};
    const struct json_place self = {.parent = &links, .key = link};
    return json_pointer(*link ? &self : &home, buffer, size);
}

char *namespace_pointer(const struct namespace *namespace, char *buffer, size_t size)
{
    return place_pointer(namespace->name, "", buffer, size);
}

/* Member KEY of MAP in NAMESPACE. */
static char *member_pointer(const struct namespace *namespace, const char *map, const char *key,
                            char *buffer, size_t size)
{
    const struct json_place home = {.parent = &namespaces, .key = namespace->name};
    const struct json_place place = {.parent = &home, .key = map};
    return json_pointer(&(struct json_place){.parent = &place, .key = key}, buffer, size);
}

/* Member KEY of MAP in LINK. */
static char *link_member_pointer(const struct link *link, const char *map, const char *key,
                                 char *buffer, size_t size)
{
    const struct json_place home = {.parent = &namespaces, .key = link->namespace->name};
    const struct json_place links = {.parent = &home, .key = "links"};
    const struct json_place self = {.parent = &links, .key = link->name};
    const struct json_place place = {.parent = &self, .key = map};
    return json_pointer(&(struct json_place){.parent = &place, .key = key}, buffer, size);
}

char *link_pointer(const struct link *link, char *buffer, size_t size)
{
    return place_pointer(link->namespace->name, link->name, buffer, size);
}

char *address_pointer(const struct link *link, const struct address *address, char *buffer,
                      size_t size)
{
    char key[IP_PREFIX_TEXT_MAX];
    return link_member_pointer(link, "addresses", ip_prefix_format(&address->prefix, key), buffer,
                               size);
}

char *route_key_format(const struct route_key *key, char *buffer, size_t size)
{
    char prefix[IP_PREFIX_TEXT_MAX] = "default", table[32] = "", metric[32] = "";
    uint32_t usual = key->destination.address.family == AF_INET6 ? IPV6_METRIC : 0;
    if (key->destination.length)
        ip_prefix_format(&key->destination, prefix);
    if (key->table != RT_TABLE_MAIN)
        snprintf(table, sizeof(table), " table %u", key->table);
    if (key->metric != usual)
        snprintf(metric, sizeof(metric), " metric %u", key->metric);
    snprintf(buffer, size, "%s%s%s", prefix, table, metric);
    return buffer;
}

char *route_pointer(const struct namespace *namespace, const struct route *route, char *buffer,
                    size_t size)
{
    char key[KEY_MAX];
    return member_pointer(namespace, "routes", route_key_format(&route->key, key, sizeof(key)),
                          buffer, size);
}

char *rule_pointer(const struct namespace *namespace, const struct rule *rule, char *buffer,
                   size_t size)
{
    char key[16];
    snprintf(key, sizeof(key), "%u", rule->key.priority);
    return member_pointer(namespace, "rules", key, buffer, size);
}

/* Dots and slashes exchanged, as sysctl(8) writes them. A link's own leave its name out. */
static void sysctl_key(const struct sysctl *sysctl, char *key, size_t size)
{
    const char *skip = NULL;
    char folder[IFNAMSIZ + 3];
    snprintf(key, size, "%s", sysctl->path);
    if (sysctl->link) {
        snprintf(folder, sizeof(folder), "/%s/", sysctl->link->name);
        skip = strstr(sysctl->path, folder);
    }
    if (skip)
        snprintf(key, size, "%.*s/%s", (int)(skip - sysctl->path), sysctl->path,
                 skip + strlen(folder));
    for (; *key; key++)
        *key = *key == '/' ? '.' : *key == '.' ? '/' : *key;
}

char *sysctl_pointer(const struct namespace *namespace, const struct sysctl *sysctl, char *buffer,
                     size_t size)
{
    char key[KEY_MAX];
    sysctl_key(sysctl, key, sizeof(key));
    if (sysctl->link)
        return link_member_pointer(sysctl->link, "sysctl", key, buffer, size);
    return member_pointer(namespace, "sysctl", key, buffer, size);
}

const char *pointer_parts(const char *pointer, char namespace[NAMESPACE_NAME_MAX + 1],
                          char link[IFNAMSIZ])
{
    char step[16];
    *link = '\0';
    if (*pointer == '/')
        pointer = json_pointer_step(pointer, step, sizeof(step));
    if (*pointer != '/' || strcmp(step, namespaces.key) != 0)
        return NULL;
    const char *rest = json_pointer_step(pointer, namespace, NAMESPACE_NAME_MAX + 1);
    if (*rest == '/')
        pointer = json_pointer_step(rest, step, sizeof(step));
    if (*rest == '/' && *pointer == '/' && strcmp(step, "links") == 0)
        json_pointer_step(pointer, link, IFNAMSIZ);
    return rest;
}
