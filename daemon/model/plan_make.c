#include "model/document.h"
#include "model/network_compare.h"
#include "model/plan_internal.h"

#include <linux/rtnetlink.h>
#include <string.h>

static bool note_operation(struct plan_builder *builder, enum change_action action,
                           const struct operation *operation, const struct change_fields *fields)
{
    char pointer[sizeof(builder->error->pointer)];
    return plan_note(builder, action, operation_pointer(operation, pointer, sizeof(pointer)),
                     fields, false);
}

static bool foreign_in_the_way(struct plan_builder *builder, const struct operation *operation,
                               const char *what)
{
    error_set(
        builder->error, ERROR_EXISTS, 0,
        "%s exists already in namespace \"%s\", and netnsd did not make it: remove it, or take it "
        "out of the document",
        what, operation->namespace->name);
    if (builder->error)
        operation_pointer(operation, builder->error->pointer, sizeof(builder->error->pointer));
    return false;
}

static bool place_namespace(struct plan_builder *builder, struct namespace *namespace)
{
    if (namespace->placed)
        return true;
    namespace->placed = true;
    if (namespace_is_shared(namespace))
        return true;
    const struct namespace *actual = namespace->match;
    if (actual && !actual->parked)
        return true;
    struct operation operation = {
        .type = actual ? OPERATION_NAMESPACE_UNPARK : OPERATION_NAMESPACE_MAKE,
        .namespace = namespace,
    };
    return plan_add(builder, &operation) &&
           note_operation(builder, ACTION_CREATE, &operation, NULL);
}

/* In a new namespace the kernel, too, numbers links in order. Elsewhere it is left to the kernel,
 * which takes no number for one end of a veth without one for the other (drivers/net/veth.c). */
static void number_link(const struct plan_builder *builder, struct link *link)
{
    struct namespace *namespace = link->namespace;
    if (!builder->input->restore)
        link->ifindex =
            namespace_is_shared(namespace) || namespace->match ? 0 : namespace->next_ifindex++;
}

static bool note_link_birth(struct plan_builder *builder, const struct link *link)
{
    struct change_fields *fields = &builder->fields;
    if (!change_fields_begin(fields) || !plan_link_birth(link, fields))
        return error_memory(builder->error);
    struct operation operation = {.type = OPERATION_LINK_CREATE, .link = (struct link *)link};
    return note_operation(builder, link->fate == FATE_RECREATE ? ACTION_RECREATE : ACTION_CREATE,
                          &operation, fields);
}

static bool place_link(struct plan_builder *builder, struct link *link);

/* Everything that must be there before LINK can be made. */
static bool place_needs(struct plan_builder *builder, const struct link *link)
{
    struct link *lower = link_lower(link), *master = link_master(link);
    struct namespace *underlay =
        link->underlay ? network_namespace(builder->input->desired, link->underlay) : NULL;
    return place_namespace(builder, link->namespace) &&
           (!underlay || place_namespace(builder, underlay)) &&
           (!lower || place_link(builder, lower)) && (!master || place_link(builder, master));
}

/* Puts what makes LINK (and its other end) into the plan, after what that needs. */
static bool place_link(struct plan_builder *builder, struct link *link)
{
    if (link->create_placed || !plan_link_managed(builder, link))
        return true;
    link->create_placed = true;
    if (link->fate == FATE_KEEP || !link->kind)
        return true;
    struct link *peer = link_peer(link);
    if (link->derived && peer && !peer->create_placed)
        return place_link(builder, peer);
    if (!place_needs(builder, link))
        return false;
    if (peer) {
        peer->create_placed = true;
        if (!place_needs(builder, peer))
            return false;
        number_link(builder, peer);
    }
    number_link(builder, link);
    struct operation operation = {
        .type = OPERATION_LINK_CREATE, .namespace = link->namespace, .link = link};
    return plan_add(builder, &operation) && note_link_birth(builder, link);
}

/* The MTU of one end of a cable is said for both: a change of both is shown where it is said, or
 * else at the end that is written. */
