#include "engine/holders.h"
#include "engine/look.h"
#include "engine/mirror.h"
#include "engine/surplus.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* What is shown before others get their turn, and how many namespaces are read at a time. */
#define SLICE 64

/* One namespace to be shown. */
struct subject {
    char *name;
    bool read; /* from the kernel: it is in inspection->network, or not there */
};

/* One that takes more than a call. What it goes through may change between its slices: so it keeps
 * names and keys, and no pointers. */
struct inspection {
    struct engine *engine;
    struct inspector inspector;
    struct event *resume;
    bool routes, named;
    char *link; /* NULL: all */
    struct subject *subjects;
    size_t count, next;
    void *keys; /* of the links (uint32_t, ifindexes) or routes (struct route_key) of the next */
    size_t key_count, key_next;
    struct netns_table namespaces;
    struct network *network; /* what was read */
};

static void inspection_free(struct inspection *inspection)
{
    netns_table_clear(&inspection->namespaces);
    for (size_t i = 0; i < inspection->count; i++)
        free(inspection->subjects[i].name);
    if (inspection->resume)
        event_free(inspection->resume);
    network_free(inspection->network);
    free(inspection->subjects);
    free(inspection->link);
    free(inspection->keys);
    free(inspection);
}

void engine_link_references(struct engine *engine, const struct link *link,
                            struct link_references *references)
{
    const struct namespace *namespace = link->namespace;
    const struct link *master = namespace_link_by_ifindex(namespace, link->master_ifindex);
    const struct link *near = link->lower_ifindex && !link->lower_elsewhere
                                  ? namespace_link_by_ifindex(namespace, link->lower_ifindex)
                                  : NULL;
    *references = (struct link_references){.master = master ? master->name : NULL};
    if (near) {
        references->end_namespace = namespace->name;
        references->end = near->name;
        return;
    }
    const struct topology *owner =
        link->lower_ifindex ? holders_link_owner(engine, namespace->name, link->name) : NULL;
    const struct link *said =
        owner ? network_link(owner->network, namespace->name, link->name) : NULL;
    bool paired = link->kind && link->kind->paired;
    const struct reference *reference = !said ? NULL : paired ? said->peer : said->lower;
    if (!reference)
        return;
    references->end_namespace = reference->namespace;
    references->end = reference->name;
}

/* The end of the inspection, and perhaps of what heard it. */
static void finish(struct inspection *inspection, const struct error *error)
{
    struct engine *engine = inspection->engine;
    inspection->inspector.done(inspection->inspector.context, error);
    inspection_free(inspection);
    engine->requests--;
    engine_check_idle(engine);
}

static void fail_memory(struct inspection *inspection)
{
    struct error error = {0};
    error_memory(&error);
    finish(inspection, &error);
}

/* NULL: it is not known without reading it, or, once it was read, it is not there. */
static const struct namespace *find(const struct inspection *inspection,
                                    const struct subject *subject)
{
    return subject->read ? network_namespace(inspection->network, subject->name)
                         : mirror_known(inspection->engine, subject->name, inspection->routes);
}

static bool gather_link(struct inspection *inspection, const struct namespace *namespace)
{
    const struct link *link = namespace_link(namespace, inspection->link);
    uint32_t *ifindex = inspection->keys = malloc(sizeof(*ifindex));
    if (!ifindex || !link)
        return ifindex;
    *ifindex = link->ifindex;
    inspection->key_count = 1;
    return true;
}

static bool gather_links(struct inspection *inspection, const struct namespace *namespace)
{
    uint32_t *ifindexes = inspection->keys =
        malloc((HASH_COUNT(namespace->links) + 1) * sizeof(*ifindexes));
    for (const struct link *link = ifindexes ? namespace->links : NULL; link; link = link->hh.next)
        ifindexes[inspection->key_count++] = link->ifindex;
    return ifindexes;
}

static bool gather_routes(struct inspection *inspection, const struct namespace *namespace)
{
    struct route_key *keys = inspection->keys =
        malloc((HASH_COUNT(namespace->routes) + 1) * sizeof(*keys));
    for (const struct route *route = keys ? namespace->routes : NULL; route; route = route->hh.next)
        keys[inspection->key_count++] = route->key;
    return keys;
}

static bool gather(struct inspection *inspection, const struct namespace *namespace)
{
    if (inspection->routes)
        return gather_routes(inspection, namespace);
    return inspection->link ? gather_link(inspection, namespace)
                            : gather_links(inspection, namespace);
}

/* Shows the next of what was gathered, unless it has gone meanwhile. False: the rest is not wanted.
 */
static bool show_next(struct inspection *inspection, const struct namespace *namespace)
{
    const struct inspector *inspector = &inspection->inspector;
    size_t at = inspection->key_next++;
    if (inspection->routes) {
        const struct route_key *keys = inspection->keys;
        const struct route *route = namespace_route(namespace, &keys[at]);
        return !route || inspector->each_route(inspector->context, namespace, route);
    }
    const uint32_t *ifindexes = inspection->keys;
    const struct link *link = namespace_link_by_ifindex(namespace, ifindexes[at]);
    return !link || inspector->each_link(inspector->context, link);
}

static void end_subject(struct inspection *inspection)
{
    const struct subject *subject = &inspection->subjects[inspection->next++];
    struct namespace *read = network_namespace(inspection->network, subject->name);
    struct netns *netns = netns_table_find(&inspection->namespaces, subject->name);
    free(TAKE(inspection->keys));
    inspection->key_count = inspection->key_next = 0;
    if (read)
        namespace_remove(inspection->network, read);
    if (netns) {
        netns_table_take(&inspection->namespaces, netns);
        netns_free(netns);
    }
}

