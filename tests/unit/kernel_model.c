#include "kernel_model.h"

#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool refuse(struct kernel_model *kernel,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(kernel->refusal, sizeof(kernel->refusal), format, arguments);
    va_end(arguments);
    return false;
}

static void furnish(struct namespace *namespace, uint32_t group)
{
    struct link *lo = link_add(namespace, "lo");
    lo->ifindex = 1;
    lo->group = group;
    lo->common[LINK_UP] = (struct value){.present = true, .number = 1};
    lo->common[LINK_TX_QUEUES] = (struct value){.present = true, .number = 1};
    lo->common[LINK_RX_QUEUES] = (struct value){.present = true, .number = 1};
    link_index(lo);
    sysctl_add(namespace, "net/ipv4/ip_forward", "0");
}

struct kernel_model *kernel_model_new(void)
{
    struct kernel_model *kernel = calloc(1, sizeof(*kernel));
    kernel->network = network_new(NULL);
    kernel->parked = network_new(NULL);
    struct namespace *host = namespace_add(kernel->network, NAMESPACE_HOST);
    host->external = true;
    furnish(host, 0);
    return kernel;
}

void kernel_model_free(struct kernel_model *kernel)
{
    network_free(kernel->network);
    network_free(kernel->parked);
    free(kernel);
}

static struct namespace *find_namespace(struct kernel_model *kernel, const struct namespace *named)
{
    return network_namespace(kernel->network, named->name);
}

static struct link *find_link(struct kernel_model *kernel, const struct link *named)
{
    struct namespace *namespace = find_namespace(kernel, named->namespace);
    if (!namespace)
        return NULL;
    return named->ifindex ? namespace_link_by_ifindex(namespace, named->ifindex)
                          : namespace_link(namespace, named->name);
}

static bool is_up(const struct link *link)
{
    return link->common[LINK_UP].number;
}

static uint32_t free_ifindex(const struct namespace *namespace)
{
    uint32_t ifindex = 100;
    while (namespace_link_by_ifindex(namespace, ifindex))
        ifindex++;
    return ifindex;
}

static void set_values(const struct attribute_table *table, const struct value *desired,
                       struct value *actual)
{
    for (size_t i = 0; i < table->count; i++) {
        if (actual[i].present && attribute_equal(&table->rows[i], &desired[i], &actual[i]))
            continue;
        struct value effective = attribute_effective(&table->rows[i], &desired[i]);
        value_clear(&table->rows[i], &actual[i]);
        value_copy(&table->rows[i], &effective, &actual[i]);
        actual[i].derived = false;
    }
}

static struct link *bear(struct kernel_model *kernel, struct link *link)
{
    struct namespace *namespace = find_namespace(kernel, link->namespace);
    if (!namespace) {
        refuse(kernel, "%s: no namespace", link->name);
        return NULL;
    }
    if (namespace_link(namespace, link->name) ||
        (link->ifindex && namespace_link_by_ifindex(namespace, link->ifindex))) {
        refuse(kernel, "%s/%s: name or ifindex %u is taken", namespace->name, link->name,
               link->ifindex);
        return NULL;
    }
    struct link *born = link_add(namespace, link->name);
    link_set_kind(born, link->kind);
    if (!link->ifindex)
        link->ifindex = free_ifindex(namespace);
    born->ifindex = link->ifindex;
    born->group = NETNSD_GROUP;
    born->common[LINK_MTU] = (struct value){.present = true, .number = 1500};
    set_values(&link_attributes, link->common, born->common);
    set_values(&link->kind->attributes, link->attributes, born->attributes);
    for (size_t i = 0; i < link->kind->attributes.count; i++) {
        if (link->kind->attributes.rows[i].late)
            born->attributes[i].number = 0;
    }
    born->common[LINK_UP].number = 0;
    link_index(born);
    if (link_master(link)) {
        struct link *master = find_link(kernel, link_master(link));
        born->master_ifindex = master ? master->ifindex : 0;
        if (!master)
            refuse(kernel, "%s: no master", link->name);
        return master ? born : NULL;
    }
    return born;
}

static void tie(struct link *upper, const struct link *lower)
{
    upper->lower_ifindex = lower->ifindex;
    upper->lower_elsewhere = upper->namespace != lower->namespace;
    upper->lower_cookie = lower->namespace->cookie;
}

