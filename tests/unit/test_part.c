/* Changes of parts of a topology come to the same as changes of the whole, on random documents and
 * a model of the kernel; or the whole is asked for. */
#include "plan_fixture.h"

#include "engine/rows.h"
#include "model/document.h"
#include "model/network_cut.h"
#include "model/part.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 400
#define PATCHES 6

static const uint8_t machine_id[16] = {1, 2, 3};

/* Patches ----------------------------------------------------------------------------------- */

static struct json_object *obtain(struct json_object *object, const char *key)
{
    struct json_object *member = json_object_object_get(object, key);
    if (!member) {
        member = json_object_new_object();
        json_put(object, key, member);
    }
    return member;
}

static struct json_object *patched_link(struct json_object *patch, const char *namespace,
                                        const char *link)
{
    struct json_object *member = obtain(obtain(patch, "namespaces"), namespace);
    return obtain(obtain(member, "links"), link);
}

/* All of NAMESPACE becomes what another document has there, or only gets that as well. */
static void become(struct json_object *patch, const struct network *network, const char *name,
                   unsigned *state)
{
    auto_network struct network *other = random_network(state);
    const struct namespace *now = network_namespace(network, name),
                           *then = network_namespace(other, name);
    struct json_object *namespaces = obtain(patch, "namespaces");
    if (!then) {
        json_object_object_add(namespaces, name, NULL);
        return;
    }
    struct json_object *member = document_write_member(other, then);
    const struct link *link = now && random_below(state, 2) ? now->links : NULL;
    for (; link; link = link->hh.next) {
        if (!link->derived && !namespace_link(then, link->name))
            json_object_object_add(obtain(member, "links"), link->name, NULL);
    }
    json_put(namespaces, name, member);
}

static void change_link(struct json_object *patch, const char *name, unsigned *state)
{
    static const char *const links[] = {"br0", "br1", "mv", "eth0", "cable", "to-a", "to-b"};
    const char *link = links[random_below(state, sizeof(links) / sizeof(links[0]))];
    if (!random_below(state, 4)) {
        json_object_object_add(obtain(obtain(obtain(patch, "namespaces"), name), "links"), link,
                               NULL);
        return;
    }
    struct json_object *object = patched_link(patch, name, link);
    switch (random_below(state, 4)) {
    case 0:
        json_put_integer(object, "mtu", 1400 + (int)random_below(state, 2));
        break;
    case 1:
        json_put_string(object, "alias", random_below(state, 2) ? "one" : "other");
        break;
    case 2:
        json_put(obtain(object, "addresses"), random_below(state, 2) ? "10.7.0.1/24" : "fd07::1/64",
                 json_object_new_object());
        break;
    default:
        json_put_integer(object, "txQueues", 1 + (int)random_below(state, 2));
    }
}

static void add_cable(struct json_object *patch, const char *name, unsigned *state)
{
    char link[16], text[64];
    snprintf(link, sizeof(link), "new%u", random_below(state, 3));
    const char *other = random_names[random_below(state, RANDOM_NAMES)];
    bool port = random_below(state, 2);
    snprintf(text, sizeof(text), port ? "%s/br%u" : "%s/end%u", other, random_below(state, 2));
    struct json_object *object = patched_link(patch, name, link);
    json_put_string(obtain(object, "veth"), port ? "bridge" : "peer", text);
    if (random_below(state, 2))
        json_put_integer(object, "mtu", 1500 + (int)random_below(state, 2));
    if (port && !random_below(state, 6))
        json_put_string(obtain(obtain(object, "veth"), "port"), "name", "eth0");
}

static struct json_object *random_patch(const struct network *network, unsigned *state)
{
    static const char *const names[] = {"host", "a", "b", "c", "new"};
    struct json_object *patch = json_object_new_object();
    obtain(patch, "namespaces");
    for (unsigned count = 1 + random_below(state, 2); count; count--) {
        const char *name = names[random_below(state, sizeof(names) / sizeof(names[0]))];
        unsigned what = random_below(state, 6);
        if (what == 0)
            become(patch, network, name, state);
        else if (what < 3)
            change_link(patch, name, state);
        else
            add_cable(patch, name, state);
    }
    return patch;
}

/* Comparing --------------------------------------------------------------------------------- */

