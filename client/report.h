/* What changes have in common: what they ask, and how their outcome is shown. */
#pragma once

#include "client/client.h"

/* The parameters of a change of TOPOLOGY that the options say; a new reference, NULL when memory is
 * short. */
struct json_object *change_parameters(const struct client *client, const char *topology,
                                      bool dry_run);

/* What came of a change. */
struct change_report {
    struct varlink_reply reply; /* the last one */
    /* The changes: with --json as objects, and else as they are shown. */
    struct json_object *changes;
    char *text;
    size_t count;
};

/* Calls METHOD, which changes something. PARAMETERS and SOURCE as for client_call(). False after
 * having shown what went wrong; there is nothing to clear then. */
bool change_call(struct client *client, const char *method, struct json_object *parameters,
                 const struct source *source, struct change_report *report);
void change_report_clear(struct change_report *report);
#define auto_report AUTO(change_report_clear)

/* Shows which processes are still, or were, in namespaces that REPLY says were removed. */
void report_processes(const struct client *client, struct json_object *reply);

/* Shows the reply of Apply, Patch, Revert or Remove: the changes as a diff and a closing line on
 * standard output, the warnings on standard error with their place in SOURCE (may be NULL). DONE is
 * the word for a change that was made: "committed". Returns the exit status. */
int report_change(const struct client *client, const char *topology, const char *done,
                  const struct change_report *report, const struct source *source);
