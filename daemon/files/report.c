#include "files/report.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/log.h"
#include "common/log_id.h"

static struct json_object *write_problem(const struct file *file, const struct problem *problem)
{
    size_t line = 0, column = 0;
    const struct json_text *text = file->text;
    auto_json struct json_object *object = json_object_new_object();
    bool found =
        text && json_locate_near(text->bytes, text->length, problem->pointer, &line, &column);
    bool good = object && json_put_string(object, "pointer", problem->pointer) &&
                (!found || (json_put_integer(object, "line", (int64_t)line) &&
                            json_put_integer(object, "column", (int64_t)column))) &&
                json_put_string(object, "message", problem->text);
    return good ? TAKE(object) : NULL;
}

struct json_object *report_problems(const struct file *file)
{
    auto_json struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < file->problems.count; i++) {
        if (!json_append(array, write_problem(file, &file->problems.items[i])))
            return NULL;
    }
    return TAKE(array);
}

static void log_problem(const struct file *file, int level, struct json_object *problem)
{
    struct json_object *line = json_object_object_get(problem, "line");
    const char *pointer = json_object_get_string(json_object_object_get(problem, "pointer"));
    const char *text = json_object_get_string(json_object_object_get(problem, "message"));
    const struct log_subject subject = {
        .id = LOG_ID_FILE_WRONG, .topology = file->topology, .pointer = *pointer ? pointer : NULL};
    if (line)
        log_about(level, &subject, "%s:%s:%s: %s", file->path, json_object_get_string(line),
                  json_object_get_string(json_object_object_get(problem, "column")), text);
    else
        log_about(level, &subject, "%s: %s", file->path, text);
}

void report_log(const struct file *file, int level, struct json_object *problems)
{
    for (size_t i = 0; problems && i < json_object_array_length(problems); i++)
        log_problem(file, level, json_object_array_get_idx(problems, i));
}

bool report_put(struct json_object *report, struct file *file, const char *state,
                uint64_t generation, struct json_object *problems)
{
    auto_json struct json_object *owned = problems;
    auto_json struct json_object *row = json_object_new_object();
    bool good = report && owned && row && json_put_string(row, "file", file->path) &&
                (!file->topology || json_put_string(row, "topology", file->topology)) &&
                json_put_string(row, "state", state) &&
                (!generation || json_put_integer(row, "generation", (int64_t)generation)) &&
                json_put(row, "problems", TAKE(owned));
    if (!good)
        return false;
    if (!file->row) {
        file->row = json_object_array_length(report) + 1;
        return json_append(report, TAKE(row));
    }
    return json_object_array_put_idx(report, file->row - 1, TAKE(row)) == 0;
}
