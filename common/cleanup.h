/* Ownership by scope: a variable declared auto_X is released when it goes out of scope.
 * TAKE() hands its value on and leaves nothing behind to release. */
#pragma once

#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(release) __attribute__((cleanup(release)))

/* The value of VARIABLE, which is left empty (NULL). */
#define TAKE(variable)                                                                             \
    ({                                                                                             \
        __typeof__(variable) taken_ = (variable);                                                  \
        (variable) = NULL;                                                                         \
        taken_;                                                                                    \
    })

/* The descriptor in VARIABLE, which is left closed (-1). */
#define TAKE_FD(variable)                                                                          \
    ({                                                                                             \
        int taken_ = (variable);                                                                   \
        (variable) = -1;                                                                           \
        taken_;                                                                                    \
    })

static inline void free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

/* Frees an array of strings that is ended by NULL, and may be NULL itself. */
static inline void strings_free(char **strings)
{
    for (char **each = strings; each && *each; each++)
        free(*each);
    free(strings);
}

static inline void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void put_json(struct json_object **object)
{
    json_object_put(*object);
}

static inline void free_tokener(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

#define auto_free AUTO(free_pointer)
#define auto_close AUTO(close_descriptor)
#define auto_json AUTO(put_json)
#define auto_tokener AUTO(free_tokener)
