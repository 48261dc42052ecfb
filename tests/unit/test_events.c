/* Events: their numbers, whom they are told, and how they are written, of each kind. */
#include "api/event_write.h"
#include "client/commands.h"
#include "client/members.h"
#include "common/cleanup.h"
#include "engine/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TIME 1764032523007 /* 2025-11-25T01:02:03.007Z */

struct heard {
    unsigned count;
    uint64_t number;
    int64_t time;
    char namespace[32];
};

static void hear(void *context, const struct engine_event *event)
{
    struct heard *heard = context;
    heard->count++;
    heard->number = event->number;
    heard->time = event->time;
    snprintf(heard->namespace, sizeof(heard->namespace), "%s",
             event->namespace ? event->namespace : "");
}

static void test_numbers(void **state)
{
    struct engine engine = {0};
    struct heard heard[2] = {0};
    struct events_listener listeners[] = {{.hear = hear, .context = &heard[0]},
                                          {.hear = hear, .context = &heard[1]}};
    const struct engine_event event = {.type = EVENT_COMMITTED, .topology = "lan"};
    (void)state;
    assert_int_equal(events_last(&engine), 0);
    assert_int_equal(events_publish(&engine, &event), 1);
    events_listen(&engine, &listeners[0]);
    assert_int_equal(events_publish(&engine, &event), 2);
    events_listen(&engine, &listeners[1]);
    assert_int_equal(events_publish(&engine, &event), 3);
    events_stop_listening(&listeners[0]);
    assert_int_equal(events_publish(&engine, &event), 4);
    events_stop_listening(&listeners[1]);
    assert_int_equal(events_publish(&engine, &event), 5);
    assert_int_equal(events_last(&engine), 5);
    assert_int_equal(heard[0].count, 2);
    assert_int_equal(heard[0].number, 3);
    assert_int_equal(heard[1].count, 2);
    assert_int_equal(heard[1].number, 4);
    assert_true(heard[1].time >= heard[0].time && heard[0].time > TIME);
}

