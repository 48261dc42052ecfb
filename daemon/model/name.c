#include "model/name.h"

#include "model/network.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The kernel's isspace() knows Latin-1, whose no-break space is also a byte of some UTF-8
 * characters (lib/ctype.c). */
static bool is_kernel_space(unsigned char c)
{
    return c == 0xa0 || (c < 0x80 && isspace(c));
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static const char *link_character_fault(const char *name)
{
    for (const char *c = name; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (is_kernel_space(byte))
            return "has white space in it, which the kernel does not take in a link's name";
        if (is_control(byte))
            return "has a control character in it";
        if (*c == '/')
            return "has a \"/\" in it, which the kernel does not take in a link's name";
    }
    return NULL;
}

const char *link_name_fault(const char *name)
{
    if (!*name)
        return "is empty: a link's name has 1 to 15 bytes";
    if (strlen(name) >= IFNAMSIZ)
        return "is too long: a link's name has at most 15 bytes";
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return "cannot be a link's name, for it would name a folder of /proc/sys";
    if (strcmp(name, "all") == 0 || strcmp(name, "default") == 0)
        return "cannot be a link's name: the kernel keeps it for the settings of all links";
    if (*name == '~')
        return "begins with \"~\", which netnsd keeps for links that are to be removed";
    if (strchr(name, ':'))
        return "has a \":\" in it, which the kernel does not take in a link's name";
    if (strchr(name, '%'))
        return "has a \"%\" in it, which the kernel would take for a pattern to number links by";
    return link_character_fault(name);
}

const char *alt_name_fault(const char *name)
{
    if (!*name)
        return "is empty: an alternative name has 1 to 127 bytes";
    if (strlen(name) >= ALT_NAME_SIZE)
        return "is too long: an alternative name has at most 127 bytes";
    if (*name == '~')
        return "begins with \"~\", which netnsd keeps for links that are to be removed";
    return link_character_fault(name);
}

const char *namespace_name_fault(const char *name)
{
    if (!*name)
        return "is empty: a namespace's name has 1 to 255 bytes";
    if (strlen(name) > NAMESPACE_NAME_MAX)
        return "is too long: a namespace's name has at most 255 bytes";
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return "cannot be a namespace's name, for it is no file of /run/netns";
    if (strchr(name, '/'))
        return "has a \"/\" in it: a namespace's name is the name of a file";
    for (const char *c = name; *c; c++) {
        if (is_control((unsigned char)*c))
            return "has a control character in it";
    }
    return NULL;
}
