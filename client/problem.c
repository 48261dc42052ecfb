#include "client/problem.h"

#include "client/members.h"
#include "client/output.h"
#include "common/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A line longer than this is shown in part. */
#define LINE_MAX_COLUMNS 100

struct place {
    size_t line, column; /* from 1; 0: not known */
};

static struct place find_place(const struct source *source, const char *pointer)
{
    struct place place = {0};
    if (!source || *pointer != '/' ||
        !json_locate_near(source->text, source->length, pointer, &place.line, &place.column))
        place = (struct place){0};
    return place;
}

static const char *find_line(const struct source *source, size_t line, size_t *length)
{
    const char *text = source->text, *end = text + source->length;
    for (size_t i = 1; i < line && text; i++) {
        text = memchr(text, '\n', (size_t)(end - text));
        text = text ? text + 1 : NULL;
    }
    if (!text)
        return NULL;
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    *length = (size_t)((newline ? newline : end) - text);
    return text;
}

/* The line with a caret below the place. */
static void write_line(const struct problem_output *output, struct place place)
{
    size_t length;
    const char *line = find_line(output->source, place.line, &length);
    if (!line || place.column > length + 1)
        return;
    size_t before = place.column - 1, skip = 0;
    if (length > LINE_MAX_COLUMNS && before > LINE_MAX_COLUMNS / 2)
        skip = before - LINE_MAX_COLUMNS / 2;
    while (skip > 0 && ((unsigned char)line[skip] & 0xc0) == 0x80)
        skip--; /* not into the middle of a character */
    size_t shown = length - skip < LINE_MAX_COLUMNS ? length - skip : LINE_MAX_COLUMNS;
    fprintf(output->out, "%6zu | ", place.line);
    print_bytes(output->out, line + skip, shown);
    fprintf(output->out, "\n       | %*s%s^%s\n", (int)text_columns(line + skip, before - skip), "",
            color_begin(COLOR_GREEN, output->colored), color_end(output->colored));
}

static void write_heading(const struct problem_output *output, bool warning, struct place place)
{
    if (place.line > 0) {
        fputs(color_begin(COLOR_BOLD, output->colored), output->out);
        print_text(output->out, output->source->name);
        fprintf(output->out, ":%zu:%zu: %s", place.line, place.column, color_end(output->colored));
    }
    fprintf(output->out, "%s%s:%s ",
            color_begin(warning ? COLOR_YELLOW : COLOR_RED, output->colored),
            warning ? "warning" : "error", color_end(output->colored));
}

static void write_finding(const struct problem_output *output, bool warning, const char *pointer,
                          const char *format, va_list arguments)
{
    char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    struct place place = find_place(output->source, pointer);
    write_heading(output, warning, place);
    if (*pointer) {
        print_text(output->out, pointer);
        fputs(": ", output->out);
    }
    print_text(output->out, message ? message : format);
    putc('\n', output->out);
    if (place.line > 0)
        write_line(output, place);
    free(message);
}