static bool create(struct kernel_model *kernel, struct link *link)
{
    if (link_lower(link) && !find_link(kernel, link_lower(link)))
        return refuse(kernel, "%s: no lower link", link->name);
    if (link->underlay && !network_namespace(kernel->network, link->underlay))
        return refuse(kernel, "%s: no underlay", link->name);
    struct link *born = bear(kernel, link);
    if (!born)
        return false;
    if (link_lower(link))
        tie(born, find_link(kernel, link_lower(link)));
    else if (link->underlay && strcmp(link->underlay, link->namespace->name) != 0) {
        born->lower_elsewhere = true;
        born->lower_cookie = network_namespace(kernel->network, link->underlay)->cookie;
    }
    if (!link->kind->paired)
        return true;
    struct link *peer = link_peer(link) ? bear(kernel, link_peer(link)) : NULL;
    if (!peer)
        return false;
    tie(born, peer);
    tie(peer, born);
    return true;
}

static bool finish(struct kernel_model *kernel, struct link *desired)
{
    struct link *link = find_link(kernel, desired);
    if (!link)
        return refuse(kernel, "%s: no such link to finish", desired->name);
    set_values(&link->kind->attributes, desired->attributes, link->attributes);
    return true;
}

static void go_down(struct link *link)
{
    struct namespace *namespace = link->namespace;
    link->common[LINK_UP].number = 0;
    struct route *route, *next;
    HASH_ITER (hh, namespace->routes, route, next) {
        for (size_t i = 0; i < route->hop_count; i++) {
            if (route->hops[i].ifindex != link->ifindex)
                continue;
            HASH_DEL(namespace->routes, route);
            free(route->hops);
            free(route);
            break;
        }
    }
    struct address *address, *next_address;
    HASH_ITER (hh, link->addresses, address, next_address) {
        if (address->prefix.address.family != AF_INET6)
            continue;
        HASH_DEL(link->addresses, address);
        free(address);
    }
}

static void rename_link(struct link *link, const char *name)
{
    HASH_DEL(link->namespace->links, link);
    snprintf(link->name, sizeof(link->name), "%s", name);
    HASH_ADD_STR(link->namespace->links, name, link);
}

static void set_alt_names(struct link *link, char **names)
{
    for (char **name = link->alt_names; name && *name; name++)
        free(*name);
    free(link->alt_names);
    link->alt_names = NULL;
    size_t count = 0;
    while (names && names[count])
        count++;
    if (!count)
        return;
    link->alt_names = calloc(count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        link->alt_names[i] = strdup(names[i]);
}

static bool lower_is_up(struct kernel_model *kernel, const struct link *link)
{
    struct link *lower = link_lower(link) ? find_link(kernel, link_lower(link)) : NULL;
    return !link->kind || !link->kind->lower_must_be_up || !link_lower(link) ||
           (lower && is_up(lower));
}

static bool set(struct kernel_model *kernel, struct link *desired, const struct link *from)
{
    struct link *link = find_link(kernel, desired);
    if (!link)
        return refuse(kernel, "%s: no such link to set", desired->name);
    if (strcmp(link->name, desired->name) != 0) {
        if (namespace_link(link->namespace, desired->name))
            return refuse(kernel, "%s: name is taken", desired->name);
        rename_link(link, desired->name);
    }
    link->group = desired->group ? desired->group : NETNSD_GROUP;
    bool was_up = is_up(link);
    set_values(&link_attributes, desired->common, link->common);
    if (was_up && !is_up(link))
        go_down(link);
    if (is_up(link) && !was_up && !lower_is_up(kernel, desired))
        return refuse(kernel, "%s: its lower link is down", desired->name);
    if (from && link->kind && desired->attributes)
        set_values(&link->kind->attributes, desired->attributes, link->attributes);
    if (desired->port && link_add_port(link))
        set_values(&bridge_port_attributes, desired->port, link->port);
    struct link *master = link_master(desired) ? find_link(kernel, link_master(desired)) : NULL;
    if (link_master(desired) && !master)
        return refuse(kernel, "%s: no master", desired->name);
    link->master_ifindex = master ? master->ifindex : desired->master_ifindex;
    set_alt_names(link, desired->alt_names);
    return true;
}

static bool park(struct kernel_model *kernel, const struct link *actual)
{
    struct link *link = find_link(kernel, actual);
    char name[IFNAMSIZ];
    park_name(actual->name, name);
    if (!link || namespace_link(link->namespace, name))
        return refuse(kernel, "%s: cannot be parked", actual->name);
    go_down(link);
    link->master_ifindex = 0;
    set_alt_names(link, NULL);
    rename_link(link, name);
    link->group = KERNEL_MODEL_PARK_GROUP;
    return true;
}

/* Links that go when LINK goes: its other end, and what stands on it. Found again after each
 * removal. */
static struct link *dependent(struct kernel_model *kernel, const struct link *link)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, kernel->network->namespaces, namespace, next) {
        struct link *other, *next_link;
        HASH_ITER (hh, namespace->links, other, next_link) {
            bool there = other->lower_cookie == link->namespace->cookie;
            bool paired = other->kind && other->kind->paired;
            bool mutual = !paired || link->lower_ifindex == other->ifindex;
            if (other != link && other->lower_ifindex == link->ifindex && there && mutual &&
                (!paired || (link->kind && link->kind->paired)))
                return other;
        }
    }
    return NULL;
}