static void test_namespace_of_pointer(void **state)
{
    static const struct {
        const char *pointer, *namespace;
    } rows[] = {
        {"/namespaces/net0", "net0"},
        {"/namespaces/net0/links/eth0/addresses/10.0.0.1~124", "net0"},
        {"/namespaces/a~0b/routes/default", "a~b"},
        {"/namespaces", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct engine engine = {0};
        struct heard heard = {0};
        struct events_listener listener = {.hear = hear, .context = &heard};
        events_listen(&engine, &listener);
        events_publish(
            &engine, &(struct engine_event){.type = EVENT_ROLLED_BACK, .pointer = rows[i].pointer});
        assert_string_equal(heard.namespace, rows[i].namespace);
    }
}

static void test_filters(void **state)
{
    static const struct engine_event lan = {.type = EVENT_COMMITTED, .topology = "lan"};
    static const struct engine_event link = {.type = EVENT_LINK_ADDED, .namespace = "net0"};
    static const struct engine_event both = {
        .type = EVENT_DRIFT_FOUND, .topology = "lan", .namespace = "net0"};
    static const struct engine_event one = {.type = EVENT_RESYNCED, .namespace = "net0"};
    static const struct engine_event all = {.type = EVENT_RESYNCED};
    static const struct {
        struct events_filter filter;
        bool lan, link, both, one, all;
    } rows[] = {
        {{NULL, NULL}, true, true, true, true, true},
        {{"lan", NULL}, true, false, true, true, true},
        {{"wan", NULL}, false, false, false, true, true},
        {{NULL, "net0"}, false, true, true, true, true},
        {{NULL, "net1"}, false, false, false, false, true},
        {{"lan", "net0"}, false, false, true, true, true},
        {{"lan", "net1"}, false, false, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct events_filter *filter = &rows[i].filter;
        assert_int_equal(events_match(filter, &lan), rows[i].lan);
        assert_int_equal(events_match(filter, &link), rows[i].link);
        assert_int_equal(events_match(filter, &both), rows[i].both);
        assert_int_equal(events_match(filter, &one), rows[i].one);
        assert_int_equal(events_match(filter, &all), rows[i].all);
    }
}

/* The event in REPLY is written as JSON, but for its time, and as netnsctl shows it. */
static void expect(struct json_object *reply, const char *json, const char *line)
{
    struct json_object *event = member(reply, "event");
    auto_free char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(event);
    assert_non_null(out);
    assert_int_equal(member_integer(reply, "number"), 7);
    assert_string_equal(member_string(event, "time"), "2025-11-25T01:02:03.007Z");
    event_write_line(out, event);
    fclose(out);
    assert_string_equal(text, line);
    json_object_object_del(event, "time");
    assert_string_equal(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE),
                        json);
}

static void test_written(void **state)
{
    auto_json struct json_object *change = json_tokener_parse(
        "{'action':'change','pointer':'/namespaces/a/links/x',"
        "'fields':[{'name':'mtu','from':'1300','to':'1400'},{'name':'up','to':'true'}]}");
    const struct {
        struct engine_event event;
        const char *json, *line;
    } rows[] = {
        {{.type = EVENT_COMMITTED, .topology = "lan", .generation = 3},
         "{\"kind\":\"committed\",\"topology\":\"lan\",\"generation\":3}",
         "2025-11-25T01:02:03.007Z  committed           lan: generation 3\n"},
        {{.type = EVENT_REMOVED, .topology = "lan", .generation = 3},
         "{\"kind\":\"removed\",\"topology\":\"lan\",\"generation\":3}",
         "2025-11-25T01:02:03.007Z  removed             lan: generation 3\n"},
        {{.type = EVENT_ROLLED_BACK, .topology = "lan", .pointer = "", .message = "no luck"},
         "{\"kind\":\"rolledBack\",\"topology\":\"lan\",\"pointer\":\"\",\"message\":\"no luck\"}",
         "2025-11-25T01:02:03.007Z  rolledBack          lan: no luck\n"},
        {{.type = EVENT_ROLLBACK_INCOMPLETE,
          .topology = "lan",
          .pointer = "/namespaces/a",
          .message = "no luck"},
         "{\"kind\":\"rollbackIncomplete\",\"topology\":\"lan\",\"pointer\":\"/namespaces/a\","
         "\"message\":\"no luck\"}",
         "2025-11-25T01:02:03.007Z  rollbackIncomplete  lan: a namespace: no luck\n"},
        {{.type = EVENT_DRIFT_REPAIRED,
          .topology = "lan",
          .namespace = "a",
          .pointer = "/namespaces/a/links/x",
          .change = change,
          .repairs = 1},
         "{\"kind\":\"driftRepaired\",\"topology\":\"lan\",\"namespace\":\"a\","
         "\"pointer\":\"/namespaces/a/links/x\",\"difference\":\"changed\",\"fields\":["
         "{\"name\":\"mtu\",\"actual\":\"1300\",\"wanted\":\"1400\"},"
         "{\"name\":\"up\",\"wanted\":\"true\"}],\"repairs\":1}",
         "2025-11-25T01:02:03.007Z  driftRepaired       lan: a/x: changed: mtu: 1300, not 1400; "
         "up: true: 1 repair\n"},
        {{.type = EVENT_NAMESPACE_ADDED, .topology = "lan", .namespace = "a"},
         "{\"kind\":\"namespaceAdded\",\"topology\":\"lan\",\"namespace\":\"a\"}",
         "2025-11-25T01:02:03.007Z  namespaceAdded      lan: a\n"},
        {{.type = EVENT_NAMESPACE_REMOVED, .namespace = "a"},
         "{\"kind\":\"namespaceRemoved\",\"namespace\":\"a\"}",
         "2025-11-25T01:02:03.007Z  namespaceRemoved    a\n"},
        {{.type = EVENT_LINK_ADDED, .namespace = "a", .link = "x"},
         "{\"kind\":\"linkAdded\",\"namespace\":\"a\",\"link\":\"x\"}",
         "2025-11-25T01:02:03.007Z  linkAdded           a/x\n"},
        {{.type = EVENT_LINK_REMOVED, .namespace = "a", .link = "x"},
         "{\"kind\":\"linkRemoved\",\"namespace\":\"a\",\"link\":\"x\"}",
         "2025-11-25T01:02:03.007Z  linkRemoved         a/x\n"},
        {{.type = EVENT_LINK_UP, .topology = "lan", .namespace = "a", .link = "x"},
         "{\"kind\":\"linkUp\",\"topology\":\"lan\",\"namespace\":\"a\",\"link\":\"x\"}",
         "2025-11-25T01:02:03.007Z  linkUp              lan: a/x\n"},
        {{.type = EVENT_LINK_DOWN, .namespace = "a", .link = "x"},
         "{\"kind\":\"linkDown\",\"namespace\":\"a\",\"link\":\"x\"}",
         "2025-11-25T01:02:03.007Z  linkDown            a/x\n"},
        {{.type = EVENT_RESYNCED},
         "{\"kind\":\"resynced\"}",
         "2025-11-25T01:02:03.007Z  resynced\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct engine_event event = rows[i].event;
        event.number = 7;
        event.time = TIME;
        auto_json struct json_object *reply = event_write(&event);
        expect(reply, rows[i].json, rows[i].line);
    }
}

static void test_lost_written(void **state)
{
    (void)state;
    auto_json struct json_object *reply = event_write_lost(17, 7, TIME);
    expect(reply, "{\"kind\":\"lost\",\"count\":17}",
           "2025-11-25T01:02:03.007Z  lost                17 events\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_namespace_of_pointer),
        cmocka_unit_test(test_filters),      cmocka_unit_test(test_written),
        cmocka_unit_test(test_lost_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
