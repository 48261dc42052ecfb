/* io.netnsd.Topology: the methods that read, now and in the past. */
#include "api/interfaces.h"
#include "api/list.h"
#include "api/topology_internal.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "model/document.h"

struct parameters {
    const char *topology;
    int64_t generation, from, to; /* 0: not said */
};

#define TOPOLOGY_FIELD(needed)                                                                     \
    {                                                                                              \
        .name = "topology", .type = JSON_FIELD_STRING,                                             \
        .offset = offsetof(struct parameters, topology), .required = needed                        \
    }
#define GENERATION_FIELD(key, needed)                                                              \
    {                                                                                              \
        .name = #key, .type = JSON_FIELD_INTEGER, .offset = offsetof(struct parameters, key),      \
        .required = needed, .minimum = 1, .maximum = INT64_MAX                                     \
    }

static const struct json_field list_fields[] = {TOPOLOGY_FIELD(false), {.name = NULL}};
static const struct json_field history_fields[] = {TOPOLOGY_FIELD(true), {.name = NULL}};
static const struct json_field get_fields[] = {
    TOPOLOGY_FIELD(true), GENERATION_FIELD(generation, false), {.name = NULL}};
static const struct json_field diff_fields[] = {TOPOLOGY_FIELD(true),
                                                GENERATION_FIELD(from, true),
                                                GENERATION_FIELD(to, false),
                                                {.name = NULL}};

struct json_object *topology_write_name(const struct call *call)
{
    auto_json struct json_object *object = json_object_new_object();
    const char *name = json_object_get_string(json_lookup(call_parameters(call), "/topology"));
    return object && name && json_put_string(object, "topology", name) ? TAKE(object) : NULL;
}

void topology_error(struct call *call, const char *error, struct json_object *parameters)
{
    if (parameters)
        call_error(call, error, parameters);
    else
        call_fail_memory(call);
}

void topology_no_generation(struct call *call, uint64_t generation)
{
    struct topology_summary topology;
    auto_json struct json_object *object = topology_write_name(call);
    const char *name = json_object_get_string(json_lookup(object, "/topology"));
    if (!object || !engine_topology(call_engine(call), name, &topology)) {
        topology_error(call, "io.netnsd.Topology.NoSuchTopology", TAKE(object));
        return;
    }
    bool good = json_put_integer(object, "generation", (int64_t)generation) &&
                json_put_integer(object, "oldest", (int64_t)store_oldest(topology.generation)) &&
                json_put_integer(object, "newest", (int64_t)topology.generation);
    topology_error(call, "io.netnsd.Topology.NoSuchGeneration", good ? TAKE(object) : NULL);
}

void topology_state_failed(struct call *call, const struct error *error)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good =
        error->code != ERROR_MEMORY && object && json_put_string(object, "message", error->text);
    topology_error(call, "io.netnsd.Topology.StateFailed", good ? TAKE(object) : NULL);
}

/* GENERATION is the one that ERROR is about, if it is about one. */
static void refuse(struct call *call, uint64_t generation, const struct error *error)
{
    switch (error->code) {
    case ERROR_NOT_FOUND:
        topology_error(call, "io.netnsd.Topology.NoSuchTopology", topology_write_name(call));
        break;
    case ERROR_HISTORY:
        topology_no_generation(call, generation);
        break;
    default:
        topology_state_failed(call, error);
        break;
    }
}

static void answer_document(struct call *call, uint64_t generation, struct json_object *document)
{
    auto_json struct json_object *reply = topology_write_name(call);
    auto_json struct json_object *owned = document;
    if (reply && json_put_integer(reply, "generation", (int64_t)generation) &&
        json_put(reply, "document", TAKE(owned)))
        call_reply(call, TAKE(reply));
    else
        call_fail_memory(call);
}

static void document_read_back(void *context, uint64_t generation, struct json_object *document,
                               const struct error *error)
{
    struct call *call = context;
    if (error)
        refuse(call, generation, error);
    else
        answer_document(call, generation, json_object_get(document));
}

