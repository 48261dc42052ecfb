/* The manual's lists of attributes say what the tables say. In netnsd-topology(5) each list stands
 * between two comments:
 *
 *     .\" attributes of bridge
 *     .\" end
 */
#include "common/cleanup.h"
#include "model/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A value as a document has it, without a string's quotes. */
static void print_value(FILE *out, const struct attribute *row, uint64_t number)
{
    const struct value value = {.present = true, .number = number};
    auto_json struct json_object *json = attribute_write(row, &value);
    assert_non_null(json);
    fputs(json_object_get_string(json), out);
}

static void print_words(FILE *out, const struct attribute_word *words)
{
    for (; words->word; words++)
        fprintf(out, "%s%s", words->word, words[1].word ? (words[2].word ? ", " : " or ") : "");
}

/* Milliseconds, in the largest unit that shows them whole. */
static void print_duration(FILE *out, int64_t milliseconds)
{
    if (milliseconds % 1000)
        fprintf(out, "%lldms", (long long)milliseconds);
    else
        fprintf(out, "%llds", (long long)milliseconds / 1000);
}

static void print_type(FILE *out, const struct attribute *row)
{
    switch (row->type) {
    case ATTRIBUTE_BOOL:
        fputs("true or false", out);
        break;
    case ATTRIBUTE_INTEGER:
        fprintf(out, "%lld to %lld", (long long)row->minimum, (long long)row->maximum);
        break;
    case ATTRIBUTE_WORD:
        print_words(out, row->words);
        break;
    case ATTRIBUTE_DURATION:
        print_duration(out, row->minimum);
        fputs(" to ", out);
        print_duration(out, row->maximum);
        break;
    case ATTRIBUTE_STRING:
        fprintf(out, "at most %lld bytes", (long long)row->maximum);
        break;
    case ATTRIBUTE_MAC:
        fputs("a MAC address", out);
        break;
    case ATTRIBUTE_ADDRESS:
        fputs("an IPv4 or IPv6 address", out);
        break;
    case ATTRIBUTE_RANGE:
        fputs("two ports with a hyphen between them", out);
        break;
    }
}

static void print_row(FILE *out, const struct attribute *row)
{
    fprintf(out, ".It Cm %s\n%s\n.br\n", row->name, row->meaning);
    print_type(out, row);
    if (row->has_default && (row->type != ATTRIBUTE_RANGE || row->default_value)) {
        fputs("; ", out);
        print_value(out, row, row->default_value);
        fputs(" unless said", out);
    }
    fputs(row->birth ? ". A change makes the link anew.\n" : ".\n", out);
}

/* What stands in PAGE between the two comments; the caller frees it. */
static char *find_list(const char *page, const char *name)
{
    auto_free char *begin = NULL;
    assert_true(asprintf(&begin, ".\\\" attributes of %s\n", name) > 0);
    const char *start = strstr(page, begin);
    const char *end = start ? strstr(start, ".\\\" end\n") : NULL;
    if (!end)
        fail_msg("the manual has no list of the attributes of %s", name);
    start += strlen(begin);
    return strndup(start, (size_t)(end - start));
}

static void check_list(const char *page, const char *name, const struct attribute_table *table)
{
    auto_free char *expected = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&expected, &size);
    assert_non_null(out);
    for (size_t i = 0; i < table->count; i++)
        print_row(out, &table->rows[i]);
    fclose(out);
    auto_free char *found = find_list(page, name);
    if (strcmp(found, expected) == 0)
        return;
    fprintf(stderr, "the manual's list of the attributes of %s must be\n%s", name, expected);
    fail();
}

static char *read_page(void)
{
    static char page[65536];
    const char *path = getenv("TOPOLOGY_MANUAL");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        fail_msg("TOPOLOGY_MANUAL must name netnsd-topology.5");
    size_t size = fread(page, 1, sizeof(page) - 1, file);
    assert_true(size > 0 && size < sizeof(page) - 1);
    fclose(file);
    page[size] = '\0';
    return page;
}

static void test_lists(void **state)
{
    const char *page = read_page();
    (void)state;
    check_list(page, "every link", &link_attributes);
    check_list(page, "bridgePort", &bridge_port_attributes);
    for (const struct link_kind *const *kind = link_kinds; *kind; kind++) {
        if ((*kind)->attributes.count)
            check_list(page, (*kind)->name, &(*kind)->attributes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
