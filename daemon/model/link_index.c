#include "model/link_index.h"

#include "model/network.h"

#include <stdlib.h>

/* Open addressing with linear probing; a quarter of the slots, at least, is free. */
#define BITS_FIRST 1

static uint32_t after(const struct link_index *index, uint32_t slot)
{
    return (slot + 1) & ((UINT32_C(1) << index->bits) - 1);
}

/* Where the search for IFINDEX begins (Fibonacci hashing: numbers in a row are spread evenly). */
static uint32_t home(const struct link_index *index, uint32_t ifindex)
{
    return (ifindex * UINT32_C(2654435769)) >> (32 - index->bits);
}

/* The slot of IFINDEX, or the free one where it would be. */
static uint32_t find(const struct link_index *index, uint32_t ifindex)
{
    uint32_t slot = home(index, ifindex);
    while (index->slots[slot] && index->slots[slot]->ifindex != ifindex)
        slot = after(index, slot);
    return slot;
}

static bool grow(struct link_index *index)
{
    uint8_t bits = index->slots ? (uint8_t)(index->bits + 1) : BITS_FIRST;
    struct link_index grown = {.bits = bits, .count = index->count};
    grown.slots = calloc((size_t)1 << bits, sizeof(*grown.slots));
    if (!grown.slots)
        return false;
    for (uint32_t i = 0; index->slots && i < UINT32_C(1) << index->bits; i++) {
        if (index->slots[i])
            grown.slots[find(&grown, index->slots[i]->ifindex)] = index->slots[i];
    }
    free(index->slots);
    *index = grown;
    return true;
}

static bool is_full(const struct link_index *index)
{
    return !index->slots || 4 * (uint64_t)(index->count + 1) > UINT64_C(3) << index->bits;
}

bool link_index_add(struct link_index *index, struct link *link)
{
    while (is_full(index)) {
        if (!grow(index))
            return false;
    }
    index->slots[find(index, link->ifindex)] = link;
    index->count++;
    return true;
}

/* What follows is moved into the gap, unless its search begins behind that. */
void link_index_remove(struct link_index *index, const struct link *link)
{
    uint32_t mask = (UINT32_C(1) << index->bits) - 1;
    uint32_t gap = find(index, link->ifindex);
    for (uint32_t i = after(index, gap); index->slots[i]; i = after(index, i)) {
        uint32_t start = home(index, index->slots[i]->ifindex);
        if (((i - start) & mask) < ((i - gap) & mask))
            continue;
        index->slots[gap] = index->slots[i];
        gap = i;
    }
    index->slots[gap] = NULL;
    index->count--;
}

struct link *link_index_find(const struct link_index *index, uint32_t ifindex)
{
    return index->slots ? index->slots[find(index, ifindex)] : NULL;
}

void link_index_clear(struct link_index *index)
{
    free(index->slots);
    *index = (struct link_index){0};
}
