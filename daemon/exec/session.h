/* From the client's connection to the end of its command. */
#pragma once

#include "common/stream.h"

/* Reads what the client on STREAM wants, runs it, and stays until it has ended, or the client has
 * gone. The namespace is asked of the netnsd that listens at SOCKET. All signals must be blocked.
 */
void session_run(struct stream *stream, const char *socket);
