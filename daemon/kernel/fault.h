/* Fault injection. In a build configured with --enable-fault-injection, NETNSD_FAULT=N makes the
 * Nth kernel step fail (counted from 1, from the start of the process, over all threads);
 * NETNSD_FAULT=N:kill ends the process with SIGKILL there instead. A step is whatever changes the
 * kernel: a namespace made, a mount or an unmount, one netlink message, one sysctl written. In any
 * other build fault_here() is false at no cost, but steps are counted all the same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Counts one step that is about to be made. True: it must fail, with EIO, and not be made. Safe on
 * any thread. */
bool fault_here(void);

/* Steps counted so far: how many requests were to change something in the kernel. */
uint64_t fault_steps(void);
