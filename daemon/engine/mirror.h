/* The mirror: what the kernel has in the namespaces that topologies hold, read once and kept by
 * what the kernel says of changes. Of the daemon's own namespace, and of others that are shared, it
 * has the links alone.
 *
 * Some changes the kernel does not tell (routes that go with a link or an address), and messages
 * can be lost: what may be stale is doubted, and read again after a short while. Whatever turns out
 * to have changed is told to the drift (engine/drift.h), which compares it with what is desired. */
#pragma once

#include "engine/internal.h"

bool mirror_start(struct engine *engine, struct error *error);
void mirror_stop(struct engine *engine);

/* Topologies have changed: whether the kernel tells of sysctls depends on whether one asks for any.
 */
void mirror_hear_settings(struct engine *engine);

/* Messages that come from NETNS's number are about the namespace of its name. */
void mirror_watch(struct engine *engine, const struct netns *netns);

/* Applies all messages that wait. What is read from the kernel after this is newer than what they
 * told: returns how many came so far, which is what its "heard" is to be (struct namespace). */
uint64_t mirror_drain(struct engine *engine);
/* Hears of the names that have come and gone, and of mounts, while it is known still who did that.
 */
void mirror_drain_names(struct engine *engine);

/* The same, but no more of them than others can wait for. */
void mirror_catch_up(struct engine *engine);

/* A namespace as the kernel has it: what a topology owns, or the daemon's own; with ROUTES those as
 * well, others' included. While a change works on it: as it was before that. NULL: the mirror does
 * not have that, or doubts it. Borrowed, until anything else is heard or begun. */
const struct namespace *mirror_known(const struct engine *engine, const char *namespace,
                                     bool routes);

/* What a namespace that is listened to is known by; 0: it is not. */
uint64_t mirror_cookie(const struct engine *engine, const char *namespace);

/* What NAMESPACE was told of until now is older than what is read of it next. */
void mirror_reads(struct engine *engine, const char *namespace);

/* Takes over NAMESPACE, which a running change has just made and read, from NETWORK, to keep it by
 * messages until mirror_lend(). Until mirror_take() nobody is told of it. */
void mirror_follow(struct engine *engine, const char *namespace, struct network *network);

/* Moves what the mirror has of a namespace that is held into NETWORK, if nothing of it is in doubt.
 * Whoever borrows it gives it back to mirror_give_back(), or what it became to mirror_take(). */
bool mirror_lend(struct engine *engine, const char *namespace, struct network *network);

/* Takes over NAMESPACE from ACTUAL, if TOPOLOGY owns it; else learns from it what it can. What is
 * in it has been compared. BEFORE, which may be the same network, is what it was when it was
 * borrowed.
 */
void mirror_take(struct engine *engine, const struct topology *topology, struct network *actual,
                 const struct network *before, struct namespace *namespace);

/* Takes NAMESPACE back, if it was borrowed into NETWORK: it is as it was. */
void mirror_give_back(struct engine *engine, struct network *network, struct namespace *namespace);

/* Calls EACH with the pointer of every thing in which the mirror differs from ACTUAL: there must be
 * none. */
void mirror_check(struct engine *engine, const struct network *actual,
                  void (*each)(void *context, const char *pointer), void *context);

/* Is what the mirror has of NAMESPACE, which is desired, what the kernel has, as far as it was
 * heard? */
bool mirror_knows(const struct engine *engine, const struct namespace *namespace);

/* A transaction lets go of a namespace: what is doubted of it can be read, and when no topology has
 * it any more, it is forgotten. */
void mirror_release(struct engine *engine, const char *namespace);

/* What the mirror has of a namespace may be stale. */
void mirror_doubt(struct engine *engine, const char *namespace);
/* The same of all namespaces; with AUDIT only to see whether they are as they should be. */
void mirror_doubt_all(struct engine *engine, bool audit);

/* When mirror_refresh() is to be called, CLOCK_MONOTONIC in ms; 0: no need. */
int64_t mirror_due(const struct engine *engine);
/* NETNS is about to be let go of: the kernel tells when it begins to end it, after it has ended all
 * before. Whether any is awaited still; destructions_resume() is called when none is. */
void mirror_await_end(struct engine *engine, const struct netns *netns);
bool mirror_awaits_end(const struct engine *engine);
/* Those that are awaited may not end at all. */
void mirror_await_no_end(struct engine *engine);

/* Begins to read again what is doubted; drift_resume() is called when it is done. */
void mirror_refresh(struct engine *engine);
/* Is something being read? */
bool mirror_busy(const struct engine *engine);

/* How long the messages that were read last may have waited for that, in ms. */
int64_t mirror_pause(const struct engine *engine);

/* How many things audits found that had changed without a message, but for what the kernel does not
 * tell (sysctls): there must be none. How often messages were lost. */
uint64_t mirror_wrong(const struct engine *engine);
uint64_t mirror_losses(const struct engine *engine);

/* Namespaces by name, as last read and told. Borrowed. */
const struct network *mirror_network(const struct engine *engine);
/* A name below NETNS_DIRECTORY leads to its namespace, or does not (any more). */
void mirror_set_named(struct engine *engine, const char *namespace, bool named);
