/* uthash, as it is used here: to be included in its place.
 *
 * Most maps hold one or two elements (the links of a namespace, the addresses of a link), and there
 * are many of them: so they begin with one bucket, and grow from there. An element that uthash had
 * no memory for has no table afterwards. */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS 1U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 0U
