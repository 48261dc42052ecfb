/* A network as the store keeps it: document rows, and facts about what was made of it. */
#pragma once

#include "engine/internal.h"

/* Adds to ROWS what makes the stored rows of FROM those of TO. */
bool rows_changed(const struct network *from, const struct network *to, struct store_rows *rows);

/* The document that ROWS are the parts of; a new reference. NULL when a row cannot be read. */
struct json_object *rows_document(const struct store_rows *rows, struct error *error);

/* Adds to FACTS what makes the stored facts of FROM those of TO: derived MACs, the cookies and the
 * numbers of namespaces, what sysctls were before. */
bool facts_changed(const struct engine *engine, const struct network *from,
                   const struct network *to, struct store_rows *facts);

/* The fact which file a topology belongs to, if any. */
#define FACT_FILE "file"

/* A network that holds nothing but the derived MACs among FACTS, for document_read(). */
struct network *facts_macs(const struct store_rows *facts);

/* A network of the namespaces that FACTS tell to live in this boot. NULL when memory is short. */
struct network *facts_namespaces(const struct engine *engine, const struct store_rows *facts);

/* Puts cookies of this boot, numbers in the daemon's present namespace, and earlier values of
 * sysctls, into NETWORK. */
bool facts_restore(const struct engine *engine, const struct store_rows *facts,
                   struct network *network);
