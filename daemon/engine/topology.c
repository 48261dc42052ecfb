#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

struct topology *topology_find(const struct engine *engine, const char *name)
{
    struct topology *topology = NULL;
    HASH_FIND_STR(engine->topologies, name, topology);
    return topology;
}

struct topology *topology_require(const struct engine *engine, const char *name,
                                  struct error *error)
{
    struct topology *topology = topology_find(engine, name);
    if (topology && topology->generation)
        return topology;
    error_set(error, ERROR_NOT_FOUND, 0, "there is no topology \"%s\"", name);
    return NULL;
}

static void topology_free(struct topology *topology)
{
    free(topology->name);
    free(topology->message);
    drift_items_free(&topology->drift);
    confirmation_free(topology->confirmation);
    network_free(topology->network);
    free(topology);
}

static int by_name(struct topology *a, struct topology *b)
{
    return strcmp(a->name, b->name);
}

struct topology *topology_obtain(struct engine *engine, const char *name, struct error *error)
{
    struct topology *topology = topology_find(engine, name);
    if (topology)
        return topology;
    topology = calloc(1, sizeof(*topology));
    if (topology) {
        topology->name = strdup(name);
        topology->network = network_new(name);
    }
    if (!topology || !topology->name || !topology->network) {
        if (topology)
            topology_free(topology);
        error_memory(error);
        return NULL;
    }
    HASH_ADD_KEYPTR_INORDER(hh, engine->topologies, topology->name, strlen(topology->name),
                            topology, by_name);
    if (!topology->hh.tbl) {
        topology_free(topology);
        error_memory(error);
        return NULL;
    }
    return topology;
}

void topology_remove(struct engine *engine, struct topology *topology)
{
    HASH_DEL(engine->topologies, topology);
    topology_free(topology);
}

void topology_set_message(struct topology *topology, bool waiting, const char *message)
{
    free(topology->message);
    topology->message = message ? strdup(message) : NULL;
    topology->waiting = waiting;
}

void topologies_free(struct engine *engine)
{
    struct topology *topology, *next;
    HASH_ITER (hh, engine->topologies, topology, next) {
        topology_remove(engine, topology);
    }
}
