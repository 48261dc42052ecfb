/* The caller's terminal, and a pseudo-terminal that stands for it where a command of another
 * session is to be controlled by one. */
#pragma once

#include "common/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Bytes on their way from one side to the other. */
struct relay {
    char bytes[4096];
    size_t start, end;
};

struct terminal {
    int own;    /* the caller's; -1: there is none, and nothing below */
    int master; /* the pseudo-terminal's */
    int slave;
    struct termios saved; /* own, as it was */
    bool taken;           /* own is raw, and read */
    struct relay typed, shown;
};

/* Opens the caller's terminal, if one of the standard descriptors is it, and a pseudo-terminal that
 * is set the same. No terminal is no error. */
bool terminal_open(struct terminal *terminal, struct error *error);

/* Gives the caller's terminal back, and closes everything. */
void terminal_close(struct terminal *terminal);

/* Makes the caller's terminal raw, so that every key goes to the pseudo-terminal, and gives that
 * the same size. False, and nothing is done, when the caller is not in its foreground. */
bool terminal_take(struct terminal *terminal);
/* Puts the terminal back as it was. What the pseudo-terminal still has is shown before. */
void terminal_give_back(struct terminal *terminal);
/* Gives the pseudo-terminal the size of the caller's. */
void terminal_resize(const struct terminal *terminal);

/* What to wait for, of the caller's terminal and of the pseudo-terminal; and what to do then. */
void terminal_poll(const struct terminal *terminal, struct pollfd fds[2]);
void terminal_relay(struct terminal *terminal, const struct pollfd fds[2]);
