/* Network namespaces: made, opened, named below /run/netns and released.
 *
 * A namespace is held by a descriptor that SIOCGSKNS gave (net/socket.c), never by one opened
 * through /run/netns: that one would pin the mount. Its identity is the netns cookie
 * (SO_NETNS_COOKIE), which is not reused within a boot, unlike the inode number. */
#pragma once

#include "common/cleanup.h"
#include "common/error.h"
#include "common/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define NETNS_DIRECTORY "/run/netns"
#define NETNSD_DIRECTORY "/run/netnsd"
#define NETNS_PARKED_DIRECTORY NETNSD_DIRECTORY "/parked"

struct mnl_socket;
struct namespace;

/* A namespace that netnsd holds or is about to make. The maker thread fills it; others call
 * netns_wait() before they use what it filled. */
struct netns {
    char *name; /* owned */
    int fd;     /* -1 until it is made or opened, and after release */
    uint64_t cookie;
    int32_t number; /* the daemon's own namespace knows it by (nsid); -1: none */
    bool host;      /* the daemon's own namespace */
    bool hub;       /* many of its links lead to others: most messages come from it */
    const struct netns *neighbour; /* hub that a cable is to lead to; borrowed, NULL: none */
    bool quiet;                    /* links are born in it without IPv6 now */
    bool silent;                   /* to be made so that no link in it gets addresses by itself */
    bool fresh;                    /* netns_make() made it, and nobody has read it yet */
    struct mnl_socket *socket;     /* in it, kept for who needs one next; owned, NULL: none is */
    enum { NETNS_PENDING, NETNS_READY, NETNS_FAILED } state; /* guarded by a lock in netns.c */
    UT_hash_handle hh;
};

/* The hub that those which are made are introduced to, one after the other. All zero at first. */
struct introduction {
    struct mnl_socket *socket; /* in the hub, which lives as long; owned */
    uint64_t hub_cookie;
};

/* Namespaces by name. */
struct netns_table {
    struct netns *entries;
};

/* A new pending entry; NULL when memory is short. */
struct netns *netns_new(const char *name);
/* Closes its descriptors. A namespace that has no name, no process and no other holder then dies.
 */
void netns_free(struct netns *netns);
void netns_freep(struct netns **netns);
/* Closes the socket that is kept. */
void netns_rest(struct netns *netns);
#define auto_netns AUTO(netns_freep)

bool netns_table_add(struct netns_table *table, struct netns *netns);
/* Adds a new pending entry, to be made as NAMESPACE says. False when memory is short. */
bool netns_table_add_new(struct netns_table *table, const struct namespace *namespace);
struct netns *netns_table_find(const struct netns_table *table, const char *name);
/* Takes NETNS out without freeing it. */
void netns_table_take(struct netns_table *table, struct netns *netns);
/* Frees all. */
void netns_table_clear(struct netns_table *table);

/* Prepares NETNS_DIRECTORY as ip-netns(8) does: made, bind-mounted on itself and shared once, under
 * a lock on the directory, so that names mounted here are seen in other mount namespaces. Safe to
 * repeat, and safe against others who do the same. */
bool netns_directory_prepare(struct error *error);

/* Makes a namespace for the pending NETNS. Must run on a thread that may change its own network
 * namespace; the thread is back in the daemon's namespace afterwards. */
bool netns_make(struct netns *netns, struct error *error);
/* Gives the pending NETNS what was made for FROM, if anything was. */
void netns_take_over(struct netns *netns, struct netns *from);
/* NETNS is made: does netns_introduce() where there is a neighbour, and wakes netns_wait().
 * netns_abandon() is for one that is not. */
void netns_present(struct netns *netns, struct introduction *introduction);

/* Gives NETNS its name, which nothing may have yet. It carries netnsd's mark by then, lo's
 * IFLA_GROUP (NETNSD_GROUP), so that a crash at any point leaves either nothing, or a stale file
 * that netns_probe() knows, or a namespace that is known as ours. */
bool netns_name(const struct netns *netns, struct error *error);

/* Opens what is named NAME, or stands at PATH when that is not NULL ("/proc/PID/ns/net"); NAME
 * "host" without PATH is the daemon's own. Returns a ready entry. ERROR_NOT_FOUND when there is
 * none. */
struct netns *netns_open(const char *name, const char *path, struct error *error);

/* What a name below NETNS_DIRECTORY stands for. */
enum netns_presence {
    NETNS_ABSENT,
    NETNS_STALE, /* a plain file with nothing mounted: left by a crash of whoever made it */
    NETNS_PRESENT,
};
enum netns_presence netns_probe(const char *name);

/* Waits until NETNS is made. False, with an error, when making it failed. */
bool netns_wait(struct netns *netns, struct error *error);
/* To be called in the daemon's namespace before the first netns_number(). */
bool netns_number_prepare(struct error *error);
/* Sees to it that NETNS, which is open, has a number in the daemon's namespace, without which its
 * changes are not heard (kernel/monitor.h). Fills netns->number, unless that is known. FRESH:
 * nobody can have given it one, so it need not be asked for. */
bool netns_number(struct netns *netns, bool fresh, struct error *error);

/* What number NETNS is known by in IN, which has a number itself or is the daemon's own; -1: none.
 */
bool netns_number_in(const struct netns *in, const struct netns *netns, int32_t *number,
                     struct error *error);

/* Has HUB know NETNS by the same number, before the kernel chooses one: the lower, the sooner it is
 * found (netns_number.c). Only speed depends on it, so that nothing is said when it fails. */
void netns_introduce(const struct netns *netns, const struct netns *hub,
                     struct introduction *introduction);
/* Lets go of the hub. */
void netns_introduce_end(struct introduction *introduction);

/* Does the name below NETNS_DIRECTORY lead to NETNS, which is held? */
bool netns_is_named(const struct netns *netns);

/* Lets waiters for NETNS go with a failure: it will not be made. */
void netns_abandon(struct netns *netns);

/* Takes NAME away, from a namespace or a stale file. */
bool netns_unmount(const char *name, struct error *error);

/* Takes the name away, but keeps the namespace: NETNS holds it, and so does a mount where nobody
 * looks for names, so that it survives netnsd's own end. */
bool netns_park(const struct netns *netns, struct error *error);
/* Gives a parked namespace its name again, over whatever is there. */
bool netns_unpark(const struct netns *netns, struct error *error);
/* Where the namespace called NAME is parked; NULL when none is. BUFFER holds PATH_MAX. */
const char *netns_parked_path(const char *name, char *buffer);
/* Lets a parked namespace go. One that is not parked is success. */
bool netns_forget(const char *name, struct error *error);
/* Lets all parked namespaces go but those in HELD. */
void netns_forget_others(const struct netns_table *held);

/* Puts the calling thread into NETNS, and back into the daemon's own namespace. */
bool netns_enter(const struct netns *netns, struct error *error);
bool netns_leave(struct error *error);

/* The names below NETNS_DIRECTORY, as a NULL-terminated array of strings, both owned by the caller.
 */
char **netns_names(struct error *error);
