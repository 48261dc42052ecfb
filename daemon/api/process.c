#include "api/process.h"

#include "common/cleanup.h"
#include "common/json.h"

struct json_object *write_process(const struct process *process)
{
    auto_json struct json_object *object = json_object_new_object();
    bool good = object && json_put_string(object, "namespace", process->namespace) &&
                json_put_integer(object, "pid", process->pid) &&
                json_put_integer(object, "user", process->user) &&
                json_put_string(object, "command", process->command);
    return good ? TAKE(object) : NULL;
}

struct json_object *write_processes(const struct process *processes, size_t count)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < count; i++) {
        if (!json_append(array, write_process(&processes[i])))
            return NULL;
    }
    return TAKE(array);
}
