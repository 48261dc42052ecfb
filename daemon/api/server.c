#include "api/server.h"

#include "api/connection.h"
#include "api/service.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/varlink.h"

#include <errno.h>
#include <event2/listener.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONNECTIONS_MAX 4096
#define CONNECTIONS_PER_USER_MAX 1024
#define CONNECTIONS_PER_READER_MAX 64
/* How long no new client is taken when there are no descriptors left. */
static const struct timeval pause_time = {.tv_sec = 1};

struct client {
    struct connection *connection; /* the key */
    UT_hash_handle hh;
};

struct listener {
    struct evconnlistener *listener;
    struct listener *next;
};

struct server {
    struct event_base *base;
    struct server_options options;
    gid_t group;
    struct listener *listeners;
    struct event *resume;
    struct client *clients;
    char *path; /* of the socket that server_listen() made */
};

static const struct interface *find_interface(const struct server *server, const char *name)
{
    if (strcmp(name, interface_service.name) == 0)
        return &interface_service;
    for (const struct interface *const *each = server->options.interfaces; *each; each++) {
        if (strcmp((*each)->name, name) == 0)
            return *each;
    }
    return NULL;
}

static const struct method *find_method(const struct interface *interface, const char *name)
{
    for (const struct method *method = interface->methods; method->name; method++) {
        if (strcmp(method->name, name) == 0)
            return method;
    }
    return NULL;
}

static void dispatch(void *context, struct call *call)
{
    struct server *server = context;
    const struct varlink_call *message = call_message(call);
    log_debug("user %u calls %.200s", (unsigned)call_access(call)->user, message->method);
    char name[256];
    const char *method_name;
    if (!varlink_method_split(message->method, name, sizeof(name), &method_name)) {
        call_method_not_found(call, message->method);
        return;
    }
    const struct interface *interface = find_interface(server, name);
    const struct method *method = interface ? find_method(interface, method_name) : NULL;
    call_set_context(call, interface == &interface_service ? (void *)&server->options
                                                           : server->options.context);
    if (!interface)
        call_interface_not_found(call, name);
    else if (!method)
        call_method_not_found(call, message->method);
    else if (!method->reading && !call_access(call)->full)
        call_permission_denied(call);
    else if (method->requires_more && !message->more)
        call_expected_more(call);
    else
        method->run(call);
}

static void client_closed(void *context, struct connection *connection)
{
    struct server *server = context;
    struct client *client;
    HASH_FIND_PTR(server->clients, &connection, client);
    if (!client)
        return;
    HASH_DEL(server->clients, client);
    free(client);
}

static size_t connections_of(const struct server *server, uid_t user)
{
    size_t count = 0;
    for (const struct client *client = server->clients; client; client = client->hh.next)
        count += connection_access(client->connection)->user == user;
    return count;
}

static bool admits(const struct server *server, const struct access *access)
{
    size_t most = access->full ? CONNECTIONS_PER_USER_MAX : CONNECTIONS_PER_READER_MAX;
    return HASH_COUNT(server->clients) < CONNECTIONS_MAX &&
           connections_of(server, access->user) < most;
}

static void turn_away(struct client *client)
{
    log_error("out of memory: a client is turned away");
    free(client);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *context)
{
    struct server *server = context;
    struct access access;
    (void)listener;
    (void)address;
    (void)length;
    if (!access_read(fd, server->group, &access) || !admits(server, &access)) {
        log_warning("a client is turned away: there are too many connections");
        close(fd);
        return;
    }
    const struct connection_owner owner = {.reader = server->options.reader,
                                           .base = server->base,
                                           .dispatch = dispatch,
                                           .closed = client_closed,
                                           .context = server};
    struct client *client = calloc(1, sizeof(*client));
    struct connection *connection = client ? connection_new(&owner, fd, &access) : NULL;
    if (!connection) {
        if (!client)
            close(fd);
        turn_away(client);
        return;
    }
    client->connection = connection;
    HASH_ADD_PTR(server->clients, connection, client);
    if (client->hh.tbl)
        return;
    connection_free(connection);
    turn_away(client);
}

