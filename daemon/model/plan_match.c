#include "model/plan_internal.h"

#include <string.h>

bool plan_link_is_ours(const struct link *actual)
{
    return actual->group == NETNSD_GROUP || park_group_is(actual->group);
}

/* A cable whose other end was where nobody looked, in a namespace that was about to vanish, cannot
 * be made again: it went with that. */
static bool is_lost(const struct link *link)
{
    return link->kind && link->kind->paired && !link_peer(link) && link->fate != FATE_KEEP;
}

bool plan_link_managed(const struct plan_builder *builder, const struct link *link)
{
    if (link->external)
        return false;
    return !builder->input->restore || (link->group == NETNSD_GROUP && !is_lost(link));
}

static void forget(struct network *network)
{
    if (!network)
        return;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        namespace->match = NULL;
        namespace->going = namespace->placed = false;
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            link->match = NULL;
            link->fate = FATE_NONE;
            link->create_placed = link->set_placed = false;
        }
    }
}

static bool namespace_fails(struct plan_builder *builder, const struct namespace *namespace,
                            enum error_code code, const char *text)
{
    error_set(builder->error, code, 0, "namespace \"%s\" %s", namespace->name, text);
    if (builder->error)
        namespace_pointer(namespace, builder->error->pointer, sizeof(builder->error->pointer));
    return false;
}

static bool link_fails(struct plan_builder *builder, const struct link *link, enum error_code code,
                       const char *text)
{
    error_set(builder->error, code, 0, "link \"%s\" in namespace \"%s\" %s", link->name,
              link->namespace->name, text);
    if (builder->error) {
        struct operation operation = {.type = OPERATION_LINK_CREATE, .link = (struct link *)link};
        operation_pointer(&operation, builder->error->pointer, sizeof(builder->error->pointer));
    }
    return false;
}

static bool match_namespace(struct plan_builder *builder, struct namespace *desired)
{
    const struct plan_input *input = builder->input;
    struct namespace *actual = network_namespace(input->actual, desired->name);
    const struct namespace *previous = network_namespace(input->previous, desired->name);
    if (!actual && namespace_is_shared(desired))
        return namespace_fails(builder, desired, ERROR_WAITING,
                               "does not exist, and the document says that it is external: make it "
                               "first, or leave \"external\" out to have netnsd make it");
    if (actual && !namespace_is_shared(desired) && !input->restore &&
        (!previous || namespace_is_shared(previous)))
        return namespace_fails(
            builder, desired, ERROR_EXISTS,
            "exists already and netnsd did not make it: remove it, choose another "
            "name, or refer to it with \"external\": true");
    desired->match = actual;
    desired->next_ifindex = 2; /* 1 is lo */
    if (!actual)
        return true;
    actual->match = desired;
    return true;
}

static struct link *find_parked(const struct namespace *actual, const char *name)
{
    char parked[IFNAMSIZ];
    park_name(name, parked);
    struct link *found = namespace_link(actual, parked);
    return found && park_group_is(found->group) ? found : NULL;
}

/* A link of ours that somebody gave another name, which no other link of the document has. */
static struct link *find_renamed(const struct plan_input *input, const struct namespace *actual,
                                 const struct link *link)
{
    const struct link *previous = network_link(input->previous, link->namespace->name, link->name);
    if (!previous || previous->external || !previous->ifindex)
        return NULL;
    struct link *found = namespace_link_by_ifindex(actual, previous->ifindex);
    bool ours = found && found->group == NETNSD_GROUP && found->kind == link->kind &&
                !namespace_link(link->namespace, found->name);
    return ours ? found : NULL;
}

/* The actual link that stands for LINK: by identity when a network is restored; otherwise by name.
 * When a crash cut a transaction off, what it had parked is the former link, and what has its name
 * may be the one that was made anew. */
static struct link *find_link(const struct plan_input *input, const struct namespace *actual,
                              const struct link *link)
{
    if (input->restore)
        return namespace_link_by_ifindex(actual, link->ifindex);
    struct link *found = input->sweep ? find_parked(actual, link->name) : NULL;
    if (!found)
        found = namespace_link(actual, link->name);
    return found ? found : find_renamed(input, actual, link);
}

/* A link that PREVIOUS describes may have lost its group to somebody else's hand: then its kind and
 * MAC tell. */
static bool link_is_previous(const struct link *previous, const struct link *actual)
{
    if (!previous || previous->external)
        return false;
    if (plan_link_is_ours(actual))
        return true;
    const struct value *said = &previous->common[LINK_MAC];
    const struct value *found = &actual->common[LINK_MAC];
    return previous->kind == actual->kind && said->present && found->present &&
           memcmp(&said->mac, &found->mac, sizeof(said->mac)) == 0;
}

static bool birth_equal(const struct attribute_table *table, const struct value *desired,
                        const struct value *actual)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!attribute_equal(&table->rows[i], &desired[i], &actual[i]) &&
            attribute_needs_birth(&table->rows[i], &desired[i], &actual[i]))
            return false;
    }
    return true;
}

static bool stands_on(const struct link *actual, const struct link *lower_desired)
{
    const struct link *lower = lower_desired->match;
    return lower && actual->lower_ifindex == lower->ifindex &&
           actual->lower_cookie == lower->namespace->cookie;
}

