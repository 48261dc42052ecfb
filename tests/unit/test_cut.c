/* Cuts: what is in them, and what is not; and the sets of things that they are made from. */
#include "engine/dirty.h"
#include "model/document.h"
#include "model/network_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two bridges with a cable each to a, which has a macvlan upon its cable; b stands alone but for a
 * tunnel whose packets go through a. */
static const char document_text[] =
    "{\"namespaces\": {"
    "\"host\": {\"links\": {\"br0\": {\"bridge\": {}}, \"br1\": {\"bridge\": {}}},"
    "           \"routes\": {\"10.9.0.0/16\": {\"dev\": \"br1\"}},"
    "           \"sysctl\": {\"net.ipv4.ip_forward\": 1}},"
    "\"a\": {\"links\": {\"eth0\": {\"veth\": {\"bridge\": \"host/br0\"}},"
    "                    \"eth1\": {\"veth\": {\"bridge\": \"host/br1\"}},"
    "                    \"up\": {\"macvlan\": {\"link\": \"eth0\"}}},"
    "        \"routes\": {\"10.8.0.0/16\": {\"dev\": \"eth1\"}},"
    "        \"rules\": {\"9\": {\"from\": \"10.0.0.0/8\", \"table\": 7}}},"
    "\"b\": {\"extra\": \"remove\","
    "        \"links\": {\"t\": {\"vxlan\": {\"id\": 1, \"underlayNamespace\": \"a\"}},"
    "                    \"br2\": {\"bridge\": {}}},"
    "        \"sysctl\": {\"net.ipv4.ip_forward\": 1}}}}";

static struct network *whole;

static int set_up(void **unused)
{
    static const uint8_t machine_id[16] = {1};
    struct problems problems = {0};
    auto_json struct json_object *document =
        json_parse(document_text, strlen(document_text), &problems);
    whole = document ? document_read("test", document, machine_id, NULL, &problems) : NULL;
    problems_clear(&problems);
    (void)unused;
    return whole ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    network_free(whole);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words in TEXT, each with a space behind it, in order. */
static void sort_words(char *text)
{
    char *words[32], copy[1024];
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok(copy, " "); word && count < 32; word = strtok(NULL, " "))
        words[count++] = word;
    qsort(words, count, sizeof(*words), by_text);
    for (size_t i = 0; i < count; i++)
        text += sprintf(text, "%s ", words[i]);
}

/* What is in NETWORK: "a/eth0" a link, "a/" the rest of a namespace, "a/..." all links, "a"
 * neither.
 */
static void assert_holds(const struct network *network, const char *expected)
{
    char text[1024] = "", *end = text;
    assert_non_null(network);
    for (const struct namespace *each = network->namespaces; each; each = each->hh.next) {
        end += sprintf(end, "%s%s ", each->name, each->no_rest ? "" : "/");
        if (!each->some_links)
            end += sprintf(end, "%s/... ", each->name);
        for (const struct link *link = each->links; link; link = link->hh.next)
            end += sprintf(end, "%s/%s ", each->name, link->name);
    }
    sort_words(text);
    assert_string_equal(text, expected);
}

static struct network *close_cut(struct network *cut)
{
    assert_true(network_cut_close(cut, whole));
    return cut;
}

static void test_link_brings_what_it_stands_on(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "a", "up"));
    assert_holds(cut, "a a/up ");
    assert_holds(close_cut(cut), "a a/eth0 a/up host host/a.eth0 host/br0 ");
    const struct link *up = network_link(cut, "a", "up");
    assert_ptr_equal(link_lower(up), network_link(cut, "a", "eth0"));
    assert_ptr_equal(link_peer(link_lower(up)), network_link(cut, "host", "a.eth0"));
    assert_ptr_equal(link_master(link_peer(link_lower(up))), network_link(cut, "host", "br0"));
    assert_string_equal(cut->topology, "test");
}