static void vanish(struct kernel_model *kernel, struct link *link)
{
    go_down(link);
    struct link *other, *port, *next;
    HASH_ITER (hh, link->namespace->links, port, next) {
        if (port->master_ifindex == link->ifindex)
            port->master_ifindex = 0;
    }
    while ((other = dependent(kernel, link))) {
        other->lower_ifindex = 0;
        vanish(kernel, other);
    }
    link_remove(link);
}

static bool delete (struct kernel_model *kernel, const struct link *actual)
{
    struct link *link = find_link(kernel, actual);
    if (link)
        vanish(kernel, link);
    return true;
}

static bool add_address(struct kernel_model *kernel, const struct operation *operation)
{
    struct link *link = find_link(kernel, operation->link);
    const struct address *wanted = operation->address;
    if (!link || link_address(link, &wanted->prefix))
        return refuse(kernel, "address on %s: no link, or it is there", operation->link->name);
    struct address *address = address_add(link, &wanted->prefix);
    address->peer = wanted->peer;
    address->scope = wanted->scope;
    address->metric = wanted->metric;
    address->no_prefix_route = wanted->no_prefix_route;
    address->protocol = wanted->protocol;
    return true;
}

static bool remove_address(struct kernel_model *kernel, const struct operation *operation)
{
    struct link *link = find_link(kernel, operation->link);
    struct address *address = link ? link_address(link, &operation->address->prefix) : NULL;
    if (!address)
        return refuse(kernel, "address to remove from %s is not there", operation->link->name);
    HASH_DEL(link->addresses, address);
    free(address);
    return true;
}

/* The link that a gateway is reached by. */
static const struct link *way_to(const struct namespace *namespace, const struct ip_address *via)
{
    struct link *link, *next;
    HASH_ITER (hh, namespace->links, link, next) {
        struct address *address, *next_address;
        HASH_ITER (hh, link->addresses, address, next_address) {
            if (is_up(link) && ip_prefix_contains(&address->prefix, via))
                return link;
        }
    }
    return NULL;
}

static bool resolve_hop(struct kernel_model *kernel, const struct namespace *namespace,
                        struct next_hop *hop)
{
    const struct link *link =
        hop->device[0] ? namespace_link(namespace, hop->device) : way_to(namespace, &hop->via);
    if (!link || !is_up(link))
        return refuse(kernel, "route: next hop in %s cannot be reached", namespace->name);
    hop->ifindex = link->ifindex;
    snprintf(hop->device, sizeof(hop->device), "%s", link->name);
    return true;
}

static bool fill_route(struct kernel_model *kernel, const struct namespace *namespace,
                       const struct route *wanted, struct route *route)
{
    route->type = wanted->type;
    route->scope = wanted->scope;
    route->protocol = wanted->protocol;
    route->source = wanted->source;
    route->mtu = wanted->mtu;
    route->advmss = wanted->advmss;
    free(route->hops);
    route->hops = NULL;
    route->hop_count = 0;
    for (size_t i = 0; i < wanted->hop_count; i++) {
        struct next_hop *hop = route_add_hop(route);
        *hop = wanted->hops[i];
        if (!resolve_hop(kernel, namespace, hop))
            return false;
    }
    return true;
}

