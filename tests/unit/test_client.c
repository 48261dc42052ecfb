/* The client's pure parts: topology names, tables, the diff, errors as text, the verb table. */
#include "client/changes.h"
#include "client/file.h"
#include "client/members.h"
#include "client/options.h"
#include "client/output.h"
#include "client/problem.h"
#include "client/verbs.h"
#include "common/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a test writes, as a string. */
struct text {
    FILE *out;
    char *bytes;
    size_t size;
};

static void text_open(struct text *text)
{
    *text = (struct text){0};
    text->out = open_memstream(&text->bytes, &text->size);
    assert_non_null(text->out);
}

static void text_expect(struct text *text, const char *expected)
{
    assert_int_equal(fclose(text->out), 0);
    assert_string_equal(text->bytes, expected);
    free(text->bytes);
}

static void test_topology_name(void **state)
{
    static const struct {
        const char *path, *name;
    } rows[] = {
        {"examples/bridge.json", "bridge"},
        {"/srv/lab/pair.json", "pair"},
        {"pair.json", "pair"},
        {"pair", "pair"},
        {"two.parts.json", "two.parts"},
        {"dir.json/net", "net"},
        {"-", NULL},
        {".json", NULL},
        {"dir/", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_free char *name = topology_name_from_path(rows[i].path);
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
        else
            assert_null(name);
    }
}

static void test_source_missing(void **state)
{
    auto_source struct source source = {0};
    struct error error = {0};
    (void)state;
    assert_false(source_read("/nonexistent/bridge.json", &source, &error));
    assert_non_null(strstr(error.text, "/nonexistent/bridge.json"));
    assert_non_null(strstr(error.text, "No such file"));
}

static void test_table(void **state)
{
    static const char *const titles[] = {"NAME", "KIND", "NOTE"};
    auto_table struct table table = {.titles = titles, .columns = 3};
    struct text text;
    (void)state;
    table_add(&table, "eth0");
    table_add(&table, "veth");
    table_add(&table, "");
    table_add(&table, "b\xc3\xbcro-lan"); /* a code point is one column */
    table_add(&table, NULL);
    table_add(&table, NULL);
    text_open(&text);
    assert_true(table_print(&table, text.out, false));
    text_expect(&text, "NAME      KIND\n"
                       "eth0      veth\n"
                       "b\xc3\xbcro-lan  -\n");
}

static void test_table_titles_wider(void **state)
{
    static const char *const titles[] = {"GENERATION", "STATE"};
    auto_table struct table table = {.titles = titles, .columns = 2};
    struct text text;
    (void)state;
    table_add_integer(&table, 7);
    table_add(&table, "active");
    text_open(&text);
    assert_true(table_print(&table, text.out, true));
    text_expect(&text, "\033[1mGENERATION  STATE\n\033[0m7           active\n");
}

static void test_table_empty(void **state)
{
    static const char *const titles[] = {"NAME"};
    auto_table struct table table = {.titles = titles, .columns = 1};
    struct text text;
    (void)state;
    text_open(&text);
    assert_true(table_print(&table, text.out, false));
    text_expect(&text, "");
}

static void test_properties(void **state)
{
    auto_table struct table table = {.columns = 2};
    struct text text;
    (void)state;
    table_add_property(&table, "mtu", "1500");
    table_add_property(&table, "alias", "");
    table_add_property(&table, "operState", "up");
    text_open(&text);
    assert_true(table_print(&table, text.out, false));
    text_expect(&text, "mtu        1500\noperState  up\n");
}

static void test_control_characters(void **state)
{
    struct text text;
    (void)state;
    text_open(&text);
    print_text(text.out, "a\033[31mb\tc\nd\x7f"
                         "e\xc2\x9b"
                         "f\xc3\xa4");
    text_expect(&text, "a?[31mb c?d?e?f\xc3\xa4");
}

static void expect_diff(const char *changes, const char *expected)
{
    auto_json struct json_object *array = json_tokener_parse(changes);
    struct text text;
    assert_non_null(array);
    text_open(&text);
    changes_write(text.out, false, array);
    text_expect(&text, expected);
}

static void test_diff_create(void **state)
{
    (void)state;
    expect_diff(
        "[{'action':'create','pointer':'/namespaces/net0','fields':[],'irreversible':false},"
        "{'action':'create','pointer':'/namespaces/net0/links/eth0','fields':["
        "{'name':'kind','to':'veth'},{'name':'bridge','to':'host/mybridge0'},"
        "{'name':'address','to':'10.0.1.1/24'}],'irreversible':false},"
        "{'action':'create','pointer':'/namespaces/net0/routes/default','fields':["
        "{'name':'route','to':'{\"via\":\"10.0.1.254\"}'}]}]",
        "+ net0 namespace\n"
        "+ net0/eth0 veth: bridge: host/mybridge0, address: 10.0.1.1/24\n"
        "+ net0 route default: {\"via\":\"10.0.1.254\"}\n");
}

static void test_diff_change(void **state)
{
    (void)state;
    expect_diff("[{'action':'change','pointer':'/namespaces/net0/links/eth0','fields':["
                "{'name':'mtu','from':'1500','to':'9000'},{'name':'alias','from':'x'}]},"
                "{'action':'change','pointer':'/namespaces/net0/sysctl/net.ipv4.ip_forward',"
                "'fields':[{'name':'value','from':'0','to':'1'}]}]",
                "~ net0/eth0: mtu: 1500 -> 9000, alias: x -> none\n"
                "~ net0 sysctl net.ipv4.ip_forward: 0 -> 1\n");
}

static void test_diff_remove_and_recreate(void **state)
{
    (void)state;
    expect_diff("[{'action':'remove','pointer':'/namespaces/a/links/l/addresses/10.0.0.1~124',"
                "'fields':[]},"
                "{'action':'remove','pointer':'/namespaces/host/links/eno1','fields':[],"
                "'irreversible':true},"
                "{'action':'recreate','pointer':'/namespaces/a/links/v~0x','fields':["
                "{'name':'kind','from':'veth','to':'bridge'}]},"
                "{'action':'remove','pointer':'/namespaces/a/rules/1000','fields':[]},"
                "{'action':'remove','pointer':'/namespaces/a/links/m','fields':["
                "{'name':'kind','from':'veth'},{'name':'mtu','from':'1400'}]},"
                "{'action':'change','pointer':'/namespaces/a/links/n','fields':["
                "{'name':'mtu','from':'1400'}]}]",
                "- a/l address 10.0.0.1/24\n"
                "- host/eno1 (cannot be set aside for a rollback)\n"
                "-/+ a/v~x: kind: veth -> bridge\n"
                "- a rule 1000\n"
                "- a/m veth: mtu: 1400\n"
                "~ a/n: mtu: 1400 -> none\n");
}

static void test_diff_colors(void **state)
{
    auto_json struct json_object *changes =
        json_tokener_parse("[{'action':'create','pointer':'/namespaces/a'},"
                           "{'action':'change','pointer':'/namespaces/a'},"
                           "{'action':'remove','pointer':'/namespaces/a'}]");
    struct text text;
    (void)state;
    text_open(&text);
    changes_write(text.out, true, changes);
    text_expect(&text, "\033[32m+ a namespace\033[0m\n"
                       "\033[33m~ a namespace\033[0m\n"
                       "\033[31m- a namespace\033[0m\n");
}

static void test_diff_odd(void **state)
{
    (void)state;
    expect_diff("[{'action':'explode','pointer':''},{},"
                "{'action':'create','pointer':'/other/thing'},"
                "{'action':'create','pointer':'/namespaces/a/links/b/fdb/1/2/3/4/5'}]",
                "? \n? \n+ other/thing\n+ a/b fdb entry 1 2 3/4/5\n");
}

static void expect_error(const struct source *source, const char *error, const char *parameters,
                         const char *expected)
{
    auto_json struct json_object *object = json_tokener_parse(parameters);
    struct problem_output output = {.source = source};
    struct text text;
    text_open(&text);
    output.out = text.out;
    problem_write_error(&output, error, object);
    text_expect(&text, expected);
}

static char document_name[] = "bad.json";
static char document_text[] = "{\n"
                              "  \"namespaces\": {\n"
                              "\t\"net0\": { \"links\": { \"eth0\": { \"mtu\": \"big\" } } }\n"
                              "  }\n"
                              "}\n";
static const struct source document = {
    .name = document_name, .text = document_text, .length = sizeof(document_text) - 1};

static void test_error_in_its_place(void **state)
{
    (void)state;
    expect_error(&document, "io.netnsd.Topology.InvalidDocument",
                 "{'problems':[{'severity':'error',"
                 "'pointer':'/namespaces/net0/links/eth0/mtu','message':'must be an integer'},"
                 "{'severity':'warning','pointer':'/namespaces/net0/links','message':'odd'}]}",
                 "bad.json:3:33: error: /namespaces/net0/links/eth0/mtu: must be an integer\n"
                 "     3 |  \"net0\": { \"links\": { \"eth0\": { \"mtu\": \"big\" } } }\n"
                 "       |                                 ^\n"
                 "bad.json:3:12: warning: /namespaces/net0/links: odd\n"
                 "     3 |  \"net0\": { \"links\": { \"eth0\": { \"mtu\": \"big\" } } }\n"
                 "       |            ^\n"
                 "1 error; nothing was touched\n");
}

/* What is missing is shown where it should have been. */
static void test_error_near_its_place(void **state)
{
    (void)state;
    expect_error(&document, "io.netnsd.Topology.Foreign",
                 "{'pointer':'/namespaces/net0/links/eth0/veth','message':'is missing'}",
                 "bad.json:3:23: error: /namespaces/net0/links/eth0/veth: is missing\n"
                 "     3 |  \"net0\": { \"links\": { \"eth0\": { \"mtu\": \"big\" } } }\n"
                 "       |                       ^\n"
                 "note: nothing was touched\n");
    expect_error(&document, "io.netnsd.Topology.Foreign",
                 "{'pointer':'/elsewhere','message':'is missing'}",
                 "error: /elsewhere: is missing\nnote: nothing was touched\n");
}

static void test_error_of_transaction(void **state)
{
    (void)state;
    expect_error(NULL, "io.netnsd.Topology.TransactionFailed",
                 "{'outcome':'rolledBack','pointer':'/namespaces/a','errno':'EEXIST',"
                 "'message':'File exists','remaining':[]}",
                 "error: /namespaces/a: File exists (EEXIST)\n"
                 "note: what was done before this step was undone; all is as it was\n");
    expect_error(NULL, "io.netnsd.Topology.TransactionFailed",
                 "{'outcome':'rollbackIncomplete','pointer':'/namespaces/a','errno':'',"
                 "'message':'no','remaining':['a/b: gone','c']}",
                 "error: /namespaces/a: no\n"
                 "note: this could not be put back as it was:\n  a/b: gone\n  c\n");
}

static void test_error_of_ownership(void **state)
{
    (void)state;
    expect_error(NULL, "io.netnsd.Topology.Owned",
                 "{'pointer':'/namespaces/a','owner':'lab','message':'taken'}",
                 "error: /namespaces/a: taken\n"
                 "note: topology 'lab' owns it; nothing was touched\n");
    expect_error(NULL, "io.netnsd.Topology.InUse",
                 "{'pointer':'/namespaces/a','user':'lab','message':'needed'}",
                 "error: /namespaces/a: needed\n"
                 "note: topology 'lab' refers to it; nothing was touched\n");
}

static void test_error_of_history(void **state)
{
    (void)state;
    expect_error(NULL, "io.netnsd.Topology.NoSuchGeneration",
                 "{'topology':'lab','generation':3,'oldest':9,'newest':40}",
                 "error: topology 'lab' has no generation 3; 9 to 40 are kept; 'netnsctl history "
                 "lab' shows them\n");
    expect_error(NULL, "io.netnsd.Topology.ConfirmPending",
                 "{'topology':'lab','generation':3,'confirmBy':'2026-01-31T12:00:00Z'}",
                 "error: generation 3 of topology 'lab' waits for its confirmation until "
                 "2026-01-31T12:00:00Z: keep it with 'netnsctl confirm lab', or wait until it is "
                 "taken back; nothing was touched\n");
    expect_error(
        NULL, "io.netnsd.Topology.NothingToConfirm", "{'topology':'lab'}",
        "error: no change of topology 'lab' waits for a confirmation: it was confirmed, or "
        "its time is over; 'netnsctl history lab' shows what became of it\n");
}

/* Errors that netnsctl does not know, and parameters that are not there, are shown all the same. */
static void test_error_unknown(void **state)
{
    (void)state;
    expect_error(NULL, "org.example.Odd", "{'a':1}", "error: org.example.Odd {\"a\":1}\n");
    expect_error(NULL, "io.netnsd.Topology.InvalidDocument", "{'problems':7}",
                 "0 errors; nothing was touched\n");
    expect_error(NULL, "io.netnsd.Topology.NoSuchTopology", "null",
                 "error: there is no topology ''; 'netnsctl list' shows those that there are\n");
}

static void test_long_line(void **state)
{
    static char name[] = "long.json";
    char text[600];
    int length = snprintf(text, sizeof(text), "{\"%0300d\": 1, \"b\": %0200d}", 0, 0);
    struct source source = {.name = name, .text = text, .length = (size_t)length};
    auto_json struct json_object *parameters =
        json_tokener_parse("{'pointer':'/b','message':'wrong'}");
    struct text written;
    (void)state;
    text_open(&written);
    struct problem_output output = {.out = written.out, .source = &source};
    problem_write_error(&output, "io.netnsd.Topology.Foreign", parameters);
    assert_int_equal(fclose(written.out), 0);
    assert_non_null(strstr(written.bytes, "long.json:1:309: error: /b: wrong\n"));
    assert_true(strlen(written.bytes) < 300);
    const char *line = strstr(written.bytes, "     1 | ");
    const char *caret = strchr(written.bytes, '^');
    assert_non_null(line);
    assert_non_null(caret);
    const char *caret_line = strchr(line, '\n') + 1;
    assert_int_equal(strstr(line, "\"b\"") - line, caret - caret_line);
    free(written.bytes);
}

static const struct verb *find(const char *first, const char *second, int *used)
{
    char one[32], two[32];
    char *words[] = {one, two};
    snprintf(one, sizeof(one), "%s", first);
    snprintf(two, sizeof(two), "%s", second ? second : "");
    return verb_find(second ? 2 : 1, words, used);
}

static void test_verbs(void **state)
{
    int used;
    (void)state;
    assert_string_equal(find("apply", "x.json", &used)->words, "apply");
    assert_int_equal(used, 1);
    assert_string_equal(find("ns", "add", &used)->words, "ns add");
    assert_int_equal(used, 2);
    assert_string_equal(find("list", NULL, &used)->words, "list");
    assert_null(find("ns", NULL, &used));
    assert_null(find("ns", "ad", &used));
    assert_null(find("app", NULL, &used));
    assert_null(find("", NULL, &used));
}

static void test_verb_bounds(void **state)
{
    int used;
    struct options options = {0};
    (void)state;
    const struct verb *verb = find("apply", NULL, &used);
    assert_true(verb_accepts(verb, &options, 1));
    assert_false(verb_accepts(verb, &options, 0));
    assert_false(verb_accepts(verb, &options, 2));
    options.given = OPTION_MORE;
    assert_false(verb_accepts(verb, &options, 1));
    options.given = OPTION_DRY_RUN | OPTION_TOPOLOGY;
    assert_true(verb_accepts(verb, &options, 1));
    options.given = 0;
    assert_true(verb_accepts(find("ns", "add", &used), &options, 1000));
}

static void test_options(void **state)
{
    char program[] = "netnsctl", json[] = "--json", file[] = "x.json", name[] = "-tlab",
         generation[] = "--generation=3", confirm[] = "--confirm=60";
    char *arguments[] = {program, file, json, name, generation, confirm, NULL};
    struct options options = {0};
    int first;
    (void)state;
    assert_true(options_parse(&options, 6, arguments, false, &first));
    assert_int_equal(first, 5);
    assert_string_equal(arguments[first], "x.json");
    assert_true(options.json);
    assert_string_equal(options.topology, "lab");
    assert_int_equal(options.generation, 3);
    assert_int_equal(options.confirm, 60);
    assert_int_equal(options.given, OPTION_TOPOLOGY | OPTION_GENERATION | OPTION_CONFIRM);
}

static void test_options_words_first(void **state)
{
    char program[] = "netnsctl", json[] = "--json", word[] = "net0", after[] = "--more";
    char *arguments[] = {program, json, word, after, NULL};
    struct options options = {0};
    int first;
    (void)state;
    assert_true(options_parse(&options, 4, arguments, true, &first));
    assert_int_equal(first, 2);
    assert_true(options.json);
    assert_false(options.more);
}

static void test_options_wrong(void **state)
{
    static const char *const rows[] = {
        "--confirm=0",     "--confirm=1m", "--generation=-1", "--generation=",
        "--generation=4x", "--color=blue", "--nonsense",      "-t"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char program[] = "netnsctl", word[32];
        char *arguments[] = {program, word, NULL};
        struct options options = {0};
        int first;
        snprintf(word, sizeof(word), "%s", rows[i]);
        assert_false(options_parse(&options, 2, arguments, false, &first));
    }
}

static void test_json_on_few_lines(void **state)
{
    auto_json struct json_object *object =
        json_tokener_parse("{\"a\": {}, \"b\": [], \"{ }\": \"\\\"[ ]\", \"c\": [1]}");
    auto_free char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    assert_non_null(out);
    assert_true(print_json(out, object));
    fclose(out);
    assert_string_equal(text, "{\n  \"a\": {},\n  \"b\": [],\n  \"{ }\": \"\\\"[ ]\",\n"
                              "  \"c\": [\n    1\n  ]\n}\n");
}

static void test_members(void **state)
{
    auto_json struct json_object *object =
        json_tokener_parse("{'text':'a','number':3,'list':[1,2],'none':null}");
    auto_json struct json_object *strings =
        strings_object("namespace", "a", "link", NULL, "peer", "b", NULL);
    (void)state;
    assert_string_equal(member_string(object, "text"), "a");
    assert_string_equal(member_string(object, "number"), "");
    assert_string_equal(member_string(NULL, "text"), "");
    assert_int_equal(member_integer(object, "number"), 3);
    assert_int_equal(member_count(object, "list"), 2);
    assert_int_equal(member_count(object, "text"), 0);
    assert_null(member_element(object, "list", 2));
    assert_null(member(object, "none"));
    assert_string_equal(json_object_to_json_string_ext(strings, JSON_C_TO_STRING_PLAIN),
                        "{\"namespace\":\"a\",\"peer\":\"b\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topology_name),
        cmocka_unit_test(test_source_missing),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_titles_wider),
        cmocka_unit_test(test_table_empty),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_diff_create),
        cmocka_unit_test(test_diff_change),
        cmocka_unit_test(test_diff_remove_and_recreate),
        cmocka_unit_test(test_diff_colors),
        cmocka_unit_test(test_diff_odd),
        cmocka_unit_test(test_error_in_its_place),
        cmocka_unit_test(test_error_near_its_place),
        cmocka_unit_test(test_error_of_transaction),
        cmocka_unit_test(test_error_of_ownership),
        cmocka_unit_test(test_error_of_history),
        cmocka_unit_test(test_error_unknown),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_verb_bounds),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_options_words_first),
        cmocka_unit_test(test_options_wrong),
        cmocka_unit_test(test_json_on_few_lines),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
