/* Changes as they are told: valid JSON at any time, and cut into pieces between elements. */
#include "common/cleanup.h"
#include "common/json.h"
#include "model/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What would be taken for an element's beginning, were it not escaped. */
#define TRICKY "},{\"action\":\"create\" \\ \n\x01 \xc3\xa9"

static struct json_object *strict(const char *text, size_t length)
{
    struct problems problems = {0};
    struct json_object *value = json_parse(text, length, &problems);
    if (!value)
        fail_msg("%.*s: %s", (int)length, text, problems.items[0].text);
    return value;
}

static struct json_object *whole(const struct changes *changes)
{
    auto_json struct json_object *parsed = changes_parse(changes);
    struct json_object *array = strict(changes->text->buf, (size_t)changes->text->bpos);
    assert_true(json_object_equal(parsed, array));
    assert_int_equal(json_object_array_length(array), changes_count(changes));
    return array;
}

static struct changes *make(size_t count)
{
    struct changes *changes = changes_new();
    AUTO(change_fields_clear) struct change_fields fields = {0};
    assert_non_null(changes);
    for (size_t i = 0; i < count; i++) {
        char pointer[64];
        snprintf(pointer, sizeof(pointer), "/namespaces/%s%zu", TRICKY, i);
        assert_true(change_fields_begin(&fields));
        assert_true(change_fields_add(&fields, TRICKY, NULL, json_object_new_string(TRICKY)));
        assert_true(change_fields_add(&fields, "mtu", json_object_new_int(1500), NULL));
        assert_true(changes_add(changes, (enum change_action)(i % ACTION_COUNT), pointer,
                                i % 3 ? &fields : NULL, i % 2 != 0));
    }
    return changes;
}

static const char *text_of(struct json_object *object, const char *key)
{
    return json_object_get_string(json_object_object_get(object, key));
}

static void test_text(void **state)
{
    (void)state;
    auto_changes struct changes *changes = make(2);
    auto_json struct json_object *array = whole(changes);
    struct json_object *first = json_object_array_get_idx(array, 0);
    assert_string_equal(text_of(first, "action"), "create");
    assert_string_equal(text_of(first, "pointer"), "/namespaces/" TRICKY "0");
    assert_string_equal(text_of(first, "fields"), "[ ]");
    assert_string_equal(text_of(first, "irreversible"), "false");
    struct json_object *second = json_object_array_get_idx(array, 1);
    assert_string_equal(text_of(second, "action"), "change");
    assert_string_equal(text_of(second, "irreversible"), "true");
    struct json_object *fields = json_object_object_get(second, "fields");
    assert_int_equal(json_object_array_length(fields), 2);
    assert_string_equal(text_of(json_object_array_get_idx(fields, 0), "name"), TRICKY);
    assert_string_equal(text_of(json_object_array_get_idx(fields, 0), "to"), TRICKY);
    assert_string_equal(text_of(json_object_array_get_idx(fields, 1), "from"), "1500");
}

/* The pieces, put together again, are the whole. */
static void assert_pieces(size_t count, size_t size)
{
    auto_changes struct changes *changes = make(count);
    auto_json struct json_object *array = whole(changes);
    size_t offset = 0, length, found = 0;
    while ((length = changes_piece(changes, offset, size)) > 0) {
        auto_free char *text = NULL;
        int written = asprintf(&text, "[%.*s]", (int)length, changes->text->buf + 1 + offset);
        auto_json struct json_object *piece = strict(text, (size_t)written);
        for (size_t i = 0; i < json_object_array_length(piece); i++)
            assert_true(json_object_equal(json_object_array_get_idx(piece, i),
                                          json_object_array_get_idx(array, found++)));
        offset += length + 1;
        assert_true(length >= size || found == count);
    }
    assert_int_equal(found, count);
}

static void test_pieces(void **state)
{
    (void)state;
    for (size_t size = 1; size < 2000; size += 7) {
        assert_pieces(0, size);
        assert_pieces(1, size);
        assert_pieces(9, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
