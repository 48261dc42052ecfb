#include "model/part.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <string.h>

/* With more than this share of its namespaces a topology is read as a whole: one in so many. */
#define LARGE_SHARE 4
/* Fewer are never too many. */
#define SMALL_PART 64

struct description {
    struct network *whole;
    bool (*settled)(void *context, const struct namespace *namespace);
    void *context;
    struct json_object *described;
};

static struct namespace *find(const struct network *network, const struct json_members *member)
{
    struct namespace *namespace;
    HASH_FIND(hh, network->namespaces, member->key, member->key_length, namespace);
    return namespace;
}

/* Calls EACH for the members of "namespaces" in the document TEXT, until it returns false. False
 * then, and when the document says more than those. */
static bool each_namespace(const struct json_text *text,
                           bool (*each)(void *context, struct json_members *member), void *context)
{
    struct json_members document, namespaces;
    bool found = false;
    json_members_begin(&document, text->bytes, text->length);
    while (json_members_next(&document)) {
        if (json_members_is(&document, "$schema") && *document.value == '"')
            continue;
        if (!json_members_is(&document, "namespaces") || *document.value != '{')
            return false;
        json_members_enter(&document, &namespaces);
        while (json_members_next(&namespaces)) {
            if (!each(context, &namespaces))
                return false;
        }
        json_members_leave(&document, &namespaces);
        found = true;
    }
    return found;
}

static bool is_known(const struct description *description, const struct namespace *namespace,
                     struct json_members *member)
{
    const struct json_text *text = description->whole->text;
    size_t length = json_members_length(member);
    return text && namespace->text_length && namespace->text_length == length &&
           memcmp(text->bytes + namespace->text_begin, member->value, length) == 0 &&
           description->settled(description->context, namespace);
}

static bool is_large(const struct description *description)
{
    unsigned count = (unsigned)json_object_object_length(description->described);
    return count > SMALL_PART && count > HASH_COUNT(description->whole->namespaces) / LARGE_SHARE;
}

static bool describe(void *context, struct json_members *member)
{
    struct description *description = context;
    char name[NAMESPACE_NAME_MAX + 1];
    struct namespace *namespace = find(description->whole, member);
    if (namespace) {
        namespace->mentioned = true;
        if (is_known(description, namespace, member))
            return true;
    }
    if (member->escaped || member->key_length >= sizeof(name))
        return false;
    memcpy(name, member->key, member->key_length);
    name[member->key_length] = '\0';
    struct problems problems = {0};
    bool good = json_put(description->described, name,
                         json_parse_scanned(member->value, json_members_length(member), &problems));
    problems_clear(&problems);
    return good && !is_large(description);
}

/* Those that are not mentioned go. */
static bool describe_gone(const struct description *description)
{
    const struct namespace *each = description->whole->namespaces;
    for (; each; each = each->hh.next) {
        if (!each->mentioned &&
            json_object_object_add(description->described, each->name, NULL) < 0)
            return false;
    }
    return !is_large(description);
}

struct json_object *part_of_text(struct network *whole, const struct json_text *text,
                                 bool (*settled)(void *context, const struct namespace *namespace),
                                 void *context)
{
    auto_json struct json_object *described = json_object_new_object();
    struct description description = {
        .whole = whole, .settled = settled, .context = context, .described = described};
    bool good =
        described && each_namespace(text, describe, &description) && describe_gone(&description);
    for (struct namespace *each = whole->namespaces; each; each = each->hh.next)
        each->mentioned = false;
    return good ? TAKE(described) : NULL;
}

struct keeping {
    const struct network *network;
    const struct json_text *text;
};

static bool keep(void *context, struct json_members *member)
{
    const struct keeping *keeping = context;
    struct namespace *namespace = find(keeping->network, member);
    if (namespace) {
        namespace->text_begin = (uint32_t)(member->value - keeping->text->bytes);
        namespace->text_length = (uint32_t)json_members_length(member);
    }
    return true;
}

struct json_text *part_keep_text(struct network *network, struct json_text *text)
{
    struct json_text *former = network->text;
    struct keeping keeping = {.network = network, .text = text};
    for (struct namespace *each = network->namespaces; each; each = each->hh.next)
        each->text_length = 0;
    network->text = text;
    each_namespace(text, keep, &keeping);
    return former;
}
