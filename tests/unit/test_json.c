/* Strict JSON: what is refused, where things stand, merge patches, typed reading. */
#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct json_object *parse(const char *text, struct problems *problems)
{
    return json_parse(text, strlen(text), problems);
}

static void test_accepts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        " [ ] ",
        "1",
        "-0",
        "0.5",
        "1e3",
        "\"\"",
        "true",
        "false",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
        "\"\\u00e9\\ud83d\\ude00\"",
        "\"\xc3\xa9\"",
        "9223372036854775807",
        "-9223372036854775808",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct problems problems = {0};
        auto_json struct json_object *value = parse(texts[i], &problems);
        if (!value)
            fail_msg("%s: %s", texts[i], problems.count ? problems.items[0].text : "no reason");
        assert_int_equal(problems.count, 0);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pointer, *says;
    } cases[] = {
        {"", "", "ends"},
        {"{", "", "key"},
        {"{\"a\":1,}", "", "key"},
        {"[1,]", "/1", "value"},
        {"{'a':1}", "", "key"},
        {"{\"a\" 1}", "/a", "colon"},
        {"{\"a\":1 \"b\":2}", "", "comma"},
        {"NaN", "", "value"},
        {"Infinity", "", "value"},
        {"01", "", "digit"},
        {"1.", "", "digit"},
        {".5", "", "value"},
        {"+1", "", "value"},
        {"1e", "", "exponent"},
        {"9223372036854775808", "", "range"},
        {"1e999", "", "range"},
        {"\"a", "", "ends"},
        {"\"\t\"", "", "control"},
        {"\"\\x\"", "", "backslash"},
        {"\"\\u12zz\"", "", "hexadecimal"},
        {"\"\\u0000\"", "", "NUL"},
        {"\"\\ud800\"", "", "surrogate"},
        {"\"\\udc00\"", "", "surrogate"},
        {"\"\xff\"", "", "UTF-8"},
        {"\"\xc0\x80\"", "", "UTF-8"},
        {"\"\xed\xa0\x80\"", "", "UTF-8"},
        {"{} {}", "", "follow"},
        {"null", "", "null"},
        {"{\"a\":{\"b\":tru}}", "/a/b", "value"},
        {"{\"x\":{\"a\":1,\"a\":2}}", "/x/a", "twice"},
        {"{\"a/b\":1,\"a\\/b\":2}", "/a~1b", "twice"},
        {"{\"\\u0061\":1,\"a\":2}", "/a", "twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct problems problems = {0};
        auto_json struct json_object *value = parse(cases[i].text, &problems);
        if (value || problems.errors != 1)
            fail_msg("%s: %zu problems", cases[i].text, problems.errors);
        if (strcmp(problems.items[0].pointer, cases[i].pointer) != 0 ||
            !strstr(problems.items[0].text, cases[i].says))
            fail_msg("%s: \"%s\": %s", cases[i].text, problems.items[0].pointer,
                     problems.items[0].text);
        problems_clear(&problems);
    }
}

static void test_all_duplicates(void **state)
{
    (void)state;
    struct problems problems = {0};
    assert_null(parse("{\"a\":{\"x\":1,\"y\":2,\"x\":3},\"b\":1,\"b\":2,\"b\":3}", &problems));
    assert_int_equal(problems.errors, 3);
    assert_string_equal(problems.items[0].pointer, "/a/x");
    assert_string_equal(problems.items[1].pointer, "/b");
    assert_string_equal(problems.items[2].pointer, "/b");
    problems_clear(&problems);
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        char text[2 * JSON_DEPTH_MAX + 3] = "";
        struct problems problems = {0};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        auto_json struct json_object *value = parse(text, &problems);
        assert_int_equal(value != NULL, depth == JSON_DEPTH_MAX);
        problems_clear(&problems);
    }
}

static void test_locate(void **state)
{
    (void)state;
    static const char text[] =
        "{\n  \"a\": {\n    \"\xc3\xa9\": 1, \"x/y\": [10, {\"z\": 2}]\n  }\n}";
    static const struct {
        const char *pointer;
        size_t line, column;
    } cases[] = {
        {"", 1, 1},           {"/a", 2, 3},         {"/a/\xc3\xa9", 3, 5},  {"/a/x~1y", 3, 13},
        {"/a/x~1y/0", 3, 21}, {"/a/x~1y/1", 3, 25}, {"/a/x~1y/1/z", 3, 26},
    };
    size_t line, column;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(json_locate(text, strlen(text), cases[i].pointer, &line, &column));
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
    static const char *const nowhere[] = {"/b", "/a/x", "/a/x~1y/2", "/a/x~1y/1/z/0", "/aa"};
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
        assert_false(json_locate(text, strlen(text), nowhere[i], &line, &column));
}