static void test_link_that_others_stand_on_comes_alone(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "host", "br0"));
    assert_holds(close_cut(cut), "host host/br0 ");
}

static void test_underlay(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "b", "t"));
    assert_holds(close_cut(cut), "a b b/t ");
}

static void test_rest_brings_the_devices_of_routes(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_rest(cut, whole, "a"));
    assert_true(network_cut_rest(cut, whole, "a"));
    const struct namespace *a = network_namespace(cut, "a");
    assert_int_equal(HASH_COUNT(a->routes), 1);
    assert_int_equal(HASH_COUNT(a->rules), 1);
    assert_holds(close_cut(cut), "a/ a/eth1 host host/a.eth1 host/br1 ");
}

static void test_namespace(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_namespace(cut, whole, "b"));
    assert_holds(close_cut(cut), "a b/ b/... b/br2 b/lo b/t ");
    assert_non_null(namespace_sysctl(network_namespace(cut, "b"), "net/ipv4/ip_forward"));
}

/* Of a namespace that many share, others have links too. */
static void test_shared_namespace_is_never_whole(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_namespace(cut, whole, "host"));
    assert_true(network_namespace(cut, "host")->some_links);
    assert_false(network_cut_holds(cut, "/namespaces/host/links/foreign"));
    assert_true(network_cut_holds(cut, "/namespaces/host/links/br1"));
}

static void test_unknown(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "nowhere", "eth0"));
    assert_true(network_cut_namespace(cut, whole, "nowhere"));
    assert_true(network_cut_rest(cut, whole, "nowhere"));
    assert_true(network_cut_link(cut, whole, "a", "foreign"));
    assert_holds(cut, "");
    assert_true(network_cut_link(cut, whole, "b", "foreign"));
    assert_holds(cut, "b/ b/... b/br2 b/lo b/t ");
}

static void test_holds(void **unused)
{
    (void)unused;
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "a", "eth0"));
    assert_true(network_cut_namespace(cut, whole, "b"));
    assert_true(network_cut_holds(cut, "/namespaces/a/links/eth0"));
    assert_true(network_cut_holds(cut, "/namespaces/a/links/eth0/addresses/10.0.0.1~124"));
    assert_false(network_cut_holds(cut, "/namespaces/a/links/eth1"));
    assert_false(network_cut_holds(cut, "/namespaces/a/routes/10.8.0.0~116"));
    assert_true(network_cut_holds(cut, "/namespaces/a"));
    assert_false(network_cut_holds(cut, "/namespaces/elsewhere"));
    assert_true(network_cut_holds(cut, "/namespaces/b/links/foreign"));
    assert_true(network_cut_holds(cut, "/namespaces/b/sysctl/net.ipv4.ip_forward"));
    assert_true(network_cut_holds(cut, "/namespaces/b"));
    assert_false(network_cut_holds(cut, "/namespaces/host/links/br0"));
}

static struct link *add_actual(struct namespace *namespace, const char *name, uint32_t ifindex)
{
    struct link *link = link_add(namespace, name);
    assert_non_null(link);
    link->ifindex = ifindex;
    assert_true(link_index(link));
    return link;
}

/* A link goes by another name, and its master is another one. */
static void test_actual(void **unused)
{
    (void)unused;
    auto_network struct network *actual = network_new(NULL);
    struct namespace *host = namespace_add(actual, "host");
    struct link *port = add_actual(host, "renamed", 5);
    port->master_ifindex = add_actual(host, "others", 6)->ifindex;
    add_actual(host, "elsewhere", 7);
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_link(cut, whole, "host", "a.eth0"));
    assert_true(network_cut_link(cut, whole, "host", "br0"));
    assert_true(network_cut_link(cut, whole, "b", "t"));
    network_link(cut, "host", "a.eth0")->ifindex = 5;
    auto_network struct network *seen = network_cut_actual(cut, actual);
    assert_holds(seen, "host/ host/others host/renamed ");
    assert_ptr_not_equal(network_link(seen, "host", "renamed"), port);
}

