/* io.netnsd.Topology */
#include "api/interfaces.h"
#include "api/list.h"

#include "common/cleanup.h"
#include "model/document.h"

#include <stdlib.h>
#include <string.h>

struct parameters {
    const char *topology;
    struct json_object *document;
    bool dry_run;
    int64_t generation; /* -1: not said */
};

#define TOPOLOGY_FIELD                                                                             \
    {                                                                                              \
        .name = "topology", .type = JSON_FIELD_STRING,                                             \
        .offset = offsetof(struct parameters, topology), .required = true                          \
    }
#define DOCUMENT_FIELD(key)                                                                        \
    {                                                                                              \
        .name = key, .type = JSON_FIELD_OBJECT, .offset = offsetof(struct parameters, document),   \
        .required = true                                                                           \
    }
#define DRY_RUN_FIELD                                                                              \
    {                                                                                              \
        .name = "dryRun", .type = JSON_FIELD_BOOL, .offset = offsetof(struct parameters, dry_run)  \
    }
#define GENERATION_FIELD                                                                           \
    {                                                                                              \
        .name = "generation", .type = JSON_FIELD_INTEGER,                                          \
        .offset = offsetof(struct parameters, generation), .minimum = 0, .maximum = INT64_MAX      \
    }

static const struct json_field apply_fields[] = {
    TOPOLOGY_FIELD, DOCUMENT_FIELD("document"), DRY_RUN_FIELD, GENERATION_FIELD, {.name = NULL}};
static const struct json_field patch_fields[] = {
    TOPOLOGY_FIELD, DOCUMENT_FIELD("patch"), DRY_RUN_FIELD, GENERATION_FIELD, {.name = NULL}};
static const struct json_field remove_fields[] = {
    TOPOLOGY_FIELD, DRY_RUN_FIELD, GENERATION_FIELD, {.name = NULL}};
static const struct json_field get_fields[] = {TOPOLOGY_FIELD, {.name = NULL}};

static struct json_object *write_problem(const struct problem *problem)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object &&
                json_put_string(object, "severity", problem->warning ? "warning" : "error") &&
                json_put_string(object, "pointer", problem->pointer) &&
                json_put_string(object, "message", problem->text);
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_problems(const struct problems *problems)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; problems && i < problems->count; i++) {
        if (!array || !json_append(array, write_problem(&problems->items[i])))
            return NULL;
    }
    return TAKE(array);
}

/* Each error's parameters; NULL when memory is short. */

static struct json_object *write_finding(const struct change_result *result, const char *other)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "pointer", result->error->pointer) &&
                (!other || json_put_string(object, other, result->other ? result->other : "")) &&
                json_put_string(object, "message", result->error->text);
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_name(const struct call *call)
{
    auto_json struct json_object *object = json_object_new_object();
    const char *name = json_object_get_string(json_lookup(call_parameters(call), "/topology"));
    return object && name && json_put_string(object, "topology", name) ? TAKE(object) : NULL;
}

