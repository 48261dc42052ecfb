#include "common/heap.h"

#include <malloc.h>
#include <stdlib.h>

/* Bytes that malloc may keep at the end of each of its heaps, where malloc_trim() does not look. It
 * would keep more and more, the larger the blocks are that are freed. */
#define HEAP_END_MAX (1 << 20)
/* The largest block that comes from a heap (glibc, malloc/arena.c, HEAP_MAX_SIZE / 2). */
#define HEAP_BLOCK_MAX (1 << 25)
/* What thousands of namespaces take. */
#define HEAP_ROOM (1 << 24)

void heap_set_up(void)
{
    mallopt(M_TRIM_THRESHOLD, HEAP_END_MAX);
    mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
}

void heap_grow(void)
{
    void *volatile room = malloc(HEAP_ROOM); /* volatile: or the compiler leaves both out */
    free(room);
}
