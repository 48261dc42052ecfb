/* Two looks at the kernel: what makes them differ, and what does not. */
#include "model/network_compare.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix read;
    assert_true(ip_prefix_parse(text, &read));
    return read;
}

/* A bridge port with an address, a route, a rule and a sysctl. */
static struct namespace *look(struct network *network)
{
    struct namespace *namespace = namespace_add(network, "a");
    struct link *link = link_add(namespace, "eth0");
    assert_true(link_set_kind(link, link_kind_find("veth")));
    assert_true(link_add_port(link));
    snprintf(link->kind_name, sizeof(link->kind_name), "veth");
    link->ifindex = 5;
    link->group = NETNSD_GROUP;
    const struct ip_prefix local = prefix("10.0.0.1/24");
    address_add(link, &local)->protocol = NETNSD_PROTOCOL;
    struct route_key key;
    memset(&key, 0, sizeof(key));
    key.destination = prefix("10.9.0.0/16");
    key.table = RT_TABLE_MAIN;
    struct route *route = route_add(namespace, &key);
    route->protocol = NETNSD_PROTOCOL;
    route_add_hop(route)->ifindex = 5;
    const struct rule_key rule_key = {.priority = 9, .family = AF_INET};
    struct rule *rule = rule_add(namespace, &rule_key);
    rule->protocol = NETNSD_PROTOCOL;
    rule->suppress_prefix_length = -1;
    assert_non_null(sysctl_add(namespace, "net/ipv4/ip_forward", "1\t"));
    return namespace;
}

static void note(void *context, const char *link)
{
    char *text = context;
    snprintf(text + strlen(text), 64, "%s ", link ? (*link ? link : "rest") : "sysctls");
}

typedef void change_function(struct namespace *namespace);

/* CHANGE of either look gives EXPECTED. */
static void expect(change_function *change, const char *expected)
{
    for (int turned = 0; turned < 2; turned++) {
        auto_network struct network *one = network_new(NULL), *other = network_new(NULL);
        struct namespace *a = look(one), *b = look(other);
        char found[256] = "";
        change(turned ? a : b);
        namespace_compare(a, b, note, found);
        assert_string_equal(found, expected);
    }
}

static struct link *eth0(struct namespace *namespace)
{
    return namespace_link(namespace, "eth0");
}

/* Each is one change of a link. */
#define CHANGES(name, statement)                                                                   \
    static void name(struct namespace *namespace)                                                  \
    {                                                                                              \
        struct link *link = eth0(namespace);                                                       \
        struct address *address = link->addresses;                                                 \
        struct route *route = namespace->routes;                                                   \
        struct rule *rule = namespace->rules;                                                      \
        (void)address, (void)route, (void)rule;                                                    \
        statement;                                                                                 \
    }

CHANGES(nothing, (void)0)
CHANGES(ifindex, link->ifindex = 6)
CHANGES(group, link->group = 0)
CHANGES(master, link->master_ifindex = 3)
CHANGES(lower, link->lower_ifindex = 3)
CHANGES(lower_elsewhere, link->lower_elsewhere = true)
CHANGES(kind_name, link->kind_name[0] = 'V')
CHANGES(mtu, (link->common[LINK_MTU] = (struct value){.present = true, .number = 1400}))
CHANGES(up, (link->common[LINK_UP] = (struct value){.present = true, .number = 1}))
CHANGES(port, (link->port[0] = (struct value){.present = true, .number = 7}))
CHANGES(no_port, (free(link->port), link->port = NULL))
CHANGES(address_gone, address_remove(link, address))
CHANGES(address_scope, address->scope = RT_SCOPE_LINK)
CHANGES(address_metric, address->metric = 5)
CHANGES(address_mark, address->protocol = 0)
CHANGES(address_route, address->no_prefix_route = true)
CHANGES(address_peer, address->peer = prefix("10.0.0.2/32").address)
CHANGES(route_type, route->type = RTN_BLACKHOLE)
CHANGES(route_mark, route->protocol = RTPROT_STATIC)
CHANGES(route_source, route->source = prefix("10.0.0.1/32").address)
CHANGES(route_mtu, route->mtu = 1400)
CHANGES(route_hop, route->hops[0].ifindex = 6)
CHANGES(route_hops, route_add_hop(route))
CHANGES(rule_table, rule->table = 7)
CHANGES(rule_mark, rule->protocol = 0)
CHANGES(rule_port, rule->source_port[1] = 80)
CHANGES(parked, namespace->parked = true)
CHANGES(sysctl, namespace->sysctls->value[0] = '0')
CHANGES(flags, link->flags = IFF_RUNNING)
CHANGES(carrier, link->oper_state = 6)
CHANGES(lower_nsid, link->lower_nsid = 3)
CHANGES(dad, address->flags = IFA_F_TENTATIVE)
CHANGES(white_space, namespace->sysctls->value[1] = ' ')