static struct network *read_whole(const struct network *network, struct json_object *patch)
{
    struct problems problems = {0};
    auto_json struct json_object *document = document_write(network);
    assert_true(json_merge(&document, patch));
    struct network *read = document_read("test", document, machine_id, network, &problems);
    problems_clear(&problems);
    return read;
}

static bool read_part(const struct network *network, struct json_object *patch,
                      struct network **previous, struct network **desired)
{
    struct problems problems = {0};
    auto_json struct json_object *described = part_of_patch(network, patch);
    assert_non_null(described);
    bool good = part_read(network, described, machine_id, previous, desired, &problems);
    assert_int_equal(problems.errors, 0);
    problems_clear(&problems);
    return good;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct store_row *)a)->key, ((const struct store_row *)b)->key);
}

static void sort_rows(struct store_rows *rows)
{
    if (rows->count)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
}

static void assert_same_rows(struct store_rows *part, struct store_rows *whole)
{
    sort_rows(part);
    sort_rows(whole);
    for (size_t i = 0; i < part->count && i < whole->count; i++) {
        assert_string_equal(part->items[i].key, whole->items[i].key);
        assert_int_equal(!part->items[i].value, !whole->items[i].value);
        if (part->items[i].value)
            assert_string_equal(part->items[i].value, whole->items[i].value);
    }
    assert_int_equal(part->count, whole->count);
    store_rows_clear(part);
    store_rows_clear(whole);
}

static void assert_same_stored(const struct network *part_previous, const struct network *part,
                               const struct network *previous, const struct network *whole)
{
    const struct engine engine = {.base = NULL};
    struct store_rows of_part = {0}, of_whole = {0};
    assert_true(rows_changed(part_previous, part, &of_part));
    assert_true(rows_changed(previous, whole, &of_whole));
    assert_same_rows(&of_part, &of_whole);
    assert_true(facts_changed(&engine, part_previous, part, &of_part));
    assert_true(facts_changed(&engine, previous, whole, &of_whole));
    assert_same_rows(&of_part, &of_whole);
}

static void assert_same_values(const struct attribute_table *table, const struct value *a,
                               const struct value *b)
{
    assert_int_equal(!a, !b);
    for (size_t i = 0; a && i < table->count; i++) {
        assert_int_equal(a[i].derived, b[i].derived);
        assert_true(value_same(&table->rows[i], &a[i], &b[i]));
    }
}

/* It names what A's does, and leads to it in its own network. */
static void assert_same_reference(const struct reference *a, const struct reference *b,
                                  const struct network *network)
{
    assert_int_equal(!a, !b);
    if (!a)
        return;
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->namespace, b->namespace);
    assert_int_equal(!a->link, !b->link);
    if (a->link)
        assert_ptr_equal(a->link, network_link(network, a->link->namespace->name, a->link->name));
}

static void assert_same_link(const struct link *a, const struct link *b,
                             const struct network *network)
{
    assert_ptr_equal(a->kind, b->kind);
    assert_int_equal(a->derived, b->derived);
    assert_int_equal(a->external, b->external);
    assert_int_equal(a->ports, b->ports);
    assert_same_values(&link_attributes, a->common, b->common);
    if (a->kind)
        assert_same_values(&a->kind->attributes, a->attributes, b->attributes);
    assert_same_values(&bridge_port_attributes, a->port, b->port);
    assert_same_reference(a->master, b->master, network);
    assert_same_reference(a->lower, b->lower, network);
    assert_same_reference(a->peer, b->peer, network);
    assert_same_reference(a->bridge, b->bridge, network);
    assert_int_equal(HASH_COUNT(a->addresses), HASH_COUNT(b->addresses));
}

/* A is as B, which was read as a whole; what A keeps in mind may be more. */
static void assert_same_network(const struct network *a, const struct network *b)
{
    assert_int_equal(HASH_COUNT(a->namespaces), HASH_COUNT(b->namespaces));
    assert_true(a->written_macs >= b->written_macs);
    for (const struct namespace *each = b->namespaces; each; each = each->hh.next) {
        const struct namespace *namespace = network_namespace(a, each->name);
        assert_non_null(namespace);
        assert_int_equal(namespace->ipv6, each->ipv6);
        assert_true(namespace->referred >= each->referred);
        assert_true(namespace->named_twice >= each->named_twice);
        assert_false(namespace->some_links || namespace->no_rest);
        assert_int_equal(HASH_COUNT(namespace->links), HASH_COUNT(each->links));
        for (const struct link *link = each->links; link; link = link->hh.next) {
            const struct link *found = namespace_link(namespace, link->name);
            assert_non_null(found);
            assert_ptr_equal(found->namespace, namespace);
            assert_same_link(found, link, a);
        }
    }
    auto_json struct json_object *document_a = document_write(a), *document_b = document_write(b);
    assert_string_equal(json_object_to_json_string(document_a),
                        json_object_to_json_string(document_b));
}

