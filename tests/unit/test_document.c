/* Topology documents: what is wrong with bad ones and where, and that good ones come back as they
 * were meant. */
#include "common/cleanup.h"
#include "model/complete.h"
#include "model/document.h"
#include "model/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t machine_id[16] = {1, 2, 3};

static struct json_object *parse(const char *text)
{
    struct problems problems = {0};
    struct json_object *document = json_parse(text, strlen(text), &problems);
    if (!document)
        fail_msg("%s: %s", text, problems.count ? problems.items[0].text : "out of memory");
    problems_clear(&problems);
    return document;
}

static struct network *read_good(const char *text, const struct network *previous)
{
    struct problems problems = {0};
    auto_json struct json_object *document = parse(text);
    struct network *network = document_read("test", document, machine_id, previous, &problems);
    if (!network)
        fail_msg("%s: %s: %s", text, problems.items[0].pointer, problems.items[0].text);
    problems_clear(&problems);
    return network;
}

/* Findings ---------------------------------------------------------------------------------- */

struct bad {
    const char *text;     /* the value of "namespaces" */
    const char *findings; /* pointers below /namespaces, each after "error " or "warning " */
};

#define LINKS(content) "{\"a\": {\"links\": {" content "}}}"
#define LINK(content) LINKS("\"x\": {" content "}")
#define WITH_LINK(members) "{\"a\": {\"links\": {\"x\": {\"bridge\": {}}}, " members "}}"
#define ROUTE(key, content) WITH_LINK("\"routes\": {\"" key "\": {" content "}}")
#define RULE(key, content) "{\"a\": {\"rules\": {\"" key "\": {" content "}}}}"
#define SYSCTL(key, value) "{\"a\": {\"sysctl\": {\"" key "\": " value "}}}"

