#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool error_set(struct error *error, enum error_code code, int errnum, const char *format, ...)
{
    if (!error)
        return false;
    error->code = code;
    error->errnum = errnum;
    error->pointer[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return false;
}

bool error_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, 0, "out of memory");
}

const char *errno_name(int errnum)
{
    const char *name = errnum ? strerrorname_np(errnum) : NULL;
    return name ? name : "";
}

void problems_add(struct problems *problems, bool warning, const char *pointer, const char *format,
                  ...)
{
    struct problem problem = {.warning = warning, .pointer = strdup(pointer)};
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&problem.text, format, arguments) < 0)
        problem.text = NULL;
    va_end(arguments);
    struct problem *grown =
        reallocarray(problems->items, problems->count + 1, sizeof(*problems->items));
    if (grown)
        problems->items = grown;
    if (!grown || !problem.pointer || !problem.text) {
        free(problem.pointer);
        free(problem.text);
        problems->out_of_memory = true;
        return;
    }
    problems->items[problems->count++] = problem;
    problems->errors += !warning;
}

bool problems_none(const struct problems *problems)
{
    return !problems->errors && !problems->out_of_memory;
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].pointer);
        free(problems->items[i].text);
    }
    free(problems->items);
    *problems = (struct problems){0};
}
