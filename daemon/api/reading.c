#include "api/reading.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct job job;
    reading_callback *callback; /* NULL: nobody waits any more */
    void *context;
    struct varlink_call call;
    struct error error;
    bool good;
    size_t length;
    char text[];
};

static void run(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    reading->good =
        varlink_call_read(reading->text, reading->length, &reading->call, &reading->error);
}

static void done(struct job *job)
{
    struct reading *reading = (struct reading *)job;
    if (!reading->callback)
        varlink_call_clear(&reading->call);
    else
        reading->callback(reading->context, &reading->call, reading->good ? NULL : &reading->error);
    free(reading);
}

struct reading *reading_start(struct worker *worker, const char *text, size_t length,
                              reading_callback *callback, void *context)
{
    struct reading *reading = malloc(sizeof(*reading) + length);
    if (!reading)
        return NULL;
    *reading = (struct reading){
        .job = {.run = run, .done = done},
        .callback = callback,
        .context = context,
        .length = length,
    };
    memcpy(reading->text, text, length);
    worker_submit(worker, &reading->job);
    return reading;
}

void reading_abandon(struct reading *reading)
{
    reading->callback = NULL;
}
