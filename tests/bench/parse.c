/* How long it takes to read a document and to parse it, by the library that netnsd uses as well: no
 * apply can be faster.
 *
 *     parse FILE */
#include "common/cleanup.h"

#include <err.h>

int main(int argument_count, char **arguments)
{
    if (argument_count != 2)
        errx(EXIT_FAILURE, "usage: parse FILE");
    auto_json struct json_object *document = json_object_from_file(arguments[1]);
    if (!document)
        errx(EXIT_FAILURE, "%s", json_util_get_last_err());
    return EXIT_SUCCESS;
}
