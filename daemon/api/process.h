/* Processes in JSON. Internal to api/. */
#pragma once

#include "kernel/processes.h"

#include <json-c/json.h>

/* A Process of the interfaces; a new reference, NULL when memory is short. */
struct json_object *write_process(const struct process *process);

/* An array of COUNT of them. */
struct json_object *write_processes(const struct process *processes, size_t count);
