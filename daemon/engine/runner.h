/* Running a plan: the maker thread makes namespaces, the configurer thread does everything else,
 * one a step ahead of the other, and the reader thread names what is complete, unless the plan is
 * short: then the configurer does. */
#pragma once

#include "engine/internal.h"
#include "engine/make_ahead.h"

/* Called on the event loop's thread when the operations before END are done, unless these are all
 * of a short plan. */
typedef void runner_progress(void *context, size_t end);

/* Called on the event loop's thread when everything is done (ERROR NULL) or something failed. After
 * a failure nothing more is running, and what was done before is there. */
typedef void runner_callback(void *context, const struct error *error);

struct runner;

/* Begins to run PLAN: until runner_go_on() it only makes namespaces, which nobody sees while they
 * have no names, and which end with the process. PROGRESS may be NULL. NAMESPACES must hold every
 * namespace that the plan names, those to be made as pending; it and the plan belong to the runner
 * until the callback, and so does AHEAD, which may have some of them (NULL: none). NULL when memory
 * is short: then nothing was begun. */
struct runner *runner_start(struct engine *engine, const struct plan *plan,
                            const struct netns_table *namespaces, struct make_ahead *ahead,
                            uint32_t park_group, runner_progress *progress,
                            runner_callback *callback, void *context);

/* Does all else too; or, because of ERROR (NULL: none), ends as if something had failed with it. To
 * be called once. */
void runner_go_on(struct runner *runner, const struct error *error);
