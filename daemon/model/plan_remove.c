#include "model/plan_internal.h"

#include <string.h>

bool plan_route_vanishes(const struct namespace *actual, const struct route *route)
{
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct link *link = namespace_link_by_ifindex(actual, route->hops[i].ifindex);
        if (link && (link->fate == FATE_REMOVE || link->fate == FATE_RECREATE))
            return true;
    }
    return false;
}

struct route *plan_find_route(const struct namespace *actual, const struct route *desired)
{
    struct route_key key = desired->key;
    key.ordinal = 0;
    struct route *first = namespace_route(actual, &key);
    for (struct route *route = first; route; route = namespace_route(actual, &key)) {
        if (route->protocol == NETNSD_PROTOCOL)
            return route;
        key.ordinal++;
    }
    return first;
}

struct rule *plan_find_rule(const struct namespace *actual, const struct rule *desired)
{
    struct rule_key key = desired->key;
    key.ordinal = 0;
    struct rule *first = namespace_rule(actual, &key);
    for (struct rule *rule = first; rule; rule = namespace_rule(actual, &key)) {
        if (rule->protocol == NETNSD_PROTOCOL)
            return rule;
        key.ordinal++;
    }
    return first;
}

static bool note_object(struct plan_builder *builder, const struct operation *operation)
{
    char pointer[sizeof(builder->error->pointer)];
    return plan_note(builder, ACTION_REMOVE, operation_pointer(operation, pointer, sizeof(pointer)),
                     NULL, false);
}

static bool add_removal(struct plan_builder *builder, const struct operation *operation)
{
    return plan_add(builder, operation) && note_object(builder, operation);
}

static bool remove_rules(struct plan_builder *builder, const struct namespace *previous,
                         struct namespace *actual)
{
    struct rule *rule, *next;
    HASH_ITER (hh, previous->rules, rule, next) {
        struct rule *found = plan_find_rule(actual, rule);
        const struct rule *wanted =
            actual->match ? namespace_rule(actual->match, &rule->key) : NULL;
        if (!found || wanted || found->protocol != NETNSD_PROTOCOL)
            continue;
        if (!add_removal(builder, &(struct operation){.type = OPERATION_RULE_REMOVE,
                                                      .namespace = actual,
                                                      .rule = found}))
            return false;
    }
    return true;
}

static bool remove_routes(struct plan_builder *builder, const struct namespace *previous,
                          struct namespace *actual)
{
    struct route *route, *next;
    HASH_ITER (hh, previous->routes, route, next) {
        struct route *found = plan_find_route(actual, route);
        const struct route *wanted =
            actual->match ? namespace_route(actual->match, &route->key) : NULL;
        if (!found || wanted || found->protocol != NETNSD_PROTOCOL)
            continue;
        if (!add_removal(builder, &(struct operation){.type = OPERATION_ROUTE_REMOVE,
                                                      .namespace = actual,
                                                      .route = found}))
            return false;
    }
    return true;
}

static bool remove_addresses(struct plan_builder *builder, const struct link *previous,
                             struct namespace *actual)
{
    struct link *found = namespace_link(actual, previous->name);
    if (!found || found->fate != FATE_KEEP)
        return true;
    struct address *address, *next;
    HASH_ITER (hh, previous->addresses, address, next) {
        struct address *old = link_address(found, &address->prefix);
        if (!old || old->protocol != NETNSD_PROTOCOL || link_address(found->match, &old->prefix))
            continue;
        if (!add_removal(builder, &(struct operation){.type = OPERATION_ADDRESS_REMOVE,
                                                      .namespace = actual,
                                                      .link = found,
                                                      .address = old}))
            return false;
    }
    return true;
}

