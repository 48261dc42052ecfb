#include "api/service.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <string.h>

/* Answers with one parameter: as an error, or, when ERROR is NULL, as a reply. */
static void answer(struct call *call, const char *error, const char *name, const char *value)
{
    auto_json struct json_object *parameters = json_object_new_object();
    if (!parameters || !json_put_string(parameters, name, value))
        call_fail_memory(call);
    else if (error)
        call_error(call, error, TAKE(parameters));
    else
        call_reply(call, TAKE(parameters));
}

void call_interface_not_found(struct call *call, const char *interface)
{
    answer(call, "org.varlink.service.InterfaceNotFound", "interface", interface);
}

void call_method_not_found(struct call *call, const char *method)
{
    answer(call, "org.varlink.service.MethodNotFound", "method", method);
}

void call_invalid_parameter(struct call *call, const char *parameter)
{
    answer(call, "org.varlink.service.InvalidParameter", "parameter", parameter);
}

bool call_read_parameters(struct call *call, const struct json_field *fields, void *target)
{
    static const struct json_field none[] = {{.name = NULL}};
    struct problems problems = {0};
    bool good =
        json_read_fields(call_parameters(call), NULL, fields ? fields : none, target, &problems);
    if (!good && problems.count)
        call_invalid_parameter(call, problems.items[0].pointer + 1);
    else if (!good)
        call_fail_memory(call);
    problems_clear(&problems);
    return good;
}

void call_permission_denied(struct call *call)
{
    call_error(call, "org.varlink.service.PermissionDenied", NULL);
}

void call_expected_more(struct call *call)
{
    call_error(call, "org.varlink.service.ExpectedMore", NULL);
}

static struct json_object *interface_names(const struct server_options *options)
{
    auto_json struct json_object *names = json_object_new_array();
    if (!names || !json_append(names, json_object_new_string(interface_service.name)))
        return NULL;
    for (const struct interface *const *each = options->interfaces; *each; each++) {
        if (!json_append(names, json_object_new_string((*each)->name)))
            return NULL;
    }
    return TAKE(names);
}

static void get_info(struct call *call)
{
    const struct server_options *options = call_context(call);
    auto_json struct json_object *info = json_object_new_object();
    if (!call_read_parameters(call, NULL, NULL))
        return;
    if (info && json_put_string(info, "vendor", options->vendor) &&
        json_put_string(info, "product", options->product) &&
        json_put_string(info, "version", options->version) &&
        json_put_string(info, "url", options->url) &&
        json_put(info, "interfaces", interface_names(options)))
        call_reply(call, TAKE(info));
    else
        call_fail_memory(call);
}

static const char *description(const struct server_options *options, const char *name)
{
    for (size_t i = 0; i < options->text_count; i++) {
        if (strcmp(options->texts[i].name, name) == 0)
            return options->texts[i].text;
    }
    return NULL;
}

static void get_interface_description(struct call *call)
{
    struct {
        const char *interface;
    } parameters = {0};
    static const struct json_field fields[] = {
        {.name = "interface", .type = JSON_FIELD_STRING, .required = true},
        {.name = NULL},
    };
    if (!call_read_parameters(call, fields, &parameters))
        return;
    const char *text = description(call_context(call), parameters.interface);
    if (text)
        answer(call, NULL, "description", text);
    else
        call_interface_not_found(call, parameters.interface);
}

static const struct method methods[] = {
    {.name = "GetInfo", .run = get_info, .reading = true},
    {.name = "GetInterfaceDescription", .run = get_interface_description, .reading = true},
    {.name = NULL},
};

const struct interface interface_service = {.name = "org.varlink.service", .methods = methods};
