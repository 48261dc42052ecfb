#include "priority.h"

#include "common/log.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By so much it is less nice than the workers (sched(7)). */
#define NICE_STEP 10
#define NICE_MIN (-20)
/* The shortest turn that there is (kernel/sched/syscalls.c, __setparam_fair()): whoever asks for
 * the shorter one is not kept waiting until the other's ends (kernel/sched/features.h,
 * PREEMPT_SHORT). */
#define SLICE_NANOSECONDS 100000

static bool set(int nice)
{
    struct sched_attr attributes = {
        .size = sizeof(attributes),
        .sched_flags = SCHED_FLAG_KEEP_POLICY,
        .sched_nice = nice,
        .sched_runtime = SLICE_NANOSECONDS,
    };
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

void priority_raise(void)
{
    int nice = getpriority(PRIO_PROCESS, 0);
    int less = nice - NICE_STEP > NICE_MIN ? nice - NICE_STEP : NICE_MIN;
    if (!set(less) && !set(nice))
        log_debug("the event loop waits for its turn like others: %s", strerror(errno));
}