static bool is_shown_at_peer(const struct link *link, const struct change_fields *fields)
{
    const struct attribute *mtu = &link_attributes.rows[LINK_MTU];
    const struct link *peer = link_peer(link);
    bool mtu_alone = fields->count == 1 &&
                     !attribute_equal(mtu, &link->common[LINK_MTU], &link->match->common[LINK_MTU]);
    return mtu_alone && peer && peer->match && peer->fate == FATE_KEEP &&
           !attribute_equal(mtu, &peer->common[LINK_MTU], &peer->match->common[LINK_MTU]) &&
           link->common[LINK_MTU].derived && (!peer->common[LINK_MTU].derived || link->derived);
}

static bool change_link(struct plan_builder *builder, struct link *link)
{
    struct change_fields *fields = &builder->fields;
    bool differs = false;
    if (!change_fields_begin(fields) || !plan_link_differences(link, link->match, fields, &differs))
        return error_memory(builder->error);
    if (!differs)
        return true;
    struct operation operation = {.type = OPERATION_LINK_SET,
                                  .namespace = link->namespace,
                                  .link = link,
                                  .from = link->match};
    if (is_shown_at_peer(link, fields))
        return plan_add(builder, &operation);
    return plan_add(builder, &operation) &&
           note_operation(builder, ACTION_CHANGE, &operation, fields);
}

static bool place_link_sysctls(struct plan_builder *builder, struct link *link);

/* A new namespace's lo is up from birth (OPERATION_NAMESPACE_MAKE). Other links without a kind
 * cannot be made.
 */
static bool lo_needs_settings(struct link *link)
{
    if (strcmp(link->name, "lo") != 0)
        return false;
    link->ifindex = 1;
    const struct value *up = &link->common[LINK_UP];
    if ((up->present && !up->number) || link->alt_names)
        return true;
    for (size_t i = 0; i < LINK_ATTRIBUTE_COUNT; i++) {
        if (i != LINK_UP && link->common[i].present && !link->common[i].derived)
            return true;
    }
    return false;
}

/* Puts what brings an existing or just made LINK to its desired attributes into the plan. */
static bool place_settings(struct plan_builder *builder, struct link *link)
{
    if (link->set_placed || !plan_link_managed(builder, link))
        return true;
    link->set_placed = true;
    struct link *lower = link_lower(link);
    if (link->kind && link->kind->lower_must_be_up && lower &&
        !(place_link(builder, lower) && place_settings(builder, lower)))
        return false;
    if (!place_link_sysctls(builder, link))
        return false;
    if (link->match && link->fate == FATE_KEEP)
        return change_link(builder, link);
    if (!link->kind && !lo_needs_settings(link))
        return true;
    struct operation operation = {
        .type = OPERATION_LINK_SET, .namespace = link->namespace, .link = link};
    return plan_add(builder, &operation);
}

static bool place_sysctl(struct plan_builder *builder, struct namespace *namespace,
                         struct sysctl *sysctl)
{
    const struct sysctl *actual =
        namespace->match ? namespace_sysctl(namespace->match, sysctl->path) : NULL;
    bool fresh = sysctl->link && sysctl->link->fate != FATE_KEEP;
    if (actual && !fresh && sysctl_value_equal(actual->value, sysctl->value))
        return true;
    struct operation operation = {.type = OPERATION_SYSCTL_SET,
                                  .namespace = namespace,
                                  .sysctl = sysctl,
                                  .value = sysctl->value};
    struct change_fields *fields = &builder->fields;
    if (!change_fields_begin(fields) ||
        !change_fields_add(fields, "value", actual ? json_object_new_string(actual->value) : NULL,
                           json_object_new_string(sysctl->value)))
        return error_memory(builder->error);
    return plan_add(builder, &operation) &&
           note_operation(builder, actual ? ACTION_CHANGE : ACTION_CREATE, &operation, fields);
}

static bool place_link_sysctls(struct plan_builder *builder, struct link *link)
{
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, link->namespace->sysctls, sysctl, next) {
        if (sysctl->link == link && !place_sysctl(builder, link->namespace, sysctl))
            return false;
    }
    return true;
}

static bool place_namespace_sysctls(struct plan_builder *builder, struct namespace *namespace)
{
    struct sysctl *sysctl, *next;
    HASH_ITER (hh, namespace->sysctls, sysctl, next) {
        if (!sysctl->link && !place_sysctl(builder, namespace, sysctl))
            return false;
    }
    return true;
}

