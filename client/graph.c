#include "client/commands.h"

#include "client/members.h"
#include "common/cleanup.h"
#include "common/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SHELL_NOT_FOUND 127 /* what sh(1) ends with when there is no such command */

struct graph {
    FILE *out;
    bool colored;
    struct json_object *reply;  /* of io.netnsd.Link.List */
    struct json_object *places; /* the same links, by NAMESPACE/LINK; owned */
    size_t count;
};

static void graph_clear(struct graph *graph)
{
    json_object_put(graph->places);
}
#define auto_graph AUTO(graph_clear)

static struct json_object *graph_link(const struct graph *graph, size_t index)
{
    return member_element(graph->reply, "links", index);
}

static bool has(struct json_object *link, const char *name)
{
    return *member_string(link, name);
}

static bool is_loopback(struct json_object *link)
{
    return strcmp(member_string(link, "link"), "lo") == 0;
}

static bool begins_namespace(const struct graph *graph, size_t index)
{
    return index == 0 || strcmp(member_string(graph_link(graph, index), "namespace"),
                                member_string(graph_link(graph, index - 1), "namespace")) != 0;
}

/* NAMESPACE/LINK; NULL when memory is short. */
static char *make_place(const char *namespace, const char *name)
{
    char *place;
    return asprintf(&place, "%s/%s", namespace, name) < 0 ? NULL : place;
}

static bool index_links(struct graph *graph)
{
    graph->places = json_object_new_object();
    for (size_t i = 0; graph->places && i < graph->count; i++) {
        struct json_object *link = graph_link(graph, i);
        auto_free char *place =
            make_place(member_string(link, "namespace"), member_string(link, "link"));
        if (!place || !json_put(graph->places, place, json_object_get(link)))
            return false;
    }
    return graph->places;
}

/* The link that MEMBER of LINK names, "LINK" or "NAMESPACE/LINK"; NULL when it is not listed. */
static struct json_object *referred(const struct graph *graph, struct json_object *link,
                                    const char *name)
{
    const char *reference = member_string(link, name);
    if (!*reference || strchr(reference, '/'))
        return member(graph->places, reference);
    auto_free char *place = make_place(member_string(link, "namespace"), reference);
    return place ? member(graph->places, place) : NULL;
}

/* As text ----------------------------------------------------------------------------------- */

static void print_word(const struct graph *graph, const char *before, const char *word)
{
    if (!*word)
        return;
    fputs(before, graph->out);
    print_text(graph->out, word);
}

static void print_addresses(const struct graph *graph, struct json_object *link)
{
    for (size_t i = 0; i < member_count(link, "addresses"); i++)
        print_word(graph, "  ", json_object_get_string(member_element(link, "addresses", i)));
}

/* What a link is joined to: the other end of its cable, and what it stands on. */
static void print_ends(const struct graph *graph, struct json_object *link)
{
    struct json_object *peer = referred(graph, link, "peer");
    print_word(graph, " \u2500\u2500 ", member_string(link, "peer"));
    print_word(graph, " \u2500 ", member_string(peer, "master"));
    if (peer)
        print_addresses(graph, peer);
    print_word(graph, " on ", member_string(link, "lower"));
    putc('\n', graph->out);
}

static size_t count_ports(const struct graph *graph, struct json_object *master)
{
    size_t ports = 0;
    for (size_t i = 0; i < graph->count; i++)
        ports += referred(graph, graph_link(graph, i), "master") == master;
    return ports;
}

static void print_ports(const struct graph *graph, struct json_object *master)
{
    size_t left = count_ports(graph, master);
    for (size_t i = 0; left && i < graph->count; i++) {
        struct json_object *port = graph_link(graph, i);
        if (referred(graph, port, "master") != master)
            continue;
        print_word(graph, --left ? "    \u251c\u2500 " : "    \u2514\u2500 ",
                   member_string(port, "link"));
        print_addresses(graph, port);
        print_ends(graph, port);
    }
}

static void print_tree(const struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        struct json_object *link = graph_link(graph, i);
        if (begins_namespace(graph, i)) {
            fputs(color_begin(COLOR_BOLD, graph->colored), graph->out);
            print_text(graph->out, member_string(link, "namespace"));
            fprintf(graph->out, "%s\n", color_end(graph->colored));
        }
        if (is_loopback(link) || referred(graph, link, "master"))
            continue;
        print_word(graph, "  ", member_string(link, "link"));
        print_word(graph, "  ", member_string(link, "kind"));
        print_addresses(graph, link);
        print_ends(graph, link);
        print_ports(graph, link);
    }
}