static const struct bad bad[] = {
    /* shape */
    {"[]", "error "},
    {"{\"a\": []}", "error /a"},
    {"{\"a\": null}", "error /a"},
    {"{\"a\": {\"link\": {}}}", "error /a/link"},
    {"{\"a\": {\"links\": []}}", "error /a/links"},
    {"{\"a\": {\"routes\": []}}", "error /a/routes"},
    {"{\"a\": {\"ipv6\": 1}}", "error /a/ipv6"},
    {"{\"a\": {\"drift\": \"ignore\", \"extra\": \"delete\"}}", "error /a/drift error /a/extra"},
    {"{\"host\": {\"drift\": \"report\", \"extra\": \"remove\"}}",
     "error /host/drift error /host/extra"},
    {"{\"a/b\": {}}", "error /a~1b"},
    {"{\"..\": {}}", "error /.."},
    {"{\"\": {}}", "error /"},
    {"{\"a b\": {\"links\": {\"x\": {\"mtu\": 1500}}}}", "error /a b/links/x"},
    {"{\"host\": {\"external\": false}}", "error /host/external"},
    {"{\"a\": {\"external\": 1}}", "error /a/external"},
    {"{\"a\": {\"external\": {\"path\": \"relative\"}}}", "error /a/external/path"},
    {"{\"a\": {\"external\": {\"pid\": 1}}}", "error /a/external/pid"},

    /* links */
    {LINK(""), "error /a/links/x"},
    {LINK("\"bridge\": {}, \"veth\": {\"peer\": \"a/y\"}"), "error /a/links/x/veth"},
    {LINK("\"bridge\": true"), "error /a/links/x/bridge"},
    {LINK("\"bridges\": {}"), "error /a/links/x/bridges"},
    {LINK("\"bridge\": {\"color\": 1}"), "error /a/links/x/bridge/color"},
    {LINK("\"bridge\": {\"stp\": 1}"), "error /a/links/x/bridge/stp"},
    {LINK("\"bridge\": {\"ageingTime\": 300}"), "error /a/links/x/bridge/ageingTime"},
    {LINK("\"bridge\": {\"ageingTime\": \"5 parsecs\"}"), "error /a/links/x/bridge/ageingTime"},
    {LINK("\"bridge\": {}, \"mtu\": 67"), "error /a/links/x/mtu"},
    {LINK("\"bridge\": {}, \"mtu\": 65537"), "error /a/links/x/mtu"},
    {LINK("\"bridge\": {}, \"mtu\": 1500.5"), "error /a/links/x/mtu"},
    {LINK("\"bridge\": {}, \"mtu\": null"), "error /a/links/x/mtu"},
    {LINK("\"bridge\": {}, \"up\": \"yes\""), "error /a/links/x/up"},
    {LINK("\"bridge\": {}, \"mac\": \"02:00:00:00:00\""), "error /a/links/x/mac"},
    {LINK("\"bridge\": {}, \"mac\": \"00:00:00:00:00:00\""), "error /a/links/x/mac"},
    {LINK("\"bridge\": {}, \"mac\": \"03:00:00:00:00:01\""), "error /a/links/x/mac"},
    {LINK("\"bridge\": {}, \"altNames\": \"y\""), "error /a/links/x/altNames"},
    {LINK("\"bridge\": {}, \"altNames\": [\"y/z\"]"), "error /a/links/x/altNames/0"},
    {LINK("\"bridge\": {}, \"addrGenMode\": \"privacy\""), "error /a/links/x/addrGenMode"},
    {LINK("\"bridge\": {}, \"external\": true"), "error /a/links/x/bridge"},
    {LINKS("\"sixteen-letters-\": {\"bridge\": {}}"), "error /a/links/sixteen-letters-"},
    {LINKS("\"a:b\": {\"bridge\": {}}"), "error /a/links/a:b"},
    {LINKS("\"all\": {\"bridge\": {}}"), "error /a/links/all"},
    {LINKS("\"x\": {\"bridge\": {}}, \"y\": {\"bridge\": {}, \"altNames\": [\"x\"]}"),
     "error /a/links/y/altNames/0"},
    {LINKS("\"lo\": {\"bridge\": {}}"), "error /a/links/lo/bridge"},
    {"{\"host\": {\"links\": {\"lo\": {}}}}", "error /host/links/lo"},

    /* references */
    {LINK("\"veth\": {}"), "error /a/links/x/veth"},
    {LINK("\"veth\": {\"peer\": \"a/x\"}"), "error /a/links/x/veth/peer"},
    {LINK("\"veth\": {\"peer\": \"b/y\"}"), "error /a/links/x/veth/peer"},
    {LINK("\"veth\": {\"peer\": \"y\", \"bridge\": \"z\"}"), "error /a/links/x/veth/bridge"},
    {LINKS("\"x\": {\"veth\": {\"peer\": \"y\"}}, \"y\": {\"bridge\": {}}"),
     "error /a/links/x/veth/peer"},
    {LINKS("\"x\": {\"veth\": {\"peer\": \"y\"}}, \"y\": {\"veth\": {\"peer\": \"z\"}}"),
     "error /a/links/x/veth/peer"},
    {LINK("\"veth\": {\"bridge\": \"host/br0\"}"), "error /a/links/x/veth/bridge"},
    {LINKS("\"x\": {\"veth\": {\"bridge\": \"y\"}}, \"y\": {\"vxlan\": {\"id\": 1}}"),
     "error /a/links/x/veth/bridge"},
    {LINK("\"bridge\": {}, \"master\": \"x\""), "error /a/links/x/master error /a/links/x/master"},
    {LINK("\"bridge\": {}, \"bridgePort\": {}"), "error /a/links/x/bridgePort"},
    {LINK("\"macvlan\": {}"), "error /a/links/x/macvlan/link"},
    {LINK("\"macvlan\": {\"link\": \"x\"}"), "error /a/links/x/macvlan/link"},
    {LINKS("\"x\": {\"macvlan\": {\"link\": \"y\"}}, \"y\": {\"macvlan\": {\"link\": \"x\"}}"),
     "error /a/links/x/macvlan/link error /a/links/y/macvlan/link"},
    {LINKS("\"b\": {\"bridge\": {}}, \"x\": {\"macvlan\": {\"link\": \"b\"}, \"mac\": "
           "\"02:00:00:00:00:01\"}, \"y\": {\"macvlan\": {\"link\": \"b\"}, \"mac\": "
           "\"02:00:00:00:00:01\"}"),
     "error /a/links/y/mac"},
    {LINK("\"vxlan\": {}"), "error /a/links/x/vxlan/id"},
    {LINK("\"vxlan\": {\"id\": 16777216}"), "error /a/links/x/vxlan/id"},
    {LINK("\"vxlan\": {\"id\": 1, \"underlayNamespace\": \"b\"}"),
     "error /a/links/x/vxlan/underlayNamespace"},
    {LINK("\"vxlan\": {\"id\": 1, \"remote\": \"239.1.1.1\"}"), "error /a/links/x/vxlan/remote"},
    {LINK("\"vxlan\": {\"id\": 1, \"remote\": \"10.0.0.1\", \"local\": \"fd00::1\"}"),
     "error /a/links/x/vxlan/local"},
    {LINKS("\"b\": {\"bridge\": {}}, \"x\": {\"macvlan\": {\"link\": \"b\", \"mode\": "
           "\"passthru\"}, \"mac\": \"02:00:00:00:00:01\"}"),
     "error /a/links/x/mac"},

    /* addresses */
    {LINK("\"bridge\": {}, \"addresses\": \"10.0.0.1/24\""), "error /a/links/x/addresses"},
    {LINK("\"bridge\": {}, \"addresses\": [1]"), "error /a/links/x/addresses/0"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.1\"]"), "error /a/links/x/addresses/0"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.1/33\"]"), "error /a/links/x/addresses/0"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.1/24\", \"fd00::1/129\"]"),
     "error /a/links/x/addresses/1"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.1/24\", \"10.0.0.1/24\"]"),
     "error /a/links/x/addresses/1"},
    {LINK("\"bridge\": {}, \"addresses\": {\"10.0.0.1/24\": {\"scope\": \"galaxy\"}}"),
     "error /a/links/x/addresses/10.0.0.1~124/scope"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.0/24\"]"), "warning /a/links/x/addresses/0"},
    {LINK("\"bridge\": {}, \"addresses\": {\"fd00::/64\": {}}"),
     "warning /a/links/x/addresses/fd00::~164"},
    {LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.0/31\", \"10.0.0.7/32\", \"fd00::/127\"]"), ""},

    /* MTUs of a cable */
    {LINKS("\"x\": {\"veth\": {\"peer\": \"y\"}, \"mtu\": 9000}, "
           "\"y\": {\"veth\": {\"peer\": \"x\"}, \"mtu\": 1500}"),
     "warning /a/links/y/mtu"},

    /* routes */
    {ROUTE("10.0.0.0/33", "\"dev\": \"x\""), "error /a/routes/10.0.0.0~133"},
    {ROUTE("10.0.0.1/24", "\"dev\": \"x\""), "error /a/routes/10.0.0.1~124"},
    {ROUTE("10.0.0.0/24", "\"dev\": \"nowhere\""), "error /a/routes/10.0.0.0~124/dev"},
    {ROUTE("10.0.0.0/24", ""), "error /a/routes/10.0.0.0~124"},
    {ROUTE("default", "\"dev\": \"x\""), "error /a/routes/default"},
    {ROUTE("10.0.0.0/24", "\"via\": \"fd00::1\", \"type\": \"blackhole\""),
     "error /a/routes/10.0.0.0~124/via"},
    {ROUTE("fd00::/64", "\"via\": \"10.0.0.1\""), "error /a/routes/fd00::~164/via"},
    {ROUTE("10.0.0.0/24 table", "\"dev\": \"x\""), "error /a/routes/10.0.0.0~124 table"},
    {ROUTE("10.0.0.0/24 metric low", "\"dev\": \"x\""), "error /a/routes/10.0.0.0~124 metric low"},
    {ROUTE("10.0.0.0/24", "\"dev\": \"x\", \"type\": \"fast\""),
     "error /a/routes/10.0.0.0~124/type"},
    {ROUTE("10.0.0.0/24", "\"dev\": \"x\", \"gateway\": \"10.0.0.1\""),
     "error /a/routes/10.0.0.0~124/gateway"},
    {ROUTE("10.0.0.0/24", "\"nextHops\": []"), "error /a/routes/10.0.0.0~124/nextHops"},
    {ROUTE("10.0.0.0/24", "\"nextHops\": [{\"dev\": \"x\"}, {\"dev\": \"y\"}]"),
     "error /a/routes/10.0.0.0~124/nextHops/1/dev"},
    {ROUTE("10.0.0.0/24", "\"nextHops\": [{\"dev\": \"x\"}], \"dev\": \"x\""),
     "error /a/routes/10.0.0.0~124/dev"},
    {WITH_LINK("\"routes\": {\"10.0.0.0/24\": {\"dev\": \"x\"}, \"10.0.0.0/24 table main\": "
               "{\"dev\": \"x\"}}"),
     "error /a/routes/10.0.0.0~124 table main"},

    /* rules */
    {RULE("first", "\"from\": \"10.0.0.1/32\", \"table\": 100"), "error /a/rules/first"},
    {RULE("1000", "\"table\": 100"), "error /a/rules/1000"},
    {RULE("1000", "\"from\": \"10.0.0.1/32\""), "error /a/rules/1000"},
    {RULE("1000", "\"from\": \"10.0.0.1/32\", \"to\": \"fd00::1/128\", \"table\": 100"),
     "error /a/rules/1000/to"},
    {RULE("1000", "\"family\": \"inet\", \"table\": 100, \"type\": \"blackhole\""),
     "error /a/rules/1000/table"},
    {RULE("1000", "\"family\": \"appletalk\", \"table\": 100"), "error /a/rules/1000/family"},
    {RULE("1000", "\"family\": \"inet\", \"table\": 100, \"destinationPort\": 65536"),
     "error /a/rules/1000/destinationPort"},

    /* sysctls */
    {SYSCTL("kernel.hostname", "\"x\""), "error /a/sysctl/kernel.hostname"},
    {SYSCTL("net.ipv4.ip_forward", "true"), ""},
    {SYSCTL("net.ipv4.ip_forward", "1.5"), "error /a/sysctl/net.ipv4.ip_forward"},
    {SYSCTL("net.ipv4.conf.all.rp_filter", "1"), ""},
    {WITH_LINK("\"sysctl\": {\"net.ipv4.conf.x.rp_filter\": 1}"),
     "error /a/sysctl/net.ipv4.conf.x.rp_filter"},
    {SYSCTL("net/../../etc/passwd", "1"), "error /a/sysctl/net~1..~1..~1etc~1passwd"},
    {SYSCTL("net.ipv4.conf.nowhere.rp_filter", "1"),
     "error /a/sysctl/net.ipv4.conf.nowhere.rp_filter"},

    /* many at once, in one reading */
    {"{\"a\": {\"links\": {\"x\": {\"bridge\": {\"stp\": 1}, \"mtu\": 1}, \"y\": {}}, \"routes\": "
     "{\"default\": {}}}, \"b/\": {}}",
     "error /a/links/x/mtu error /a/links/x/bridge/stp error /a/links/y error /a/routes/default "
     "error /b~1"},
};

