/* Are two looks at the kernel the same? What comes and goes by itself does not count: carrier and
 * what follows from it, duplicate address detection, and the routes and rules of others. */
#pragma once

#include "model/network.h"

bool link_same(const struct link *a, const struct link *b);
/* In all but their marks; one may be a desired rule. */
bool rule_equal(const struct rule *a, const struct rule *b);
bool address_same(const struct address *a, const struct address *b);

/* Calls EACH for every link of A or B that is not the same in both, its addresses included, with ""
 * when routes or rules are not, and with NULL when sysctls are not. */
void namespace_compare(const struct namespace *a, const struct namespace *b,
                       void (*each)(void *context, const char *link), void *context);
