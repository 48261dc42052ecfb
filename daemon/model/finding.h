/* Findings about objects of a desired network, at their places in its document. */
#pragma once

#include "common/error.h"
#include "model/network.h"

#define FINDING_POINTER_MAX 1400

/* Notes a finding about LINK: at its place, or, when BELOW is not empty, at that member of it
 * ("mtu", "veth/peer"). The unwritten end of a veth stands where the written end speaks of it. */
void link_finding(struct problems *problems, bool warning, const struct link *link,
                  const char *below, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Notes an error at MEMBER of the object that LINK's kind key holds. */
void link_kind_finding(struct problems *problems, const struct link *link, const char *member,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
