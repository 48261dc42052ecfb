/* The directory of named namespaces, NETNS_DIRECTORY (ip-netns(8)). Internal to kernel/. */
#pragma once

#include "common/error.h"

#include <limits.h>
#include <stdbool.h>

/* The path of NAME; returns BUFFER. */
char *netns_directory_path(const char *name, char buffer[PATH_MAX]);

/* Names the namespace that FD is open on. A plain file of that name is mounted over. */
bool netns_directory_mount(const char *name, int fd, struct error *error);

/* The same, over whatever is mounted there: the name is ours. */
bool netns_directory_mount_over(const char *name, int fd, struct error *error);

/* Mounts it in NETNS_PARKED_DIRECTORY, whatever was mounted there. */
bool netns_directory_park(const char *name, int fd, struct error *error);

/* Takes the name away; one that is not there is success. */
bool netns_directory_unmount(const char *name, struct error *error);