bool plan_address_equal(const struct address *desired, const struct address *actual)
{
    return ip_address_equal(&desired->peer, &actual->peer) && desired->scope == actual->scope &&
           desired->metric == actual->metric && desired->no_prefix_route == actual->no_prefix_route;
}

static bool place_address(struct plan_builder *builder, struct link *link, struct address *address)
{
    bool kept = link->match && link->fate == FATE_KEEP;
    struct address *actual = kept ? link_address(link->match, &address->prefix) : NULL;
    struct operation operation = {.type = OPERATION_ADDRESS_ADD,
                                  .namespace = link->namespace,
                                  .link = link,
                                  .address = address};
    if (!actual)
        return plan_add(builder, &operation) &&
               (!kept || note_operation(builder, ACTION_CREATE, &operation, NULL));
    if (plan_address_equal(address, actual))
        return true;
    struct operation remove = {.type = OPERATION_ADDRESS_REMOVE,
                               .namespace = link->match->namespace,
                               .link = link->match,
                               .address = actual};
    return plan_add(builder, &remove) && plan_add(builder, &operation) &&
           note_operation(builder, ACTION_CHANGE, &operation, NULL);
}

static bool place_addresses(struct plan_builder *builder, struct link *link)
{
    if (!plan_link_managed(builder, link))
        return true;
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        bool kernels = builder->input->restore && address_is_of_kernel(address);
        if (!kernels && !place_address(builder, link, address))
            return false;
    }
    return true;
}

static bool hop_equal(const struct namespace *namespace, const struct next_hop *desired,
                      const struct next_hop *actual)
{
    uint32_t ifindex = desired->ifindex;
    if (desired->device[0]) {
        const struct link *link = namespace_link(namespace, desired->device);
        ifindex = link ? link->ifindex : 0;
    }
    return ip_address_equal(&desired->via, &actual->via) &&
           (!ifindex || ifindex == actual->ifindex) && desired->weight == actual->weight &&
           desired->on_link == actual->on_link;
}

bool plan_route_equal(const struct namespace *namespace, const struct route *desired,
                      const struct route *actual)
{
    if (desired->type != actual->type || !ip_address_equal(&desired->source, &actual->source) ||
        desired->hop_count != actual->hop_count || desired->mtu != actual->mtu ||
        desired->advmss != actual->advmss ||
        (desired->scope != RT_SCOPE_NOWHERE && desired->scope != actual->scope))
        return false;
    for (size_t i = 0; i < desired->hop_count; i++) {
        if (!hop_equal(namespace, &desired->hops[i], &actual->hops[i]))
            return false;
    }
    return true;
}

static bool place_route(struct plan_builder *builder, struct namespace *namespace,
                        struct route *route)
{
    const struct plan_input *input = builder->input;
    struct route *actual = namespace->match ? plan_find_route(namespace->match, route) : NULL;
    if (actual && plan_route_vanishes(namespace->match, actual))
        actual = NULL;
    struct operation operation = {.type = actual ? OPERATION_ROUTE_CHANGE : OPERATION_ROUTE_ADD,
                                  .namespace = namespace,
                                  .route = route};
    if (actual && plan_route_equal(namespace, route, actual))
        return true;
    if (actual && !input->restore && actual->protocol != NETNSD_PROTOCOL) {
        const struct namespace *previous = network_namespace(input->previous, namespace->name);
        if (!previous || !namespace_route(previous, &route->key))
            return foreign_in_the_way(builder, &operation, "a route with this key");
    }
    struct change_fields *fields = &builder->fields;
    if (!change_fields_begin(fields) ||
        !change_fields_add(fields, "route", actual ? document_write_route(actual) : NULL,
                           document_write_route(route)))
        return error_memory(builder->error);
    return plan_add(builder, &operation) &&
           note_operation(builder, actual ? ACTION_CHANGE : ACTION_CREATE, &operation, fields);
}

/* Does ROUTE of a network that is to be restored depend on what netnsd made? */
static bool route_restored(const struct namespace *namespace, const struct route *route)
{
    if (route->protocol == RTPROT_KERNEL)
        return false;
    if (route->protocol == NETNSD_PROTOCOL)
        return true;
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct link *link = namespace_link_by_ifindex(namespace, route->hops[i].ifindex);
        if (link && link->group == NETNSD_GROUP)
            return true;
    }
    return false;
}

