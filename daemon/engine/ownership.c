#include "engine/holders.h"
#include "model/check.h"

#include <stdio.h>
#include <string.h>

struct ownership {
    const struct topology *topology; /* that asks */
    const struct topology *other;    /* that is looked at */
    struct error *error;
};

static bool owned(struct ownership *ownership, const char *what, const char *name,
                  const char *pointer)
{
    error_set(ownership->error, ERROR_OWNED, 0,
              "%s \"%s\" belongs to topology \"%s\": change it there, or refer to it with "
              "\"external\": true",
              what, name, ownership->other->name);
    snprintf(ownership->error->pointer, sizeof(ownership->error->pointer), "%s", pointer);
    return false;
}

static bool in_use(struct ownership *ownership, const char *what, const char *name,
                   const char *pointer)
{
    error_set(ownership->error, ERROR_IN_USE, 0,
              "%s \"%s\" cannot be removed: topology \"%s\" refers to it; change that one first",
              what, name, ownership->other->name);
    snprintf(ownership->error->pointer, sizeof(ownership->error->pointer), "%s", pointer);
    return false;
}

/* Both topologies share NAMESPACE: OTHERS is the other one's view of it. */
static bool check_shared_objects(struct ownership *ownership, const struct namespace *namespace,
                                 const struct namespace *others)
{
    char pointer[sizeof(ownership->error->pointer)];
    struct link *link, *next_link;
    HASH_ITER (hh, namespace->links, link, next_link) {
        const struct link *other = namespace_link(others, link->name);
        if (other && !other->external && !link->external && strcmp(link->name, "lo") != 0)
            return owned(
                ownership, "link", link->name,
                operation_pointer(&(struct operation){.type = OPERATION_LINK_SET, .link = link},
                                  pointer, sizeof(pointer)));
    }
    struct route *route, *next_route;
    HASH_ITER (hh, namespace->routes, route, next_route) {
        char key[128];
        if (namespace_route(others, &route->key))
            return owned(ownership, "route", route_key_format(&route->key, key, sizeof(key)),
                         route_pointer(namespace, route, pointer, sizeof(pointer)));
    }
    struct rule *rule, *next_rule;
    HASH_ITER (hh, namespace->rules, rule, next_rule) {
        char priority[16];
        snprintf(priority, sizeof(priority), "%u", rule->key.priority);
        if (namespace_rule(others, &rule->key))
            return owned(ownership, "rule", priority,
                         rule_pointer(namespace, rule, pointer, sizeof(pointer)));
    }
    struct sysctl *sysctl, *next_sysctl;
    HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
        const struct sysctl *other = namespace_sysctl(others, sysctl->path);
        if (other && !sysctl_value_equal(other->value, sysctl->value))
            return owned(ownership, "sysctl", sysctl->path,
                         sysctl_pointer(namespace, sysctl, pointer, sizeof(pointer)));
    }
    return true;
}

static bool check_asked(struct ownership *ownership, const struct network *desired)
{
    char pointer[sizeof(ownership->error->pointer)];
    struct namespace *namespace, *next;
    HASH_ITER (hh, desired->namespaces, namespace, next) {
        const struct namespace *others =
            network_namespace(ownership->other->network, namespace->name);
        if (!others)
            continue;
        bool shared = namespace_is_shared(namespace);
        if (!shared && !namespace_is_shared(others))
            return owned(ownership, "namespace", namespace->name,
                         namespace_pointer(namespace, pointer, sizeof(pointer)));
        if (!check_shared_objects(ownership, namespace, others))
            return false;
    }
    return true;
}

static bool check_given_up_links(struct ownership *ownership, const struct namespace *previous,
                                 const struct namespace *desired, const struct namespace *others)
{
    char pointer[sizeof(ownership->error->pointer)];
    struct link *link, *next;
    HASH_ITER (hh, previous->links, link, next) {
        const struct link *other = namespace_link(others, link->name);
        bool stays = desired && namespace_link(desired, link->name);
        if (other && other->external && !link->external && !stays)
            return in_use(ownership, "link", link->name,
                          link_pointer(link, pointer, sizeof(pointer)));
    }
    return true;
}

