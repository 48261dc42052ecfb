/* Looking at the kernel: dumps of many namespaces, in slices, on the configurer thread. */
#pragma once

#include "engine/internal.h"

struct look;

/* Called on the event loop's thread when all is read (ERROR NULL), or reading failed. */
typedef void look_callback(void *context, const struct error *error);

/* Reads into ACTUAL. Namespaces that TABLE does not have are opened and added to it. Both belong to
 * the look until the callback. */
struct look *look_new(struct engine *engine, struct netns_table *table, struct network *actual,
                      look_callback *callback, void *context);

/* Also look at the namespaces of NETWORK (which must outlive the look), each once. Of a shared one:
 * host, or what its name or path leads to. Of an owned one: what TABLE holds; if that has no name
 * any more, the actual namespace is marked parked. If TABLE holds nothing and there is something of
 * that name, the actual namespace is there, but empty: it is not ours. With ADOPT, though, it is
 * ours when its cookie is the one in NETWORK, or when it bears netnsd's mark; then it is added to
 * TABLE. The sysctls named in NETWORK are read as well. */
bool look_add_network(struct look *look, const struct network *network, bool adopt);

/* Also look at the namespace called NAME, whoever made it. PATH as for netns_open(). */
bool look_add_name(struct look *look, const char *name, const char *path);

/* Begins; LOOK frees itself after the callback. */
void look_start(struct look *look);
void look_free(struct look *look);
