#include "client/terminal.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* More than a pseudo-terminal keeps (drivers/tty/tty_buffer.c). */
#define DRAIN_MAX ((size_t)256 * 1024)

static bool fail(struct error *error)
{
    return error_set(error, ERROR_SYSTEM, errno, "cannot make a pseudo-terminal: %s",
                     strerror(errno));
}

static bool open_pair(struct terminal *terminal, struct error *error)
{
    terminal->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (terminal->master < 0 || grantpt(terminal->master) < 0 || unlockpt(terminal->master) < 0)
        return fail(error);
    terminal->slave = ioctl(terminal->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return (terminal->slave >= 0 && tcsetattr(terminal->slave, TCSANOW, &terminal->saved) == 0) ||
           fail(error);
}

bool terminal_open(struct terminal *terminal, struct error *error)
{
    *terminal = (struct terminal){.own = -1, .master = -1, .slave = -1};
    if (!isatty(STDIN_FILENO) && !isatty(STDOUT_FILENO) && !isatty(STDERR_FILENO))
        return true;
    /* An open file of its own: not to block is nobody else's business. */
    terminal->own = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (terminal->own < 0 || tcgetattr(terminal->own, &terminal->saved) < 0) {
        close_descriptor(&terminal->own);
        terminal->own = -1;
        return true;
    }
    if (!open_pair(terminal, error))
        return false;
    terminal_resize(terminal);
    return true;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal->own >= 0)
        terminal_give_back(terminal);
    close_descriptor(&terminal->own);
    close_descriptor(&terminal->master);
    close_descriptor(&terminal->slave);
}

void terminal_resize(const struct terminal *terminal)
{
    struct winsize size;
    if (ioctl(terminal->own, TIOCGWINSZ, &size) == 0)
        (void)ioctl(terminal->master, TIOCSWINSZ, &size);
}

bool terminal_take(struct terminal *terminal)
{
    if (terminal->own < 0 || tcgetpgrp(terminal->own) != getpgrp())
        return false;
    struct termios raw;
    if (!terminal->taken && tcgetattr(terminal->own, &terminal->saved) == 0) {
        raw = terminal->saved;
        cfmakeraw(&raw);
        terminal->taken = tcsetattr(terminal->own, TCSADRAIN, &raw) == 0;
    }
    terminal_resize(terminal);
    return terminal->taken;
}

static bool is_empty(const struct relay *relay)
{
    return relay->start == relay->end;
}

/* False when nothing more comes, or there is nothing now. */
static bool relay_read(struct relay *relay, int fd)
{
    ssize_t count = read(fd, relay->bytes, sizeof(relay->bytes));
    relay->start = 0;
    relay->end = count > 0 ? (size_t)count : 0;
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What cannot be written any more is dropped. */
static void relay_write(struct relay *relay, int fd)
{
    ssize_t count = write(fd, relay->bytes + relay->start, relay->end - relay->start);
    if (count >= 0)
        relay->start += (size_t)count;
    else if (errno != EAGAIN && errno != EINTR)
        relay->start = relay->end;
}

/* Shows what the pseudo-terminal has, but not what others go on writing to it. */
static void drain(struct terminal *terminal)
{
    struct relay *shown = &terminal->shown;
    size_t left = DRAIN_MAX;
    do {
        struct pollfd writable = {.fd = terminal->own, .events = POLLOUT};
        while (!is_empty(shown) && poll(&writable, 1, -1) >= 0)
            relay_write(shown, terminal->own);
        relay_read(shown, terminal->master);
        left = left > shown->end ? left - shown->end : 0;
    } while (!is_empty(shown) && left > 0);
}

void terminal_give_back(struct terminal *terminal)
{
    drain(terminal);
    if (terminal->taken && tcgetpgrp(terminal->own) == getpgrp())
        tcsetattr(terminal->own, TCSADRAIN, &terminal->saved);
    terminal->taken = false;
}

void terminal_poll(const struct terminal *terminal, struct pollfd fds[2])
{
    fds[0] = (struct pollfd){.fd = terminal->own};
    fds[1] = (struct pollfd){.fd = terminal->master};
    if (terminal->taken && is_empty(&terminal->typed))
        fds[0].events |= POLLIN;
    if (!is_empty(&terminal->shown))
        fds[0].events |= POLLOUT;
    else
        fds[1].events |= POLLIN;
    if (!is_empty(&terminal->typed))
        fds[1].events |= POLLOUT;
    if (!fds[0].events)
        fds[0].fd = -1; /* that it hung up, SIGHUP says */
}

void terminal_relay(struct terminal *terminal, const struct pollfd fds[2])
{
    if (fds[0].revents & (POLLIN | POLLHUP) && terminal->taken && is_empty(&terminal->typed))
        terminal->taken = relay_read(&terminal->typed, terminal->own);
    if (fds[1].revents & POLLIN && is_empty(&terminal->shown))
        relay_read(&terminal->shown, terminal->master);
    if (!is_empty(&terminal->typed))
        relay_write(&terminal->typed, terminal->master);
    if (!is_empty(&terminal->shown))
        relay_write(&terminal->shown, terminal->own);
}
