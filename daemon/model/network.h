/* The model: namespaces with their links, addresses, routes, rules and sysctls, as plain data.
 *
 * What a topology asks for and what the kernel has are the same structures. In a desired network
 * the members marked (desired) are filled, in an actual one those marked (actual). Nothing here
 * makes system calls. Maps are uthash tables and keep the order of insertion. */
#pragma once

#include "common/cleanup.h"
#include "common/hash.h"
#include "common/json_text.h"
#include "model/address.h"
#include "model/attribute.h"
#include "model/kind.h"
#include "model/link_index.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* rtm_protocol, IFA_PROTO and FRA_PROTOCOL of what netnsd makes, and IFLA_GROUP of its links. */
#define NETNSD_PROTOCOL 78
#define NETNSD_GROUP 78

/* The reserved name of the namespace that the daemon runs in. */
#define NAMESPACE_HOST "host"

/* Longest name of a namespace: it is a file name (NAME_MAX). */
#define NAMESPACE_NAME_MAX 255

/* NAMESPACE/LINK. In a desired network LINK points to the object once the network is complete
 * (model/complete.h). */
struct reference {
    struct link *link; /* borrowed */
    char name[IFNAMSIZ];
    char namespace[];
};

struct address {
    struct ip_prefix prefix; /* the key: local address and prefix length */
    struct ip_address peer;  /* far end of a point-to-point address; AF_UNSPEC: none */
    uint8_t scope;           /* RT_SCOPE_* */
    uint32_t metric;         /* of the connected route, 0: the kernel's */
    bool no_prefix_route;
    bool dad;         /* (desired) IPv6: run duplicate address detection */
    uint8_t protocol; /* IFA_PROTO: NETNSD_PROTOCOL when ours */
    uint32_t flags;   /* (actual) IFA_FLAGS */
    UT_hash_handle hh;
};

/* What a plan means to do with a link. */
enum link_fate {
    FATE_NONE,     /* (desired) not there yet: create; (actual) left alone */
    FATE_KEEP,     /* changed in place, if at all */
    FATE_RECREATE, /* (desired) made anew, (actual) to go for that */
    FATE_REMOVE,   /* (actual) to go */
};

struct link {
    struct namespace *namespace; /* the one that holds it */
    char name[IFNAMSIZ];
    const struct link_kind *kind; /* NULL: lo, external, or a kind that netnsd does not know */
    bool external;                /* (desired) not ours: referred to, no more */
    bool derived;                 /* (desired) the unwritten end of a veth */
    bool flawed; /* while a document is read: what it is, or stands on, could not be read, so that
                  * nothing that would follow from it is worth noting */
    struct value common[LINK_ATTRIBUTE_COUNT]; /* by link_attributes */
    struct value *attributes;                  /* by kind->attributes; NULL: it has none */
    struct value *port;                        /* by bridge_port_attributes; NULL: none said */
    struct reference *master; /* (desired) NULL: none, as of the next three; owned */
    struct reference *lower;  /* (desired) */
    struct reference *peer;   /* (desired) veth: the other end */
    struct reference *bridge; /* (desired) veth: "bridge" shorthand; the derived end's master */
    char *underlay;           /* (desired) namespace of outer packets, NULL: its own; owned */
    char **alt_names;         /* owned, ended by NULL; NULL: none */
    struct address *addresses;
    struct sysctl *sysctls; /* (desired) list, by next, of its own; borrowed: they are held, by
                             * full path, in the namespace's map */
    uint32_t ports;         /* (desired) links that have it for their master */

    uint32_t
        ifindex;    /* (actual); (desired) filled by the plan and by whoever runs it, 0: unknown */
    uint32_t flags; /* (actual) IFF_* */
    uint32_t group; /* (actual) NETNSD_GROUP when ours */
    uint32_t master_ifindex;  /* (actual) 0: none */
    uint32_t lower_ifindex;   /* (actual) IFLA_LINK: lower device, or peer of a veth; 0: none */
    int32_t lower_nsid;       /* (actual) IFLA_LINK_NETNSID, in the numbering of this namespace */
    uint64_t lower_cookie;    /* (actual) that of the namespace that lower_ifindex counts in; 0: not
                               * known */
    char kind_name[IFNAMSIZ]; /* (actual) IFLA_INFO_KIND, also of unknown kinds; "" physical */
    uint8_t oper_state;       /* (actual) IF_OPER_* (RFC 2863) */
    bool lower_elsewhere;     /* (actual) lower_nsid is there: lower is in another netns */
    bool indexed;             /* (actual) in namespace->links_by_ifindex */

    /* Filled by the plan. */
    bool create_placed, set_placed; /* its operations are in the plan */
    enum link_fate fate;
    struct link *match; /* the same link in the other network */

    UT_hash_handle hh; /* by name, in namespace->links */
};

/* What identifies a route in its namespace. All bytes are significant: zero it before filling. */
struct route_key {
    struct ip_prefix destination; /* length 0: default */
    uint16_t zero;                /* leaves no padding, which copies need not keep */
    uint32_t table;               /* RT_TABLE_MAIN unless said */
    uint32_t metric;  /* IPv6 without one: 1024, as the kernel has it (net/ipv6/route.c) */
    uint32_t ordinal; /* (actual) tells routes apart that are equal in all of the above:
                       * 0, 1, ... in the order of the dump; (desired) 0 */
};

