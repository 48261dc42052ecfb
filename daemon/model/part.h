/* Parts of a topology that a change is about, so that it costs what it changes.
 *
 * A part is two networks: what the topology has, and what is desired. Both hold the namespaces that
 * the change describes anew as a whole, and of all others what those refer to, or are referred to
 * by: the same links in both, but for the unwritten ends of cables that are described. They are
 * cuts (model/network_cut.h), and can be planned for as such. */
#pragma once

#include "common/error.h"
#include "model/network.h"

#include <json-c/json.h>

/* What PATCH describes of the topology WHOLE: an object with, under the name of each namespace,
 * what its document is to be, or null where the namespace goes. NULL when PATCH is not about
 * namespaces alone, or memory is short. */
struct json_object *part_of_patch(const struct network *whole, struct json_object *patch);

/* The same of the document TEXT, which is to be all of WHOLE's: what it says in other words than
 * those that WHOLE was read from, or of namespaces that are not SETTLED. NULL also when that is so
 * much that the whole can as well be read. */
struct json_object *part_of_text(struct network *whole, const struct json_text *text,
                                 bool (*settled)(void *context, const struct namespace *namespace),
                                 void *context);

/* NETWORK is what TEXT (taken over) describes, and no warnings were found. Returns what it had
 * before, which is the caller's. */
struct json_text *part_keep_text(struct network *network, struct json_text *text);

/* Reads what DESCRIBED, as part_of_patch() has it, makes of WHOLE into *DESIRED, beside what there
 * is of that into *PREVIOUS. MACHINE_ID as for document_read(). PROBLEMS gets warnings. False when
 * the whole document is to be read instead, to see all that follows from it: then there are no
 * networks, and no problems. */
bool part_read(const struct network *whole, struct json_object *described,
               const uint8_t machine_id[16], struct network **previous, struct network **desired,
               struct problems *problems);

/* A plan was made for DESIRED. Does it leave alone what the part only refers to? Otherwise more of
 * the topology may have to be made anew together with that. */
bool part_suffices(const struct network *desired);

/* Makes WHOLE what was DESIRED. DESIRED keeps the names of its namespaces, but not what they hold.
 * False when memory is short: then WHOLE is not complete. */
bool part_commit(const struct network *previous, struct network *desired, struct network *whole);