static bool set_route(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    struct route *route = namespace ? namespace_route(namespace, &operation->route->key) : NULL;
    bool change = operation->type == OPERATION_ROUTE_CHANGE;
    if (!namespace || change != (route != NULL))
        return refuse(kernel, "route is there, or is not there, against expectation");
    if (!route)
        route = route_add(namespace, &operation->route->key);
    return fill_route(kernel, namespace, operation->route, route);
}

static bool remove_route(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    struct route *route = namespace_route(namespace, &operation->route->key);
    if (!route)
        return true;
    HASH_DEL(namespace->routes, route);
    free(route->hops);
    free(route);
    return true;
}

static bool add_rule(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    if (!namespace || namespace_rule(namespace, &operation->rule->key))
        return refuse(kernel, "rule is there");
    struct rule *rule = rule_add(namespace, &operation->rule->key);
    UT_hash_handle hh = rule->hh;
    *rule = *operation->rule;
    rule->hh = hh;
    return true;
}

static bool remove_rule(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    struct rule *rule = namespace_rule(namespace, &operation->rule->key);
    if (!rule)
        return refuse(kernel, "rule is not there");
    HASH_DEL(namespace->rules, rule);
    free(rule);
    return true;
}

static bool set_sysctl(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    struct sysctl *sysctl = namespace_sysctl(namespace, operation->sysctl->path);
    if (operation->sysctl->link && !find_link(kernel, operation->sysctl->link))
        return refuse(kernel, "sysctl of a link that is not there");
    if (!operation->sysctl->earlier)
        operation->sysctl->earlier = strdup(sysctl ? sysctl->value : "0");
    if (!sysctl)
        return sysctl_add(namespace, operation->sysctl->path, operation->value);
    free(sysctl->value);
    sysctl->value = strdup(operation->value);
    return true;
}

static bool make_namespace(struct kernel_model *kernel, const struct operation *operation)
{
    if (find_namespace(kernel, operation->namespace))
        return refuse(kernel, "namespace %s is there", operation->namespace->name);
    struct namespace *namespace = namespace_add(kernel->network, operation->namespace->name);
    namespace->cookie = ++kernel->next_cookie;
    furnish(namespace, NETNSD_GROUP);
    return true;
}

static bool park_namespace(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    return namespace ? namespace_move(kernel->network, namespace, kernel->parked)
                     : refuse(kernel, "namespace to park is not there");
}

static bool unpark_namespace(struct kernel_model *kernel, const struct operation *operation)
{
    struct namespace *namespace = find_namespace(kernel, operation->namespace);
    if (!namespace || !namespace->parked)
        return refuse(kernel, "namespace to unpark is not parked");
    namespace->parked = false;
    return true;
}

bool kernel_model_run(struct kernel_model *kernel, const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_NAMESPACE_MAKE:
        return make_namespace(kernel, operation);
    case OPERATION_NAMESPACE_PARK:
        return park_namespace(kernel, operation);
    case OPERATION_NAMESPACE_UNPARK:
        return unpark_namespace(kernel, operation);
    case OPERATION_LINK_CREATE:
        return create(kernel, operation->link);
    case OPERATION_LINK_SET:
        return set(kernel, operation->link, operation->from);
    case OPERATION_LINK_FINISH:
        return finish(kernel, operation->link);
    case OPERATION_LINK_PARK:
        return park(kernel, operation->link);
    case OPERATION_LINK_DELETE:
        return delete (kernel, operation->link);
    case OPERATION_ADDRESS_ADD:
        return add_address(kernel, operation);
    case OPERATION_ADDRESS_REMOVE:
        return remove_address(kernel, operation);
    case OPERATION_ROUTE_ADD:
    case OPERATION_ROUTE_CHANGE:
        return set_route(kernel, operation);
    case OPERATION_ROUTE_REMOVE:
        return remove_route(kernel, operation);
    case OPERATION_RULE_ADD:
        return add_rule(kernel, operation);
    case OPERATION_RULE_REMOVE:
        return remove_rule(kernel, operation);
    case OPERATION_SYSCTL_SET:
        return set_sysctl(kernel, operation);
    }
    return refuse(kernel, "unknown operation");
}

static void destroy_namespace(struct kernel_model *kernel, struct network *network,
                              struct namespace *namespace)
{
    struct link *link;
    while ((link = namespace->links))
        vanish(kernel, link);
    namespace_remove(network, namespace);
}

