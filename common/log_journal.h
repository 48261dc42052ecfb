/* The way to the journal, for log.c. */
#pragma once

#include "common/log.h"

/* Is stderr connected to the journal? */
bool log_journal_connected(void);

/* Sends TEXT with the fields of SUBJECT (which may be NULL). It is lost when the journal does not
 * take it: there is nobody to tell. */
void log_journal_send(int level, const struct log_subject *subject, const char *text);
