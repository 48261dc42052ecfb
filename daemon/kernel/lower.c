#include "kernel/lower.h"

#include "kernel/netlink.h"

#include <stdlib.h>

struct lower_finder {
    struct mnl_socket *socket;
};

struct lower_finder *lower_finder_new(const struct netns *netns, struct error *error)
{
    struct lower_finder *finder = calloc(1, sizeof(*finder));
    if (!finder) {
        error_memory(error);
        return NULL;
    }
    finder->socket = netlink_open_in(netns, error);
    if (finder->socket)
        return finder;
    free(finder);
    return NULL;
}

void lower_finder_free(struct lower_finder *finder)
{
    if (!finder)
        return;
    netlink_closep(&finder->socket);
    free(finder);
}

/* Is the namespace that FD is open on number NSID to the finder's? */
static bool is_number(struct lower_finder *finder, int fd, int32_t nsid, bool *is,
                      struct error *error)
{
    int32_t number;
    if (!netlink_namespace_number(finder->socket, fd, &number, error))
        return false;
    *is = number == nsid;
    return true;
}

bool lower_find(struct lower_finder *finder, struct link *link, const struct netns_table *table,
                const char *const *guesses, size_t count, struct error *error)
{
    bool is = false;
    for (size_t i = 0; i < count; i++) {
        const struct netns *netns = guesses[i] ? netns_table_find(table, guesses[i]) : NULL;
        if (netns && netns->fd >= 0 && !is_number(finder, netns->fd, link->lower_nsid, &is, error))
            return false;
        if (is) {
            link->lower_cookie = netns->cookie;
            return true;
        }
    }
    const struct netns *netns, *next;
    HASH_ITER (hh, table->entries, netns, next) {
        if (netns->fd >= 0 && !is_number(finder, netns->fd, link->lower_nsid, &is, error))
            return false;
        if (is) {
            link->lower_cookie = netns->cookie;
            return true;
        }
    }
    return true;
}
