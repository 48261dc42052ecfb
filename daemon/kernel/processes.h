/* Which processes are in network namespaces. Threads that have left the namespace of their process
 * are not looked at. */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct process {
    char *namespace; /* owned */
    pid_t pid;
    uid_t user;       /* effective */
    char command[17]; /* the file's name, as far as the kernel keeps it; plain ASCII */
};

struct process_list {
    struct process *items;
    size_t count;
};

void process_list_clear(struct process_list *list);
#define auto_process_list AUTO(process_list_clear)

/* A namespace, by what fstat() tells of a descriptor or name of it; something must hold it, as the
 * kernel uses the numbers again. */
struct process_place {
    const char *namespace; /* borrowed */
    dev_t device;
    ino_t inode;
};

/* Adds to LIST the processes in the COUNT namespaces of PLACES, which are sorted for that. Goes
 * through all processes once, however many namespaces there are. */
bool processes_find(struct process_place *places, size_t count, struct process_list *list,
                    struct error *error);

/* The same, and kills them (SIGKILL), until there are none, or some do not die within a second. */
bool processes_kill(struct process_place *places, size_t count, struct process_list *list,
                    struct error *error);