/* What a look at both networks of a part sees. */
static struct network *look(const struct network *previous, const struct network *desired,
                            const struct network *kernel)
{
    struct network *actual = network_cut_actual(desired, kernel);
    auto_network struct network *more = network_cut_actual(previous, kernel);
    for (const struct namespace *each = more->namespaces; each; each = each->hh.next) {
        struct namespace *into = network_namespace(actual, each->name);
        if (!into) {
            assert_non_null(namespace_copy(each, actual));
            continue;
        }
        for (const struct link *link = each->links; link; link = link->hh.next) {
            if (!namespace_link(into, link->name))
                assert_non_null(link_copy(link, into));
        }
    }
    return actual;
}

static const char *pointer_of(struct json_object *change)
{
    return json_object_get_string(json_object_object_get(change, "pointer"));
}

static bool has_change(struct json_object *changes, struct json_object *wanted)
{
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        if (json_object_equal(json_object_array_get_idx(changes, i), wanted))
            return true;
    }
    return false;
}

/* A cable that is to be made is told of at the end that comes first. */
static bool has_other_end(struct json_object *changes, const struct network *network,
                          const char *pointer)
{
    char namespace[NAMESPACE_NAME_MAX + 1], name[IFNAMSIZ], other[512];
    const char *rest = pointer_parts(pointer, namespace, name);
    const struct link *link = rest && *name ? network_link(network, namespace, name) : NULL;
    if (!link || !link_peer(link))
        return false;
    link_pointer(link_peer(link), other, sizeof(other));
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        if (strcmp(pointer_of(json_object_array_get_idx(changes, i)), other) == 0)
            return true;
    }
    return false;
}

static void assert_same_changes(const struct plan *part, const struct plan *whole,
                                const struct network *network)
{
    auto_json struct json_object *in_part = changes_of(part);
    auto_json struct json_object *in_whole = changes_of(whole);
    for (size_t i = 0; i < json_object_array_length(in_whole); i++) {
        struct json_object *change = json_object_array_get_idx(in_whole, i);
        if (!has_change(in_part, change) && !has_other_end(in_part, network, pointer_of(change)))
            fail_msg("not in the plan of the part: %s", json_object_to_json_string(change));
    }
    assert_int_equal(json_object_array_length(in_part), json_object_array_length(in_whole));
}

/* Plans for the part on KERNEL, which is as NETWORK wants it, and runs that; WHOLE as it is planned
 * for as a whole. False when the part was found not to be enough. */
static bool run_part(struct kernel_model *kernel, struct network *network, struct network *previous,
                     struct network *desired, struct network *whole)
{
    auto_network struct network *all = copy_network(kernel->network);
    auto_network struct network *actual = look(previous, desired, all);
    auto_plan struct plan *plan_whole = build(whole, network, all, false);
    auto_plan struct plan *plan = build(desired, previous, actual, false);
    if (!part_suffices(desired))
        return false;
    assert_same_changes(plan, plan_whole, whole);
    run(kernel, plan, plan->count);
    auto_network struct network *after = look(desired, desired, kernel->network);
    auto_plan struct plan *again = build(desired, desired, after, false);
    run(kernel, again, again->count);
    kernel_model_destroy_parked(kernel);
    return true;
}

static unsigned parts, wholes;

/* Changes NETWORK, which KERNEL is as. */
static void change_once(struct kernel_model *kernel, struct network **network, unsigned *state)
{
    auto_json struct json_object *patch = random_patch(*network, state);
    auto_network struct network *whole = read_whole(*network, patch);
    auto_network struct network *previous = NULL, *desired = NULL;
    bool part = read_part(*network, patch, &previous, &desired);
    if (part && !whole)
        fail_msg("only as a part: %s", json_object_to_json_string(patch));
    if (whole)
        inherit_sysctls(*network, whole);
    if (part) {
        inherit_sysctls(previous, desired);
        assert_same_stored(previous, desired, *network, whole);
    }
    if (part && run_part(kernel, *network, previous, desired, whole)) {
        parts++;
        assert_true(part_commit(previous, desired, *network));
        assert_same_network(*network, whole);
    } else if (whole) {
        wholes++;
        change(kernel, whole, *network);
        network_free(*network);
        *network = TAKE(whole);
    }
    auto_network struct network *seen = copy_network(kernel->network);
    auto_plan struct plan *nothing = build(*network, *network, seen, false);
    assert_empty(nothing);
}

