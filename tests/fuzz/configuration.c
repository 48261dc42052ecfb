/* netnsd.conf: what is read is within its limits, and what is not is told with its line. */
#include "fuzz.h"

#include "files/configuration.h"

#include <string.h>
#include <syslog.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct configuration configuration;
    struct error error = {0};
    size_t line = 0, lines = 1;
    configuration_default(&configuration);
    bool good = configuration_parse((const char *)data, size, &configuration, &line, &error);
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    PROMISE(configuration.audit <= AUDIT_MAX && configuration.log_level <= LOG_DEBUG);
    PROMISE(configuration.topologies[0] == '/');
    PROMISE(good || (error.text[0] && line >= 1 && line <= lines));
    return 0;
}
