#include "client/commands.h"

#include "client/changes.h"
#include "client/members.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The longest kind of event, rollbackIncomplete. */
#define KIND_COLUMNS 18

/* What a line says about an event: parts, with colons between them. */
struct line {
    FILE *out;
    const char *separator;
};

static FILE *next_part(struct line *line)
{
    fputs(line->separator, line->out);
    line->separator = ": ";
    return line->out;
}

static void write_text(struct line *line, const char *text)
{
    if (*text)
        print_text(next_part(line), text);
}

static void write_count(struct line *line, int64_t count, const char *noun)
{
    if (count > 0)
        fprintf(next_part(line), "%" PRId64 " %s%s", count, noun, count == 1 ? "" : "s");
}

/* What the pointer leads to, or else the link, or the namespace. */
static void write_place(struct line *line, struct json_object *event)
{
    const char *pointer = member_string(event, "pointer");
    const char *link = member_string(event, "link");
    if (*pointer) {
        object_write(next_part(line), pointer);
        return;
    }
    write_text(line, member_string(event, "namespace"));
    if (*link) {
        putc('/', line->out);
        print_text(line->out, link);
    }
}

void event_write_line(FILE *out, struct json_object *event)
{
    char blanks[KIND_COLUMNS + 3];
    struct line line = {.out = out, .separator = blanks};
    const char *kind = member_string(event, "kind");
    int columns = (int)text_columns(kind, strlen(kind));
    int64_t generation = member_integer(event, "generation");
    print_text(out, member_string(event, "time"));
    fputs("  ", out);
    print_text(out, kind);
    snprintf(blanks, sizeof(blanks), "%*s", columns < KIND_COLUMNS ? KIND_COLUMNS + 2 - columns : 2,
             "");
    write_text(&line, member_string(event, "topology"));
    write_place(&line, event);
    if (generation > 0)
        fprintf(next_part(&line), "generation %" PRId64, generation);
    write_text(&line, member_string(event, "difference"));
    if (member_count(event, "fields") > 0)
        difference_write_fields(next_part(&line), event);
    write_count(&line, member_integer(event, "repairs"), "repair");
    write_count(&line, member_integer(event, "count"), "event");
    write_text(&line, member_string(event, "message"));
    putc('\n', out);
}

static bool show(void *context, struct json_object *reply)
{
    const struct client *client = context;
    struct json_object *event = member(reply, "event");
    if (client->options.json && !print_json_line(stdout, reply)) {
        client_fail_memory(client);
        return false;
    }
    if (!client->options.json && event)
        event_write_line(stdout, event);
    return fflush(stdout) == 0; /* main() says why not */
}

/* Lines are handed on one by one: there is nothing to finish. */
static void end(int number)
{
    (void)number;
    _exit(STATUS_GOOD);
}

int command_watch(struct client *client, int count, char **words)
{
    signal(SIGINT, end);
    signal(SIGTERM, end);
    struct json_object *parameters = strings_object("topology", count > 0 ? words[0] : NULL,
                                                    "namespace", client->options.namespace, NULL);
    return client_stream(client, "io.netnsd.Events.Subscribe", parameters, show, client)
               ? STATUS_GOOD
               : STATUS_FAILED;
}
