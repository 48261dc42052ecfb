#include "model/kind.h"

#include <string.h>

const struct link_kind *const link_kinds[] = {
    &kind_bridge, &kind_macvlan, &kind_veth, &kind_vxlan, NULL,
};

const struct link_kind *link_kind_find(const char *name)
{
    for (const struct link_kind *const *kind = link_kinds; *kind; kind++) {
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    }
    return NULL;
}