static void test_actual_of_a_whole_namespace(void **unused)
{
    (void)unused;
    auto_network struct network *actual = network_new(NULL);
    struct namespace *b = namespace_add(actual, "b");
    b->cookie = 4;
    add_actual(b, "foreign", 8);
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_namespace(cut, whole, "b"));
    auto_network struct network *seen = network_cut_actual(cut, actual);
    assert_holds(seen, "b/ b/... b/foreign ");
    assert_int_equal(network_namespace(seen, "b")->cookie, 4);
}

static void test_learn(void **unused)
{
    (void)unused;
    static const char path[] = "net/ipv4/ip_forward";
    auto_network struct network *cut = network_cut_new(whole);
    assert_true(network_cut_namespace(cut, whole, "b"));
    struct namespace *b = network_namespace(cut, "b");
    b->cookie = 77;
    namespace_link(b, "br2")->ifindex = 12;
    assert_non_null(namespace_sysctl(b, path)->earlier = strdup("0"));
    assert_true(network_cut_learn(cut, whole));
    const struct namespace *learned = network_namespace(whole, "b");
    assert_int_equal(learned->cookie, 77);
    assert_int_equal(namespace_link(learned, "br2")->ifindex, 12);
    assert_string_equal(namespace_sysctl(learned, path)->earlier, "0");
    /* What was known first is what there was before netnsd. */
    namespace_sysctl(b, path)->earlier[0] = '5';
    assert_true(network_cut_learn(cut, whole));
    assert_string_equal(namespace_sysctl(learned, path)->earlier, "0");
}

/* Sets ---------------------------------------------------------------------------------------- */

static void test_dirty_cut(void **unused)
{
    (void)unused;
    auto_dirty struct dirty *set = NULL;
    assert_true(dirty_add(&set, "a", "up"));
    assert_true(dirty_add(&set, "a", "up"));
    assert_true(dirty_add(&set, "host", ""));
    assert_true(dirty_add(&set, "b", NULL));
    assert_true(dirty_add(&set, "gone", "eth0"));
    auto_network struct network *cut = dirty_cut(set, whole);
    assert_holds(cut, "a a/eth0 a/up b/ b/... b/br2 b/lo b/t host/ host/a.eth0 host/br0 host/br1 ");
    auto_network struct network *nothing = dirty_cut(NULL, whole);
    assert_holds(nothing, "");
}

/* In order of arrival, and each once. */
static void test_dirty_take(void **unused)
{
    (void)unused;
    auto_dirty struct dirty *set = NULL;
    assert_true(dirty_add(&set, "host", "br0"));
    assert_true(dirty_add(&set, "host", "br1"));
    assert_true(dirty_add(&set, "host", "br0"));
    assert_true(dirty_add(&set, "b", "br2"));
    auto_dirty struct dirty *first = dirty_take(&set, 2);
    auto_network struct network *taken = dirty_cut(first, whole);
    assert_holds(taken, "host host/br0 host/br1 ");
    auto_network struct network *left = dirty_cut(set, whole);
    assert_holds(left, "b b/br2 ");
    auto_dirty struct dirty *second = dirty_take(&set, 2);
    assert_non_null(second);
    assert_null(set);
    assert_null(dirty_take(&set, 2));
    dirty_clear(&second);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_brings_what_it_stands_on),
        cmocka_unit_test(test_link_that_others_stand_on_comes_alone),
        cmocka_unit_test(test_underlay),
        cmocka_unit_test(test_rest_brings_the_devices_of_routes),
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_shared_namespace_is_never_whole),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_actual),
        cmocka_unit_test(test_actual_of_a_whole_namespace),
        cmocka_unit_test(test_learn),
        cmocka_unit_test(test_dirty_cut),
        cmocka_unit_test(test_dirty_take),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
