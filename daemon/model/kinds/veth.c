/* Cables: drivers/net/veth.c. */
#include "model/kind.h"

const struct link_kind kind_veth = {
    .name = "veth",
    .meaning = "One end of a cable between two namespaces.",
    .paired = true,
    .mac_settable = true,
    .ethernet = true,
};
