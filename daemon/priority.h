/* Who comes first when there are more threads than processors. */
#pragma once

/* Lets the calling thread, the event loop, run before the workers, and as soon as something wakes
 * it up: it answers others while they keep the processors busy. Threads that it makes later would
 * come first as well. Without CAP_SYS_NICE, and an RLIMIT_NICE that allows it, it is only woken
 * sooner; kernels before 6.12 cannot do that (sched_setattr(2)). A policy other than the usual one
 * is left as it is (sched(7)). */
void priority_raise(void);
