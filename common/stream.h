/* Varlink messages over a connected Unix socket, with the descriptors that travel with them
 * (SCM_RIGHTS). Blocking; who must not block polls stream_fd() before stream_fill(). */
#pragma once

#include "common/error.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* More descriptors than these, until somebody takes them, are closed. */
#define STREAM_DESCRIPTORS_MAX 16

struct stream;

/* Connects to the socket at PATH. The error carries connect()'s errno. */
struct stream *stream_open(const char *path, struct error *error);
/* Takes FD over, also on failure. */
struct stream *stream_new(int fd, struct error *error);
void stream_free(struct stream *stream);
void stream_freep(struct stream **stream);
#define auto_stream AUTO(stream_freep)

/* Readable when stream_fill() has something to read. Owned by STREAM. */
int stream_fd(const struct stream *stream);

/* Sends MESSAGE (a NULL means that there was no memory for it; taken over, also on failure), and
 * with its first byte COUNT descriptors, which stay the caller's. ERROR_SYSTEM when the peer is
 * gone. */
bool stream_send(struct stream *stream, struct json_object *message, const int *descriptors,
                 size_t count, struct error *error);

/* Reads what there is, and waits while there is nothing. ERROR_SYSTEM when nothing more comes, with
 * errnum 0 when the peer has closed; ERROR_INVALID when a message is too long. */
bool stream_fill(struct stream *stream, struct error *error);

/* The next whole message of what was read, without its NUL; valid until stream_fill(). False when
 * there is none. */
bool stream_next(struct stream *stream, const char **text, size_t *length);

/* The descriptor of that INDEX among those that came; the caller closes it. -1 when there is none.
 */
int stream_take_descriptor(struct stream *stream, size_t index);
/* Closes those that nobody has taken: the next one that comes has the index 0. */
void stream_close_descriptors(struct stream *stream);
