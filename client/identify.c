#include "client/commands.h"

#include "client/members.h"
#include "common/json.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define NAMES_DIRECTORY "/run/netns"

/* A namespace is the file that /proc/PID/ns/net and its names lead to (namespaces(7)). */
struct identity {
    dev_t device;
    ino_t inode;
};

static bool identity_of(const char *path, struct identity *identity)
{
    struct stat found;
    if (stat(path, &found) < 0)
        return false;
    *identity = (struct identity){.device = found.st_dev, .inode = found.st_ino};
    return true;
}

static bool is_at(const struct identity *wanted, const char *path)
{
    struct identity found;
    return identity_of(path, &found) && found.device == wanted->device &&
           found.inode == wanted->inode;
}

/* Appends the names under /run/netns that lead to WANTED. */
static bool add_names(const struct identity *wanted, struct json_object *names)
{
    DIR *directory = opendir(NAMES_DIRECTORY);
    if (!directory)
        return true; /* nobody has named a namespace yet */
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(directory))) {
        char path[sizeof(NAMES_DIRECTORY) + sizeof(entry->d_name)];
        snprintf(path, sizeof(path), NAMES_DIRECTORY "/%s", entry->d_name);
        if (entry->d_name[0] != '.' && is_at(wanted, path))
            good = json_append(names, json_object_new_string(entry->d_name));
    }
    closedir(directory);
    return good;
}

/* The cookie of our own namespace (SO_NETNS_COOKIE, socket(7)), 0 when it cannot be had. */
static int64_t own_cookie(void)
{
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
        return 0;
    return (int64_t)cookie;
}

/* Appends those of the daemon's namespaces that are WANTED: its own, which has no name in the file
 * system, and those that it knows by another path. COOKIE is WANTED's, 0 when not known: it tells
 * also where /proc/PID of the daemon is closed to us. False after having shown what went wrong. */
static bool add_from_daemon(struct client *client, const struct identity *wanted, int64_t cookie,
                            struct json_object *names)
{
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Namespace.List", json_object_new_object(), "namespaces");
    if (!reply)
        return false;
    for (size_t i = 0; i < member_count(reply, "namespaces"); i++) {
        struct json_object *namespace = member_element(reply, "namespaces", i);
        const char *path = member_string(namespace, "path");
        bool same = (*path && is_at(wanted, path)) ||
                    (cookie != 0 && member_integer(namespace, "cookie") == cookie);
        if (same &&
            !json_append(names, json_object_new_string(member_string(namespace, "namespace")))) {
            client_fail_memory(client);
            return false;
        }
    }
    return true;
}

static bool is_number(const char *word)
{
    for (const char *c = word; *c; c++) {
        if (!isdigit((unsigned char)*c))
            return false;
    }
    return *word != '\0';
}

static int fail_process(const struct client *client, const char *process, int errnum)
{
    if (errnum == ENOENT || errnum == ESRCH)
        return client_fail(client, "there is no process %s", process);
    if (errnum == EACCES)
        return client_fail(client, "the namespace of process %s is not yours to see; use sudo",
                           process);
    return client_fail(client, "cannot see the namespace of process %s: %s", process,
                       strerror(errnum));
}

static int print_names(const struct client *client, struct json_object *names)
{
    size_t count = member_count(names, "namespaces");
    int status = count > 0 ? STATUS_GOOD : STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, names) == STATUS_GOOD ? status : STATUS_FAILED;
    for (size_t i = 0; i < count; i++) {
        print_text(stdout, json_object_get_string(member_element(names, "namespaces", i)));
        putchar('\n');
    }
    return status;
}

int command_identify_show(struct client *client, int count, char **words)
{
    const char *process = count > 0 ? words[0] : "self";
    if (count > 0 && !is_number(process))
        return client_usage("'%s' is no process id", process);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%.20s/ns/net", process);
    struct identity wanted;
    if (!identity_of(path, &wanted))
        return fail_process(client, process, errno);
    struct json_object *list = json_object_new_array();
    auto_json struct json_object *names = json_object_new_object();
    if (!names || !json_put(names, "namespaces", list) || !add_names(&wanted, list))
        return client_fail_memory(client);
    if (json_object_array_length(list) == 0 &&
        !add_from_daemon(client, &wanted, count > 0 ? 0 : own_cookie(), list))
        return STATUS_FAILED;
    return print_names(client, names);
}
