/* Time in milliseconds, and as text. */
#pragma once

#include <stdint.h>

/* CLOCK_MONOTONIC: for what is to happen later in this run. */
int64_t clock_monotonic(void);

/* CLOCK_REALTIME: for people, and for what must be known after a restart. It may jump. */
int64_t clock_realtime(void);

#define CLOCK_TEXT_MAX 40

/* A CLOCK_REALTIME as RFC 3339 in UTC, "2026-01-31T23:59:59.999Z". Returns TEXT. */
char *clock_format(int64_t milliseconds, char text[CLOCK_TEXT_MAX]);
