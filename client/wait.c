/* Waits until namespaces can be used: each is there, nothing that its topology wants in it differs,
 * and its links are up.
 *
 * A link is up when it can carry traffic. One that is not is waited for, unless it is set down, or
 * what would give it a carrier is: its cable's other end, all ports of a bridge, or what it stands
 * on. */
#include "client/commands.h"

#include "client/call.h"
#include "client/members.h"
#include "common/cleanup.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
    const struct client *client;
    struct connection *events, *calls;
    int64_t deadline; /* CLOCK_MONOTONIC in ms; 0: there is none */
    const char *namespace;
    char *topology; /* that has something in it; NULL: none is known */
    char *reason;   /* why it is not ready */
    struct error error;
};

enum verdict {
    READY,
    NOT_READY, /* reason */
    LOST,      /* error: the daemon cannot be reached, or refuses */
};

static enum verdict __attribute__((format(printf, 2, 3)))
not_ready(struct waiting *waiting, const char *format, ...)
{
    va_list arguments;
    free(TAKE(waiting->reason));
    va_start(arguments, format);
    if (vasprintf(&waiting->reason, format, arguments) < 0)
        waiting->reason = NULL;
    va_end(arguments);
    return NOT_READY;
}

/* Asks for the rows called NAME, a new reference; NULL when the daemon cannot be reached, or
 * refuses. There are none of what does not exist. */
static struct json_object *ask(struct waiting *waiting, const char *method,
                               struct json_object *parameters, const char *name)
{
    auto_json struct json_object *owned = parameters;
    auto_reply struct varlink_reply reply = {0};
    if (!owned) {
        error_memory(&waiting->error);
        return NULL;
    }
    if (!connection_send(waiting->calls, method, TAKE(owned), false, &waiting->error) ||
        !connection_receive(waiting->calls, &reply, &waiting->error))
        return NULL;
    if (reply.error && !strstr(reply.error, ".NoSuch")) {
        error_set(&waiting->error, ERROR_DENIED, 0, "%s: %s", method, reply.error);
        return NULL;
    }
    struct json_object *rows = member(reply.parameters, name);
    return rows ? json_object_get(rows) : json_object_new_array();
}

static struct json_object *ask_links(struct waiting *waiting, const char *namespace,
                                     const char *link)
{
    return ask(waiting, "io.netnsd.Link.List",
               strings_object("namespace", namespace, "link", link, NULL), "links");
}

/* The link that REFERENCE, a NAMESPACE/LINK, leads to: as ask_links(), of which it is the first. */
static struct json_object *ask_reference(struct waiting *waiting, const char *reference)
{
    auto_free char *namespace = strdup(reference);
    char *slash = namespace ? strrchr(namespace, '/') : NULL;
    if (!slash) {
        error_memory(&waiting->error);
        return NULL;
    }
    *slash = '\0';
    return ask_links(waiting, namespace, slash + 1);
}

static bool is_running(struct json_object *link)
{
    const char *state = member_string(link, "operState");
    return member_bool(link, "up") && (strcmp(state, "up") == 0 || strcmp(state, "unknown") == 0);
}

static enum verdict check_carrier(struct waiting *waiting, struct json_object *link);

/* Can what REFERENCE leads to give a carrier, or does it wait for one itself? */
static enum verdict check_lower(struct waiting *waiting, const char *reference)
{
    auto_json struct json_object *links = ask_reference(waiting, reference);
    if (!links)
        return LOST;
    struct json_object *lower = json_object_array_get_idx(links, 0);
    if (!lower || is_running(lower))
        return NOT_READY;
    return member_bool(lower, "up") ? check_carrier(waiting, lower) : READY;
}

/* The same of the other end of a cable: set up, both ends have a carrier. */
static enum verdict check_peer(struct waiting *waiting, const char *reference)
{
    auto_json struct json_object *links = ask_reference(waiting, reference);
    if (!links)
        return LOST;
    struct json_object *peer = json_object_array_get_idx(links, 0);
    return peer && !member_bool(peer, "up") ? READY : NOT_READY;
}

