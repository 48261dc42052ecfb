#include "common/log.h"
#include "engine/confirm.h"
#include "engine/drift.h"
#include "engine/holders.h"
#include "engine/internal.h"
#include "engine/look_ahead.h"
#include "engine/mirror.h"
#include "model/part.h"

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
    free(topology->file);
    free(topology->message);
    confirmation_free(topology->confirmation);
    look_ahead_free(topology->ahead);
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
    const struct namespace *each = topology->network->namespaces;
    drift_forget(engine, topology);
    for (; each; each = each->hh.next)
        holders_remove(engine, topology, each);
    mirror_hear_settings(engine);
    HASH_DEL(engine->topologies, topology);
    topology_free(topology);
}

void topology_hold(struct engine *engine, struct topology *topology,
                   const struct namespace *namespace)
{
    if (!holders_add(engine, topology, namespace))
        log_about(LOG_ERR,
                  &(struct log_subject){.topology = topology->name, .namespace = namespace->name},
                  "out of memory: what changes in it is not noticed; restart netnsd");
}

struct network *topology_set_network(struct topology *topology, struct network *network)
{
    struct network *former = topology->network;
    topology->network = network;
    return former;
}

void topology_set_part(struct topology *topology, const struct network *previous,
                       struct network *desired)
{
    if (part_commit(previous, desired, topology->network))
        return;
    log_about(LOG_ERR, &(struct log_subject){.topology = topology->name},
              "out of memory: not all that it has is known; restart netnsd");
    topology_set_message(topology, false, "out of memory: restart netnsd");
}

void topology_set_message(struct topology *topology, bool waiting, const char *message)
{
    free(topology->message);
    topology->message = message ? strdup(message) : NULL;
    topology->waiting = waiting;
    if (!message)
        topology->whole_failures = 0;
}

void topologies_free(struct engine *engine)
{
    struct topology *topology, *next;
    HASH_ITER (hh, engine->topologies, topology, next) {
        topology_remove(engine, topology);
    }
}