static char *findings_text(const struct problems *problems)
{
    static const char below[] = "/namespaces";
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        assert_memory_equal(problem->pointer, below, sizeof(below) - 1);
        assert_true(strlen(problem->text) > 10);
        fprintf(stream, "%s%s %s", i ? " " : "", problem->warning ? "warning" : "error",
                problem->pointer + sizeof(below) - 1);
    }
    fclose(stream);
    return text;
}

static void test_bad_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct problems problems = {0};
        auto_json struct json_object *document = json_object_new_object();
        json_put(document, "namespaces", parse(bad[i].text));
        auto_network struct network *network =
            document_read("test", document, machine_id, NULL, &problems);
        auto_free char *findings = findings_text(&problems);
        if (strcmp(findings, bad[i].findings) != 0)
            fail_msg("%s\n  expected %s\n  found    %s", bad[i].text, bad[i].findings, findings);
        assert_true((network != NULL) == (problems.errors == 0));
        problems_clear(&problems);
    }
}

/* A document that is not one of the table's shape. */
static void test_bad_roots(void **state)
{
    static const char *const texts[] = {"[]",
                                        "1",
                                        "null",
                                        "{\"namespace\": {}}",
                                        "{\"namespaces\": {}, \"version\": 1}",
                                        "{\"$schema\": 1}"};
    static const char *const pointers[] = {"", "", "", "/namespace", "/version", "/$schema"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct problems problems = {0};
        auto_json struct json_object *document = json_tokener_parse(texts[i]);
        assert_null(document_read("test", document, machine_id, NULL, &problems));
        assert_int_equal(problems.errors, 1);
        assert_string_equal(problems.items[0].pointer, pointers[i]);
        problems_clear(&problems);
    }
}