/* The same of the ports of BRIDGE. */
static enum verdict check_ports(struct waiting *waiting, struct json_object *bridge)
{
    const char *name = member_string(bridge, "link");
    auto_json struct json_object *links =
        ask_links(waiting, member_string(bridge, "namespace"), NULL);
    enum verdict verdict = links ? READY : LOST;
    for (size_t i = 0; verdict == READY && i < json_object_array_length(links); i++) {
        struct json_object *port = json_object_array_get_idx(links, i);
        if (strcmp(member_string(port, "master"), name) != 0 || !member_bool(port, "up"))
            continue;
        verdict = is_running(port) ? NOT_READY : check_carrier(waiting, port);
    }
    return verdict;
}

/* Is LINK, which is set up but has no carrier, to be waited for? READY when not. */
static enum verdict check_carrier(struct waiting *waiting, struct json_object *link)
{
    if (*member_string(link, "peer"))
        return check_peer(waiting, member_string(link, "peer"));
    if (*member_string(link, "lower"))
        return check_lower(waiting, member_string(link, "lower"));
    if (strcmp(member_string(link, "kind"), "bridge") == 0)
        return check_ports(waiting, link);
    return NOT_READY;
}

static enum verdict check_links(struct waiting *waiting, bool owned)
{
    auto_json struct json_object *links = ask_links(waiting, waiting->namespace, NULL);
    enum verdict verdict = links ? READY : LOST;
    if (links && !json_object_array_length(links))
        return not_ready(waiting, "there is no such namespace"); /* each has a lo */
    for (size_t i = 0; verdict == READY && i < json_object_array_length(links); i++) {
        struct json_object *link = json_object_array_get_idx(links, i);
        bool counts = owned || member(link, "topology");
        if (!counts || !member_bool(link, "up") || is_running(link))
            continue;
        verdict = check_carrier(waiting, link);
        if (verdict == NOT_READY)
            not_ready(waiting, "link '%s' is %s", member_string(link, "link"),
                      member_string(link, "operState"));
    }
    return verdict;
}

/* Does POINTER lead to the namespace, or into it? In a pointer, "~0" stands for a tilde. */
static bool is_inside(const struct waiting *waiting, const char *pointer)
{
    static const char prefix[] = "/namespaces/";
    if (strncmp(pointer, prefix, strlen(prefix)) != 0)
        return false;
    pointer += strlen(prefix);
    for (const char *name = waiting->namespace; *name; name++) {
        if (*pointer++ != *name || (*name == '~' && *pointer++ != '0'))
            return false;
    }
    return *pointer == '/' || *pointer == '\0';
}

static enum verdict check_drift(struct waiting *waiting)
{
    auto_json struct json_object *differences =
        ask(waiting, "io.netnsd.Drift.List", strings_object("topology", waiting->topology, NULL),
            "differences");
    if (!differences)
        return LOST;
    for (size_t i = 0; i < json_object_array_length(differences); i++) {
        struct json_object *difference = json_object_array_get_idx(differences, i);
        const char *pointer = member_string(difference, "pointer");
        if (is_inside(waiting, pointer))
            return not_ready(waiting, "%s is %s", pointer, member_string(difference, "kind"));
    }
    return READY;
}

/* Was the topology restored? */
static enum verdict check_topology(struct waiting *waiting)
{
    auto_json struct json_object *topologies =
        ask(waiting, "io.netnsd.Topology.List", strings_object("topology", waiting->topology, NULL),
            "topologies");
    if (!topologies)
        return LOST;
    struct json_object *topology = json_object_array_get_idx(topologies, 0);
    const char *state = member_string(topology, "state");
    if (strcmp(state, "active") == 0 || strcmp(state, "changing") == 0)
        return READY;
    return not_ready(waiting, "topology '%s' is %s: %s", waiting->topology, state,
                     member_string(topology, "message"));
}

static enum verdict check(struct waiting *waiting)
{
    auto_json struct json_object *namespaces =
        ask(waiting, "io.netnsd.Namespace.List",
            strings_object("namespace", waiting->namespace, NULL), "namespaces");
    if (!namespaces)
        return LOST;
    struct json_object *namespace = json_object_array_get_idx(namespaces, 0);
    const char *state = member_string(namespace, "state");
    const char *topology = member_string(namespace, "topology");
    free(TAKE(waiting->topology));
    if (*topology && !(waiting->topology = strdup(topology))) {
        error_memory(&waiting->error);
        return LOST;
    }
    if (!*state)
        return not_ready(waiting, "there is no such namespace");
    if (strcmp(state, "foreign") == 0 || strcmp(state, "broken") == 0)
        return not_ready(waiting, "it is no topology's (%s)", state);
    enum verdict verdict = waiting->topology ? check_topology(waiting) : READY;
    if (verdict == READY && waiting->topology)
        verdict = check_drift(waiting);
    return verdict == READY ? check_links(waiting, strcmp(state, "owned") == 0) : verdict;
}