struct next_hop {
    struct ip_address via; /* AF_UNSPEC: directly reachable */
    char device[IFNAMSIZ]; /* "": found by via. (actual) filled when known */
    uint32_t ifindex;      /* (actual) */
    uint16_t weight;       /* 1.. ; rtnh_hops + 1 */
    bool on_link;
};

struct route {
    struct route_key key;
    uint8_t type;     /* RTN_* */
    uint8_t scope;    /* RT_SCOPE_*; RT_SCOPE_NOWHERE in a desired route: the kernel's usual one */
    uint8_t protocol; /* RTPROT_*: NETNSD_PROTOCOL when ours */
    struct ip_address source; /* preferred source ("src"); AF_UNSPEC: none */
    uint32_t mtu;             /* RTAX_MTU, 0: none */
    uint32_t advmss;          /* RTAX_ADVMSS, 0: none */
    struct next_hop *hops;    /* owned */
    size_t hop_count;         /* 0 for types without (blackhole, unreachable ...) */
    UT_hash_handle hh;
};

struct rule_key {
    uint32_t priority;
    uint32_t family;  /* AF_INET or AF_INET6 */
    uint32_t ordinal; /* (actual) as in struct route_key; (desired) 0 */
};

struct rule {
    struct rule_key key;
    uint8_t action; /* FR_ACT_*: to table, blackhole, unreachable, prohibit */
    uint32_t table;
    struct ip_prefix from, to;              /* AF_UNSPEC: any */
    char input[IFNAMSIZ], output[IFNAMSIZ]; /* iif, oif; "": any */
    uint32_t mark, mask;                    /* mask 0: any */
    uint8_t tos;
    uint8_t ip_protocol;                          /* 0: any */
    uint16_t source_port[2], destination_port[2]; /* low, high; 0: any */
    bool invert;
    int32_t suppress_prefix_length; /* -1: none */
    uint8_t protocol;               /* FRA_PROTOCOL: NETNSD_PROTOCOL when ours */
    UT_hash_handle hh;
};

/* path is below /proc/sys, with slashes: "net/ipv4/conf/eth0/rp_filter". Values compare with runs
 * of white space equal to one space. */
struct sysctl {
    char *path;    /* owned */
    char *value;   /* owned */
    char *earlier; /* (desired) what it was before netnsd first wrote it, NULL: unknown; owned */
    bool shared;   /* (desired) another topology asks for it too: it stays when this one goes */
    struct link
        *link; /* (desired) the link whose "sysctl" said it, which must exist first; or NULL */
    struct sysctl *next; /* (desired) in link->sysctls */
    UT_hash_handle hh;
};

struct namespace
{
    char *name;    /* owned */
    bool external; /* (desired) must exist, is not ours; host too */
    char *path;    /* (desired) of an external one: where to open it, NULL: by its name; owned */
    bool ipv6;     /* (desired) something in it asks for IPv6, or "ipv6": true */
    bool report;   /* (desired) "drift": "report": what others change is told, not put back */
    bool remove_extra; /* (desired) "extra": "remove": what others made is taken away */
    bool ipv6_written; /* (desired) "ipv6": true stands in the document */
    bool hub;          /* has links that others can be attached to, and many usually are */
    bool flawed;       /* while a document is read: its links could not be read (struct link) */
    bool some_links;   /* not all of its links are here (model/network_cut.h) */
    bool no_rest;      /* nor are its routes, its rules, and those sysctls that are no link's */
    bool referred; /* (desired) other namespaces refer to what its part of the document describes,
                    * otherwise than by the other ends of its cables; or did so once */
    bool named_twice; /* (desired) a link in it has, or once had, alternative names */
    uint64_t cookie;  /* (actual) SO_NETNS_COOKIE, its identity within one boot */
    uint64_t heard;   /* (actual) how many of the kernel's messages had come when it was read */
    int32_t number;   /* (desired) the daemon's own namespace knows it by; 0: to be asked */
    bool parked;      /* (actual) alive and held, but its name is taken away */

    /* (desired) Where the network's text describes it; length 0: it has changed since, or there is
     * none. */
    uint32_t text_begin, text_length;
    bool mentioned; /* while a text is compared with the network */

    /* Filled by the plan. */
    struct namespace *match; /* the same namespace in the other network */
    bool going;              /* (actual) to be parked */
    bool placed;             /* its operations are in the plan */
    uint32_t next_ifindex;   /* (desired) of a namespace to be made: for its next link */

    struct link *links;
    struct link_index links_by_ifindex; /* (actual) */
    struct route *routes;
    struct rule *rules;
    struct sysctl *sysctls;
    UT_hash_handle hh;
};

struct network {
    char *topology; /* (desired) name of the topology; owned; NULL otherwise */
    struct namespace *namespaces;
    struct json_text *text; /* (desired) the document, where it was read from one; owned */
    bool written_macs;      /* (desired) the document says the MAC of a link, or once did */
};

