/* History: what the store keeps of each generation, and the way back to one. */
#pragma once

#include "engine/transaction.h"

/* Commits TRANSACTION in the store, together with what is kept of how its generation came about and
 * until when it waits for its confirmation; then calls COMMITTED with the transaction. False when
 * memory is short. */
bool history_commit(struct transaction *transaction, store_callback *committed);

/* TRANSACTION reverts, and has its topology: reads the document that is wanted, and lets the
 * transaction go on, or refuses it. */
void history_fetch(struct transaction *transaction);