static void looked(void *context, const struct error *error);

/* Reads the next namespace from the kernel, and those behind it that have to be. */
static bool read_next(struct inspection *inspection)
{
    struct engine *engine = inspection->engine;
    struct look *look =
        look_new(engine, &inspection->namespaces, inspection->network, looked, inspection);
    bool good = look;
    for (size_t i = inspection->next; good && i < inspection->count && i < inspection->next + SLICE;
         i++) {
        struct subject *subject = &inspection->subjects[i];
        const char *path = NULL;
        subject->read = !find(inspection, subject);
        if (!subject->read)
            continue;
        engine_namespace_user(engine, subject->name, &path);
        good = look_add_name(look, subject->name, path);
    }
    if (good)
        look_start(look);
    else if (look)
        look_free(look);
    return good;
}

/* Shows a slice, or as much as is known. */
static void proceed(struct inspection *inspection)
{
    static const struct timeval at_once = {0};
    mirror_catch_up(inspection->engine);
    for (size_t shown = 0; shown < SLICE && inspection->next < inspection->count; shown++) {
        const struct subject *subject = &inspection->subjects[inspection->next];
        const struct namespace *namespace = find(inspection, subject);
        if (!namespace && !subject->read) {
            if (!read_next(inspection))
                fail_memory(inspection);
            return;
        }
        if (namespace && !inspection->keys && !gather(inspection, namespace)) {
            fail_memory(inspection);
            return;
        }
        if (namespace && inspection->key_next < inspection->key_count &&
            !show_next(inspection, namespace))
            inspection->next = inspection->count;
        else if (!namespace || inspection->key_next == inspection->key_count)
            end_subject(inspection);
    }
    if (inspection->next == inspection->count)
        finish(inspection, NULL);
    else if (event_add(inspection->resume, &at_once) < 0)
        fail_memory(inspection);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    proceed(context);
}

static void looked(void *context, const struct error *error)
{
    struct inspection *inspection = context;
    struct error absent = {0};
    const char *name = inspection->subjects[0].name;
    if (!error && inspection->named && !network_namespace(inspection->network, name)) {
        error_set(&absent, ERROR_NOT_FOUND, 0, "there is no namespace \"%s\"", name);
        error = &absent;
    }
    if (error)
        finish(inspection, error);
    else
        proceed(inspection);
}

static bool add_subject(struct inspection *inspection, const char *name)
{
    struct subject *subject = &inspection->subjects[inspection->count];
    subject->name = strdup(name);
    inspection->count += subject->name != NULL;
    return subject->name;
}

static bool add_owned(struct inspection *inspection, const struct network *network)
{
    const struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        if (!namespace_is_shared(namespace) && !add_subject(inspection, namespace->name))
            return false;
    }
    return true;
}

static bool add_all(struct inspection *inspection)
{
    const struct topology *topologies = inspection->engine->topologies;
    size_t most = 1;
    for (const struct topology *each = topologies; each; each = each->hh.next)
        most += HASH_COUNT(each->network->namespaces);
    inspection->subjects = calloc(most, sizeof(*inspection->subjects));
    if (!inspection->subjects || !add_subject(inspection, NAMESPACE_HOST))
        return false;
    for (const struct topology *each = topologies; each; each = each->hh.next) {
        if (!add_owned(inspection, each->network))
            return false;
    }
    return true;
}

static bool add_named(struct inspection *inspection, const char *name)
{
    inspection->named = true;
    inspection->subjects = calloc(1, sizeof(*inspection->subjects));
    return inspection->subjects && add_subject(inspection, name);
}

static struct inspection *inspection_new(struct engine *engine,
                                         const struct inspection_request *request,
                                         const struct inspector *inspector)
{
    struct inspection *inspection = calloc(1, sizeof(*inspection));
    if (!inspection)
        return NULL;
    inspection->engine = engine;
    inspection->inspector = *inspector;
    inspection->routes = request->routes;
    inspection->link = request->link ? strdup(request->link) : NULL;
    inspection->network = network_new(NULL);
    inspection->resume = evtimer_new(engine->base, on_resume, inspection);
    if (inspection->network && inspection->resume && (inspection->link || !request->link) &&
        (request->namespace ? add_named(inspection, request->namespace) : add_all(inspection)))
        return inspection;
    inspection_free(inspection);
    return NULL;
}

/* One link that is known, which is what is asked for most. */
static bool show_known(struct engine *engine, const struct inspection_request *request,
                       const struct inspector *inspector)
{
    if (!request->link || request->routes)
        return false;
    mirror_catch_up(engine);
    const struct namespace *namespace = mirror_known(engine, request->namespace, false);
    const struct link *link = namespace ? namespace_link(namespace, request->link) : NULL;
    if (link)
        inspector->each_link(inspector->context, link);
    if (namespace)
        inspector->done(inspector->context, NULL);
    return namespace;
}

void engine_inspect(struct engine *engine, const struct inspection_request *request,
                    const struct inspector *inspector)
{
    if (show_known(engine, request, inspector))
        return;
    struct inspection *inspection = inspection_new(engine, request, inspector);
    if (inspection) {
        engine->requests++;
        proceed(inspection);
        return;
    }
    struct error error = {0};
    error_memory(&error);
    inspector->done(inspector->context, &error);
}
