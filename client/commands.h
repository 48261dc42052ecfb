/* The verbs' functions, a file a noun. Each gets the words after the verb, whose number the verb
 * table has checked, and returns the exit status. */
#pragma once

#include "client/client.h"

/* topology.c */
int topology_apply(struct client *client, int count, char **words);
int topology_plan(struct client *client, int count, char **words);
int topology_patch(struct client *client, int count, char **words);
int topology_delete(struct client *client, int count, char **words);
int topology_get(struct client *client, int count, char **words);
int topology_list(struct client *client, int count, char **words);

/* namespace.c */
int namespace_add(struct client *client, int count, char **words);
int namespace_delete(struct client *client, int count, char **words);
int namespace_list(struct client *client, int count, char **words);
int namespace_show(struct client *client, int count, char **words);

/* link.c */
int link_list(struct client *client, int count, char **words);
int link_show(struct client *client, int count, char **words);
int links_print(const struct client *client, struct json_object *reply);

/* route.c */
int route_list(struct client *client, int count, char **words);
int routes_print(const struct client *client, struct json_object *reply);

/* exec.c */
int exec_run(struct client *client, int count, char **words);

/* identify.c */
int identify_show(struct client *client, int count, char **words);

/* status.c */
int status_show(struct client *client, int count, char **words);

/* raw.c */
int raw_call(struct client *client, int count, char **words);