struct network *network_new(const char *topology);
void network_free(struct network *network);
void network_freep(struct network **network);
#define auto_network AUTO(network_freep)

/* A namespace that other topologies and programs share: host, or external. */
bool namespace_is_shared(const struct namespace *namespace);
/* To be made with a setting by which no link in it gets addresses by itself, so that its many ports
 * can be made in one step. */
bool namespace_is_silent(const struct namespace *namespace);
/* An address that the kernel gives links by itself. */
bool address_is_of_kernel(const struct address *address);

/* Look-ups; NULL when absent. */
struct namespace *network_namespace(const struct network *network, const char *name);
struct link *network_link(const struct network *network, const char *namespace, const char *link);
struct link *namespace_link(const struct namespace *namespace, const char *name);
struct link *namespace_link_by_ifindex(const struct namespace *namespace, uint32_t ifindex);
struct address *link_address(const struct link *link, const struct ip_prefix *prefix);
struct route *namespace_route(const struct namespace *namespace, const struct route_key *key);
struct rule *namespace_rule(const struct namespace *namespace, const struct rule_key *key);
struct sysctl *namespace_sysctl(const struct namespace *namespace, const char *path);

/* New objects, zeroed, added to their owner, which frees them. NULL when memory is short. The name
 * must not be taken. */
struct namespace *namespace_add(struct network *network, const char *name);
struct link *link_add(struct namespace *namespace, const char *name);
/* Gives LINK its kind and the array for the kind's attributes. */
bool link_set_kind(struct link *link, const struct link_kind *kind);
/* Gives LINK the array for its bridge port attributes, if it has none. */
bool link_add_port(struct link *link);
/* Puts an actual link into its namespace's index by ifindex. */
bool link_index(struct link *link);
struct address *address_add(struct link *link, const struct ip_prefix *prefix);
struct route *route_add(struct namespace *namespace, const struct route_key *key);
struct next_hop *route_add_hop(struct route *route);
struct rule *rule_add(struct namespace *namespace, const struct rule_key *key);
struct sysctl *sysctl_add(struct namespace *namespace, const char *path, const char *value);

/* Take objects out of their owner and free them. */
void namespace_remove(struct network *network, struct namespace *namespace);
void link_remove(struct link *link);
void address_remove(struct link *link, struct address *address);

/* Moves LINK, without its place in the index by ifindex, to INTO, which has none of that name. On
 * failure it is freed. */
bool link_move(struct link *link, struct namespace *into);
/* Moves NAMESPACE from its network to INTO, replacing one of the same name. */
bool namespace_move(struct network *from, struct namespace *namespace, struct network *into);

/* Exchanges all that A and B, of the same name, hold and are. */
void namespace_exchange(struct namespace *a, struct namespace *b);

/* Deep copies, without resolved pointers. NULL, or false, when memory is short. */

/* Of NAMESPACE, in INTO. */
struct namespace *namespace_copy(const struct namespace *namespace, struct network *into);
/* The same, without all that it holds. */
struct namespace *namespace_copy_bare(const struct namespace *namespace, struct network *into);
/* Of its routes, its rules, and those sysctls that are no link's. */
bool namespace_copy_rest(const struct namespace *from, struct namespace *into);
/* Of LINK with its sysctls. */
struct link *link_copy(const struct link *link, struct namespace *into);

/* Replaces *REFERENCE. False when memory is short. */
bool reference_set(struct reference **reference, const char *namespace, const char *name);
/* The links that LINK refers to; NULL where it names none, or where the name is not resolved. */
struct link *link_master(const struct link *link);
struct link *link_lower(const struct link *link);
struct link *link_peer(const struct link *link);

/* Equality of sysctl values: white space at the ends ignored, runs of it equal. */
bool sysctl_value_equal(const char *a, const char *b);

/* JSON pointers of objects in the document that describes them. Return BUFFER. */
char *namespace_pointer(const struct namespace *namespace, char *buffer, size_t size);
char *link_pointer(const struct link *link, char *buffer, size_t size);
char *address_pointer(const struct link *link, const struct address *address, char *buffer,
                      size_t size);
char *route_pointer(const struct namespace *namespace, const struct route *route, char *buffer,
                    size_t size);
char *rule_pointer(const struct namespace *namespace, const struct rule *rule, char *buffer,
                   size_t size);
char *sysctl_pointer(const struct namespace *namespace, const struct sysctl *sysctl, char *buffer,
                     size_t size);

/* The same of a link by its name, or, when LINK is "", of NAMESPACE. Returns BUFFER. */
char *place_pointer(const char *namespace, const char *link, char *buffer, size_t size);

/* The namespace, and the link ("": none), that POINTER leads to or into. Returns what follows the
 * namespace ("": nothing); NULL when it leads elsewhere. */
const char *pointer_parts(const char *pointer, char namespace[NAMESPACE_NAME_MAX + 1],
                          char link[IFNAMSIZ]);

/* "DESTINATION [table T] [metric M]", the key of a route in a document. Returns BUFFER. */
char *route_key_format(const struct route_key *key, char *buffer, size_t size);