__attribute__((format(printf, 4, 5))) static void finding(const struct problem_output *output,
                                                          bool warning, const char *pointer,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_finding(output, warning, pointer, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void failure(const struct problem_output *output,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_finding(output, false, "", format, arguments);
    va_end(arguments);
}

static void note(const struct problem_output *output, const char *text)
{
    fputs("note: ", output->out);
    print_text(output->out, text);
    putc('\n', output->out);
}

size_t problem_write_all(const struct problem_output *output, struct json_object *problems)
{
    size_t errors = 0;
    size_t count = problems ? json_object_array_length(problems) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *problem = json_object_array_get_idx(problems, i);
        bool warning = strcmp(member_string(problem, "severity"), "warning") == 0;
        finding(output, warning, member_string(problem, "pointer"), "%s",
                member_string(problem, "message"));
        errors += !warning;
    }
    return errors;
}

static void write_invalid_document(const struct problem_output *output,
                                   struct json_object *parameters)
{
    size_t errors = problem_write_all(
        output, member_count(parameters, "problems") > 0 ? member(parameters, "problems") : NULL);
    fprintf(output->out, "%zu error%s; nothing was touched\n", errors, errors == 1 ? "" : "s");
}

static void write_no_such_topology(const struct problem_output *output,
                                   struct json_object *parameters)
{
    failure(output, "there is no topology '%s'; 'netnsctl list' shows those that there are",
            member_string(parameters, "topology"));
}

static void write_generation_mismatch(const struct problem_output *output,
                                      struct json_object *parameters)
{
    failure(output,
            "topology '%s' is at generation %" PRId64 ", not %" PRId64
            ": somebody changed it meanwhile; look at it with 'netnsctl get %s'; nothing was "
            "touched",
            member_string(parameters, "topology"), member_integer(parameters, "generation"),
            member_integer(parameters, "expected"), member_string(parameters, "topology"));
}

static void write_no_such_generation(const struct problem_output *output,
                                     struct json_object *parameters)
{
    failure(output,
            "topology '%s' has no generation %" PRId64 "; %" PRId64 " to %" PRId64
            " are kept; 'netnsctl history %s' shows them",
            member_string(parameters, "topology"), member_integer(parameters, "generation"),
            member_integer(parameters, "oldest"), member_integer(parameters, "newest"),
            member_string(parameters, "topology"));
}

static void write_confirm_pending(const struct problem_output *output,
                                  struct json_object *parameters)
{
    const char *topology = member_string(parameters, "topology");
    failure(output,
            "generation %" PRId64 " of topology '%s' waits for its confirmation until %s: keep it "
            "with 'netnsctl confirm %s', or wait until it is taken back; nothing was touched",
            member_integer(parameters, "generation"), topology,
            member_string(parameters, "confirmBy"), topology);
}

static void write_nothing_to_confirm(const struct problem_output *output,
                                     struct json_object *parameters)
{
    failure(output,
            "no change of topology '%s' waits for a confirmation: it was confirmed, or its time is "
            "over; 'netnsctl history %s' shows what became of it",
            member_string(parameters, "topology"), member_string(parameters, "topology"));
}

static void write_owned(const struct problem_output *output, struct json_object *parameters)
{
    finding(output, false, member_string(parameters, "pointer"), "%s",
            member_string(parameters, "message"));
    fputs("note: topology '", output->out);
    print_text(output->out, member_string(parameters, "owner"));
    fputs("' owns it; nothing was touched\n", output->out);
}

static void write_in_use(const struct problem_output *output, struct json_object *parameters)
{
    finding(output, false, member_string(parameters, "pointer"), "%s",
            member_string(parameters, "message"));
    fputs("note: topology '", output->out);
    print_text(output->out, member_string(parameters, "user"));
    fputs("' refers to it; nothing was touched\n", output->out);
}

static void write_foreign(const struct problem_output *output, struct json_object *parameters)
{
    finding(output, false, member_string(parameters, "pointer"), "%s",
            member_string(parameters, "message"));
    note(output, "nothing was touched");
}

static void write_transaction_failed(const struct problem_output *output,
                                     struct json_object *parameters)
{
    const char *name = member_string(parameters, "errno");
    finding(output, false, member_string(parameters, "pointer"), "%s%s%s%s",
            member_string(parameters, "message"), *name ? " (" : "", name, *name ? ")" : "");
    if (strcmp(member_string(parameters, "outcome"), "rollbackIncomplete") != 0) {
        note(output, "what was done before this step was undone; all is as it was");
        return;
    }
    note(output, "this could not be put back as it was:");
    for (size_t i = 0; i < member_count(parameters, "remaining"); i++) {
        struct json_object *remaining = member_element(parameters, "remaining", i);
        fputs("  ", output->out);
        print_text(output->out, json_object_get_string(remaining));
        putc('\n', output->out);
    }
}

static void write_no_such_namespace(const struct problem_output *output,
                                    struct json_object *parameters)
{
    failure(output, "there is no namespace '%s'; 'netnsctl ns list' shows those that there are",
            member_string(parameters, "namespace"));
}

static void write_no_such_link(const struct problem_output *output, struct json_object *parameters)
{
    failure(output,
            "there is no link '%s' in namespace '%s'; 'netnsctl link list %s' shows those that "
            "there are",
            member_string(parameters, "link"), member_string(parameters, "namespace"),
            member_string(parameters, "namespace"));
}

static void write_kernel_refused(const struct problem_output *output,
                                 struct json_object *parameters)
{
    const char *name = member_string(parameters, "errno");
    failure(output, "namespace '%s': the kernel refused: %s%s%s%s",
            member_string(parameters, "namespace"), member_string(parameters, "message"),
            *name ? " (" : "", name, *name ? ")" : "");
}

static void write_drift_failed(const struct problem_output *output, struct json_object *parameters)
{
    const char *name = member_string(parameters, "errno");
    finding(output, false, member_string(parameters, "pointer"), "topology '%s': %s%s%s%s",
            member_string(parameters, "topology"), member_string(parameters, "message"),
            *name ? " (" : "", name, *name ? ")" : "");
}

static void write_message(const struct problem_output *output, struct json_object *parameters)
{
    failure(output, "%s", member_string(parameters, "message"));
}

static void write_permission_denied(const struct problem_output *output,
                                    struct json_object *parameters)
{
    (void)parameters;
    failure(output, "netnsd refuses this to you: it is for root and for members of the group "
                    "netnsd; use sudo, or have an administrator run 'adduser USER netnsd'");
}

static void write_interface_not_found(const struct problem_output *output,
                                      struct json_object *parameters)
{
    failure(output, "netnsd has no interface '%s'; is it older than this netnsctl?",
            member_string(parameters, "interface"));
}

static void write_method_not_found(const struct problem_output *output,
                                   struct json_object *parameters)
{
    failure(output, "netnsd has no method '%s'; is it older than this netnsctl?",
            member_string(parameters, "method"));
}

static void write_invalid_parameter(const struct problem_output *output,
                                    struct json_object *parameters)
{
    failure(output, "netnsd does not take the parameter '%s', or not this value of it",
            member_string(parameters, "parameter"));
}

static void write_expected_more(const struct problem_output *output, struct json_object *parameters)
{
    (void)parameters;
    failure(output, "this method answers with a stream: ask for it with --more");
}

static const struct {
    const char *name;
    void (*write)(const struct problem_output *output, struct json_object *parameters);
} errors[] = {
    {"io.netnsd.Client.Failed", write_message},
    {"io.netnsd.Drift.Failed", write_drift_failed},
    {"io.netnsd.Drift.NoSuchTopology", write_no_such_topology},
    {"io.netnsd.Exec.CannotRun", write_message},
    {"io.netnsd.Exec.Failed", write_message},
    {"io.netnsd.Exec.NoSuchNamespace", write_no_such_namespace},
    {"io.netnsd.Link.KernelRefused", write_kernel_refused},
    {"io.netnsd.Link.NoSuchLink", write_no_such_link},
    {"io.netnsd.Link.NoSuchNamespace", write_no_such_namespace},
    {"io.netnsd.Namespace.KernelRefused", write_kernel_refused},
    {"io.netnsd.Namespace.NoSuchNamespace", write_no_such_namespace},
    {"io.netnsd.Route.KernelRefused", write_kernel_refused},
    {"io.netnsd.Route.NoSuchNamespace", write_no_such_namespace},
    {"io.netnsd.Topology.ConfirmPending", write_confirm_pending},
    {"io.netnsd.Topology.Foreign", write_foreign},
    {"io.netnsd.Topology.GenerationMismatch", write_generation_mismatch},
    {"io.netnsd.Topology.InUse", write_in_use},
    {"io.netnsd.Topology.InvalidDocument", write_invalid_document},
    {"io.netnsd.Topology.LimitReached", write_message},
    {"io.netnsd.Topology.ManagedByFile", write_message},
    {"io.netnsd.Topology.NoSuchGeneration", write_no_such_generation},
    {"io.netnsd.Topology.NoSuchTopology", write_no_such_topology},
    {"io.netnsd.Topology.NothingToConfirm", write_nothing_to_confirm},
    {"io.netnsd.Topology.Owned", write_owned},
    {"io.netnsd.Topology.StateFailed", write_message},
    {"io.netnsd.Topology.TransactionFailed", write_transaction_failed},
    {"org.varlink.service.ExpectedMore", write_expected_more},
    {"org.varlink.service.InterfaceNotFound", write_interface_not_found},
    {"org.varlink.service.InvalidParameter", write_invalid_parameter},
    {"org.varlink.service.MethodNotFound", write_method_not_found},
    {"org.varlink.service.MethodNotImplemented", write_method_not_found},
    {"org.varlink.service.PermissionDenied", write_permission_denied},
};

void problem_write_error(const struct problem_output *output, const char *error,
                         struct json_object *parameters)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(errors[i].name, error) == 0) {
            errors[i].write(output, parameters);
            return;
        }
    }
    const char *text =
        parameters ? json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_NOSLASHESCAPE)
                   : NULL;
    failure(output, "%s %s", error, text ? text : "");
}
