/* Who has what: which topologies have a namespace, or a link of one that is shared, found without
 * looking through all of them. */
#pragma once

#include "engine/internal.h"

/* What NAMESPACE, of TOPOLOGY or a part of what that has, says is noted, and forgotten; with each
 * change of it. Noted twice, it is to be forgotten twice. False when memory is short: then not all
 * of it is noted. */
bool holders_add(struct engine *engine, struct topology *topology,
                 const struct namespace *namespace);
void holders_remove(struct engine *engine, struct topology *topology,
                    const struct namespace *namespace);

/* The topology that owns a namespace; NULL when none does. */
struct topology *holders_owner(const struct engine *engine, const char *namespace);

/* The one that owns a link; NULL when none does. */
struct topology *holders_link_owner(const struct engine *engine, const char *namespace,
                                    const char *link);

/* In the place of a link's name. */
#define HOLDERS_ROUTES "/routes"
#define HOLDERS_RULES "/rules"
#define HOLDERS_SYSCTLS "/sysctls"

typedef void holders_callback(void *context, struct topology *topology);

/* Calls EACH for every topology that has something where a change was: LINK, or, when that is "",
 * the routes, rules and sysctls, or, when it is NULL, anything of NAMESPACE. */
void holders_each(const struct engine *engine, const char *namespace, const char *link,
                  holders_callback *each, void *context);

/* Does any topology have the namespace? */
bool holders_any(const struct engine *engine, const char *namespace);
/* Does any topology ask for a sysctl? */
bool holders_any_sysctls(const struct engine *engine);