/* Connecting and waiting ----------------------------------------------------------------------- */

static void disconnect(struct waiting *waiting)
{
    call_connection_free(TAKE(waiting->events));
    call_connection_free(TAKE(waiting->calls));
}

static struct connection *connect_once(struct waiting *waiting)
{
    struct connection *connection =
        call_connection_open(waiting->client->options.socket_path, &waiting->error);
    if (connection)
        connection_set_deadline(connection, waiting->deadline);
    return connection;
}

static bool subscribe_once(struct waiting *waiting)
{
    auto_reply struct varlink_reply reply = {0};
    disconnect(waiting);
    waiting->events = connect_once(waiting);
    waiting->calls = waiting->events ? connect_once(waiting) : NULL;
    if (!waiting->calls ||
        !connection_send(waiting->events, "io.netnsd.Events.Subscribe", NULL, true,
                         &waiting->error) ||
        !connection_receive(waiting->events, &reply, &waiting->error))
        return false;
    return !reply.error || error_set(&waiting->error, ERROR_DENIED, 0, "%s", reply.error);
}

/* Subscribes before anything is looked at: so no change goes unnoticed. A daemon that ends closes
 * what it has just accepted, too: whether there is another, or none, the next connection tells. */
static bool subscribe(struct waiting *waiting)
{
    if (subscribe_once(waiting))
        return true;
    bool lost = waiting->calls && waiting->error.code == ERROR_SYSTEM;
    return lost && subscribe_once(waiting);
}

/* May EVENT have made the namespace ready? */
static bool concerns(const struct waiting *waiting, struct json_object *event)
{
    const char *namespace = member_string(event, "namespace");
    const char *topology = member_string(event, "topology");
    if (*namespace)
        return strcmp(namespace, waiting->namespace) == 0;
    return !*topology || !waiting->topology || strcmp(topology, waiting->topology) == 0;
}

static bool await_event(struct waiting *waiting)
{
    for (;;) {
        auto_reply struct varlink_reply reply = {0};
        if (!connection_receive(waiting->events, &reply, &waiting->error))
            return false;
        if (concerns(waiting, member(reply.parameters, "event")))
            return true;
    }
}

/* False when it does not get ready: error. */
static bool await_ready(struct waiting *waiting)
{
    enum verdict verdict;
    while ((verdict = check(waiting)) != READY) {
        if (verdict == NOT_READY && await_event(waiting))
            continue;
        /* A daemon that is restarted has a socket that waits for it (systemd.socket(5)), or none.
         */
        bool restarts = waiting->error.code == ERROR_SYSTEM;
        if (!restarts || !subscribe(waiting))
            return false;
    }
    return true;
}

static int fail(const struct waiting *waiting)
{
    const struct client *client = waiting->client;
    bool late = waiting->error.code == ERROR_BUSY;
    if (late && waiting->reason)
        return client_fail(client, "namespace '%s' is not ready after %" PRId64 " s: %s",
                           waiting->namespace, client->options.timeout, waiting->reason);
    return client_fail(client, "%s", waiting->error.text);
}

int command_wait(struct client *client, int count, char **words)
{
    struct waiting waiting = {.client = client, .namespace = words[0]};
    int64_t timeout = client->options.timeout;
    if (client->options.given & OPTION_TIMEOUT)
        waiting.deadline =
            clock_monotonic() + (timeout < DEADLINE_MAX ? timeout : DEADLINE_MAX) * 1000;
    bool good = subscribe(&waiting);
    for (int i = 0; good && i < count; i++) {
        waiting.namespace = words[i];
        good = await_ready(&waiting);
    }
    int status = good ? STATUS_GOOD : fail(&waiting);
    disconnect(&waiting);
    free(waiting.topology);
    free(waiting.reason);
    return status;
}
