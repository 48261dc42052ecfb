/* What differs between two documents, object by object. */
#include "common/cleanup.h"
#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void put_fields(FILE *text, struct json_object *fields)
{
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        json_object_object_foreach (field, key, value)
            fprintf(text, " %s=%s", key, json_object_get_string(value));
        fputc(';', text);
    }
}

/* DOCUMENTS are the contents of "namespaces"; EXPECTED has a line a change. */
static void expect(const char *from, const char *to, const char *expected)
{
    auto_json struct json_object *old = json_object_new_object();
    auto_json struct json_object *new = json_object_new_object();
    assert_true(json_put(old, "namespaces", json_tokener_parse(from)));
    assert_true(json_put(new, "namespaces", json_tokener_parse(to)));
    auto_json struct json_object *changes = document_difference(old, new);
    assert_non_null(changes);
    auto_free char *found = NULL;
    size_t size;
    FILE *text = open_memstream(&found, &size);
    assert_non_null(text);
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        struct json_object *change = json_object_array_get_idx(changes, i);
        assert_int_equal(json_object_object_length(change), 4);
        fprintf(text, "%s %s", json_object_get_string(json_object_object_get(change, "action")),
                json_object_get_string(json_object_object_get(change, "pointer")) +
                    strlen("/namespaces/"));
        put_fields(text, json_object_object_get(change, "fields"));
        fputc('\n', text);
    }
    fclose(text);
    assert_string_equal(found, expected);
}

static void test_equal(void **state)
{
    (void)state;
    expect("{}", "{}", "");
    expect("{'a':{'links':{'l':{'bridge':{'stp':true},'mtu':1500}}},'b':{}}",
           "{'b':{},'a':{'links':{'l':{'mtu':1500,'bridge':{'stp':true}}}}}", "");
}

static void test_namespaces(void **state)
{
    (void)state;
    expect("{'a':{},'b':{}}", "{'b':{},'c':{'ipv6':true}}",
           "remove a\n"
           "create c name=ipv6 to=true;\n");
    expect("{'a':{'drift':'report'}}", "{'a':{'ipv6':true}}",
           "change a name=drift from=report; name=ipv6 to=true;\n");
}

/* What is in an object that comes or goes is told, too. */
static void test_contents(void **state)
{
    static const char *const full =
        "{'a':{'links':{'l':{'bridge':{'stp':true},'addresses':{'10.0.0.1/24':{'dad':true}}}},"
        "'routes':{'default':{'via':'10.0.0.2'}},'rules':{'7':{'table':1}},"
        "'sysctl':{'net.ipv4.ip_forward':1}}}";
    (void)state;
    expect("{}", full,
           "create a\n"
           "create a/links/l name=kind to=bridge; name=stp to=true;\n"
           "create a/links/l/addresses/10.0.0.1~124 name=dad to=true;\n"
           "create a/routes/default name=via to=10.0.0.2;\n"
           "create a/rules/7 name=table to=1;\n"
           "create a/sysctl/net.ipv4.ip_forward name=value to=1;\n");
    expect(full, "{}",
           "remove a\n"
           "remove a/links/l name=kind from=bridge; name=stp from=true;\n"
           "remove a/links/l/addresses/10.0.0.1~124 name=dad from=true;\n"
           "remove a/routes/default name=via from=10.0.0.2;\n"
           "remove a/rules/7 name=table from=1;\n"
           "remove a/sysctl/net.ipv4.ip_forward name=value from=1;\n");
    expect(full, "{'a':{}}",
           "remove a/links/l name=kind from=bridge; name=stp from=true;\n"
           "remove a/links/l/addresses/10.0.0.1~124 name=dad from=true;\n"
           "remove a/routes/default name=via from=10.0.0.2;\n"
           "remove a/rules/7 name=table from=1;\n"
           "remove a/sysctl/net.ipv4.ip_forward name=value from=1;\n");
}

static void test_links(void **state)
{
    (void)state;
    expect("{'a':{'links':{'l':{'bridge':{'stp':true},'mtu':1400}}}}",
           "{'a':{'links':{'l':{'vxlan':{'id':5},'mtu':1400}}}}",
           "change a/links/l name=stp from=true; name=kind from=bridge to=vxlan; name=id to=5;\n");
    expect("{'a':{'links':{'l':{'veth':{'bridge':'host/b','port':{'mtu':1400,"
           "'bridgePort':{'isolated':true},'addresses':{'10.0.0.1/24':{}}}}}}}}",
           "{'a':{'links':{'l':{'veth':{'bridge':'host/c','port':{'mtu':1500}},"
           "'altNames':['x','y']}}}}",
           "change a/links/l name=port.bridgePort.isolated from=true;"
           " name=port.addresses.10.0.0.1/24 from={};"
           " name=bridge from=host/b to=host/c; name=port.mtu from=1400 to=1500;"
           " name=altNames to=[\"x\",\"y\"];\n");
}

/* A member that says nothing is not one that is missing. */
static void test_values(void **state)
{
    (void)state;
    expect("{'a':{'sysctl':{'s':0}}}", "{'a':{'sysctl':{'s':''}}}",
           "change a/sysctl/s name=value from=0 to=;\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),    cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_contents), cmocka_unit_test(test_links),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