void kernel_model_destroy_parked(struct kernel_model *kernel)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, kernel->network->namespaces, namespace, next) {
        struct link *link = namespace->links;
        while (link) {
            bool gone = link->group == KERNEL_MODEL_PARK_GROUP;
            if (gone)
                vanish(kernel, link);
            link = gone ? namespace->links : link->hh.next;
        }
    }
    HASH_ITER (hh, kernel->parked->namespaces, namespace, next) {
        destroy_namespace(kernel, kernel->parked, namespace);
    }
}

void kernel_model_destroy_made(struct kernel_model *kernel, const struct network *before)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, kernel->network->namespaces, namespace, next) {
        const struct namespace *old = network_namespace(before, namespace->name);
        if (!old || old->cookie != namespace->cookie)
            destroy_namespace(kernel, kernel->network, namespace);
    }
    HASH_ITER (hh, kernel->parked->namespaces, namespace, next) {
        namespace->parked = true;
        namespace_move(kernel->parked, namespace, kernel->network);
    }
}

static void print_values(FILE *out, const struct attribute_table *table, const struct value *values)
{
    for (size_t i = 0; values && i < table->count; i++) {
        auto_json struct json_object *json =
            values[i].present ? attribute_write(&table->rows[i], &values[i]) : NULL;
        if (json)
            fprintf(out, " %s=%s", table->rows[i].name, json_object_get_string(json));
    }
}

static void print_link(FILE *out, const struct link *link)
{
    char pointer[512], text[IP_PREFIX_TEXT_MAX];
    fprintf(out, "%s kind=%s ifindex=%u group=%u master=%u lower=%u",
            link_pointer(link, pointer, sizeof(pointer)), link->kind ? link->kind->name : "-",
            link->ifindex, link->group, link->master_ifindex, link->lower_ifindex);
    print_values(out, &link_attributes, link->common);
    if (link->kind)
        print_values(out, &link->kind->attributes, link->attributes);
    print_values(out, &bridge_port_attributes, link->port);
    for (char **name = link->alt_names; name && *name; name++)
        fprintf(out, " alt=%s", *name);
    fputc('\n', out);
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next) {
        fprintf(out, "%s address %s protocol %u scope %u metric %u\n", pointer,
                ip_prefix_format(&address->prefix, text), address->protocol, address->scope,
                address->metric);
    }
}

static void print_namespace(FILE *out, const struct namespace *namespace)
{
    char pointer[512];
    fprintf(out, "%s cookie %llu%s\n", namespace_pointer(namespace, pointer, sizeof(pointer)),
            (unsigned long long)namespace->cookie, namespace->parked ? " parked" : "");
    struct link *link, *next_link;
    HASH_ITER (hh, namespace->links, link, next_link) {
        print_link(out, link);
    }
    struct route *route, *next_route;
    HASH_ITER (hh, namespace->routes, route, next_route) {
        fprintf(out, "%s type %u", route_pointer(namespace, route, pointer, sizeof(pointer)),
                route->type);
        for (size_t i = 0; i < route->hop_count; i++)
            fprintf(out, " hop %s %u", route->hops[i].device, route->hops[i].weight);
        fputc('\n', out);
    }
    struct rule *rule, *next_rule;
    HASH_ITER (hh, namespace->rules, rule, next_rule) {
        fprintf(out, "%s table %u\n", rule_pointer(namespace, rule, pointer, sizeof(pointer)),
                rule->table);
    }
    struct sysctl *sysctl, *next_sysctl;
    HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
        fprintf(out, "%s = %s\n", sysctl_pointer(namespace, sysctl, pointer, sizeof(pointer)),
                sysctl->value);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in order: the order in which things were made is nobody's concern. */
static char *sort_lines(char *text)
{
    size_t count = 0, size = strlen(text) + 1;
    char **lines = calloc(size, sizeof(*lines));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        lines[count++] = line;
    qsort(lines, count, sizeof(*lines), by_text);
    char *sorted = calloc(1, size + 1), *end = sorted;
    for (size_t i = 0; i < count; i++)
        end += sprintf(end, "%s\n", lines[i]);
    free(lines);
    free(text);
    return sorted;
}

char *kernel_model_text(const struct network *network)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        print_namespace(out, namespace);
    }
    fclose(out);
    return sort_lines(text);
}
