/* io.netnsd.Manager */
#include "api/interfaces.h"

#include "common/cleanup.h"

#include <systemd/sd-id128.h>
#include <unistd.h>

/* What came of reading files. */
static bool put_reading(struct json_object *reply, const struct api_context *context,
                        struct json_object *report)
{
    const struct error *wrong = context->misconfigured;
    return (!wrong->code || json_put_string(reply, "misconfigured", wrong->text)) &&
           json_put(reply, "files", report ? json_object_get(report) : json_object_new_array());
}

static struct json_object *write_status(const struct api_context *context)
{
    struct engine_status status;
    sd_id128_t boot = SD_ID128_NULL;
    char boot_id[SD_ID128_STRING_MAX];
    engine_status(context->engine, &status);
    if (sd_id128_get_boot(&boot) < 0)
        boot = SD_ID128_NULL;
    const char *state = status.stopping ? "stopping" : status.starting ? "starting" : "running";
    auto_json struct json_object *reply = json_object_new_object();
    bool good =
        reply && json_put_string(reply, "version", context->version) &&
        json_put_string(reply, "state", state) && json_put_integer(reply, "processId", getpid()) &&
        json_put_string(reply, "bootId", sd_id128_to_string(boot, boot_id)) &&
        json_put_string(reply, "instance", status.instance) &&
        json_put_string(reply, "stateDirectory", context->state_directory) &&
        json_put_integer(reply, "topologies", (int64_t)status.topologies) &&
        json_put_integer(reply, "namespaces", (int64_t)status.namespaces) &&
        json_put_integer(reply, "connections", (int64_t)server_connections(context->server)) &&
        json_put_integer(reply, "transactionsRunning", (int64_t)status.transactions_running) &&
        json_put_integer(reply, "transactionsWaiting", (int64_t)status.transactions_waiting) &&
        json_put_integer(reply, "unconfirmed", (int64_t)status.unconfirmed) &&
        json_put_integer(reply, "kernelChanges", (int64_t)status.kernel_changes) &&
        json_put_integer(reply, "resyncs", (int64_t)status.resyncs) &&
        json_put_integer(reply, "unheard", (int64_t)status.unheard) &&
        put_reading(reply, context, files_report(context->files));
    return good ? TAKE(reply) : NULL;
}

static void get_status(struct call *call)
{
    if (!call_read_parameters(call, NULL, NULL))
        return;
    struct json_object *reply = write_status(call_context(call));
    if (reply)
        call_reply(call, reply);
    else
        call_fail_memory(call);
}

static void reloaded(void *context, struct json_object *report)
{
    struct call *call = context;
    auto_json struct json_object *reply = report ? json_object_new_object() : NULL;
    if (!report)
        call_drop(call);
    else if (reply && put_reading(reply, call_context(call), report))
        call_reply(call, TAKE(reply));
    else
        call_fail_memory(call);
}

static void reload(struct call *call)
{
    const struct api_context *context = call_context(call);
    if (!call_read_parameters(call, NULL, NULL))
        return;
    context->configure(context->daemon);
    files_load(context->files, reloaded, call);
}

static const struct method methods[] = {
    {.name = "Reload", .run = reload},
    {.name = "Status", .run = get_status, .reading = true},
    {.name = NULL},
};

const struct interface interface_manager = {.name = "io.netnsd.Manager", .methods = methods};
