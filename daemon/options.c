#include "options.h"

#include "common/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_SOCKET "/run/netnsd/io.netnsd"
#define DEFAULT_STATE "/var/lib/netnsd"
#define DEFAULT_CONFIGURATION SYSCONFDIR "/netnsd/netnsd.conf"

static void usage(FILE *out)
{
    fprintf(out, "Usage: netnsd [OPTION]...\n"
                 "Owns network namespaces and links, and serves io.netnsd over a Unix socket.\n\n"
                 "  --config FILE      read this configuration (default\n"
                 "                     " DEFAULT_CONFIGURATION ", if it is there)\n"
                 "  --socket PATH      listen here (default " DEFAULT_SOCKET ")\n"
                 "  --state DIR        keep topologies here (default " DEFAULT_STATE ")\n"
                 "  --foreground       accepted for clarity: netnsd never forks\n"
                 "  --audit SECONDS    compare everything with the kernel so often (default 60; 0: "
                 "never)\n"
                 "  --log-level LEVEL  error, warning, notice, info or debug (default info)\n"
                 "  --help, --version\n\n"
                 "See netnsd(8), netnsd.conf(5), and netnsctl(1) for the client.\n");
}

/* Says so here, and not later, when what the two options say is nothing that a file could say. */
static bool check(const struct options *options)
{
    unsigned audit;
    int level;
    if (options->audit && !configuration_read_audit(options->audit, &audit)) {
        fprintf(stderr, "netnsd: --audit: \"%s\" is no number of seconds from 0 to %u\n",
                options->audit, AUDIT_MAX);
        return false;
    }
    if (options->log_level && !log_level_parse(options->log_level, &level)) {
        fprintf(stderr,
                "netnsd: --log-level: \"%s\" is not error, warning, notice, info or debug\n",
                options->log_level);
        return false;
    }
    return true;
}

bool options_read(int argc, char **argv, struct options *options, int *status)
{
    static const struct option table[] = {
        {"config", required_argument, NULL, 'c'},
        {"socket", required_argument, NULL, 's'},
        {"audit", required_argument, NULL, 'a'},
        {"state", required_argument, NULL, 'd'},
        {"foreground", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {"log-level", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.socket = DEFAULT_SOCKET, .state = DEFAULT_STATE};
    int option;
    *status = 2;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->configuration = optarg;
            break;
        case 's':
            options->socket = optarg;
            break;
        case 'd':
            options->state = optarg;
            break;
        case 'a':
            options->audit = optarg;
            break;
        case 'l':
            options->log_level = optarg;
            break;
        case 'f':
            break;
        case 'h':
            usage(stdout);
            *status = EXIT_SUCCESS;
            return false;
        case 'v':
            puts("netnsd " PACKAGE_VERSION);
            *status = EXIT_SUCCESS;
            return false;
        default:
            return false;
        }
    }
    if (optind == argc)
        return check(options);
    fprintf(stderr, "netnsd: \"%s\" is not an option; see netnsd --help\n", argv[optind]);
    return false;
}

bool options_configure(const struct options *options, struct configuration *configuration,
                       struct error *error)
{
    const char *path = options->configuration;
    configuration_default(configuration);
    if (!configuration_load(path ? path : DEFAULT_CONFIGURATION, path, configuration, error))
        return false;
    if (options->audit)
        configuration_read_audit(options->audit, &configuration->audit);
    if (options->log_level)
        log_level_parse(options->log_level, &configuration->log_level);
    return true;
}
