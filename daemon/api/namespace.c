/* io.netnsd.Namespace */
#include "api/interfaces.h"
#include "api/list.h"
#include "api/process.h"

#include "common/cleanup.h"
#include "kernel/netns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char interface_name[] = "io.netnsd.Namespace";

struct name_parameters {
    const char *namespace;
};

static const struct json_field optional_name[] = {
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct name_parameters, namespace)},
    {.name = NULL},
};

static const struct json_field required_name[] = {
    {.name = "namespace",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct name_parameters, namespace),
     .required = true},
    {.name = NULL},
};

/* The host first, then sorted, each once. */
struct names {
    char **items;
    size_t count;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static bool names_add(struct names *names, const char *name)
{
    char **grown = reallocarray(names->items, names->count + 1, sizeof(*names->items));
    if (!grown)
        return false;
    names->items = grown;
    grown[names->count] = strdup(name);
    return grown[names->count++];
}

static int compare(const void *a, const void *b)
{
    const char *one = *(char *const *)a, *other = *(char *const *)b;
    bool host = strcmp(one, NAMESPACE_HOST) == 0, other_host = strcmp(other, NAMESPACE_HOST) == 0;
    return host || other_host ? other_host - host : strcmp(one, other);
}

static void names_sort(struct names *names)
{
    size_t kept = 0;
    if (names->count)
        qsort(names->items, names->count, sizeof(*names->items), compare);
    for (size_t i = 0; i < names->count; i++) {
        if (kept && strcmp(names->items[kept - 1], names->items[i]) == 0)
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

struct gathering {
    struct names *names;
    bool failed;
};

static bool gather_topology(void *context, const struct topology_summary *topology)
{
    struct gathering *gathering = context;
    struct namespace *namespace, *next;
    HASH_ITER (hh, topology->network->namespaces, namespace, next) {
        if (!names_add(gathering->names, namespace->name)) {
            gathering->failed = true;
            return false;
        }
    }
    return true;
}

static bool gather_kernel(struct names *names, struct error *error)
{
    char **found = netns_names(error);
    bool good = found;
    for (char **name = found; name && *name; name++) {
        good = good && (names_add(names, *name) || error_memory(error));
        free(*name);
    }
    free(found);
    return good;
}

/* What topologies describe, and what is in the directory. */
static bool gather(struct engine *engine, struct names *names, struct error *error)
{
    struct gathering gathering = {.names = names};
    engine_each_topology(engine, gather_topology, &gathering);
    if (gathering.failed || !names_add(names, NAMESPACE_HOST))
        return error_memory(error);
    if (!gather_kernel(names, error))
        return false;
    names_sort(names);
    return true;
}

/* NULL when there is nothing of that name. */
static const char *namespace_state(struct engine *engine, const char *name)
{
    const char *path;
    if (strcmp(name, NAMESPACE_HOST) == 0)
        return "host";
    if (engine_namespace_owner(engine, name))
        return "owned";
    if (engine_namespace_user(engine, name, &path))
        return "external";
    switch (netns_probe(name)) {
    case NETNS_PRESENT:
        return "foreign";
    case NETNS_STALE:
        return "broken";
    default:
        return NULL;
    }
}

static struct json_object *write_namespace(struct engine *engine, const char *name,
                                           const char *state)
{
    const char *path = NULL;
    char own[40];
    const char *topology = engine_namespace_owner(engine, name);
    bool host = strcmp(name, NAMESPACE_HOST) == 0;
    if (host) {
        snprintf(own, sizeof(own), "/proc/%d/ns/net", getpid());
        path = own;
    }
    if (!topology && !host)
        topology = engine_namespace_user(engine, name, &path);
    uint64_t cookie = engine_namespace_cookie(engine, name);
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "namespace", name) &&
                json_put_string(object, "state", state) &&
                (!topology || json_put_string(object, "topology", topology)) &&
                (!path || json_put_string(object, "path", path)) &&
                (!cookie || json_put_integer(object, "cookie", (int64_t)cookie));
    return good ? TAKE(object) : NULL;
}

/* What the event loop's thread adds before others get their turn. */
#define SLICE 64

struct listing {
    struct list list;
    struct names names;
    size_t next;
    struct event *resume;
};

static void listing_free(struct listing *listing)
{
    if (listing->resume)
        event_free(listing->resume);
    list_clear(&listing->list);
    names_clear(&listing->names);
    free(listing);
}

static bool add_namespace(struct list *list, const char *name)
{
    struct engine *engine = call_engine(list->call);
    const char *state = namespace_state(engine, name);
    return !state || list_add(list, write_namespace(engine, name, state));
}

static void add_slice(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval at_once = {0};
    struct listing *listing = context;
    const struct names *names = &listing->names;
    bool wanted = true;
    (void)fd;
    (void)what;
    for (size_t i = 0; wanted && i < SLICE && listing->next < names->count; i++)
        wanted = add_namespace(&listing->list, names->items[listing->next++]);
    if (wanted && listing->next < names->count && event_add(listing->resume, &at_once) == 0)
        return;
    listing->list.failed |= wanted && listing->next < names->count;
    list_end(&listing->list);
    listing_free(listing);
}

static void list_all(struct call *call)
{
    struct error error = {0};
    struct listing *listing = calloc(1, sizeof(*listing));
    if (!listing) {
        call_fail_memory(call);
        return;
    }
    list_begin(&listing->list, call, "namespaces");
    listing->resume = evtimer_new(call_base(call), add_slice, listing);
    if (listing->resume ? gather(call_engine(call), &listing->names, &error)
                        : error_memory(&error)) {
        add_slice(-1, 0, listing);
        return;
    }
    listing_free(listing);
    call_namespace_error(call, interface_name, NULL, &error);
}

static void list_one(struct call *call, const char *name)
{
    struct engine *engine = call_engine(call);
    const char *state = namespace_state(engine, name);
    if (!state) {
        struct error error = {0};
        error_set(&error, ERROR_NOT_FOUND, 0, "there is no such namespace");
        call_namespace_error(call, interface_name, name, &error);
        return;
    }
    struct list list;
    list_begin(&list, call, "namespaces");
    list_add(&list, write_namespace(engine, name, state));
    list_end(&list);
}

static void list_namespaces(struct call *call)
{
    struct name_parameters parameters = {0};
    if (!call_read_parameters(call, optional_name, &parameters))
        return;
    if (parameters.namespace)
        list_one(call, parameters.namespace);
    else
        list_all(call);
}

static void open_namespace(struct call *call)
{
    struct name_parameters parameters = {0};
    struct error error = {0};
    if (!call_read_parameters(call, required_name, &parameters))
        return;
    auto_close int fd =
        engine_namespace_descriptor(call_engine(call), parameters.namespace, &error);
    auto_json struct json_object *reply = json_object_new_object();
    if (fd < 0)
        call_namespace_error(call, interface_name, parameters.namespace, &error);
    else if (reply && json_put_integer(reply, "fileDescriptor", 0))
        call_reply_descriptor(call, TAKE(reply), TAKE_FD(fd));
    else
        call_fail_memory(call);
}

static void found(void *context, const struct process *processes, size_t count,
                  const struct error *error)
{
    struct call *call = context;
    struct list list;
    if (error) {
        struct json_object *name = json_lookup(call_parameters(call), "/namespace");
        call_namespace_error(call, interface_name, name ? json_object_get_string(name) : NULL,
                             error);
        return;
    }
    list_begin(&list, call, "processes");
    for (size_t i = 0; i < count && list_add(&list, write_process(&processes[i])); i++)
        ;
    list_end(&list);
}

static void list_processes(struct call *call)
{
    struct name_parameters parameters = {0};
    if (call_read_parameters(call, optional_name, &parameters))
        engine_processes(call_engine(call), parameters.namespace, found, call);
}

static const struct method methods[] = {
    {.name = "List", .run = list_namespaces, .reading = true},
    {.name = "Open", .run = open_namespace},
    {.name = "Processes", .run = list_processes, .reading = true},
    {.name = NULL},
};

const struct interface interface_namespace = {.name = interface_name, .methods = methods};
