/* What names may look like.
 *
 * Each function returns NULL when NAME can be used, and otherwise what is wrong with it, as the end
 * of a sentence that begins with the name. Static storage. */
#pragma once

/* A link's: what the kernel takes (net/core/dev.c, dev_valid_name; "all" and "default" are refused
 * by sysctl_dev_name_is_allowed in net/ipv4/devinet.c), without what it would take for a pattern,
 * what cannot be printed, and the names of parked links (model/plan.h). */
const char *link_name_fault(const char *name);

/* An alternative name of a link: as iproute2 has it (lib/utils.c, check_altifname), at most
 * ALT_NAME_SIZE bytes with its NUL (ALTIFNAMSIZ in include/uapi/linux/if.h). */
#define ALT_NAME_SIZE 128
const char *alt_name_fault(const char *name);

/* A namespace's: a file name below /run/netns (ip-netns(8)). */
const char *namespace_name_fault(const char *name);
