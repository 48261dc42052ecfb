/* Who comes first when there are more threads than processors. */
#pragma once

/* Lets the calling thread, the event loop, run before the workers, and as soon as something wakes
 * it up: it answers others while they keep the processors busy. What threads it makes later would
 * come first as well. Where this is not allowed (CAP_SYS_NICE, or RLIMIT_NICE), it is only woken
 * sooner; kernels before 6.12 cannot do that (sched_setattr(2)). */
void priority_raise(void);
