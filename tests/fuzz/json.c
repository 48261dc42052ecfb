/* Strict JSON: what is read is written and read again as itself, every finding has a place in the
 * text, and merging a patch twice is merging it once. */
#include "fuzz.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_text.h"

#include <string.h>

static void check_findings(const char *text, size_t size, const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        size_t line, column;
        if (json_locate(text, size, problems->items[i].pointer, &line, &column))
            PROMISE(line > 0 && column > 0);
    }
}

static void check_round_trip(struct json_object *value)
{
    struct problems problems = {0};
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    auto_json struct json_object *again = json_parse(text, strlen(text), &problems);
    PROMISE(problems.count == 0 && json_object_equal(value, again));
    problems_clear(&problems);
}

static void check_merge(struct json_object *patch)
{
    auto_json struct json_object *once = json_object_new_object();
    PROMISE(json_merge(&once, patch));
    auto_json struct json_object *twice = NULL;
    PROMISE(json_object_deep_copy(once, &twice, NULL) == 0);
    PROMISE(json_merge(&twice, patch) && json_object_equal(once, twice));
}

/* Members are found in the text as in what is made of it. */
static void check_members(const char *text, size_t size, struct json_object *value)
{
    struct json_members members;
    int count = 0;
    json_members_begin(&members, text, size);
    for (; json_members_next(&members); count++) {
        struct problems problems = {0};
        size_t length = json_members_length(&members);
        PROMISE(json_check(members.value, length, &problems));
        json_object_put(json_parse_scanned(members.value, length, &problems));
        problems_clear(&problems);
    }
    PROMISE(count ==
            (json_object_is_type(value, json_type_object) ? json_object_object_length(value) : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct problems problems = {0};
    auto_json struct json_object *value = json_parse(text, size, &problems);
    check_findings(text, size, &problems);
    if (value) {
        PROMISE(problems.errors == 0);
        check_round_trip(value);
        check_members(text, size, value);
        if (json_object_is_type(value, json_type_object))
            check_merge(value);
    }
    problems_clear(&problems);
    return 0;
}
