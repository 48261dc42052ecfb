#include "kernel/fault.h"

#include <stdatomic.h>

static _Atomic uint64_t steps;

uint64_t fault_steps(void)
{
    return atomic_load(&steps);
}

#ifdef ENABLE_FAULT_INJECTION

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t faulty; /* the step that fails; 0: none */
static bool kills;

static void read_environment(void)
{
    const char *text = getenv("NETNSD_FAULT");
    char *end;
    if (!text)
        return;
    faulty = strtoull(text, &end, 10);
    kills = strcmp(end, ":kill") == 0;
}

bool fault_here(void)
{
    pthread_once(&once, read_environment);
    uint64_t step = atomic_fetch_add(&steps, 1) + 1;
    if (step != faulty)
        return false;
    if (kills)
        kill(getpid(), SIGKILL);
    return true;
}

#else

bool fault_here(void)
{
    atomic_fetch_add(&steps, 1);
    return false;
}

#endif
