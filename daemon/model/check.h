/* Checks of a complete network that look beyond one value. */
#pragma once

#include "model/network.h"

/* net/bridge/br_private.h, BR_MAX_PORTS, less the number 0. */
#define BRIDGE_PORTS_MAX 1023

/* Notes in PROBLEMS whatever the kernel would refuse or make useless: circular references, masters
 * that cannot be, duplicate MACs on one segment, more than 1,023 ports on a bridge, a route through
 * a link that is not there, kinds' own checks; and as warnings what is legal but surely unintended:
 * the network's own address on a link, MTUs of a veth that differ. */
void network_check(const struct network *network, struct problems *problems);

/* Notes that BRIDGE, of a desired network, gets PORTS, which are too many; OTHERS of them are those
 * of other topologies. */
void bridge_ports_finding(const struct link *bridge, size_t ports, size_t others,
                          struct problems *problems);
