#include "engine/internal.h"
#include "engine/look.h"
#include "engine/surplus.h"

#include <stdlib.h>
#include <string.h>

struct inspection {
    struct engine *engine;
    char *namespace; /* NULL: host and all owned */
    struct netns_table namespaces;
    struct network *network;
    inspect_callback *callback;
    void *context;
};

static void inspection_free(struct inspection *inspection)
{
    struct netns *netns, *next;
    HASH_ITER (hh, inspection->namespaces.entries, netns, next) {
        netns_table_take(&inspection->namespaces, netns);
        netns_free(netns);
    }
    network_free(inspection->network);
    free(inspection->namespace);
    free(inspection);
}

/* The link as its topology describes it; NULL when it is nobody's. */
static const struct link *described(const struct engine *engine, const struct link *link)
{
    for (const struct topology *each = engine->topologies; each; each = each->hh.next) {
        const struct link *found = network_link(each->network, link->namespace->name, link->name);
        if (found && !found->external)
            return found;
    }
    return NULL;
}

static bool name_other_ends(const struct engine *engine, struct link *link)
{
    const struct link *said = described(engine, link);
    bool paired = link->kind && link->kind->paired;
    struct reference **end = paired ? &link->peer : &link->lower;
    const struct link *near = link->lower_ifindex && !link->lower_elsewhere
                                  ? namespace_link_by_ifindex(link->namespace, link->lower_ifindex)
                                  : NULL;
    if (near)
        return reference_set(end, link->namespace->name, near->name);
    const struct reference *reference = NULL;
    if (said)
        reference = paired ? said->peer : said->lower;
    if (!link->lower_ifindex || !reference)
        return true;
    return reference_set(end, reference->namespace, reference->name);
}

static bool name_links(const struct engine *engine, struct network *network)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            const struct link *master = namespace_link_by_ifindex(namespace, link->master_ifindex);
            if (master && !reference_set(&link->master, namespace->name, master->name))
                return false;
            if (!name_other_ends(engine, link))
                return false;
        }
    }
    return true;
}

static void inspected(void *context, const struct error *error)
{
    struct inspection *inspection = context;
    struct error failure = {0};
    if (error)
        failure = *error;
    else if (inspection->namespace &&
             !network_namespace(inspection->network, inspection->namespace))
        error_set(&failure, ERROR_NOT_FOUND, 0, "there is no namespace \"%s\"",
                  inspection->namespace);
    else if (!name_links(inspection->engine, inspection->network))
        error_memory(&failure);
    struct engine *engine = inspection->engine;
    inspection->callback(inspection->context, failure.code ? NULL : inspection->network,
                         failure.code ? &failure : NULL);
    surplus_add(engine, inspection->network);
    inspection_free(inspection);
    engine->requests--;
    engine_check_idle(engine);
}

static bool add_owned(const struct engine *engine, struct look *look)
{
    for (const struct topology *each = engine->topologies; each; each = each->hh.next) {
        struct namespace *namespace, *next;
        HASH_ITER (hh, each->network->namespaces, namespace, next) {
            if (!namespace_is_shared(namespace) && !look_add_name(look, namespace->name, NULL))
                return false;
        }
    }
    return true;
}

static bool add_asked(struct engine *engine, struct look *look, const char *namespace)
{
    const char *path = NULL;
    if (!namespace)
        return look_add_name(look, NAMESPACE_HOST, NULL) && add_owned(engine, look);
    engine_namespace_user(engine, namespace, &path);
    return look_add_name(look, namespace, path);
}

void engine_inspect(struct engine *engine, const char *namespace, inspect_callback *callback,
                    void *context)
{
    struct inspection *inspection = calloc(1, sizeof(*inspection));
    struct look *look = NULL;
    if (inspection) {
        inspection->engine = engine;
        inspection->callback = callback;
        inspection->context = context;
        inspection->namespace = namespace ? strdup(namespace) : NULL;
        inspection->network = network_new(NULL);
        if (inspection->network && (!namespace || inspection->namespace))
            look = look_new(engine, &inspection->namespaces, inspection->network, inspected,
                            inspection);
    }
    if (look && add_asked(engine, look, namespace)) {
        engine->requests++;
        look_start(look);
        return;
    }
    if (look)
        look_free(look);
    if (inspection)
        inspection_free(inspection);
    struct error error = {0};
    error_memory(&error);
    callback(context, NULL, &error);
}
