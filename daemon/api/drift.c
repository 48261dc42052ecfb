/* io.netnsd.Drift */
#include "api/difference.h"
#include "api/interfaces.h"
#include "api/list.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <stdio.h>

static const char interface_name[] = "io.netnsd.Drift";

struct parameters {
    const char *topology;
};

static const struct json_field fields[] = {
    {.name = "topology",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct parameters, topology)},
    {.name = NULL},
};

static const char *const states[] = {
    [DRIFT_FOUND] = "found",     [DRIFT_REPAIRED] = "repaired", [DRIFT_CONTENDED] = "contended",
    [DRIFT_BLOCKED] = "blocked", [DRIFT_REPORTED] = "reported",
};

static bool add_difference(void *context, const struct drift_summary *drift)
{
    char since[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "topology", drift->topology) &&
                json_put_string(object, "pointer", drift->pointer) &&
                json_put_string(object, "kind", difference_kind(drift->change)) &&
                json_put_string(object, "state", states[drift->state]) &&
                json_put(object, "fields", difference_fields(drift->change)) &&
                json_put_string(object, "since", clock_format(drift->since, since)) &&
                json_put_string(object, "lastChange", clock_format(drift->last_change, last)) &&
                json_put_integer(object, "repairs", drift->repairs) &&
                (!drift->message || json_put_string(object, "message", drift->message));
    return list_add(context, good ? TAKE(object) : NULL);
}

static void refuse_topology(struct call *call, const char *topology)
{
    auto_json struct json_object *object = json_object_new_object();
    if (object && json_put_string(object, "topology", topology))
        call_error(call, "io.netnsd.Drift.NoSuchTopology", TAKE(object));
    else
        call_fail_memory(call);
}

/* False when the call has been answered: there is no such topology, or a parameter is wrong. */
static bool read_topology(struct call *call, const char **topology)
{
    struct parameters parameters = {0};
    struct topology_summary summary;
    if (!call_read_parameters(call, fields, &parameters))
        return false;
    *topology = parameters.topology;
    if (!*topology || engine_topology(call_engine(call), *topology, &summary))
        return true;
    refuse_topology(call, *topology);
    return false;
}

static void list_drift(struct call *call)
{
    const char *topology;
    struct list list;
    if (!read_topology(call, &topology))
        return;
    list_begin(&list, call, "differences");
    engine_each_drift(call_engine(call), topology, add_difference, &list);
    list_end(&list);
}

static void fail(struct call *call, const char *topology, const struct error *error)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.Failed", interface_name);
    auto_json struct json_object *object = json_object_new_object();
    if (object && json_put_string(object, "topology", topology) &&
        json_put_string(object, "pointer", error->pointer) &&
        json_put_string(object, "errno", errno_name(error->errnum)) &&
        json_put_string(object, "message", error->text))
        call_error(call, name, TAKE(object));
    else
        call_fail_memory(call);
}

static struct json_object *write_unheard(const struct comparison_result *result)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < result->unheard_count; i++) {
        if (!array || !json_append(array, json_object_new_string(result->unheard[i])))
            return NULL;
    }
    return TAKE(array);
}

static void answer(struct call *call, const struct comparison_result *result, bool audit)
{
    struct list list;
    if (result->error) {
        fail(call, result->topology, result->error);
        return;
    }
    list_begin(&list, call, "differences");
    for (size_t i = 0; i < result->count; i++) {
        if (!add_difference(&list, &result->differences[i]))
            break;
    }
    if (audit)
        list_put_last(&list, "unheard", write_unheard(result));
    list_end(&list);
}

static void audited(void *context, const struct comparison_result *result)
{
    answer(context, result, true);
}

static void audit(struct call *call)
{
    const char *topology;
    if (read_topology(call, &topology))
        engine_compare(call_engine(call), topology, false, audited, call);
}

static void repaired(void *context, const struct comparison_result *result)
{
    answer(context, result, false);
}

static void repair(struct call *call)
{
    const char *topology;
    if (read_topology(call, &topology))
        engine_compare(call_engine(call), topology, true, repaired, call);
}

static const struct method methods[] = {
    {.name = "List", .run = list_drift, .reading = true},
    {.name = "Audit", .run = audit, .reading = true},
    {.name = "Repair", .run = repair},
    {.name = NULL},
};

const struct interface interface_drift = {.name = interface_name, .methods = methods};
