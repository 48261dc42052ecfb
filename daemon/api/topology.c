/* io.netnsd.Topology: the methods that change, and their answers. */
#include "api/interfaces.h"
#include "api/process.h"
#include "api/topology_internal.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of changes in one reply. */
#define PIECE 65536

/* A day. */
#define CONFIRM_SECONDS_MAX 86400

struct parameters {
    const char *topology;
    struct json_object *document;
    bool dry_run;
    int64_t generation; /* -1: not said */
    int64_t to;
    int64_t confirm_seconds;
    bool kill;
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
#define TO_FIELD                                                                                   \
    {                                                                                              \
        .name = "to", .type = JSON_FIELD_INTEGER, .offset = offsetof(struct parameters, to),       \
        .minimum = 1, .maximum = INT64_MAX                                                         \
    }
#define CONFIRM_FIELD                                                                              \
    {                                                                                              \
        .name = "confirmSeconds", .type = JSON_FIELD_INTEGER,                                      \
        .offset = offsetof(struct parameters, confirm_seconds), .minimum = 1,                      \
        .maximum = CONFIRM_SECONDS_MAX                                                             \
    }
#define KILL_FIELD                                                                                 \
    {                                                                                              \
        .name = "kill", .type = JSON_FIELD_BOOL, .offset = offsetof(struct parameters, kill)       \
    }

static const struct json_field apply_fields[] = {TOPOLOGY_FIELD, DOCUMENT_FIELD("document"),
                                                 DRY_RUN_FIELD,  GENERATION_FIELD,
                                                 CONFIRM_FIELD,  KILL_FIELD,
                                                 {.name = NULL}};
static const struct json_field patch_fields[] = {
    TOPOLOGY_FIELD, DOCUMENT_FIELD("patch"), DRY_RUN_FIELD, GENERATION_FIELD, CONFIRM_FIELD,
    KILL_FIELD,     {.name = NULL}};
static const struct json_field revert_fields[] = {TOPOLOGY_FIELD,   TO_FIELD,      DRY_RUN_FIELD,
                                                  GENERATION_FIELD, CONFIRM_FIELD, KILL_FIELD,
                                                  {.name = NULL}};
static const struct json_field remove_fields[] = {
    TOPOLOGY_FIELD, DRY_RUN_FIELD, GENERATION_FIELD, KILL_FIELD, {.name = NULL}};
static const struct json_field confirm_fields[] = {
    TOPOLOGY_FIELD, GENERATION_FIELD, {.name = NULL}};

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

static struct json_object *write_mismatch(const struct call *call,
                                          const struct change_result *result)
{
    auto_json struct json_object *object = topology_write_name(call);
    int64_t expected = json_object_get_int64(json_lookup(call_parameters(call), "/generation"));
    bool good = object && json_put_integer(object, "expected", expected) &&
                json_put_integer(object, "generation", (int64_t)result->generation);
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_pending(const struct call *call,
                                         const struct change_result *result)
{
    char until[CLOCK_TEXT_MAX];
    auto_json struct json_object *object = topology_write_name(call);
    bool good = object && json_put_integer(object, "generation", (int64_t)result->generation) &&
                json_put_string(object, "confirmBy", clock_format(result->confirm_by, until));
    return good ? TAKE(object) : NULL;
}

static struct json_object *write_managed(const struct call *call,
                                         const struct change_result *result)
{
    auto_json struct json_object *object = topology_write_name(call);
    bool good = object && json_put_string(object, "file", result->other) &&
                json_put_string(object, "message", result->error->text);
    return good ? TAKE(object) : NULL;
}

/* The one that a call of Revert wanted back. */
static uint64_t wanted_generation(const struct call *call, const struct change_result *result)
{
    struct json_object *to = json_lookup(call_parameters(call), "/to");
    return to ? (uint64_t)json_object_get_int64(to) : result->generation - 1;
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

static void refuse(struct call *call, const struct change_result *result)
{
    const struct error *error = result->error;
    if (result->problems && result->problems->errors) {
        topology_error(call, "io.netnsd.Topology.InvalidDocument",
                       write_one("problems", write_problems(result->problems)));
        return;
    }
    switch (error->code) {
    case ERROR_INVALID:
        call_invalid_parameter(call, "topology");
        break;
    case ERROR_NOT_FOUND:
        topology_error(call, "io.netnsd.Topology.NoSuchTopology", topology_write_name(call));
        break;
    case ERROR_GENERATION:
        topology_error(call, "io.netnsd.Topology.GenerationMismatch", write_mismatch(call, result));
        break;
    case ERROR_HISTORY:
        topology_no_generation(call, wanted_generation(call, result));
        break;
    case ERROR_MANAGED:
        topology_error(call, "io.netnsd.Topology.ManagedByFile", write_managed(call, result));
        break;
    case ERROR_PENDING:
        topology_error(call, "io.netnsd.Topology.ConfirmPending", write_pending(call, result));
        break;
    case ERROR_CONFIRMED:
        topology_error(call, "io.netnsd.Topology.NothingToConfirm", topology_write_name(call));
        break;
    case ERROR_OWNED:
        topology_error(call, "io.netnsd.Topology.Owned", write_finding(result, "owner"));
        break;
    case ERROR_IN_USE:
        topology_error(call, "io.netnsd.Topology.InUse", write_finding(result, "user"));
        break;
    case ERROR_EXISTS:
    case ERROR_WAITING:
        topology_error(call, "io.netnsd.Topology.Foreign", write_finding(result, NULL));
        break;
    case ERROR_BUSY:
        topology_error(call, "io.netnsd.Topology.LimitReached",
                       write_one("message", json_object_new_string(error->text)));
        break;
    case ERROR_MEMORY:
        call_fail_memory(call);
        break;
    default: /* the kernel could not be read: nothing was done, and nothing remains */
        topology_error(
            call, "io.netnsd.Topology.TransactionFailed",
            write_failure(&(struct change_result){.outcome = CHANGE_ROLLED_BACK, .error = error}));
        break;
    }
}

/* To those who want more: the changes in pieces, before it is known what comes of them. */
static void tell_changes(void *context, const struct changes *changes)
{
    struct call *call = context;
    size_t length;
    for (size_t offset = 0; (length = changes_piece(changes, offset, PIECE));
         offset += length + 1) {
        auto_free char *parameters = NULL;
        int written =
            asprintf(&parameters,
                     "{\"outcome\":\"pending\",\"generation\":0,\"event\":0,\"changes\":[%.*s],"
                     "\"warnings\":[]}",
                     (int)length, changes->text->buf + 1 + offset);
        call_continue_text(call, written < 0 ? NULL : parameters, (size_t)written);
    }
}

static void succeed(struct call *call, const struct change_result *result, const char *outcome)
{
    bool told = call_wants_more(call) || !result->changes;
    const char *changes = told ? "[]" : result->changes->text->buf;
    auto_json struct json_object *reply = json_object_new_object();
    bool good = reply && json_put_string(reply, "outcome", outcome) &&
                json_put_integer(reply, "generation", (int64_t)result->generation) &&
                json_put_integer(reply, "event", (int64_t)result->event) &&
                json_put(reply, "changes", json_new_raw(changes));
    char until[CLOCK_TEXT_MAX];
    if (good &&
        (!result->confirm_by ||
         json_put_string(reply, "confirmBy", clock_format(result->confirm_by, until))) &&
        (!result->process_count ||
         json_put(reply, "processes", write_processes(result->processes, result->process_count))) &&
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
        topology_error(call, "io.netnsd.Topology.TransactionFailed", write_failure(result));
        break;
    }
}

/* The document of a call of Apply, as text; NULL when memory is short. */
static struct json_text *document_text(const struct call *call, struct json_object *document)
{
    struct json_text *text = call_document(call);
    if (text)
        return json_text_get(text);
    size_t length = 0;
    const char *written =
        json_object_to_json_string_length(document, JSON_C_TO_STRING_PLAIN, &length);
    return written ? json_text_new(written, length) : NULL;
}

static void change(struct call *call, enum change_type type, const struct json_field *fields)
{
    struct parameters parameters = {.generation = -1};
    if (!call_read_parameters(call, fields, &parameters))
        return;
    bool apply = type == CHANGE_APPLY, patch = type == CHANGE_PATCH;
    auto_json_text struct json_text *text = apply ? document_text(call, parameters.document) : NULL;
    if (apply && !text) {
        call_fail_memory(call);
        return;
    }
    const struct change_request request = {
        .type = type,
        .topology = parameters.topology,
        .text = text,
        .patch = patch ? parameters.document : NULL,
        .dry_run = parameters.dry_run,
        .has_generation = parameters.generation >= 0,
        .generation = (uint64_t)parameters.generation,
        .to = (uint64_t)parameters.to,
        .confirm_seconds = (uint32_t)parameters.confirm_seconds,
        .kill = parameters.kill,
        .planned = call_wants_more(call) ? tell_changes : NULL,
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

static void revert(struct call *call)
{
    change(call, CHANGE_REVERT, revert_fields);
}

static void remove_topology(struct call *call)
{
    change(call, CHANGE_REMOVE, remove_fields);
}

static void confirmed(void *context, uint64_t generation, const struct error *error)
{
    struct call *call = context;
    if (error && error->code == ERROR_SYSTEM) {
        topology_state_failed(call, error);
        return;
    }
    if (error) {
        refuse(call, &(struct change_result){.generation = generation, .error = error});
        return;
    }
    auto_json struct json_object *reply = json_object_new_object();
    if (reply && json_put_integer(reply, "generation", (int64_t)generation))
        call_reply(call, TAKE(reply));
    else
        call_fail_memory(call);
}

static void confirm(struct call *call)
{
    struct parameters parameters = {.generation = -1};
    if (!call_read_parameters(call, confirm_fields, &parameters))
        return;
    const uint64_t generation = (uint64_t)parameters.generation;
    engine_confirm(call_engine(call), parameters.topology,
                   parameters.generation >= 0 ? &generation : NULL, confirmed, call);
}

static const struct method methods[] = {
    {.name = "Apply", .run = apply},
    {.name = "Patch", .run = patch},
    {.name = "Revert", .run = revert},
    {.name = "Remove", .run = remove_topology},
    {.name = "Confirm", .run = confirm},
    {.name = "Get", .run = topology_get, .reading = true},
    {.name = "List", .run = topology_list, .reading = true},
    {.name = "History", .run = topology_history, .reading = true},
    {.name = "Diff", .run = topology_diff, .reading = true},
    {.name = NULL},
};

const struct interface interface_topology = {.name = "io.netnsd.Topology", .methods = methods};