/* Do outer packets travel where LINK wants them? */
static bool underlay_equal(const struct plan_input *input, const struct link *link,
                           const struct link *actual)
{
    const struct namespace *underlay =
        link->underlay ? network_namespace(input->desired, link->underlay) : link->namespace;
    const struct namespace *found = underlay ? underlay->match : NULL;
    uint64_t cookie = actual->lower_elsewhere ? actual->lower_cookie : actual->namespace->cookie;
    return found && found->cookie == cookie;
}

/* Can the kernel turn ACTUAL into LINK without making it anew? */
static bool compatible(const struct plan_input *input, const struct link *link,
                       const struct link *actual)
{
    const struct link *lower = link_lower(link), *peer = link_peer(link);
    if (link->kind != actual->kind)
        return false;
    if (!birth_equal(&link_attributes, link->common, actual->common))
        return false;
    if (!link->kind)
        return true;
    if (!birth_equal(&link->kind->attributes, link->attributes, actual->attributes))
        return false;
    if (link->kind->lower != LOWER_NONE) {
        if (lower && !stands_on(actual, lower))
            return false;
        if (!lower && !input->restore && !underlay_equal(input, link, actual))
            return false;
        if (!link->lower && !input->restore && actual->lower_ifindex)
            return false;
    }
    return !peer || stands_on(actual, peer);
}

static bool find_actual_link(struct plan_builder *builder, struct link *link)
{
    const struct plan_input *input = builder->input;
    struct namespace *actual_namespace = link->namespace->match;
    struct link *actual = actual_namespace ? find_link(input, actual_namespace, link) : NULL;
    if (!actual) {
        if (!link->external || input->restore)
            return true;
        return link_fails(builder, link, ERROR_WAITING,
                          "does not exist, and the document says that it is external: make it "
                          "first, or describe it here to have netnsd make it");
    }
    bool lo = !link->external && strcmp(link->name, "lo") == 0;
    if (!input->restore && !link->external && !lo &&
        !link_is_previous(network_link(input->previous, link->namespace->name, link->name), actual))
        return link_fails(builder, link, ERROR_EXISTS,
                          "exists already and netnsd did not make it: remove it, choose another "
                          "name, or refer to it with \"external\": true");
    link->match = actual;
    if (!input->restore) /* there it is the same, and others may look at it */
        link->ifindex = actual->ifindex;
    actual->match = link;
    actual->fate = link->fate = FATE_KEEP;
    return true;
}

static bool must_recreate(const struct plan_input *input, const struct link *link)
{
    if (link->external || link->fate != FATE_KEEP)
        return false;
    const struct link *peer = link_peer(link), *lower = link_lower(link);
    return !compatible(input, link, link->match) || (peer && peer->fate != FATE_KEEP) ||
           (lower && lower->fate != FATE_KEEP);
}

/* A link that is made anew takes its other end, and all that stands on it, along: to a fixed point,
 * which takes as many rounds as links are stacked. */
static void decide_fates(const struct plan_input *input)
{
    bool again = true;
    while (again) {
        again = false;
        struct namespace *namespace, *next;
        HASH_ITER (hh, input->desired->namespaces, namespace, next) {
            struct link *link, *next_link;
            HASH_ITER (hh, namespace->links, link, next_link) {
                if (!must_recreate(input, link))
                    continue;
                link->fate = link->match->fate = FATE_RECREATE;
                again = true;
            }
        }
    }
}

static void mark_left_over(const struct plan_input *input, struct namespace *actual,
                           const struct link *previous)
{
    struct link *found = input->sweep ? find_parked(actual, previous->name) : NULL;
    if (found && !found->match)
        found->fate = FATE_REMOVE;
}

static void mark_removed_links(const struct plan_input *input, const struct namespace *previous,
                               struct namespace *actual)
{
    struct link *link, *next;
    HASH_ITER (hh, previous->links, link, next) {
        if (link->external || strcmp(link->name, "lo") == 0)
            continue;
        struct link *found = namespace_link(actual, link->name);
        if (found && !found->match && link_is_previous(link, found))
            found->fate = FATE_REMOVE;
        mark_left_over(input, actual, link);
    }
}

/* What was ours and is no longer asked for. */
static void mark_removed(const struct plan_input *input)
{
    if (!input->previous)
        return;
    struct namespace *previous, *next;
    HASH_ITER (hh, input->previous->namespaces, previous, next) {
        struct namespace *actual = network_namespace(input->actual, previous->name);
        if (!actual)
            continue;
        if (!namespace_is_shared(previous) && !actual->match)
            actual->going = true;
        else
            mark_removed_links(input, previous, actual);
    }
}

static bool makes_exclusive(const struct network *desired)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, desired->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            const struct link_kind *kind = link->kind;
            if (kind && kind->exclusive && link->fate != FATE_KEEP &&
                (kind->exclusive(link) || (link->match && kind->exclusive(link->match))))
                return true;
        }
    }
    return false;
}

bool plan_match(struct plan_builder *builder)
{
    const struct plan_input *input = builder->input;
    forget(input->desired);
    forget(input->actual);
    struct namespace *namespace, *next;
    HASH_ITER (hh, input->desired->namespaces, namespace, next) {
        if (!match_namespace(builder, namespace))
            return false;
    }
    HASH_ITER (hh, input->desired->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            if (!find_actual_link(builder, link))
                return false;
        }
    }
    decide_fates(input);
    mark_removed(input);
    builder->makes_exclusive = makes_exclusive(input->desired);
    return true;
}
