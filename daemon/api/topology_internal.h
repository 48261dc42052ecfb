/* What the files of io.netnsd.Topology share. */
#pragma once

#include "api/server.h"

/* The methods that read. */
void topology_get(struct call *call);
void topology_list(struct call *call);
void topology_history(struct call *call);
void topology_diff(struct call *call);

/* {"topology": NAME} with the name that CALL gave; a new reference, NULL when memory is short. */
struct json_object *topology_write_name(const struct call *call);

/* Answers with ERROR; PARAMETERS are taken over, and NULL when memory was short. */
void topology_error(struct call *call, const char *error, struct json_object *parameters);

/* Answers that GENERATION of the topology that CALL named is not kept, or that there is no such
 * topology. */
void topology_no_generation(struct call *call, uint64_t generation);

/* Answers that the store could not be read or written. */
void topology_state_failed(struct call *call, const struct error *error);