/* Sysctls that nobody asks for any more get the value back that they had before. */
static bool restore_sysctls(struct plan_builder *builder, const struct namespace *previous,
                            struct namespace *actual)
{
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, previous->sysctls, sysctl, next) {
        struct sysctl *found = namespace_sysctl(actual, sysctl->path);
        const struct sysctl *wanted =
            actual->match ? namespace_sysctl(actual->match, sysctl->path) : NULL;
        if (!found || wanted || sysctl->shared || !sysctl->earlier ||
            sysctl_value_equal(found->value, sysctl->earlier))
            continue;
        if (!add_removal(builder, &(struct operation){.type = OPERATION_SYSCTL_SET,
                                                      .namespace = actual,
                                                      .sysctl = found,
                                                      .value = sysctl->earlier}))
            return false;
    }
    return true;
}

/* A parked link that shuts out the ones to be made cannot stay until the commit. */
static bool is_irreversible(const struct plan_builder *builder, const struct link *link)
{
    return builder->makes_exclusive && link->kind && link->kind->exclusive;
}

/* By what a transaction that was cut off had parked. */
static bool parked_name_taken(const struct link *link)
{
    char parked[IFNAMSIZ];
    park_name(link->name, parked);
    return namespace_link(link->namespace, parked);
}

static bool take_away(struct plan_builder *builder, struct link *link)
{
    bool park =
        !builder->input->restore && !is_irreversible(builder, link) && !parked_name_taken(link);
    struct operation operation = {
        .type = park ? OPERATION_LINK_PARK : OPERATION_LINK_DELETE,
        .namespace = link->namespace,
        .link = link,
    };
    return plan_add(builder, &operation);
}

/* STACKED picks links that stand on others, which go down before those. */
static bool remove_links(struct plan_builder *builder, struct namespace *actual, bool stacked)
{
    struct link *link, *next;
    HASH_ITER (hh, actual->links, link, next) {
        bool goes = link->fate == FATE_REMOVE || link->fate == FATE_RECREATE;
        bool on_top = link->master_ifindex || (link->lower_ifindex && !link->kind->paired);
        if (goes && on_top == stacked && !take_away(builder, link))
            return false;
    }
    return true;
}

static bool note_removed_links(struct plan_builder *builder, const struct namespace *previous,
                               struct namespace *actual)
{
    struct link *link, *next;
    HASH_ITER (hh, previous->links, link, next) {
        const struct link *found = namespace_link(actual, link->name);
        if (link->derived || !found || found->fate != FATE_REMOVE)
            continue;
        char pointer[sizeof(builder->error->pointer)];
        if (!plan_note(builder, ACTION_REMOVE, link_pointer(link, pointer, sizeof(pointer)), NULL,
                       is_irreversible(builder, found)))
            return false;
    }
    return true;
}

static bool remove_from_namespace(struct plan_builder *builder, const struct namespace *previous,
                                  struct namespace *actual)
{
    struct link *link, *next;
    HASH_ITER (hh, previous->links, link, next) {
        if (!remove_addresses(builder, link, actual))
            return false;
    }
    return remove_rules(builder, previous, actual) && remove_routes(builder, previous, actual) &&
           restore_sysctls(builder, previous, actual) &&
           note_removed_links(builder, previous, actual);
}

bool plan_remove(struct plan_builder *builder)
{
    const struct plan_input *input = builder->input;
    struct namespace *namespace, *next;
    if (input->previous) {
        HASH_ITER (hh, input->previous->namespaces, namespace, next) {
            struct namespace *actual = network_namespace(input->actual, namespace->name);
            if (actual && !actual->going && !remove_from_namespace(builder, namespace, actual))
                return false;
        }
    }
    for (int stacked = 1; stacked >= 0; stacked--) {
        HASH_ITER (hh, input->actual->namespaces, namespace, next) {
            if (!namespace->going && !remove_links(builder, namespace, stacked))
                return false;
        }
    }
    HASH_ITER (hh, input->actual->namespaces, namespace, next) {
        struct operation park = {.type = OPERATION_NAMESPACE_PARK, .namespace = namespace};
        if (namespace->going && !namespace->parked && !add_removal(builder, &park))
            return false;
    }
    return true;
}
