/* Looking at the kernel: dumps of many namespaces, in slices, on the reader thread. */
#pragma once

#include "engine/internal.h"

struct look;

/* Called on the event loop's thread when all is read (ERROR NULL), or reading failed. */
typedef void look_callback(void *context, const struct error *error);

/* Reads into ACTUAL. Namespaces that TABLE does not have are opened and added to it. Both belong to
 * the look until the callback. NULL when memory is short; so ACTUAL may be, too. */
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

/* What the mirror has without a doubt need not be read: takes that into ACTUAL. Of the namespace
 * NAME, which is looked at, and in TABLE. */
void look_borrow(struct look *look, const char *name);

/* Namespaces that a plan makes can be read while it still runs: NAME, which is in TABLE by then,
 * when STEP is done. With several steps the last counts; they come in order. Where the last ones
 * are TOLD by the kernel, in messages that the mirror understands, the namespace can be read before
 * them; the mirror has it meanwhile. */
void look_hold(struct look *look, const char *name, size_t step, bool told);
/* All is held that is. */
void look_arrange(struct look *look);
/* The steps before END are done. */
void look_advance(struct look *look, size_t end);

/* Reads all that is left. LOOK frees itself after the callback. */
void look_start(struct look *look);
/* Reads nothing more: the callback comes at once, or when what is being read is. */
void look_abandon(struct look *look);
void look_free(struct look *look);