static void test_topology_names(void **state)
{
    (void)state;
    assert_true(topology_name_valid("lab-1_a.b"));
    assert_false(topology_name_valid(""));
    assert_false(topology_name_valid(".hidden"));
    assert_false(topology_name_valid("a/b"));
    assert_false(topology_name_valid("a b"));
    assert_false(topology_name_valid("0123456789012345678901234567890123456789012345678901234567890"
                                     "1234"));
}

/* Writing ----------------------------------------------------------------------------------- */

/* What is read is written in canonical form, and that reads and writes as itself. */
static void assert_written(const char *text, const char *canonical)
{
    auto_json struct json_object *expected = parse(canonical);
    auto_network struct network *network = read_good(text, NULL);
    auto_json struct json_object *written = document_write(network);
    if (!json_object_equal(written, expected))
        fail_msg("%s\n  expected %s\n  written  %s", text, canonical,
                 json_object_to_json_string(written));
    auto_network struct network *again = read_good(json_object_to_json_string(written), NULL);
    auto_json struct json_object *rewritten = document_write(again);
    assert_true(json_object_equal(rewritten, written));
}

#define DOCUMENT(namespaces) "{\"namespaces\": " namespaces "}"

static void test_canonical_documents(void **state)
{
    (void)state;
    assert_written("{}", DOCUMENT("{}"));
    assert_written("{\"$schema\": \"https://example.org/\"}", DOCUMENT("{}"));
    assert_written(DOCUMENT("{\"a\": {}}"), DOCUMENT("{\"a\": {}}"));
    assert_written(DOCUMENT("{\"a\": {\"drift\": \"repair\", \"extra\": \"keep\"}}"),
                   DOCUMENT("{\"a\": {}}"));
    assert_written(DOCUMENT("{\"a\": {\"extra\": \"remove\", \"drift\": \"report\"}}"),
                   DOCUMENT("{\"a\": {\"drift\": \"report\", \"extra\": \"remove\"}}"));
    assert_written(
        DOCUMENT(LINK("\"bridge\": {}, \"addresses\": [\"10.0.0.1/24\", \"FD00::1/64\"]")),
        DOCUMENT(LINK("\"bridge\": {}, \"addresses\": {\"10.0.0.1/24\": {}, "
                      "\"fd00::1/64\": {}}")));
    assert_written(
        DOCUMENT(LINK("\"bridge\": {\"stp\": true, \"ageingTime\": \"1min\"}, \"mtu\": 1400, "
                      "\"mac\": \"02:AA:00:00:00:01\", \"up\": false, \"altNames\": [\"lan\"]")),
        DOCUMENT(LINK("\"bridge\": {\"stp\": true, \"ageingTime\": \"60s\"}, \"mtu\": 1400, "
                      "\"mac\": \"02:aa:00:00:00:01\", \"up\": false, \"altNames\": [\"lan\"]")));
    /* one written end, references within a namespace */
    assert_written(DOCUMENT(LINK("\"veth\": {\"peer\": \"a/y\"}")),
                   DOCUMENT(LINK("\"veth\": {\"peer\": \"y\"}")));
    assert_written(
        DOCUMENT(LINKS("\"x\": {\"veth\": {\"bridge\": \"br\", \"port\": {\"name\": \"p\", "
                       "\"bridgePort\": {\"isolated\": true}}}}, \"br\": {\"bridge\": {}}")),
        DOCUMENT(LINKS("\"x\": {\"veth\": {\"bridge\": \"br\", \"port\": {\"name\": \"p\", "
                       "\"bridgePort\": {\"isolated\": true}}}}, \"br\": {\"bridge\": {}}")));
    assert_written(DOCUMENT(ROUTE("10.9.0.0/16 table main metric 0", "\"dev\": \"x\"")),
                   DOCUMENT(ROUTE("10.9.0.0/16", "\"dev\": \"x\"")));
    assert_written(DOCUMENT(ROUTE("10.9.0.0/16 table 100 metric 5", "\"type\": \"blackhole\"")),
                   DOCUMENT(ROUTE("10.9.0.0/16 table 100 metric 5", "\"type\": \"blackhole\"")));
    assert_written(DOCUMENT(ROUTE("10.9.0.0/16", "\"nextHops\": [{\"via\": \"10.0.0.1\", \"dev\": "
                                                 "\"x\", \"onLink\": true, \"weight\": 2}, "
                                                 "{\"dev\": \"x\"}]")),
                   DOCUMENT(ROUTE("10.9.0.0/16", "\"nextHops\": [{\"via\": \"10.0.0.1\", \"dev\": "
                                                 "\"x\", \"onLink\": true, \"weight\": 2}, "
                                                 "{\"dev\": \"x\"}]")));
    assert_written(DOCUMENT(RULE("1000", "\"from\": \"10.0.0.1\", \"table\": \"main\"")),
                   DOCUMENT(RULE("1000", "\"from\": \"10.0.0.1/32\", \"table\": \"main\"")));
    assert_written(DOCUMENT(SYSCTL("net/ipv4/ip_forward", "\"1\"")),
                   DOCUMENT(SYSCTL("net.ipv4.ip_forward", "1")));
    assert_written(DOCUMENT("{\"a\": {\"external\": true}, \"b\": {\"external\": {\"path\": "
                            "\"/proc/1/ns/net\"}}}"),
                   DOCUMENT("{\"a\": {\"external\": true}, \"b\": {\"external\": {\"path\": "
                            "\"/proc/1/ns/net\"}}}"));
}