static struct json_object *write_mismatch(const struct call *call,
                                          const struct change_result *result)
{
    auto_json struct json_object *object = write_name(call);
    int64_t expected = json_object_get_int64(json_lookup(call_parameters(call), "/generation"));
    bool good = object && json_put_integer(object, "expected", expected) &&
                json_put_integer(object, "generation", (int64_t)result->generation);
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_remaining(char *const *remaining)
{
    auto_json struct json_object *array = json_object_new_array();
    for (; array && remaining && *remaining; remaining++) {
        if (!json_append(array, json_object_new_string(*remaining)))
            return NULL;
    }
    return TAKE(array);
}

static struct json_object *write_failure(const struct change_result *result)
{
    const struct error *error = result->error;
    bool complete = result->outcome == CHANGE_ROLLED_BACK;
    auto_json struct json_object *object = json_object_new_object();
    bool good =
        object &&
        json_put_string(object, "outcome", complete ? "rolledBack" : "rollbackIncomplete") &&
        json_put_string(object, "pointer", error->pointer) &&
        json_put_string(object, "errno", errno_name(error->errnum)) &&
        json_put_string(object, "message", error->text) &&
        json_put(object, "remaining", write_remaining(result->remaining));
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_one(const char *key, struct json_object *value)
{
    auto_json struct json_object *object = json_object_new_object();
    auto_json struct json_object *owned = value;
    return object && json_put(object, key, TAKE(owned)) ? TAKE(object) : NULL;
}

static void answer_error(struct call *call, const char *error, struct json_object *parameters)
{
    if (parameters)
        call_error(call, error, parameters);
    else
        call_fail_memory(call);
}

static void refuse(struct call *call, const struct change_result *result)
{
    const struct error *error = result->error;
    if (result->problems && result->problems->errors) {
        answer_error(call, "io.netnsd.Topology.InvalidDocument",
                     write_one("problems", write_problems(result->problems)));
        return;
    }
    switch (error->code) {
    case ERROR_INVALID:
        call_invalid_parameter(call, "topology");
        break;
    case ERROR_NOT_FOUND:
        answer_error(call, "io.netnsd.Topology.NoSuchTopology", write_name(call));
        break;
    case ERROR_GENERATION:
        answer_error(call, "io.netnsd.Topology.GenerationMismatch", write_mismatch(call, result));
        break;
    case ERROR_OWNED:
        answer_error(call, "io.netnsd.Topology.Owned", write_finding(result, "owner"));
        break;
    case ERROR_IN_USE:
        answer_error(call, "io.netnsd.Topology.InUse", write_finding(result, "user"));
        break;
    case ERROR_EXISTS:
    case ERROR_WAITING:
        answer_error(call, "io.netnsd.Topology.Foreign", write_finding(result, NULL));
        break;
    case ERROR_BUSY:
        answer_error(call, "io.netnsd.Topology.LimitReached",
                     write_one("message", json_object_new_string(error->text)));
        break;
    case ERROR_MEMORY:
        call_fail_memory(call);
        break;
    default: /* the kernel could not be read: nothing was done, and nothing remains */
        answer_error(
            call, "io.netnsd.Topology.TransactionFailed",
            write_failure(&(struct change_result){.outcome = CHANGE_ROLLED_BACK, .error = error}));
        break;
    }
}

static void succeed(struct call *call, const struct change_result *result, const char *outcome)
{
    struct json_object *changes =
        result->changes ? json_object_get(result->changes) : json_object_new_array();
    auto_json struct json_object *reply = json_object_new_object();
    bool good = reply && json_put_string(reply, "outcome", outcome) &&
                json_put_integer(reply, "generation", (int64_t)result->generation) &&
                json_put_integer(reply, "event", (int64_t)result->event);
    if (!good) {
        json_object_put(changes);
        call_fail_memory(call);
        return;
    }
    if (json_put(reply, "changes", changes) &&
        json_put(reply, "warnings", write_problems(result->problems)))
        call_reply(call, TAKE(reply));
    else
        call_fail_memory(call);
}

static void changed(void *context, const struct change_result *result)
{
    struct call *call = context;
    switch (result->outcome) {
    case CHANGE_COMMITTED:
        succeed(call, result, "committed");
        break;
    case CHANGE_UNCHANGED:
        succeed(call, result, "unchanged");
        break;
    case CHANGE_PLANNED:
        succeed(call, result, "planned");
        break;
    case CHANGE_REFUSED:
        refuse(call, result);
        break;
    case CHANGE_ROLLED_BACK:
    case CHANGE_ROLLBACK_INCOMPLETE:
        answer_error(call, "io.netnsd.Topology.TransactionFailed", write_failure(result));
        break;
    }
}

static void change(struct call *call, enum change_type type, const struct json_field *fields)
{
    struct parameters parameters = {.generation = -1};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    const struct change_request request = {
        .type = type,
        .topology = parameters.topology,
        .document = parameters.document,
        .dry_run = parameters.dry_run,
        .has_generation = parameters.generation >= 0,
        .generation = (uint64_t)parameters.generation,
    };
    engine_change(call_engine(call), &request, changed, call);
}

static void apply(struct call *call)
{
    change(call, CHANGE_APPLY, apply_fields);
}

static void patch(struct call *call)
{
    change(call, CHANGE_PATCH, patch_fields);
}

static void remove_topology(struct call *call)
{
    change(call, CHANGE_REMOVE, remove_fields);
}

static void get(struct call *call)
{
    struct parameters parameters = {0};
    struct topology_summary topology;
    if (!call_read_parameters(call, get_fields, &parameters))
        return;
    if (!engine_topology(call_engine(call), parameters.topology, &topology)) {
        answer_error(call, "io.netnsd.Topology.NoSuchTopology", write_name(call));
        return;
    }
    auto_json struct json_object *reply = write_name(call);
    if (reply && json_put_integer(reply, "generation", (int64_t)topology.generation) &&
        json_put(reply, "document", document_write(topology.network)))
        call_reply(call, TAKE(reply));
    else
        call_fail_memory(call);
}

static const char *state_word(const struct topology_summary *topology)
{
    static const char *const words[] = {[TOPOLOGY_ACTIVE] = "active",
                                        [TOPOLOGY_CHANGING] = "changing",
                                        [TOPOLOGY_WAITING] = "waiting",
                                        [TOPOLOGY_FAILED] = "failed"};
    return words[topology->state];
}

/* What the topology owns. */
static void count(const struct network *network, int64_t *namespaces, int64_t *links)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        *namespaces += !namespace_is_shared(namespace);
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link)
            *links += !link->external && link->kind;
    }
}

static bool add_summary(void *context, const struct topology_summary *topology)
{
    int64_t namespaces = 0, links = 0;
    count(topology->network, &namespaces, &links);
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "topology", topology->name) &&
                json_put_integer(object, "generation", (int64_t)topology->generation) &&
                json_put_string(object, "state", state_word(topology)) &&
                (!topology->message || json_put_string(object, "message", topology->message)) &&
                json_put_integer(object, "namespaces", namespaces) &&
                json_put_integer(object, "links", links);
    return list_add(context, good ? TAKE(object) : NULL);
}

static void list_topologies(struct call *call)
{
    struct list list;
    if (!call_read_parameters(call, NULL, NULL))
        return;
    list_begin(&list, call, "topologies");
    engine_each_topology(call_engine(call), add_summary, &list);
    list_end(&list);
}

static const struct method methods[] = {
    {.name = "Apply", .run = apply, .mutating = true},
    {.name = "Patch", .run = patch, .mutating = true},
    {.name = "Remove", .run = remove_topology, .mutating = true},
    {.name = "Get", .run = get},
    {.name = "List", .run = list_topologies},
    {.name = NULL},
};

const struct interface interface_topology = {.name = "io.netnsd.Topology", .methods = methods};
