/* Varlink messages: what a peer may send, and what it may not. */
#include "common/cleanup.h"
#include "common/varlink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool read_call(const char *text, struct varlink_call *call)
{
    struct error error = {0};
    bool good = varlink_call_read(text, strlen(text), call, &error);
    assert_int_equal(good, error.code == ERROR_NONE);
    return good;
}

static void test_calls(void **state)
{
    (void)state;
    struct varlink_call call;
    assert_true(read_call("{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},\"more\":true}", &call));
    assert_string_equal(call.method, "a.b.C");
    assert_non_null(call.parameters);
    assert_true(call.more && !call.oneway && !call.upgrade);
    varlink_call_clear(&call);
    static const char *const without[] = {
        "{\"method\":\"a.b.C\"}",
        "{\"method\":\"a.b.C\",\"parameters\":null}",
        "{\"method\":\"a.b.C\",\"parameters\":{},\"oneway\":null}",
    };
    for (size_t i = 0; i < 3; i++) {
        assert_true(read_call(without[i], &call));
        assert_null(call.parameters);
        varlink_call_clear(&call);
    }
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "1",
        "{}",
        "{\"method\":1}",
        "{\"method\":null}",
        "{\"method\":\"a.b.C\",\"parameters\":[]}",
        "{\"method\":\"a.b.C\",\"more\":1}",
        "{\"method\":\"a.b.C\",\"more\":true,\"oneway\":true}",
        "{\"method\":\"a.b.C\",\"other\":1}",
        "{\"method\":\"a.b.C\",\"method\":\"a.b.D\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_call(bad[i], &call))
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_documents(void **state)
{
    (void)state;
    struct varlink_call call;
    assert_true(
        read_call("{\"parameters\":{\"a\":[\"}\"], \"document\" : {\"b\":{\"c\":\"\\\"}\"}} "
                  ",\"d\":1},\"method\":\"a.b.C\"}",
                  &call));
    assert_string_equal(call.method, "a.b.C");
    const char document[] = "{\"b\":{\"c\":\"\\\"}\"}}";
    assert_int_equal(call.document->length, strlen(document));
    assert_memory_equal(call.document->bytes, document, strlen(document));
    assert_string_equal(json_object_to_json_string_ext(call.parameters, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":[\"}\"],\"document\":{},\"d\":1}");
    varlink_call_clear(&call);
    static const char *const kept[] = {
        "{\"method\":\"a.b.C\",\"parameters\":{\"document\":[1]}}",
        "{\"method\":\"a.b.C\",\"parameters\":{\"docu\\u006dent\":{\"a\":1}}}",
        "{\"method\":\"a.b.C\",\"parameters\":{\"a\":{\"document\":{}}}}",
    };
    for (size_t i = 0; i < 3; i++) {
        assert_true(read_call(kept[i], &call));
        assert_null(call.document);
        assert_non_null(call.parameters);
        varlink_call_clear(&call);
    }
    assert_false(read_call("{\"method\":\"a.b.C\",\"parameters\":{\"document\":{,}}}", &call));
}

static void test_replies(void **state)
{
    (void)state;
    struct error error = {0};
    struct varlink_reply reply;
    static const char text[] = "{\"error\":\"a.b.E\",\"parameters\":{\"x\":1},\"continues\":false}";
    assert_true(varlink_reply_read(text, strlen(text), &reply, &error));
    assert_string_equal(reply.error, "a.b.E");
    assert_non_null(reply.parameters);
    assert_false(reply.continues);
    varlink_reply_clear(&reply);
    assert_false(varlink_reply_read("{\"error\":1}", 11, &reply, &error));
    assert_int_equal(error.code, ERROR_INVALID);
}

static void assert_text(struct json_object *message, const char *text)
{
    assert_non_null(message);
    assert_string_equal(json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN), text);
    json_object_put(message);
}

static struct json_object *one(void)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "x", json_object_new_int(1));
    return object;
}

static void test_writing(void **state)
{
    (void)state;
    assert_text(varlink_call_new("a.b.C", NULL, false), "{\"method\":\"a.b.C\"}");
    assert_text(varlink_call_new("a.b.C", one(), true),
                "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},\"more\":true}");
    assert_text(varlink_reply_new(NULL, false), "{\"parameters\":{}}");
    assert_text(varlink_reply_new(one(), true), "{\"parameters\":{\"x\":1},\"continues\":true}");
    assert_text(varlink_error_new("a.b.E", one()),
                "{\"error\":\"a.b.E\",\"parameters\":{\"x\":1}}");
}

static void test_method_split(void **state)
{
    (void)state;
    char interface[32];
    const char *method;
    assert_true(varlink_method_split("org.example-1.x.Do2", interface, sizeof(interface), &method));
    assert_string_equal(interface, "org.example-1.x");
    assert_string_equal(method, "Do2");
    static const char *const bad[] = {
        "",
        ".",
        "Do",
        "a.Do",
        "a.b.",
        "a.b.do",
        "a..b.Do",
        ".a.b.Do",
        "a.b-.Do",
        "1.b.Do",
        "a.b.D o",
        "a.b.Do-",
        "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.Do",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (varlink_method_split(bad[i], interface, sizeof(interface), &method))
            fail_msg("taken: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_replies),      cmocka_unit_test(test_writing),
        cmocka_unit_test(test_method_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
