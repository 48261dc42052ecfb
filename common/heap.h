/* How malloc keeps memory. */
#pragma once

/* Tells malloc what to keep. Before there are threads. */
void heap_set_up(void);

/* Makes room, not memory, in the heap of the calling thread, which is not the first: it would grow
 * by a page at a time, each by an mprotect() that page faults of all threads wait for (glibc,
 * malloc/arena.c, grow_heap()). */
void heap_grow(void);