static void test_parts_come_to_the_same_as_the_whole(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        unsigned state = seed * 17;
        auto_network struct network *none = read_document("{}");
        struct network *network = random_network(&state);
        struct kernel_model *kernel = kernel_model_new();
        change(kernel, network, none);
        for (int i = 0; i < PATCHES; i++)
            change_once(kernel, &network, &state);
        network_free(network);
        kernel_model_free(kernel);
    }
    assert_true(parts > wholes / 2);
}

#define HUB "\"hub\": {\"links\": {\"br0\": {\"bridge\": {}, \"mtu\": 1500}}}"
#define PORT(members) "{\"eth0\": {\"veth\": {\"bridge\": \"hub/br0\"" members "}}}"

/* What follows from a change outside of what it describes is seen. */
static void test_wholes_are_asked_for(void **unused)
{
    (void)unused;
    static const struct {
        const char *namespaces, *patch;
        bool part;
    } cases[] = {
        {HUB, "{\"a\": {\"links\": " PORT("") "}}", true},
        {HUB ", \"a\": {\"links\": " PORT("") "}", "{\"a\": null}", true},
        /* others stand on a link, route through one, or have a tunnel in the namespace */
        {HUB ", \"b\": {\"links\": {\"m\": {\"macvlan\": {\"link\": \"hub/br0\"}}}}",
         "{\"hub\": {\"links\": {\"br0\": {\"alias\": \"x\"}}}}", false},
        {"\"hub\": {\"links\": {\"br0\": {\"bridge\": {}}}, \"routes\": "
         "{\"10.0.0.0/8\": {\"dev\": \"a.eth0\"}}}, \"a\": {\"links\": " PORT("") "}",
         "{\"a\": {\"links\": {\"eth0\": {\"mtu\": 1400}}}}", false},
        {HUB
         ", \"b\": {\"links\": {\"v\": {\"vxlan\": {\"id\": 1, \"underlayNamespace\": \"hub\"}}}}",
         "{\"hub\": {\"ipv6\": true}}", false},
        /* a MAC that is written, a namespace that becomes shared */
        {"\"hub\": {\"links\": {\"br0\": {\"bridge\": {}, \"mac\": \"02:00:00:00:00:01\"}}}",
         "{\"a\": {\"links\": " PORT("") "}}", false},
        {HUB ", \"a\": {}", "{\"a\": {\"external\": true}}", false},
        /* an end elsewhere that has something of its own, or whose name may be taken */
        {HUB, "{\"a\": {\"links\": " PORT(", \"port\": {\"addresses\": [\"10.0.0.1/8\"]}") "}}",
         false},
        {HUB, "{\"a\": {\"links\": " PORT(", \"port\": {\"name\": \"br0\"}") "}}", false},
        {"\"hub\": {\"links\": {\"br0\": {\"bridge\": {}, \"altNames\": [\"a.eth0\"]}}}",
         "{\"a\": {\"links\": " PORT("") "}}", false},
        {"\"hub\": {\"external\": true, \"sysctl\": {\"net/ipv4/conf/p/rp_filter\": 1}, \"links\": "
         "{\"br0\": {\"external\": true}}}",
         "{\"a\": {\"links\": " PORT(", \"port\": {\"name\": \"p\"}") "}}", false},
        /* the other end of a cable, and a namespace elsewhere, that change with it */
        {"\"a\": {\"links\": {\"x\": {\"veth\": {\"peer\": \"b/y\"}}}}, "
         "\"b\": {\"links\": {\"y\": {\"veth\": {\"peer\": \"a/x\"}}}}",
         "{\"a\": {\"links\": {\"x\": {\"mtu\": 1400}}}}", false},
        {HUB,
         "{\"a\": {\"links\": {\"v\": {\"vxlan\": {\"id\": 1, \"remote\": \"fd00::1\", "
         "\"underlayNamespace\": \"hub\"}}}}}",
         false},
        /* errors */
        {HUB, "{\"a\": {\"unknown\": 1}}", false},
        {HUB ", \"a\": {\"links\": " PORT("") "}", "{\"hub\": null}", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "{\"namespaces\": {%s}}", cases[i].namespaces);
        auto_network struct network *network = read_document(text);
        snprintf(text, sizeof(text), "{\"namespaces\": %s}", cases[i].patch);
        auto_json struct json_object *patch = json_tokener_parse(text);
        auto_network struct network *previous = NULL, *desired = NULL;
        if (!network || !patch)
            fail_msg("case %zu is wrong", i);
        if (read_part(network, patch, &previous, &desired) != cases[i].part)
            fail_msg("case %zu: %s", i, text);
    }
    auto_network struct network *network = read_document("{\"namespaces\": {" HUB "}}");
    auto_json struct json_object *other = json_tokener_parse("{\"namespaces\": {}, \"x\": 1}");
    assert_null(part_of_patch(network, other));
}