static void add_address(struct namespace *namespace, const char *text, uint8_t protocol,
                        uint32_t flags)
{
    const struct ip_prefix local = prefix(text);
    struct address *address = address_add(eth0(namespace), &local);
    address->protocol = protocol;
    address->flags = flags;
}

static void foreign_address(struct namespace *namespace)
{
    add_address(namespace, "fd00::1/64", 0, IFA_F_TENTATIVE);
}

static void link_local(struct namespace *namespace)
{
    add_address(namespace, "fe80::1/64", IFAPROT_KERNEL_LL, 0);
}

/* The kernel has not told of it yet. */
static void tentative_link_local(struct namespace *namespace)
{
    add_address(namespace, "fe80::1/64", IFAPROT_KERNEL_LL, IFA_F_TENTATIVE);
}

static void foreign_route(struct namespace *namespace)
{
    struct route_key key;
    memset(&key, 0, sizeof(key));
    key.destination = prefix("10.77.0.0/16");
    assert_non_null(route_add(namespace, &key));
}

static void foreign_rule(struct namespace *namespace)
{
    const struct rule_key key = {.priority = 77, .family = AF_INET};
    assert_non_null(rule_add(namespace, &key));
}

static void foreign_link(struct namespace *namespace)
{
    assert_non_null(link_add(namespace, "foreign"));
}

static void renamed(struct namespace *namespace)
{
    struct link *link = eth0(namespace);
    HASH_DEL(namespace->links, link);
    snprintf(link->name, sizeof(link->name), "other");
    HASH_ADD_STR(namespace->links, name, link);
}

static void alt_name(struct namespace *namespace)
{
    struct link *link = eth0(namespace);
    assert_non_null(link->alt_names = calloc(2, sizeof(*link->alt_names)));
    assert_non_null(link->alt_names[0] = strdup("second"));
}

static void sysctl_more(struct namespace *namespace)
{
    assert_non_null(sysctl_add(namespace, "net/ipv4/conf/all/rp_filter", "1"));
}

static void expect_each(change_function *const *changes, size_t count, const char *expected)
{
    for (size_t i = 0; i < count; i++)
        expect(changes[i], expected);
}

#define EXPECT_EACH(changes, expected)                                                             \
    expect_each(changes, sizeof(changes) / sizeof((changes)[0]), expected)

static void test_links(void **unused)
{
    static change_function *const changes[] = {
        ifindex,
        group,
        master,
        lower,
        lower_elsewhere,
        kind_name,
        mtu,
        up,
        port,
        no_port,
        address_gone,
        address_scope,
        address_metric,
        address_mark,
        address_route,
        address_peer,
        foreign_address,
        link_local,
        alt_name,
    };
    (void)unused;
    EXPECT_EACH(changes, "eth0 ");
    expect(foreign_link, "foreign ");
}

static void test_rename_is_told_of_both_names(void **unused)
{
    (void)unused;
    auto_network struct network *one = network_new(NULL), *other = network_new(NULL);
    struct namespace *a = look(one), *b = look(other);
    char found[256] = "";
    renamed(b);
    namespace_compare(a, b, note, found);
    assert_string_equal(found, "eth0 other ");
}

static void test_rest(void **unused)
{
    static change_function *const changes[] = {
        route_type, route_mark, route_source, route_mtu, route_hop,
        route_hops, rule_table, rule_port,    parked,
    };
    (void)unused;
    EXPECT_EACH(changes, "rest ");
}

static void test_sysctls(void **unused)
{
    static change_function *const changes[] = {sysctl, sysctl_more};
    (void)unused;
    EXPECT_EACH(changes, "sysctls ");
}

static void test_what_does_not_count(void **unused)
{
    static change_function *const changes[] = {
        nothing,     flags,         carrier,      lower_nsid, dad,
        white_space, foreign_route, foreign_rule, rule_mark,  tentative_link_local,
    };
    (void)unused;
    EXPECT_EACH(changes, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_rename_is_told_of_both_names),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_sysctls),
        cmocka_unit_test(test_what_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
