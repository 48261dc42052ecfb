/* The verbs' functions, a file a noun. Each gets the words after the verb, whose number the verb
 * table has checked, and returns the exit status. */
#pragma once

#include "client/client.h"

/* topology.c */
int command_topology_apply(struct client *client, int count, char **words);
int command_topology_plan(struct client *client, int count, char **words);
int command_topology_patch(struct client *client, int count, char **words);
int command_topology_get(struct client *client, int count, char **words);
int command_topology_list(struct client *client, int count, char **words);

/* delete.c */
int command_delete(struct client *client, int count, char **words);

/* history.c */
int command_history_list(struct client *client, int count, char **words);
int command_history_diff(struct client *client, int count, char **words);
int command_history_revert(struct client *client, int count, char **words);
int command_history_confirm(struct client *client, int count, char **words);

/* namespace.c */
int command_namespace_add(struct client *client, int count, char **words);
int command_namespace_delete(struct client *client, int count, char **words);
int command_namespace_list(struct client *client, int count, char **words);
int command_namespace_show(struct client *client, int count, char **words);

/* link.c */
int command_link_list(struct client *client, int count, char **words);
int command_link_show(struct client *client, int count, char **words);
int links_print(const struct client *client, struct json_object *reply);

/* route.c */
int command_route_list(struct client *client, int count, char **words);
int routes_print(const struct client *client, struct json_object *reply);

/* drift.c */
int command_drift_list(struct client *client, int count, char **words);
int command_drift_audit(struct client *client, int count, char **words);
int command_drift_repair(struct client *client, int count, char **words);
/* Writes the fields of a Difference or an Event: "mtu: 1400, not 1500". */
void difference_write_fields(FILE *out, struct json_object *difference);

/* graph.c */
int command_graph_draw(struct client *client, int count, char **words);

/* exec.c */
int command_exec_run(struct client *client, int count, char **words);

/* process.c */
int command_process_list(struct client *client, int count, char **words);

/* identify.c */
int command_identify_show(struct client *client, int count, char **words);

/* reload.c */
int command_reload(struct client *client, int count, char **words);
/* Shows on standard error what is wrong with the files and the configuration, as Reload and Status
 * tell. False when anything failed. */
bool files_print_problems(struct json_object *reply);

/* status.c */
int command_status_show(struct client *client, int count, char **words);

/* wait.c */
int command_wait(struct client *client, int count, char **words);

/* watch.c */
int command_watch(struct client *client, int count, char **words);
/* Writes a line on an io.netnsd.Events.Event. */
void event_write_line(FILE *out, struct json_object *event);

/* raw.c */
int command_raw_call(struct client *client, int count, char **words);
