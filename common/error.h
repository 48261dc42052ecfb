/* What went wrong, in one struct for the whole project.
 *
 * A function that can fail returns false (or NULL) and fills the struct error that its last
 * parameter points to; it leaves the struct alone when it succeeds. The struct owns nothing: it can
 * be copied, put on the stack and forgotten, and filling it cannot fail, not even when memory is
 * short. Text that does not fit is cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum error_code {
    ERROR_NONE,
    ERROR_INVALID,    /* the input is wrong; pointer says where */
    ERROR_NOT_FOUND,  /* the thing named does not exist */
    ERROR_EXISTS,     /* something that netnsd does not own is in the way */
    ERROR_OWNED,      /* another topology owns the thing */
    ERROR_IN_USE,     /* another topology refers to the thing */
    ERROR_MANAGED,    /* the topology belongs to a file, or to those who call */
    ERROR_GENERATION, /* the topology is at another generation than the caller said */
    ERROR_HISTORY,    /* the generation is not, or no longer, kept */
    ERROR_PENDING,    /* the topology's last change waits for its confirmation */
    ERROR_CONFIRMED,  /* there is nothing to confirm */
    ERROR_DENIED,     /* the caller may not do this */
    ERROR_KERNEL,     /* the kernel refused; errnum and its own text */
    ERROR_SYSTEM,     /* a system call outside the managed state failed (files, sockets, store) */
    ERROR_MEMORY,     /* out of memory */
    ERROR_BUSY,       /* a limit is reached; trying again later may work */
    ERROR_WAITING,    /* something that the document needs from elsewhere does not exist yet */
};

struct error {
    enum error_code code;
    int errnum;        /* positive errno, 0 when there is none */
    char pointer[400]; /* JSON pointer (RFC 6901) into the document or parameters, "" when none */
    char text[400];    /* one sentence for people: what is wrong and what to do */
};

/* Fills ERROR (which may be NULL) and returns false, so that callers can return its value. */
bool error_set(struct error *error, enum error_code code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* error_set() for ERROR_MEMORY. */
bool error_memory(struct error *error);

/* The symbolic name of ERRNUM ("EEXIST"), or "" for 0. Static storage. */
const char *errno_name(int errnum);

/* A finding in a document: an error (nothing will be done) or a warning (it will be done). */
struct problem {
    bool warning;
    char *pointer;
    char *text;
};

/* All findings of one reading, so that a caller hears of every one at once. Zero-initialise. */
struct problems {
    struct problem *items;
    size_t count;
    size_t errors;      /* how many of them are not warnings */
    bool out_of_memory; /* a finding could not be kept: treat as an error */
};

/* Notes one finding. POINTER is copied. */
void problems_add(struct problems *problems, bool warning, const char *pointer, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* True when nothing stands against going on: no error, and no lost finding. */
bool problems_none(const struct problems *problems);

void problems_clear(struct problems *problems);
