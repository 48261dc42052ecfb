/* A client that makes one and the same call again and again, on one connection.
 *
 *     reader SOCKET METHOD PARAMETERS pipelined SECONDS
 *         always has many calls under way; prints how many were answered a second
 *     reader SOCKET METHOD PARAMETERS paced RATE
 *         RATE calls a second, until it gets SIGTERM; prints as JSON how many seconds each took
 *     reader SOCKET echo
 *         is a server instead, for one client, that says when it is ready, and then answers
 *         whatever it is asked at once
 *
 * A paced call's time counts from when it was due, whether or not those before it are answered: so
 * the calls that would have come while netnsd stood still are counted as well. Paced, this process
 * comes before all others, lest its own waiting for a processor be taken for netnsd's. */
#include "common/cleanup.h"

#include <err.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define NICE_MIN (-20)
#define CALL_MAX 1024
/* How many calls are under way when pipelined, and how many go in one write. What is under way fits
 * into the buffers of the sockets, so that neither side waits for the other to read. */
#define WINDOW 256
#define BURST 32
/* For how many more calls room is made at once. */
#define TIMES_STEP 65536

struct client {
    int fd;
    char calls[BURST * CALL_MAX];
    size_t call_size;
    /* The beginning of a reply of which the rest is to come. */
    char partial[1 << 16];
    size_t partial_size;
};

static volatile sig_atomic_t ending;

static void end(int signal)
{
    (void)signal;
    ending = 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        errx(EXIT_FAILURE, "the path of the socket is too long");
    strcpy(address.sun_path, path);
    return address;
}

static void client_connect(struct client *client, const char *path)
{
    const struct sockaddr_un address = address_of(path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(EXIT_FAILURE, "%s cannot be connected to", path);
}

static void client_prepare(struct client *client, const char *method, const char *parameters)
{
    int length = snprintf(client->calls, CALL_MAX, "{\"method\": \"%s\", \"parameters\": %s}",
                          method, parameters);
    if (length < 0 || length >= CALL_MAX)
        errx(EXIT_FAILURE, "the call is too long");
    client->call_size = (size_t)length + 1; /* it ends with its NUL */
    for (size_t i = 1; i < BURST; i++)
        memcpy(client->calls + i * client->call_size, client->calls, client->call_size);
}

static void client_send(const struct client *client, size_t count)
{
    const char *data = client->calls;
    size_t left = count * client->call_size;
    while (left > 0) {
        ssize_t sent = send(client->fd, data, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            err(EXIT_FAILURE, "a call cannot be sent");
        if (sent > 0) {
            data += sent;
            left -= (size_t)sent;
        }
    }
}

/* Reads what has come. Returns how many replies end in it. */
static size_t client_receive(struct client *client)
{
    ssize_t length = recv(client->fd, client->partial + client->partial_size,
                          sizeof(client->partial) - client->partial_size, 0);
    if (length < 0 && errno == EINTR)
        return 0;
    if (length <= 0)
        err(EXIT_FAILURE, "no reply can be read");
    size_t size = client->partial_size + (size_t)length, count = 0;
    char *reply = client->partial;
    for (char *nul; (nul = memchr(reply, 0, size)); count++) {
        if (strstr(reply, "\"error\":"))
            errx(EXIT_FAILURE, "%s", reply);
        size -= (size_t)(nul + 1 - reply);
        reply = nul + 1;
    }
    memmove(client->partial, reply, size);
    client->partial_size = size;
    return count;
}

static void run_pipelined(struct client *client, double seconds)
{
    size_t answered = 0, under_way = 0;
    double start = now(), time = start;
    while (time - start < seconds) {
        for (; under_way + BURST <= WINDOW; under_way += BURST)
            client_send(client, BURST);
        size_t count = client_receive(client);
        under_way -= count;
        answered += count;
        time = now();
    }
    printf("%.1f\n", (double)answered / (time - start));
}

/* What the paced calls took, in seconds. */
struct times {
    double *seconds;
    size_t count, room;
};

static void times_add(struct times *times, double seconds)
{
    if (times->count == times->room) {
        size_t room = times->room + TIMES_STEP;
        double *larger = reallocarray(times->seconds, room, sizeof(*larger));
        if (!larger)
            err(EXIT_FAILURE, "there is no room for more calls");
        times->seconds = larger;
        times->room = room;
    }
    times->seconds[times->count++] = seconds;
}

static void times_print(const struct times *times)
{
    fputs("[", stdout);
    for (size_t i = 0; i < times->count; i++)
        printf("%s%.7f", i > 0 ? ", " : "", times->seconds[i]);
    puts("]");
}

/* Waits until something can be read, which it returns, or until a time. */
static bool wait_readable(const struct client *client, double until)
{
    double left = fmax(0, until - now());
    struct timespec timeout = {.tv_sec = (time_t)left};
    timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
    struct pollfd poll = {.fd = client->fd, .events = POLLIN};
    int ready = ppoll(&poll, 1, &timeout, NULL);
    if (ready < 0 && errno != EINTR)
        err(EXIT_FAILURE, "nothing can be awaited");
    return ready > 0;
}

static void run_paced(struct client *client, double rate)
{
    struct times times = {0};
    double start = now();
    for (size_t sent = 0; !ending || times.count < sent;) {
        double due = start + (double)sent / rate;
        if (!ending && due <= now()) {
            client_send(client, 1);
            sent++;
        } else if (wait_readable(client, ending ? now() + 1 : due)) {
            for (size_t count = client_receive(client); count > 0; count--)
                times_add(&times, now() - (start + (double)times.count / rate));
        }
    }
    times_print(&times);
    free(times.seconds);
}

/* Not real-time: where the kernel cannot be preempted, such a process waits for the processor that
 * it was on last, whatever that is at, though another one is idle (kernel/sched/rt.c,
 * select_task_rq_rt()). */
static void come_first(void)
{
    if (setpriority(PRIO_PROCESS, 0, NICE_MIN) < 0)
        warn("it waits for its turn like others");
}

static void answer(int fd)
{
    static char calls[BURST * CALL_MAX];
    static const char reply[] = "{}";
    ssize_t length;
    while ((length = recv(fd, calls, sizeof(calls), 0)) > 0) {
        for (ssize_t i = 0; i < length; i++) {
            if (!calls[i] && send(fd, reply, sizeof(reply), MSG_NOSIGNAL) < 0)
                err(EXIT_FAILURE, "a reply cannot be sent");
        }
    }
}

static void echo(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    auto_close int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listening, 1) < 0)
        err(EXIT_FAILURE, "%s cannot be listened at", path);
    puts("ready");
    fflush(stdout);
    auto_close int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        err(EXIT_FAILURE, "no client can be accepted");
    answer(fd);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 3 && strcmp(arguments[2], "echo") == 0) {
        echo(arguments[1]);
        return EXIT_SUCCESS;
    }
    static struct client client;
    const struct sigaction on_end = {.sa_handler = end};
    if (argument_count != 6 || sigaction(SIGTERM, &on_end, NULL) < 0)
        errx(EXIT_FAILURE,
             "usage: reader SOCKET METHOD PARAMETERS pipelined SECONDS|paced RATE, or SOCKET echo");
    bool paced = strcmp(arguments[4], "paced") == 0;
    double amount = strtod(arguments[5], NULL);
    client_prepare(&client, arguments[2], arguments[3]);
    client_connect(&client, arguments[1]);
    if (paced) {
        come_first();
        run_paced(&client, amount);
    } else {
        run_pipelined(&client, amount);
    }
    close(client.fd);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
