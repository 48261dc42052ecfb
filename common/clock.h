/* Clocks, read in milliseconds. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline int64_t clock_milliseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