static void mark_shared_sysctls(const struct namespace *previous, const struct namespace *others)
{
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, previous->sysctls, sysctl, next) {
        if (namespace_sysctl(others, sysctl->path))
            sysctl->shared = true;
    }
}

static bool check_given_up(struct ownership *ownership, const struct network *previous,
                           const struct network *desired)
{
    char pointer[sizeof(ownership->error->pointer)];
    struct namespace *namespace, *next;
    HASH_ITER (hh, previous->namespaces, namespace, next) {
        const struct namespace *others =
            network_namespace(ownership->other->network, namespace->name);
        if (!others)
            continue;
        const struct namespace *stays = network_namespace(desired, namespace->name);
        if (!namespace_is_shared(namespace) && !stays)
            return in_use(ownership, "namespace", namespace->name,
                          namespace_pointer(namespace, pointer, sizeof(pointer)));
        if (!check_given_up_links(ownership, namespace, stays, others))
            return false;
        mark_shared_sysctls(namespace, others);
    }
    return true;
}

/* The value that a sysctl had before the first of its owners. */
static bool inherit_sysctls(const struct network *desired, const struct network *other)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, desired->namespaces, namespace, next) {
        const struct namespace *others = network_namespace(other, namespace->name);
        struct sysctl *sysctl, *next_sysctl;
        HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
            const struct sysctl *found = others ? namespace_sysctl(others, sysctl->path) : NULL;
            if (!found || !found->earlier || sysctl->earlier)
                continue;
            sysctl->earlier = strdup(found->earlier);
            if (!sysctl->earlier)
                return false;
        }
    }
    return true;
}

bool ownership_check(const struct engine *engine, const struct topology *topology,
                     struct network *previous, struct network *desired, const char **other,
                     struct error *error)
{
    struct ownership ownership = {.topology = topology, .error = error};
    for (const struct topology *each = engine->topologies; each; each = each->hh.next) {
        if (each == topology)
            continue;
        ownership.other = each;
        *other = each->name;
        if (!check_asked(&ownership, desired) || !check_given_up(&ownership, previous, desired))
            return false;
        if (!inherit_sysctls(desired, each->network))
            return error_memory(error);
    }
    return true;
}

/* Of a bridge that topologies share. */
struct ports {
    const struct topology *topology; /* that asks; NULL: there is none yet */
    const struct link *bridge;
    size_t count; /* those of others */
};

static void add_others(void *context, struct topology *topology)
{
    struct ports *ports = context;
    const struct link *bridge = ports->bridge;
    const struct link *theirs =
        topology == ports->topology
            ? NULL
            : network_link(topology->network, bridge->namespace->name, bridge->name);
    if (theirs)
        ports->count += theirs->ports;
}

static void check_ports(const struct engine *engine, struct ports *ports, struct problems *problems)
{
    const struct link *bridge = ports->bridge;
    holders_each(engine, bridge->namespace->name, bridge->name, add_others, ports);
    if (bridge->ports + ports->count > BRIDGE_PORTS_MAX)
        bridge_ports_finding(bridge, bridge->ports + ports->count, ports->count, problems);
}

bool ownership_check_ports(const struct engine *engine, const struct topology *topology,
                           const struct network *desired, struct problems *problems)
{
    size_t errors = problems->errors;
    for (const struct namespace *each = desired->namespaces; each; each = each->hh.next) {
        const struct link *link = namespace_is_shared(each) ? each->links : NULL;
        for (; link; link = link->hh.next) {
            if (link->ports)
                check_ports(engine, &(struct ports){.topology = topology, .bridge = link},
                            problems);
        }
    }
    return problems->errors == errors && !problems->out_of_memory;
}
