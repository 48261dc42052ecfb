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
    const struct json_text *text;
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

/* Begins with the namespaces of the document TEXT. False when it says more than those. */
static bool begin(const struct json_text *text, struct json_members *namespaces)
{
    struct json_members document;
    bool found = false;
    json_members_begin(&document, text->bytes, text->length);
    while (json_members_next(&document)) {
        bool schema = json_members_is(&document, "$schema") && *document.value == '"';
        if (json_members_is(&document, "namespaces") && *document.value == '{') {
            json_members_begin(namespaces, document.value, document.value_length);
            found = true;
        } else if (!schema) {
            return false;
        }
    }
    return found;
}

static bool is_known(const struct description *description, const struct namespace *namespace,
                     const struct json_members *member)
{
    const struct json_text *text = description->whole->text;
    return text && namespace->text_length && namespace->text_length == member->value_length &&
           memcmp(text->bytes + namespace->text_begin, member->value, member->value_length) == 0 &&
           description->settled(description->context, namespace);
}

static bool is_large(const struct description *description)
{
    unsigned count = (unsigned)json_object_object_length(description->described);
    return count > SMALL_PART && count > HASH_COUNT(description->whole->namespaces) / LARGE_SHARE;
}

static bool describe(struct description *description, const struct json_members *member)
{
    char name[NAMESPACE_NAME_MAX + 1];
    struct namespace *namespace = find(description->whole, member);
    if (namespace)
    namespace->mentioned = true;
    if (namespace && is_known(description, namespace, member))
        return true;
    if (member->escaped || member->key_length >= sizeof(name))
        return false;
    memcpy(name, member->key, member->key_length);
    name[member->key_length] = '\0';
    struct problems problems = {0};
    bool good = json_put(description->described, name,
                         json_parse_scanned(member->value, member->value_length, &problems));
    problems_clear(&problems);
    return good && !is_large(description);
}

static bool describe_all(struct description *description)
{
    struct json_members namespaces;
    if (!begin(description->text, &namespaces))
        return false;
    while (json_members_next(&namespaces)) {
        if (!describe(description, &namespaces))
            return false;
    }
    return true;
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
    struct description description = {.whole = whole,
                                      .text = text,
                                      .settled = settled,
                                      .context = context,
                                      .described = described};
    bool good = described && describe_all(&description) && describe_gone(&description);
    for (struct namespace *each = whole->namespaces; each; each = each->hh.next)
        each->mentioned = false;
    return good ? TAKE(described) : NULL;
}

void part_keep_text(struct network *network, struct json_text *text)
{
    struct json_members namespaces;
    for (struct namespace *each = network->namespaces; each; each = each->hh.next)
        each->text_length = 0;
    json_text_put(network->text);
    network->text = json_text_get(text);
    if (!begin(text, &namespaces))
        return;
    while (json_members_next(&namespaces)) {
        struct namespace *namespace = find(network, &namespaces);
        if (!namespace)
            continue;
        namespace->text_begin = (uint32_t)(namespaces.value - text->bytes);
        namespace->text_length = (uint32_t)namespaces.value_length;
    }
}
