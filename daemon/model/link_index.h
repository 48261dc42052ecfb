/* Links found by ifindex: a table of pointers, for there are as many as there are links. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct link;

/* Empty when zeroed. */
struct link_index {
    struct link **slots; /* 1 << bits, NULL where free; owned, the links are not */
    uint32_t count;
    uint8_t bits;
};

/* LINK's ifindex must not be there yet, and not change while it is. False when memory is short. */
bool link_index_add(struct link_index *index, struct link *link);
/* LINK must be there. */
void link_index_remove(struct link_index *index, const struct link *link);
/* NULL when absent. */
struct link *link_index_find(const struct link_index *index, uint32_t ifindex);
void link_index_clear(struct link_index *index);
