/* netnsd's own interfaces, for the server. */
#pragma once

#include "api/server.h"
#include "engine/engine.h"
#include "files/files.h"

/* call_context() of every method. */
struct api_context {
    struct engine *engine;
    struct files *files;
    struct server *server;
    const char *state_directory;
    const char *version;
    /* Reads the configuration anew; what was wrong with it is in MISCONFIGURED, which has no code
     * otherwise. */
    void (*configure)(void *daemon);
    const struct error *misconfigured;
    void *daemon;
};

/* Ended by NULL. */
extern const struct interface *const netnsd_interfaces[];

/* One file each. */
extern const struct interface interface_drift;
extern const struct interface interface_events;
extern const struct interface interface_link;
extern const struct interface interface_manager;
extern const struct interface interface_namespace;
extern const struct interface interface_route;
extern const struct interface interface_topology;

static inline struct engine *call_engine(const struct call *call)
{
    return ((const struct api_context *)call_context(call))->engine;
}
