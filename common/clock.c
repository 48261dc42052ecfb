#include "common/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_realtime(void)
{
    return read_clock(CLOCK_REALTIME);
}

char *clock_format(int64_t milliseconds, char text[CLOCK_TEXT_MAX])
{
    struct tm parts;
    const time_t seconds = (time_t)(milliseconds / 1000);
    size_t length = gmtime_r(&seconds, &parts)
                        ? strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts)
                        : 0;
    snprintf(text + length, CLOCK_TEXT_MAX - length, ".%03dZ", (int)(milliseconds % 1000));
    return text;
}