/* Routes that others are reached by come first: directly connected ones before those with gateways.
 */
static bool place_routes(struct plan_builder *builder, struct namespace *namespace, bool gateways)
{
    struct route *route, *next;
    HASH_ITER (hh, namespace->routes, route, next) {
        bool gateway = false;
        for (size_t i = 0; i < route->hop_count; i++)
            gateway |= route->hops[i].via.family != AF_UNSPEC && !route->hops[i].on_link;
        if (gateway != gateways || (builder->input->restore && !route_restored(namespace, route)))
            continue;
        if (!place_route(builder, namespace, route))
            return false;
    }
    return true;
}

static bool place_rule(struct plan_builder *builder, struct namespace *namespace, struct rule *rule)
{
    struct rule *actual = namespace->match ? plan_find_rule(namespace->match, rule) : NULL;
    if (actual && rule_equal(rule, actual))
        return true;
    bool ours = actual && actual->protocol == NETNSD_PROTOCOL;
    struct operation remove = {
        .type = OPERATION_RULE_REMOVE, .namespace = namespace->match, .rule = actual};
    struct operation add = {.type = OPERATION_RULE_ADD, .namespace = namespace, .rule = rule};
    struct change_fields *fields = &builder->fields;
    if (!change_fields_begin(fields) ||
        !change_fields_add(fields, "rule", ours ? document_write_rule(actual) : NULL,
                           document_write_rule(rule)))
        return error_memory(builder->error);
    return (!ours || plan_add(builder, &remove)) && plan_add(builder, &add) &&
           note_operation(builder, ours ? ACTION_CHANGE : ACTION_CREATE, &add, fields);
}

static bool place_rules(struct plan_builder *builder, struct namespace *namespace)
{
    struct rule *rule, *next;
    HASH_ITER (hh, namespace->rules, rule, next) {
        bool restored = !builder->input->restore || rule->protocol == NETNSD_PROTOCOL;
        if (restored && !place_rule(builder, namespace, rule))
            return false;
    }
    return true;
}

/* All of one namespace together, so that it becomes one batch. Unwritten ends of veths come with
 * the ends that are written; what they still need is left for last. */
static bool make_namespace(struct plan_builder *builder, struct namespace *namespace)
{
    if (!place_namespace(builder, namespace) || !place_namespace_sysctls(builder, namespace))
        return false;
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (!link->derived && !place_link(builder, link))
            return false;
    }
    HASH_ITER (hh, namespace->links, link, next) {
        if (!link->derived && !(place_settings(builder, link) && place_addresses(builder, link)))
            return false;
    }
    return place_routes(builder, namespace, false) && place_routes(builder, namespace, true) &&
           place_rules(builder, namespace);
}

/* Is there anything that LINK, when it is new, gets last? */
static bool is_late(const struct link *link)
{
    const struct attribute_table *table = &link->kind->attributes;
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].late &&
            attribute_effective(&table->rows[i], &link->attributes[i]).number)
            return true;
    }
    return false;
}

static bool finish_link(struct plan_builder *builder, struct link *link)
{
    bool is_new = link->kind && link->fate != FATE_KEEP && plan_link_managed(builder, link);
    struct operation operation = {
        .type = OPERATION_LINK_FINISH, .namespace = link->namespace, .link = link};
    return !is_new || !is_late(link) || plan_add(builder, &operation);
}

/* The unwritten ends of veths; and what new links get when those are there. */
static bool finish_namespace(struct plan_builder *builder, struct namespace *namespace)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        if (link->derived && !(place_settings(builder, link) && place_addresses(builder, link)))
            return false;
    }
    HASH_ITER (hh, namespace->links, link, next) {
        if (!finish_link(builder, link))
            return false;
    }
    return true;
}

bool plan_make(struct plan_builder *builder)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, builder->input->desired->namespaces, namespace, next) {
        if (!make_namespace(builder, namespace))
            return false;
    }
    HASH_ITER (hh, builder->input->desired->namespaces, namespace, next) {
        if (!finish_namespace(builder, namespace))
            return false;
    }
    return true;
}