/* Completion -------------------------------------------------------------------------------- */

static struct mac_address mac_of(const struct network *network, const char *namespace,
                                 const char *name)
{
    const struct link *link = network_link(network, namespace, name);
    assert_non_null(link);
    assert_true(link->common[LINK_MAC].present);
    return link->common[LINK_MAC].mac;
}

static void test_derived_macs(void **state)
{
    (void)state;
    auto_network struct network *network =
        read_good(DOCUMENT("{\"a\": {\"links\": {\"eth0\": {\"veth\": {\"peer\": \"b/eth0\"}}}}, "
                           "\"b\": {}}"),
                  NULL);
    struct mac_address a = mac_of(network, "a", "eth0"), b = mac_of(network, "b", "eth0");
    struct mac_address derived = derive_mac(machine_id, "test", "a", "eth0");
    static const uint8_t other_machine[16] = {9};
    assert_true(mac_address_is_unicast(&a));
    assert_int_equal(a.bytes[0] & 2, 2); /* locally administered */
    assert_memory_equal(&a, &derived, sizeof(a));
    assert_memory_not_equal(&a, &b, sizeof(a));
    derived = derive_mac(other_machine, "test", "a", "eth0");
    assert_memory_not_equal(&a, &derived, sizeof(a));
    derived = derive_mac(machine_id, "other", "a", "eth0");
    assert_memory_not_equal(&a, &derived, sizeof(a));
}

