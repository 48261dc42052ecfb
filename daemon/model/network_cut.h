/* Cuts: parts of a network that can be planned for on their own.
 *
 * A cut is a network of copies. Of a namespace that is not in it as a whole, some links are there,
 * and perhaps the rest: routes, rules, and those sysctls that are no link's (struct namespace). */
#pragma once

#include "model/network.h"

/* An empty cut from FROM. NULL when memory is short, as false is below. What FROM does not have is
 * left out. */
struct network *network_cut_new(const struct network *from);

/* A link; one that FROM does not have stands for the whole namespace where what others made is
 * taken away. */
bool network_cut_link(struct network *cut, const struct network *from, const char *namespace,
                      const char *name);
/* The rest of a namespace, and the links that its routes go through. */
bool network_cut_rest(struct network *cut, const struct network *from, const char *name);
/* A namespace, and nothing that it holds. */
bool network_cut_bare(struct network *cut, const struct network *from, const char *name);
/* A whole namespace. */
bool network_cut_namespace(struct network *cut, const struct network *from, const char *name);

/* Adds what the links in CUT, which is of a desired network, refer to, and resolves their
 * references. */
bool network_cut_close(struct network *cut, const struct network *from);

/* Does CUT hold what POINTER, into the document of the whole, leads to? Whether a namespace is
 * there shows with any part of it. */
bool network_cut_holds(const struct network *cut, const char *pointer);

/* All of FROM, a desired network. */
struct network *network_cut_all(const struct network *from);

/* What ACTUAL has of what is in CUT; a network of copies, with the masters of links beside them.
 * NULL when memory is short. */
struct network *network_cut_actual(const struct network *cut, const struct network *actual);

/* Tells INTO, which CUT is a part of, what was learned about that: ifindexes, cookies, earlier
 * values of sysctls. */
bool network_cut_learn(const struct network *cut, struct network *into);
