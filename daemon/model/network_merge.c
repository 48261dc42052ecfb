#include "model/network_merge.h"

static bool merge_links(struct namespace *into, struct namespace *from)
{
    struct link *link, *next;
    HASH_ITER (hh, from->links, link, next) {
        if (!namespace_link(into, link->name) && !link_move(link, into))
            return false;
    }
    return true;
}

static bool merge_addresses(struct namespace *into, const struct namespace *from)
{
    struct link *link, *next;
    HASH_ITER (hh, from->links, link, next) {
        struct link *target = namespace_link(into, link->name);
        struct address *address, *next_address;
        HASH_ITER (hh, link->addresses, address, next_address) {
            if (!link_address(target, &address->prefix) && !address_add(target, &address->prefix))
                return false;
        }
    }
    return true;
}

static bool merge_routes(struct namespace *into, const struct namespace *from)
{
    struct route *route, *next;
    HASH_ITER (hh, from->routes, route, next) {
        if (!namespace_route(into, &route->key) && !route_add(into, &route->key))
            return false;
    }
    return true;
}

static bool merge_rules(struct namespace *into, const struct namespace *from)
{
    struct rule *rule, *next;
    HASH_ITER (hh, from->rules, rule, next) {
        if (!namespace_rule(into, &rule->key) && !rule_add(into, &rule->key))
            return false;
    }
    return true;
}

bool network_merge(struct network *into, struct network *from)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, from->namespaces, namespace, next) {
        struct namespace *target = network_namespace(into, namespace->name);
        if (!target && !namespace_move(from, namespace, into))
            return false;
        if (target && !(merge_links(target, namespace) && merge_addresses(target, namespace) &&
                        merge_routes(target, namespace) && merge_rules(target, namespace)))
            return false;
    }
    return true;
}