/* In the language of graphviz --------------------------------------------------------------- */

static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        print_bytes(out, text, 1);
    }
}

static void print_node(const struct graph *graph, struct json_object *link)
{
    putc('"', graph->out);
    print_escaped(graph->out, member_string(link, "namespace"));
    putc('/', graph->out);
    print_escaped(graph->out, member_string(link, "link"));
    putc('"', graph->out);
}

static void print_labelled_node(const struct graph *graph, struct json_object *link)
{
    fputs("    ", graph->out);
    print_node(graph, link);
    fputs(" [label=\"", graph->out);
    print_escaped(graph->out, member_string(link, "link"));
    for (size_t i = 0; i < member_count(link, "addresses"); i++) {
        fputs("\\n", graph->out);
        print_escaped(graph->out, json_object_get_string(member_element(link, "addresses", i)));
    }
    fputs(has(link, "kind") && strcmp(member_string(link, "kind"), "bridge") == 0
              ? "\", style=bold];\n"
              : "\"];\n",
          graph->out);
}

static void print_edge(const struct graph *graph, struct json_object *from, struct json_object *to,
                       const char *style)
{
    fputs("  ", graph->out);
    print_node(graph, from);
    fputs(" -- ", graph->out);
    print_node(graph, to);
    fprintf(graph->out, "%s;\n", style);
}

/* A cable is drawn once, from the end that comes first. */
static bool is_first_end(struct json_object *link, struct json_object *peer)
{
    int order = strcmp(member_string(link, "namespace"), member_string(peer, "namespace"));
    return order ? order < 0 : strcmp(member_string(link, "link"), member_string(peer, "link")) < 0;
}

static void print_edges(const struct graph *graph, struct json_object *link)
{
    struct json_object *peer = referred(graph, link, "peer");
    struct json_object *master = referred(graph, link, "master");
    struct json_object *lower = referred(graph, link, "lower");
    if (peer && is_first_end(link, peer))
        print_edge(graph, link, peer, "");
    if (master)
        print_edge(graph, master, link, " [style=bold]");
    if (lower)
        print_edge(graph, lower, link, " [style=dashed]");
}

static void print_dot(const struct graph *graph)
{
    fputs("graph netnsd {\n  rankdir=LR;\n  node [shape=box];\n", graph->out);
    for (size_t i = 0; i < graph->count; i++) {
        struct json_object *link = graph_link(graph, i);
        if (begins_namespace(graph, i)) {
            fprintf(graph->out, "%s  subgraph \"cluster_", i ? "  }\n" : "");
            print_escaped(graph->out, member_string(link, "namespace"));
            fputs("\" {\n    label=\"", graph->out);
            print_escaped(graph->out, member_string(link, "namespace"));
            fputs("\";\n", graph->out);
        }
        if (!is_loopback(link))
            print_labelled_node(graph, link);
    }
    fputs(graph->count ? "  }\n" : "", graph->out);
    for (size_t i = 0; i < graph->count; i++)
        print_edges(graph, graph_link(graph, i));
    fputs("}\n", graph->out);
}

static int print_svg(const struct client *client, struct graph *graph)
{
    fflush(stdout);
    graph->out = popen("dot -Tsvg", "w");
    if (!graph->out)
        return client_fail_memory(client);
    print_dot(graph);
    int status = pclose(graph->out);
    if (status == 0)
        return STATUS_GOOD;
    bool missing = WIFEXITED(status) && WEXITSTATUS(status) == SHELL_NOT_FOUND;
    return client_fail(client, missing ? "SVG is drawn by graphviz's 'dot', which is not installed "
                                         "(Debian: graphviz)"
                                       : "graphviz's 'dot' could not draw the graph");
}

int command_graph_draw(struct client *client, int count, char **words)
{
    const char *format = client->options.format;
    (void)count;
    (void)words;
    auto_json struct json_object *reply =
        client_list(client, "io.netnsd.Link.List", json_object_new_object(), "links");
    if (!reply)
        return STATUS_FAILED;
    if (client->options.json)
        return client_print_json(client, reply);
    auto_graph struct graph graph = {.out = stdout,
                                     .colored = client->colored,
                                     .reply = reply,
                                     .count = member_count(reply, "links")};
    if (!index_links(&graph))
        return client_fail_memory(client);
    if (format && strcmp(format, "svg") == 0)
        return print_svg(client, &graph);
    if (format && strcmp(format, "dot") == 0)
        print_dot(&graph);
    else
        print_tree(&graph);
    return STATUS_GOOD;
}
