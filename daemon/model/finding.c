#include "model/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FINDING_TEXT_MAX 1024

static void append(char *pointer, const char *part)
{
    size_t length = strlen(pointer);
    if (*part)
        snprintf(pointer + length, FINDING_POINTER_MAX - length, "/%s", part);
}

static void written_pointer(const struct link *link, char pointer[FINDING_POINTER_MAX])
{
    const struct link *written = link->derived ? link_peer(link) : NULL;
    link_pointer(written ? written : link, pointer, FINDING_POINTER_MAX);
    if (!written || !written->kind)
        return;
    append(pointer, written->kind->name);
    if (written->bridge)
        append(pointer, "port");
}

void link_finding(struct problems *problems, bool warning, const struct link *link,
                  const char *below, const char *format, ...)
{
    char pointer[FINDING_POINTER_MAX], text[FINDING_TEXT_MAX];
    written_pointer(link, pointer);
    append(pointer, below);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(problems, warning, pointer, "%s", text);
}

void link_kind_finding(struct problems *problems, const struct link *link, const char *member,
                       const char *format, ...)
{
    char pointer[FINDING_POINTER_MAX], text[FINDING_TEXT_MAX];
    link_pointer(link, pointer, sizeof(pointer));
    append(pointer, link->kind->name);
    append(pointer, member);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(problems, false, pointer, "%s", text);
}
