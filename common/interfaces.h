/* The Varlink interface definitions that netnsd speaks. The texts are the files
 * common/interfaces/NAME.varlink, compiled in. */
#pragma once

#include <stddef.h>

struct interface_text {
    const char *name; /* "io.netnsd.Topology" */
    const char *text;
};

extern const struct interface_text interface_texts[];
extern const size_t interface_text_count;