static void enable(struct server *server, bool on)
{
    for (struct listener *each = server->listeners; each; each = each->next) {
        if (on)
            evconnlistener_enable(each->listener);
        else
            evconnlistener_disable(each->listener);
    }
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    enable(context, true);
}

static void on_accept_error(struct evconnlistener *listener, void *context)
{
    struct server *server = context;
    (void)listener;
    log_error("no client can be taken for a moment: %s", strerror(errno));
    enable(server, false);
    event_add(server->resume, &pause_time);
}

struct server *server_new(struct event_base *base, const struct server_options *options,
                          struct error *error)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        error_memory(error);
        return NULL;
    }
    server->base = base;
    server->options = *options;
    server->group = access_group();
    server->resume = evtimer_new(base, on_resume, server);
    if (server->resume)
        return server;
    error_memory(error);
    free(server);
    return NULL;
}

bool server_adopt(struct server *server, int fd, struct error *error)
{
    auto_close int owned = fd;
    struct listener *listener = calloc(1, sizeof(*listener));
    evutil_make_socket_nonblocking(fd);
    if (listener)
        listener->listener =
            evconnlistener_new(server->base, on_accept, server,
                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, SOMAXCONN, fd);
    if (!listener || !listener->listener) {
        free(listener);
        return error_set(error, ERROR_SYSTEM, errno, "the socket cannot be listened at: %s",
                         strerror(errno));
    }
    (void)TAKE_FD(owned);
    evconnlistener_set_error_cb(listener->listener, on_accept_error);
    listener->next = server->listeners;
    server->listeners = listener;
    return true;
}

static bool make_parent(const char *path, struct error *error)
{
    auto_free char *parent = strdup(path);
    char *slash = parent ? strrchr(parent, '/') : NULL;
    if (!parent)
        return error_memory(error);
    if (!slash || slash == parent)
        return true;
    *slash = '\0';
    return mkdir(parent, 0755) == 0 || errno == EEXIST ||
           error_set(error, ERROR_SYSTEM, errno, "the directory %s cannot be made: %s", parent,
                     strerror(errno));
}

/* Removes a socket that nobody listens at any more. */
static bool remove_dead(const struct sockaddr_un *address, struct error *error)
{
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return error_set(error, ERROR_BUSY, EADDRINUSE,
                         "another program listens at %s: stop it, or name another socket with "
                         "--socket",
                         address->sun_path);
    if (fd >= 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    return true;
}

/* Nobody can connect before the socket has its owner and mode: it is not listening yet. */
static bool bind_socket(int fd, const struct server *server, const struct sockaddr_un *address,
                        struct error *error)
{
    const char *path = address->sun_path;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 || chmod(path, 0660) < 0 ||
        chown(path, (uid_t)-1, server->group) < 0)
        return error_set(error, ERROR_SYSTEM, errno, "the socket %s cannot be made: %s", path,
                         strerror(errno));
    return true;
}

bool server_listen(struct server *server, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, ERROR_SYSTEM, ENAMETOOLONG,
                         "%s is too long for a socket: at most %zu bytes", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (!make_parent(path, error) || !remove_dead(&address, error))
        return false;
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(error, ERROR_SYSTEM, errno, "no Unix socket can be made: %s",
                         strerror(errno));
    if (!bind_socket(fd, server, &address, error))
        return false;
    server->path = strdup(path);
    return (server->path || error_memory(error)) && server_adopt(server, TAKE_FD(fd), error);
}

void server_stop_accepting(struct server *server)
{
    struct listener *listener;
    while ((listener = server->listeners)) {
        server->listeners = listener->next;
        evconnlistener_free(listener->listener);
        free(listener);
    }
    if (server->path)
        unlink(server->path);
    free(server->path);
    server->path = NULL;
}

void server_free(struct server *server)
{
    server_stop_accepting(server);
    while (server->clients)
        connection_free(server->clients->connection);
    event_free(server->resume);
    free(server);
}

size_t server_connections(const struct server *server)
{
    return HASH_COUNT(server->clients);
}
