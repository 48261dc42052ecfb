#include "model/plan_internal.h"

#include <linux/rtnetlink.h>
#include <string.h>

/* What stands in no document ("extra": "remove") goes last of all, when everything else has worked:
 * it is not set aside for a rollback. It never means what the kernel makes by itself, nor what
 * bears netnsd's marks: that is another topology's. */

/* Links that come with a network namespace, or with the module of their kind, and cannot be
 * deleted. */
static bool kernel_makes_link(const struct link *link)
{
    static const char *const names[] = {"lo",       "tunl0",   "gre0",    "gretap0", "erspan0",
                                        "sit0",     "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0",
                                        "ip6_gre0", "ip6tap0", NULL};
    for (const char *const *name = names; *name; name++) {
        if (strcmp(link->name, *name) == 0)
            return true;
    }
    return !link->kind_name[0]; /* physical */
}

/* lo's own IPv4 address bears no mark (net/ipv4/devinet.c, inetdev_event()). */
static bool is_loopback(const struct link *link, const struct address *address)
{
    const struct ip_address *local = &address->prefix.address;
    return strcmp(link->name, "lo") == 0 && local->family == AF_INET && local->bytes[0] == 127;
}

/* The kernel makes these for privacy. In IPv4 the flag has another meaning. */
static bool is_temporary(const struct address *address)
{
    return address->prefix.address.family == AF_INET6 && address->flags & IFA_F_TEMPORARY;
}

static bool is_foreign_address(const struct link *link, const struct address *address)
{
    return address->protocol != NETNSD_PROTOCOL && !address_is_of_kernel(address) &&
           !is_loopback(link, address) && !is_temporary(address);
}

static bool is_foreign_route(const struct route *route)
{
    return route->protocol != NETNSD_PROTOCOL && route->protocol != RTPROT_KERNEL &&
           route->protocol != RTPROT_RA && route->protocol != RTPROT_REDIRECT;
}

static bool remove_one(struct plan_builder *builder, const struct operation *operation,
                       bool irreversible)
{
    char pointer[sizeof(builder->error->pointer)];
    return plan_add(builder, operation) &&
           plan_note(builder, ACTION_REMOVE, operation_pointer(operation, pointer, sizeof(pointer)),
                     NULL, irreversible);
}

static bool remove_links(struct plan_builder *builder, struct namespace *actual)
{
    struct link *link, *next;
    HASH_ITER (hh, actual->links, link, next) {
        if (link->match || link->fate != FATE_NONE || plan_link_is_ours(link) ||
            kernel_makes_link(link))
            continue;
        if (!remove_one(builder,
                        &(struct operation){
                            .type = OPERATION_LINK_DELETE, .namespace = actual, .link = link},
                        true))
            return false;
        link->fate = FATE_REMOVE;
    }
    return true;
}

static bool remove_addresses(struct plan_builder *builder, struct link *link)
{
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        if (!is_foreign_address(link, address) || link_address(link->match, &address->prefix))
            continue;
        if (!remove_one(builder,
                        &(struct operation){.type = OPERATION_ADDRESS_REMOVE,
                                            .namespace = link->namespace,
                                            .link = link,
                                            .address = address},
                        false))
            return false;
    }
    return true;
}

static bool remove_all_addresses(struct plan_builder *builder, struct namespace *actual)
{
    struct link *link, *next;
    HASH_ITER (hh, actual->links, link, next) {
        bool stays = link->match && link->fate == FATE_KEEP && !link->match->external;
        if (stays && !remove_addresses(builder, link))
            return false;
    }
    return true;
}

static bool remove_routes(struct plan_builder *builder, struct namespace *actual)
{
    struct route *route, *next;
    HASH_ITER (hh, actual->routes, route, next) {
        struct route_key key = route->key;
        key.ordinal = 0;
        if (!is_foreign_route(route) || namespace_route(actual->match, &key) ||
            plan_route_vanishes(actual, route))
            continue;
        if (!remove_one(builder,
                        &(struct operation){
                            .type = OPERATION_ROUTE_REMOVE, .namespace = actual, .route = route},
                        false))
            return false;
    }
    return true;
}

static bool remove_rules(struct plan_builder *builder, struct namespace *actual)
{
    struct rule *rule, *next;
    HASH_ITER (hh, actual->rules, rule, next) {
        struct rule_key key = rule->key;
        key.ordinal = 0;
        const struct rule *wanted = namespace_rule(actual->match, &key);
        if (rule->protocol == NETNSD_PROTOCOL || (wanted && plan_find_rule(actual, wanted) == rule))
            continue;
        if (!remove_one(builder,
                        &(struct operation){
                            .type = OPERATION_RULE_REMOVE, .namespace = actual, .rule = rule},
                        false))
            return false;
    }
    return true;
}

bool plan_extra(struct plan_builder *builder)
{
    const struct namespace *desired, *next;
    HASH_ITER (hh, builder->input->desired->namespaces, desired, next) {
        struct namespace *actual = desired->match;
        if (!desired->remove_extra || !actual || builder->input->restore)
            continue;
        bool links = !desired->some_links, rest = !desired->no_rest;
        if ((links && !remove_links(builder, actual)) || !remove_all_addresses(builder, actual) ||
            (rest && !(remove_routes(builder, actual) && remove_rules(builder, actual))))
            return false;
    }
    return true;
}