/* What was stored stays, also when netnsd would now derive another. */
static void test_macs_are_kept(void **state)
{
    static const struct mac_address stored = {{2, 0, 0, 0, 0, 42}};
    static const char text[] = DOCUMENT(LINK("\"bridge\": {}"));
    (void)state;
    auto_network struct network *previous = read_good(text, NULL);
    network_link(previous, "a", "x")->common[LINK_MAC].mac = stored;
    auto_network struct network *network = read_good(text, previous);
    struct mac_address mac = mac_of(network, "a", "x");
    assert_memory_equal(&mac, &stored, sizeof(mac));
}

static void test_port_names(void **state)
{
    char name[IFNAMSIZ], other[IFNAMSIZ];
    (void)state;
    derive_port_name("net0", "eth0", name);
    assert_string_equal(name, "net0.eth0");
    derive_port_name("a-long-namespace", "eth0", name);
    derive_port_name("a-long-namespace", "eth1", other);
    assert_null(link_name_fault(name));
    assert_int_equal(strlen(name), IFNAMSIZ - 1);
    assert_string_not_equal(name, other);
}

/* A namespace that asks for nothing of IPv6 gets no link-local addresses. */
static void test_ipv6_is_asked_for(void **state)
{
    (void)state;
    auto_network struct network *network = read_good(
        DOCUMENT(
            "{\"no\": {\"links\": {\"x\": {\"bridge\": {}, \"addresses\": [\"10.0.0.1/24\"]}}},"
            " \"said\": {\"ipv6\": true, \"links\": {\"x\": {\"bridge\": {}}}},"
            " \"address\": {\"links\": {\"x\": {\"bridge\": {}, \"addresses\": "
            "[\"fd00::1/64\"]}}},"
            " \"route\": {\"links\": {\"x\": {\"bridge\": {}}}, \"routes\": {\"fd00::/64\": "
            "{\"dev\": \"x\"}}},"
            " \"sysctl\": {\"links\": {\"x\": {\"bridge\": {}}}, \"sysctl\": "
            "{\"net.ipv6.conf.all.forwarding\": 1}}}"),
        NULL);
    static const struct {
        const char *namespace;
        bool ipv6;
    } expected[] = {
        {"no", false}, {"said", true}, {"address", true}, {"route", true}, {"sysctl", true}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(network_namespace(network, expected[i].namespace)->ipv6, expected[i].ipv6);
}

/* What is said of one end of a cable is for both. */
static void test_mtu_is_for_both_ends(void **state)
{
    (void)state;
    auto_network struct network *network =
        read_good(DOCUMENT("{\"a\": {\"links\": {\"x\": {\"veth\": {\"peer\": \"b/y\"}, \"mtu\": "
                           "9000}}}, \"b\": {\"links\": {\"y\": {\"veth\": {\"peer\": "
                           "\"a/x\"}}}}}"),
                  NULL);
    assert_int_equal(network_link(network, "b", "y")->common[LINK_MTU].number, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_documents),        cmocka_unit_test(test_bad_roots),
        cmocka_unit_test(test_topology_names),       cmocka_unit_test(test_canonical_documents),
        cmocka_unit_test(test_derived_macs),         cmocka_unit_test(test_macs_are_kept),
        cmocka_unit_test(test_port_names),           cmocka_unit_test(test_ipv6_is_asked_for),
        cmocka_unit_test(test_mtu_is_for_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
