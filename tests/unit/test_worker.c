/* Workers: whose turn it is. */
#include "common/worker.h"

#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* One letter for each job, in the order in which they are done. */
static char done_so_far[16];

struct named_job {
    struct job job;
    char name[2];
};

/* Keeps the worker until all others are submitted. */
struct first_job {
    struct job job;
    sem_t begun, all_there;
};

static void run_first(struct job *job)
{
    struct first_job *first = (struct first_job *)job;
    sem_post(&first->begun);
    sem_wait(&first->all_there);
}

static void run(struct job *job)
{
    (void)job;
}

static void done_first(struct job *job)
{
    (void)job;
}

static void done(struct job *job)
{
    strcat(done_so_far, ((struct named_job *)job)->name);
}

/* What is submitted while the worker is at another job, by the case of its letter: lower ones are
 * brief. Returns the order in which they are done. */
static const char *order_of(const char *names)
{
    struct error error = {0};
    struct named_job jobs[16] = {0};
    struct first_job first = {.job = {.run = run_first, .done = done_first}};
    sem_init(&first.begun, 0, 0);
    sem_init(&first.all_there, 0, 0);
    struct completions *completions = completions_new(&error);
    struct worker *worker = worker_new("test", completions, &error);
    assert_non_null(worker);
    done_so_far[0] = '\0';
    worker_submit(worker, &first.job);
    sem_wait(&first.begun);
    for (size_t i = 0; names[i]; i++) {
        jobs[i] = (struct named_job){
            .job = {.run = run, .done = done, .brief = names[i] >= 'a'},
            .name = {names[i]},
        };
        worker_submit(worker, &jobs[i].job);
    }
    sem_post(&first.all_there);
    struct pollfd readable = {.fd = completions_fd(completions), .events = POLLIN};
    while (strlen(done_so_far) < strlen(names)) {
        assert_int_equal(poll(&readable, 1, -1), 1);
        completions_dispatch(completions);
    }
    worker_free(worker);
    completions_free(completions);
    sem_destroy(&first.begun);
    sem_destroy(&first.all_there);
    return done_so_far;
}

static void test_jobs_run_in_order(void **state)
{
    (void)state;
    assert_string_equal(order_of("ABC"), "ABC");
    assert_string_equal(order_of("abc"), "abc");
}

static void test_brief_jobs_pass_every_other_time(void **state)
{
    (void)state;
    assert_string_equal(order_of("ABCxyz"), "xAyBzC");
    assert_string_equal(order_of("ABx"), "xAB");
    assert_string_equal(order_of("Awxyz"), "wAxyz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_run_in_order),
        cmocka_unit_test(test_brief_jobs_pass_every_other_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
