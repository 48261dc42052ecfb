/* Timed confirmation: a change that is taken back by itself unless somebody confirms it in time.
 *
 * Until when is stored with the generation, so that a restart or a crash does not make a change
 * permanent. While the daemon runs, the time is measured by CLOCK_MONOTONIC: a wall clock that
 * jumps changes nothing, and the time that the machine sleeps does not count. Over a restart there
 * is only the wall clock: when it was set forward since, the change is taken back early; when it
 * was set back, no later than after the whole time once more. */
#pragma once

#include "engine/transaction.h"

struct confirmation;

/* What TOPOLOGY is to wait for once a change of it is committed; nothing happens before
 * confirm_committed(). NULL when memory is short. */
struct confirmation *confirmation_new(struct engine *engine, struct topology *topology);
void confirmation_free(struct confirmation *confirmation);

/* May TRANSACTION, which has its topology, go on? ERROR_PENDING when the change before it waits for
 * its confirmation. */
bool confirm_check(struct transaction *transaction);

/* TRANSACTION made a new generation: the time begins to run, if it has one. */
void confirm_committed(struct transaction *transaction);

/* Takes over from STORED what TOPOLOGY waited for. False when memory is short. */
bool confirm_restore(struct engine *engine, struct topology *topology,
                     const struct store_topology *stored);
/* Everything is loaded: queues the reversal of what was not confirmed while the daemon was away. */
void confirm_start(struct engine *engine);

/* Until when the topology's last change waits, CLOCK_REALTIME in ms; 0: it does not. */
int64_t confirm_until(const struct topology *topology);
/* Why it could not be taken back when its time had come; NULL: it could, or the time has not come.
 */
const char *confirm_failure(const struct topology *topology);