void topology_get(struct call *call)
{
    struct parameters parameters = {0};
    struct topology_summary topology;
    if (!call_read_parameters(call, get_fields, &parameters))
        return;
    if (parameters.generation)
        engine_document(call_engine(call), parameters.topology, (uint64_t)parameters.generation,
                        document_read_back, call);
    else if (engine_topology(call_engine(call), parameters.topology, &topology))
        answer_document(call, topology.generation, document_write(topology.network));
    else
        topology_error(call, "io.netnsd.Topology.NoSuchTopology", topology_write_name(call));
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
    char until[CLOCK_TEXT_MAX];
    int64_t namespaces = 0, links = 0;
    count(topology->network, &namespaces, &links);
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "topology", topology->name) &&
                json_put_integer(object, "generation", (int64_t)topology->generation) &&
                json_put_string(object, "state", state_word(topology)) &&
                (!topology->message || json_put_string(object, "message", topology->message)) &&
                (!topology->file || json_put_string(object, "file", topology->file)) &&
                (!topology->confirm_by ||
                 json_put_string(object, "confirmBy", clock_format(topology->confirm_by, until))) &&
                json_put_integer(object, "namespaces", namespaces) &&
                json_put_integer(object, "links", links);
    return list_add(context, good ? TAKE(object) : NULL);
}

void topology_list(struct call *call)
{
    struct list list;
    struct topology_summary topology;
    struct parameters parameters = {0};
    if (!call_read_parameters(call, list_fields, &parameters))
        return;
    const char *name = parameters.topology;
    if (name && !engine_topology(call_engine(call), name, &topology)) {
        topology_error(call, "io.netnsd.Topology.NoSuchTopology", topology_write_name(call));
        return;
    }
    list_begin(&list, call, "topologies");
    if (name)
        add_summary(&list, &topology);
    else
        engine_each_topology(call_engine(call), add_summary, &list);
    list_end(&list);
}

static struct json_object *write_generation(const struct store_generation *generation)
{
    char time[CLOCK_TEXT_MAX];
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_integer(object, "generation", (int64_t)generation->generation) &&
                json_put_string(object, "cause", generation->cause ? generation->cause : "unknown");
    if (good && generation->repeats)
        good = json_put_integer(object, "repeats", (int64_t)generation->repeats);
    if (good && generation->cause)
        good = json_put_string(object, "time", clock_format(generation->time, time)) &&
               json_put_integer(object, "created", generation->created) &&
               json_put_integer(object, "changed", generation->changed) &&
               json_put_integer(object, "removed", generation->removed);
    return good ? TAKE(object) : NULL;
}

static void history_read(void *context, const struct store_history *history,
                         const struct error *error)
{
    struct call *call = context;
    struct list list;
    if (error) {
        refuse(call, 0, error);
        return;
    }
    list_begin(&list, call, "generations");
    for (size_t i = 0; i < history->count; i++) {
        if (!list_add(&list, write_generation(&history->items[i])))
            break;
    }
    list_end(&list);
}

void topology_history(struct call *call)
{
    struct parameters parameters = {0};
    if (call_read_parameters(call, history_fields, &parameters))
        engine_history(call_engine(call), parameters.topology, history_read, call);
}

static void difference_found(void *context, uint64_t generation, struct json_object *changes,
                             const struct error *error)
{
    struct call *call = context;
    struct list list;
    if (error) {
        refuse(call, generation, error);
        return;
    }
    list_begin(&list, call, "changes");
    for (size_t i = 0; i < json_object_array_length(changes); i++) {
        if (!list_add(&list, json_object_get(json_object_array_get_idx(changes, i))))
            break;
    }
    list_end(&list);
}

void topology_diff(struct call *call)
{
    struct parameters parameters = {0};
    if (call_read_parameters(call, diff_fields, &parameters))
        engine_difference(call_engine(call), parameters.topology, (uint64_t)parameters.from,
                          (uint64_t)parameters.to, difference_found, call);
}
