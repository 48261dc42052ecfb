/* Topology documents: JSON to model and back. */
#pragma once

#include "common/error.h"
#include "common/json.h"
#include "model/network.h"

/* Reads, completes (model/complete.h) and checks (model/check.h) DOCUMENT. Every finding is noted
 * in PROBLEMS. MACHINE_ID is 16 bytes; PREVIOUS (may be NULL) is the topology's last committed
 * network, whose derived MACs are kept. Returns NULL when there are errors. */
struct network *document_read(const char *topology, struct json_object *document,
                              const uint8_t machine_id[16], const struct network *previous,
                              struct problems *problems);

/* The canonical document of a desired network; a new reference, NULL when memory is short. What
 * netnsd derived is left out; addresses are maps. */
struct json_object *document_write(const struct network *network);

/* What stands under the name of NAMESPACE, of NETWORK, in that document. */
struct json_object *document_write_member(const struct network *network,
                                          const struct namespace *namespace);

/* The parts that document_write() is made of, as the store keeps them: a namespace without its
 * links, and one link. */
struct json_object *document_write_namespace(const struct namespace *namespace);
struct json_object *document_write_link(const struct link *link);

/* What differs between two canonical documents, object by object: an array of
 * io.netnsd.Topology.Change, a new reference. NULL when memory is short. */
struct json_object *document_difference(struct json_object *from, struct json_object *to);

/* Is NAME usable as a topology's name: letters, digits, "-", "_", ".", not first ".", at most 64?
 */
bool topology_name_valid(const char *name);

/* The values that a plan shows and the API lists, as in a document. Shared with document_write().
 */
struct json_object *document_write_route(const struct route *route);
struct json_object *document_write_rule(const struct rule *rule);
struct json_object *document_write_address(const struct address *address);
