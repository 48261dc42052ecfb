#include "client/commands.h"

#include "client/members.h"
#include "common/json.h"

#include <string.h>

/* The parameters that WORD says: JSON text, or "-" for JSON on standard input. NULL after having
 * shown what is wrong. */
static struct json_object *read_parameters(const struct client *client, const char *word)
{
    auto_source struct source source = {0};
    const char *text = word;
    struct error error = {0};
    if (strcmp(word, "-") == 0) {
        if (!source_read(word, &source, &error)) {
            client_fail(client, "%s", error.text);
            return NULL;
        }
        text = source.text;
    }
    struct problems problems = {0};
    auto_json struct json_object *parameters = json_parse(text, strlen(text), &problems);
    if (!parameters)
        client_fail(client, "the parameters are no JSON: %s",
                    problems.count > 0 ? problems.items[0].text : "out of memory");
    else if (!json_object_is_type(parameters, json_type_object))
        client_fail(client, "the parameters must be a JSON object, {\"name\": value}");
    problems_clear(&problems);
    return json_object_is_type(parameters, json_type_object) ? TAKE(parameters) : NULL;
}

static bool print_reply(void *context, struct json_object *reply)
{
    /* Whoever reads a stream wants each reply when it comes. main() says when it cannot be written.
     */
    return client_print_json(context, reply) == STATUS_GOOD && fflush(stdout) == 0;
}

int command_raw_call(struct client *client, int count, char **words)
{
    auto_json struct json_object *parameters =
        count > 1 ? read_parameters(client, words[1]) : json_object_new_object();
    if (!parameters)
        return STATUS_FAILED;
    if (client->options.more)
        return client_stream(client, words[0], TAKE(parameters), print_reply, client)
                   ? STATUS_GOOD
                   : STATUS_FAILED;
    auto_reply struct varlink_reply reply = {0};
    if (!client_call(client, words[0], TAKE(parameters), NULL, &reply))
        return STATUS_FAILED;
    return client_print_json(client, reply.parameters);
}
