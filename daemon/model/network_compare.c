#include "model/network_compare.h"

#include <linux/if_addr.h>
#include <string.h>

static bool values_same(const struct attribute_table *table, const struct value *a,
                        const struct value *b)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!value_same(&table->rows[i], &a[i], &b[i]))
            return false;
    }
    return true;
}

static bool port_same(const struct value *a, const struct value *b)
{
    return a && b ? values_same(&bridge_port_attributes, a, b) : a == b;
}

static bool alt_names_same(char *const *a, char *const *b)
{
    while (a && b && *a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return (!a || !*a) && (!b || !*b);
}

bool link_same(const struct link *a, const struct link *b)
{
    return strcmp(a->name, b->name) == 0 && a->ifindex == b->ifindex && a->kind == b->kind &&
           strcmp(a->kind_name, b->kind_name) == 0 && a->group == b->group &&
           a->master_ifindex == b->master_ifindex && a->lower_ifindex == b->lower_ifindex &&
           a->lower_elsewhere == b->lower_elsewhere &&
           (!a->lower_elsewhere || a->lower_nsid == b->lower_nsid) &&
           values_same(&link_attributes, a->common, b->common) &&
           (!a->kind || values_same(&a->kind->attributes, a->attributes, b->attributes)) &&
           port_same(a->port, b->port) && alt_names_same(a->alt_names, b->alt_names);
}

bool address_same(const struct address *a, const struct address *b)
{
    return ip_address_equal(&a->peer, &b->peer) && a->scope == b->scope && a->metric == b->metric &&
           a->no_prefix_route == b->no_prefix_route && a->protocol == b->protocol;
}

/* The kernel tells of the addresses that it makes by itself once it knows that nobody else has them
 * (net/ipv6/addrconf.c, addrconf_dad_completed()). */
static bool is_told(const struct address *address)
{
    return !(address->flags & IFA_F_TENTATIVE) || !address_is_of_kernel(address);
}

/* Does B have all addresses of A that are told? */
static bool has_addresses(const struct link *a, const struct link *b)
{
    const struct address *address, *next;
    HASH_ITER (hh, a->addresses, address, next) {
        const struct address *other = link_address(b, &address->prefix);
        if (is_told(address) && (!other || !address_same(address, other)))
            return false;
    }
    return true;
}

static bool hops_same(const struct route *a, const struct route *b)
{
    if (a->hop_count != b->hop_count)
        return false;
    for (size_t i = 0; i < a->hop_count; i++) {
        const struct next_hop *one = &a->hops[i], *other = &b->hops[i];
        if (!ip_address_equal(&one->via, &other->via) || one->ifindex != other->ifindex ||
            one->weight != other->weight || one->on_link != other->on_link)
            return false;
    }
    return true;
}

static bool route_same(const struct route *a, const struct route *b)
{
    return a->type == b->type && a->scope == b->scope && a->protocol == b->protocol &&
           ip_address_equal(&a->source, &b->source) && a->mtu == b->mtu && a->advmss == b->advmss &&
           hops_same(a, b);
}

/* Does B have all that A has? Of routes and rules, those of netnsd count. */

static bool has_routes(const struct namespace *a, const struct namespace *b)
{
    const struct route *route, *next;
    HASH_ITER (hh, a->routes, route, next) {
        const struct route *other = namespace_route(b, &route->key);
        if (route->protocol == NETNSD_PROTOCOL && (!other || !route_same(route, other)))
            return false;
    }
    return true;
}

static bool range_equal(const uint16_t a[2], const uint16_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
    return ip_address_equal(&a->address, &b->address) && a->length == b->length;
}

bool rule_equal(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && a->table == b->table && prefix_equal(&a->from, &b->from) &&
           prefix_equal(&a->to, &b->to) && strcmp(a->input, b->input) == 0 &&
           strcmp(a->output, b->output) == 0 && a->mark == b->mark && a->mask == b->mask &&
           a->tos == b->tos && a->ip_protocol == b->ip_protocol &&
           range_equal(a->source_port, b->source_port) &&
           range_equal(a->destination_port, b->destination_port) && a->invert == b->invert &&
           a->suppress_prefix_length == b->suppress_prefix_length;
}

static bool has_rules(const struct namespace *a, const struct namespace *b)
{
    const struct rule *rule, *next;
    HASH_ITER (hh, a->rules, rule, next) {
        const struct rule *other = namespace_rule(b, &rule->key);
        if (rule->protocol == NETNSD_PROTOCOL && (!other || !rule_equal(rule, other)))
            return false;
    }
    return true;
}

static bool has_sysctls(const struct namespace *a, const struct namespace *b)
{
    const struct sysctl *sysctl, *next;
    HASH_ITER (hh, a->sysctls, sysctl, next) {
        const struct sysctl *other = namespace_sysctl(b, sysctl->path);
        if (!other || !sysctl_value_equal(sysctl->value, other->value))
            return false;
    }
    return true;
}

static bool differ(bool (*has)(const struct namespace *a, const struct namespace *b),
                   const struct namespace *a, const struct namespace *b)
{
    return !has(a, b) || !has(b, a);
}

void namespace_compare(const struct namespace *a, const struct namespace *b,
                       void (*each)(void *context, const char *link), void *context)
{
    const struct link *link, *next;
    HASH_ITER (hh, a->links, link, next) {
        const struct link *other = namespace_link(b, link->name);
        if (!other || !link_same(link, other) || !has_addresses(link, other) ||
            !has_addresses(other, link))
            each(context, link->name);
    }
    HASH_ITER (hh, b->links, link, next) {
        if (!namespace_link(a, link->name))
            each(context, link->name);
    }
    if (a->parked != b->parked || differ(has_routes, a, b) || differ(has_rules, a, b))
        each(context, "");
    if (differ(has_sysctls, a, b))
        each(context, NULL);
}
