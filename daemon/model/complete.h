/* Fills in what a document leaves unsaid. */
#pragma once

#include "model/network.h"

/* Completes a freshly read network: makes the unwritten ends of veths and their names, resolves
 * references to pointers, decides where IPv6 is wanted, gives derived MACs (kept from PREVIOUS
 * where it has the link with one), addrGenMode, and brings lo to every namespace that netnsd owns.
 * Findings (dangling references, names that clash) go to PROBLEMS. False when memory is short. */
bool network_complete(struct network *network, const uint8_t machine_id[16],
                      const struct network *previous, struct problems *problems);

/* The MAC that netnsd gives NAMESPACE/LINK of TOPOLOGY on this machine: unicast, locally
 * administered. */
struct mac_address derive_mac(const uint8_t machine_id[16], const char *topology,
                              const char *namespace, const char *link);

/* The name of the far end of a veth that LINK of NAMESPACE hangs on a bridge with:
 * "NAMESPACE.LINK", or, when that exceeds 15 characters, a readable beginning and a hash. */
void derive_port_name(const char *namespace, const char *link, char name[IFNAMSIZ]);