/* The examples of RFC 7396, appendix A. */
static void test_merge(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct problems problems = {0};
        auto_json struct json_object *target = parse(cases[i][0], &problems);
        auto_json struct json_object *patch = parse(cases[i][1], &problems);
        assert_true(json_merge(&target, patch));
        assert_string_equal(json_object_to_json_string_ext(target, JSON_C_TO_STRING_PLAIN),
                            cases[i][2]);
    }
}

static void test_lookup(void **state)
{
    (void)state;
    struct problems problems = {0};
    auto_json struct json_object *root = parse("{\"a/b\":[{\"m~n\":7}]}", &problems);
    assert_int_equal(json_object_get_int(json_lookup(root, "/a~1b/0/m~0n")), 7);
    assert_ptr_equal(json_lookup(root, ""), root);
    assert_null(json_lookup(root, "/a~1b/1"));
    assert_null(json_lookup(root, "/a~1b/x"));
    assert_null(json_lookup(root, "a"));
}

struct target {
    const char *name;
    bool flag;
    int64_t number;
    struct json_object *list;
};

static const struct json_field fields[] = {
    {.name = "name",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct target, name),
     .required = true},
    {.name = "flag", .type = JSON_FIELD_BOOL, .offset = offsetof(struct target, flag)},
    {.name = "number",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct target, number),
     .minimum = 1,
     .maximum = 10},
    {.name = "list", .type = JSON_FIELD_ARRAY, .offset = offsetof(struct target, list)},
    {.name = NULL},
};

static void test_fields(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct target target = {.number = 5};
    auto_json struct json_object *good =
        parse("{\"name\":\"x\",\"flag\":true,\"number\":null,\"list\":[]}", &problems);
    assert_true(json_read_fields(good, NULL, fields, &target, &problems));
    assert_string_equal(target.name, "x");
    assert_true(target.flag);
    assert_int_equal(target.number, 5);
    assert_non_null(target.list);
    auto_json struct json_object *bad =
        parse("{\"flag\":1,\"number\":11,\"list\":{},\"lost\":0,\"nam\":0}", &problems);
    assert_false(json_read_fields(bad, NULL, fields, &target, &problems));
    static const char *const pointers[] = {"/name", "/flag", "/number", "/list", "/lost", "/nam"};
    assert_int_equal(problems.errors, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(problems.items[i].pointer, pointers[i]);
    assert_non_null(strstr(problems.items[4].text, "\"list\""));
    assert_non_null(strstr(problems.items[5].text, "\"name\""));
    problems_clear(&problems);
}

static void test_members(void **state)
{
    (void)state;
    const char text[] =
        " { \"a\" : [1, \"]}\\\"\"], \"\\u0062\":{\"x\":{}} ,\"c\":null,\"d\":-1e2}";
    static const struct {
        const char *key, *value;
        bool escaped;
    } expected[] = {{"a", "[1, \"]}\\\"\"]", false},
                    {"\\u0062", "{\"x\":{}}", true},
                    {"c", "null", false},
                    {"d", "-1e2", false}};
    struct json_members members, inner;
    json_members_begin(&members, text, strlen(text));
    for (size_t i = 0; i < 4; i++) {
        assert_true(json_members_next(&members));
        assert_true(json_members_is(&members, expected[i].key));
        assert_int_equal(members.escaped, expected[i].escaped);
        assert_int_equal(json_members_length(&members), strlen(expected[i].value));
        assert_memory_equal(members.value, expected[i].value, strlen(expected[i].value));
    }
    assert_false(json_members_next(&members));
    json_members_begin(&members, text, strlen(text));
    assert_true(json_members_find(&members, "\\u0062"));
    json_members_enter(&members, &inner);
    assert_true(json_members_next(&inner) && json_members_is(&inner, "x"));
    assert_false(json_members_next(&inner));
    json_members_leave(&members, &inner);
    assert_true(json_members_next(&members) && json_members_is(&members, "c"));
    static const char *const none[] = {"{}", " { } ", "[{\"a\":1}]", "\"{\"", "1", "null"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        json_members_begin(&members, none[i], strlen(none[i]));
        assert_false(json_members_next(&members));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_all_duplicates), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_locate),         cmocka_unit_test(test_merge),
        cmocka_unit_test(test_lookup),         cmocka_unit_test(test_fields),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
