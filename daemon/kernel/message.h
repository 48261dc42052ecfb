/* rtnetlink messages from and to the model.
 *
 * Builders append header and attributes to a request begun by batch_begin(). Parsers read one
 * message of a dump. */
#pragma once

#include "model/network.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>

/* message_attribute.c */

/* The header that MESSAGE begins with; NULL when it is shorter than SIZE. */
const void *message_header(const struct nlmsghdr *message, size_t size);

/* The integer in ATTRIBUTE, 0 when that is shorter. */
uint8_t message_u8(const struct nlattr *attribute);
uint32_t message_u32(const struct nlattr *attribute);

/* Appends VALUE of ROW; an absent one as what clears it. LIKE (may be NULL) tells the family of an
 * absent address. */
void message_put_value(struct nlmsghdr *request, const struct attribute *row,
                       const struct value *value, const struct value *like);

/* Reads the attributes nested in NESTED (or, when that is NULL, those of MESSAGE after a header of
 * OFFSET bytes) that TABLE has rows for into VALUES. False when memory is short. */
bool message_read_values(const struct nlattr *nested, const struct nlmsghdr *message, size_t offset,
                         const struct attribute_table *table, struct value *values);

/* message_link.c */

/* The name of the namespace whose socket makes LINK: its underlay, that of its lower link, or its
 * own; of a pair that of its other end where this one's cannot be asked. */
const char *message_link_home(const struct link *link);

/* Is LINK born as a port, in a namespace whose document holds nothing of IPv6? Then it needs none
 * of its own. */
bool message_link_is_plain_port(const struct link *link);

/* Makes LINK, with its other end when it is one of a pair. TARGET_FD is a descriptor of the
 * namespace that the link, or that end of a pair, is to be in that is not made at home; -1: none.
 */
void message_link_create(struct nlmsghdr *request, const struct link *link, int target_fd);

/* The parts of OPERATION_LINK_SET, in the order in which they must be sent. */
enum message_link_part {
    LINK_PART_COMMON, /* name, attributes of every link, master */
    LINK_PART_KIND,   /* attributes of its kind */
    LINK_PART_STATE,  /* as a bridge's port; up or down */
    LINK_PART_COUNT,
};

/* Is there anything in PART to turn FROM (NULL: as message_link_create() left it) into LINK? */
bool message_link_part_needed(const struct link *link, const struct link *from,
                              enum message_link_part part);
void message_link_set(struct nlmsghdr *request, const struct link *link, const struct link *from,
                      enum message_link_part part);

/* Gives LINK its late attributes. */
void message_link_finish(struct nlmsghdr *request, const struct link *link);

/* Marks lo of a new namespace as ours, and brings it up. */
void message_loopback_birth(struct nlmsghdr *request);

/* Addresses LINK by ifindex, or by name while that is not known; CHANGE and FLAGS are ifi_change
 * and ifi_flags. */
void message_link_header(struct nlmsghdr *request, const struct link *link, unsigned flags,
                         unsigned change);

/* A request (RTM_NEWLINKPROP, RTM_DELLINKPROP) that gives LINK the alternative NAME, or takes it
 * away. */
void message_link_alt_name(struct nlmsghdr *request, const struct link *link, const char *name);

/* message_link_read.c */

/* Reads the bridge port attributes that MESSAGE, which a bridge sends (AF_BRIDGE), tells of into
 * PORT. */
bool message_port_read(const struct nlmsghdr *message, struct value *port);
/* Adds the link that MESSAGE tells of to NAMESPACE. False when memory is short, as below. */
bool message_link_read(const struct nlmsghdr *message, struct namespace *namespace);

/* message_address.c */
void message_address(struct nlmsghdr *request, const struct link *link,
                     const struct address *address);
/* Reads what MESSAGE tells of one address, and the ifindex of its link. False when it is none. */
bool message_address_parse(const struct nlmsghdr *message, struct address *address,
                           uint32_t *ifindex);
/* Adds it to its link in NAMESPACE. */
bool message_address_read(const struct nlmsghdr *message, struct namespace *namespace);

/* message_route.c */
void message_route(struct nlmsghdr *request, const struct namespace *namespace,
                   const struct route *route, bool removal);
/* The key and rtm_protocol of the route that MESSAGE tells of. False when it is one that
 * message_route_read() leaves out. */
bool message_route_key(const struct nlmsghdr *message, struct route_key *key, uint8_t *protocol);
bool message_route_read(const struct nlmsghdr *message, struct namespace *namespace);

/* message_rule.c */
void message_rule(struct nlmsghdr *request, const struct rule *rule);
bool message_rule_read(const struct nlmsghdr *message, struct namespace *namespace);