/* Documents as text -------------------------------------------------------------------------- */

static bool is_settled(void *context, const struct namespace *namespace)
{
    return !context || strcmp(namespace->name, context) != 0;
}

/* What TEXT describes otherwise than NETWORK, as JSON; "" when that cannot be told. */
static void assert_described(struct network *network, const char *text, const char *unsettled,
                             const char *expected)
{
    auto_json_text struct json_text *document = json_text_new(text, strlen(text));
    auto_json struct json_object *described =
        part_of_text(network, document, is_settled, (void *)unsettled);
    assert_string_equal(
        described ? json_object_to_json_string_ext(described, JSON_C_TO_STRING_PLAIN) : "",
        expected);
    for (const struct namespace *each = network->namespaces; each; each = each->hh.next)
        assert_false(each->mentioned);
}

static void test_texts_are_compared(void **unused)
{
    (void)unused;
    static const char text[] =
        "{\"$schema\": \"x\", \"namespaces\": {\"a\": {\"ipv6\": true}, \"b\": {}}}";
    auto_network struct network *network = read_document(text);
    assert_described(network, text, NULL, "{\"a\":{\"ipv6\":true},\"b\":{}}");
    auto_json_text struct json_text *kept = json_text_new(text, strlen(text));
    assert_null(part_keep_text(network, TAKE(kept)));
    assert_described(network, text, NULL, "{}");
    assert_described(network, text, "b", "{\"b\":{}}");
    assert_described(network, "{\"namespaces\":{\"b\":{},\"a\":{\"ipv6\": true}}}", NULL, "{}");
    assert_described(network, "{\"namespaces\":{\"b\":{},\"a\":{}}}", NULL, "{\"a\":{}}");
    assert_described(network, "{\"namespaces\":{\"b\":{}}}", NULL, "{\"a\":null}");
    assert_described(network, "{\"namespaces\":{\"b\":{},\"a\":{\"ipv6\": true},\"c\":{}}}", NULL,
                     "{\"c\":{}}");
    static const char *const untold[] = {
        "{}",
        "{\"namespaces\":{\"a\":null}}",
        "{\"namespaces\":[]}",
        "{\"namespaces\":{},\"other\":1}",
        "{\"namespaces\":{},\"$schema\":1}",
        "{\"namespaces\":{\"\\u0061\":{}}}",
    };
    for (size_t i = 0; i < sizeof(untold) / sizeof(untold[0]); i++)
        assert_described(network, untold[i], NULL, "");
}

/* What was changed otherwise is not known by its former text. */
static void test_a_part_has_no_text(void **unused)
{
    (void)unused;
    static const char text[] = "{\"namespaces\":{\"a\":{},\"b\":{}}}";
    auto_network struct network *network = read_document(text);
    auto_json_text struct json_text *kept = json_text_new(text, strlen(text));
    assert_null(part_keep_text(network, TAKE(kept)));
    auto_json struct json_object *patch =
        json_tokener_parse("{\"namespaces\":{\"a\":{\"ipv6\":true}}}");
    auto_network struct network *previous = NULL, *desired = NULL;
    assert_true(read_part(network, patch, &previous, &desired));
    assert_true(part_commit(previous, desired, network));
    assert_described(network, text, NULL, "{\"a\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_come_to_the_same_as_the_whole),
        cmocka_unit_test(test_wholes_are_asked_for),
        cmocka_unit_test(test_texts_are_compared),
        cmocka_unit_test(test_a_part_has_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
