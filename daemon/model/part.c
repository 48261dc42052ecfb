#include "model/part.h"

#include "common/cleanup.h"
#include "model/document_internal.h"
#include "model/network_cut.h"

#include <stdio.h>
#include <string.h>

/* Is NAMESPACE of a part one that the change describes? */
static bool is_described(const struct namespace *namespace)
{
    return !namespace->no_rest;
}

/* Is LINK, elsewhere, the unwritten end of a cable that the change describes? */
static bool is_own_end(const struct link *link)
{
    const struct link *peer = link->derived ? link_peer(link) : NULL;
    return peer && is_described(peer->namespace) && !is_described(link->namespace);
}

/* Describing ------------------------------------------------------------------------------- */

static bool describe(const struct network *whole, const char *name, struct json_object *patch,
                     struct json_object *described)
{
    const struct namespace *namespace = network_namespace(whole, name);
    if (!patch)
        return json_object_object_add(described, name, NULL) == 0;
    auto_json struct json_object *member =
        namespace ? document_write_member(whole, namespace) : json_object_new_object();
    return member && json_merge(&member, patch) && json_put(described, name, TAKE(member));
}

struct json_object *part_of_patch(const struct network *whole, struct json_object *patch)
{
    struct json_object *namespaces = document_object(patch, "namespaces");
    auto_json struct json_object *described = namespaces ? json_object_new_object() : NULL;
    if (!described || json_object_object_length(patch) != 1)
        return NULL;
    json_object_object_foreach (namespaces, name, value) {
        if (!describe(whole, name, value, described))
            return NULL;
    }
    return TAKE(described);
}

/* Cutting ---------------------------------------------------------------------------------- */

static bool cut_named(struct network *cut, const struct network *whole, const char *namespace,
                      const char *link)
{
    return network_cut_bare(cut, whole, namespace) &&
           (!network_link(whole, namespace, link) || network_cut_link(cut, whole, namespace, link));
}

/* TEXT is a reference, as document_read_reference() reads it; in the namespace itself when it names
 * none. */
static bool cut_reference(struct network *cut, const struct network *whole, const char *text)
{
    char namespace[NAMESPACE_NAME_MAX + 1];
    const char *slash = text ? strchr(text, '/') : NULL;
    if (!slash || (size_t)(slash - text) >= sizeof(namespace))
        return true;
    memcpy(namespace, text, (size_t)(slash - text));
    namespace[slash - text] = '\0';
    return cut_named(cut, whole, namespace, slash + 1);
}

/* Whatever the object KIND under a link's kind key refers to. */
static bool cut_kind(struct network *cut, const struct network *whole, struct json_object *kind)
{
    static const char *const keys[] = {"peer", "bridge", "link", NULL};
    for (const char *const *key = keys; *key; key++) {
        if (!cut_reference(cut, whole, json_object_get_string(json_object_object_get(kind, *key))))
            return false;
    }
    const char *underlay =
        json_object_get_string(json_object_object_get(kind, "underlayNamespace"));
    return !underlay || network_cut_bare(cut, whole, underlay);
}

static bool cut_links(struct network *cut, const struct network *whole, struct json_object *links)
{
    json_object_object_foreach (links, name, link) {
        (void)name;
        if (!json_object_is_type(link, json_type_object))
            continue;
        json_object_object_foreach (link, key, value) {
            if (link_kind_find(key) && json_object_is_type(value, json_type_object) &&
                !cut_kind(cut, whole, value))
                return false;
        }
    }
    return true;
}

/* What there is: the namespaces first, so that all else can be told from them. */
static struct network *cut_previous(const struct network *whole, struct json_object *described)
{
    auto_network struct network *cut = network_cut_new(whole);
    json_object_object_foreach (described, name, value) {
        (void)value;
        if (!cut || !network_cut_namespace(cut, whole, name))
            return NULL;
    }
    json_object_object_foreach (described, described_name, member) {
        struct json_object *links = document_object(member, "links");
        (void)described_name;
        if (links && !cut_links(cut, whole, links))
            return NULL;
    }
    return cut && network_cut_close(cut, whole) ? TAKE(cut) : NULL;
}

/* Reading ---------------------------------------------------------------------------------- */

/* A link that is referred to. What follows from the other end of its cable is found anew. */
static bool copy_referred(const struct link *link, struct namespace *into)
{
    const struct link *peer = link_peer(link);
    struct link *copy = link_copy(link, into);
    if (copy && peer && is_described(peer->namespace) && copy->common[LINK_MTU].derived)
        copy->common[LINK_MTU] = (struct value){.present = false};
    return copy;
}

/* Ports are counted anew: those that are here are taken off. */
static void discount_ports(const struct namespace *previous, struct namespace *desired)
{
    for (const struct link *link = previous->links; link; link = link->hh.next) {
        const struct link *master = link_master(link);
        struct link *copy = master ? namespace_link(desired, master->name) : NULL;
        if (copy)
            copy->ports--;
    }
}

/* What is referred to, in a network of its own. */
static struct network *copy_surroundings(const struct network *previous)
{
    auto_network struct network *desired = network_cut_new(previous);
    const struct namespace *each = desired ? previous->namespaces : NULL;
    for (; each; each = each->hh.next) {
        if (is_described(each))
            continue;
        struct namespace *copy = namespace_copy_bare(each, desired);
        for (const struct link *link = each->links; copy && link; link = link->hh.next) {
            if (!is_own_end(link) && !copy_referred(link, copy))
                return NULL;
        }
        if (!copy)
            return NULL;
        discount_ports(each, copy);
    }
    return TAKE(desired);
}

/* The unwritten ends of cables that others describe, which are ports of bridges here. False also
 * when such a port's name is taken. */
static bool copy_ports(const struct namespace *previous, struct namespace *desired)
{
    for (const struct link *link = previous->links; link; link = link->hh.next) {
        const struct link *peer = link->derived ? link_peer(link) : NULL;
        if (!peer || is_described(peer->namespace) || !peer->bridge)
            continue;
        struct link *copy = namespace_link(desired, link->name) ? NULL : link_copy(link, desired);
        if (!copy)
            return false;
        if (copy->common[LINK_ADDR_GEN_MODE].derived)
            copy->common[LINK_ADDR_GEN_MODE] = (struct value){.present = false};
    }
    return true;
}

static bool copy_all_ports(const struct network *previous, struct network *desired)
{
    for (const struct namespace *each = previous->namespaces; each; each = each->hh.next) {
        struct namespace *into = network_namespace(desired, each->name);
        if (is_described(each) && into && !copy_ports(each, into))
            return false;
    }
    return true;
}

/* The document of what is DESCRIBED, without the namespaces that go. */
static struct json_object *part_document(struct json_object *described)
{
    auto_json struct json_object *document = json_object_new_object();
    struct json_object *namespaces = json_object_new_object();
    if (!document || !json_put(document, "namespaces", namespaces))
        return NULL;
    json_object_object_foreach (described, name, value) {
        if (value && !json_put(namespaces, name, json_object_get(value)))
            return NULL;
    }
    return TAKE(document);
}

/* Of shared namespaces only what is described is looked at. */
static void mark_described(struct json_object *described, const struct network *desired)
{
    json_object_object_foreach (described, name, value) {
        struct namespace *namespace = network_namespace(desired, name);
        (void)value;
        if (!namespace)
            continue;
        namespace->some_links = namespace_is_shared(namespace);
    }
}

static struct network *read_described(const struct network *whole, const struct network *previous,
                                      struct json_object *described, const uint8_t machine_id[16],
                                      struct problems *problems)
{
    auto_network struct network *desired = copy_surroundings(previous);
    auto_json struct json_object *document = part_document(described);
    if (!desired || !document || !document_read_into(desired, document, problems) ||
        !copy_all_ports(previous, desired) ||
        !document_complete(desired, document, machine_id, whole, problems))
        return NULL;
    mark_described(described, desired);
    return TAKE(desired);
}

/* Is it enough? ---------------------------------------------------------------------------- */

/* Why the whole document may say more than a part of it:
 *
 * - errors in what is described are told together with all others;
 * - namespaces that others stand on links of, route through, or have tunnels in, otherwise than by
 *   the cables that are in both: a change of one can be one of those others, or break them;
 * - namespaces that begin, or cease, to be shared: what others have in them is another thing then;
 * - MACs that are written anywhere: they must be unique on their segment;
 * - unwritten ends elsewhere that have a name of another link, or addresses, alternative names or
 *   sysctls of their own: they are seen together with the rest of their namespace;
 * - links elsewhere that change as a consequence: the MTU of the other end of a cable, or of a
 *   bridge that follows its ports, and whether their namespace wants IPv6.
 */

static bool same_path(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Is LINK a tunnel with IPv6 addresses whose outer packets travel in another namespace? */
static bool wants_ipv6_elsewhere(const struct link *link)
{
    const struct link *lower = link_lower(link);
    if (!link->kind || !(link->underlay || (lower && lower->namespace != link->namespace)))
        return false;
    for (size_t i = 0; i < link->kind->attributes.count; i++) {
        if (link->kind->attributes.rows[i].type == ATTRIBUTE_ADDRESS &&
            link->attributes[i].present && link->attributes[i].address->family == AF_INET6)
            return true;
    }
    return false;
}

static bool described_stands_alone(const struct namespace *whole, const struct namespace *previous,
                                   const struct namespace *desired)
{
    if (whole->referred || (desired && (previous->external != desired->external ||
                                        !same_path(previous->path, desired->path))))
        return false;
    for (const struct link *link = previous->links; link; link = link->hh.next) {
        if (wants_ipv6_elsewhere(link))
            return false;
    }
    return true;
}

/* Does a sysctl of a shared NAMESPACE, by its path, belong to a link called NAME? */
static bool sysctl_names(const struct namespace *namespace, const char *name)
{
    char folder[IFNAMSIZ + 2];
    snprintf(folder, sizeof(folder), "/%s/", name);
    for (const struct sysctl *sysctl = namespace->sysctls; sysctl; sysctl = sysctl->hh.next) {
        if (strstr(sysctl->path, folder))
            return true;
    }
    return false;
}

static bool end_is_plain(const struct link *end)
{
    return !end->addresses && !end->alt_names && !end->sysctls;
}

/* WAS is the end of that name before, if it was one of the same cables. */
static bool end_stands_alone(const struct namespace *whole, const struct link *was,
                             const struct link *end)
{
    if (!end_is_plain(end))
        return false;
    if (was)
        return true;
    return !namespace_link(whole, end->name) && !whole->named_twice &&
           !(namespace_is_shared(whole) && sysctl_names(whole, end->name));
}

static bool referred_stays(const struct link *was, const struct link *is)
{
    const struct value *before = &was->common[LINK_MTU], *after = &is->common[LINK_MTU];
    bool follows_ports = is->kind && is->kind->can_be_master && after->derived;
    return !follows_ports && before->present == after->present && before->number == after->number;
}

static bool surroundings_stay(const struct namespace *whole, const struct namespace *previous,
                              const struct namespace *desired)
{
    if (whole->ipv6 != desired->ipv6)
        return false;
    for (const struct link *link = desired->links; link; link = link->hh.next) {
        const struct link *was = namespace_link(previous, link->name);
        bool good = is_own_end(link)
                        ? end_stands_alone(whole, was && is_own_end(was) ? was : NULL, link)
                        : was && referred_stays(was, link);
        if (!good)
            return false;
    }
    for (const struct link *link = previous->links; link; link = link->hh.next) {
        if (is_own_end(link) && !end_is_plain(link))
            return false;
    }
    return true;
}

static bool stands_alone(const struct network *whole, const struct network *previous,
                         const struct network *desired)
{
    if (whole->written_macs || desired->written_macs)
        return false;
    for (const struct namespace *each = previous->namespaces; each; each = each->hh.next) {
        const struct namespace *is = network_namespace(desired, each->name);
        const struct namespace *was = network_namespace(whole, each->name);
        if (!(is_described(each) ? described_stands_alone(was, each, is)
                                 : surroundings_stay(was, each, is)))
            return false;
    }
    return true;
}

bool part_read(const struct network *whole, struct json_object *described,
               const uint8_t machine_id[16], struct network **previous, struct network **desired,
               struct problems *problems)
{
    struct problems found = {0};
    auto_network struct network *was = cut_previous(whole, described);
    auto_network struct network *is =
        was ? read_described(whole, was, described, machine_id, &found) : NULL;
    if (!is || !stands_alone(whole, was, is)) {
        problems_clear(&found);
        return false;
    }
    problems_clear(problems);
    *problems = found;
    *previous = TAKE(was);
    *desired = TAKE(is);
    return true;
}

static bool is_left_alone(const struct namespace *namespace)
{
    if (!namespace->match || namespace->match->parked)
        return false;
    for (const struct link *link = namespace->links; link; link = link->hh.next) {
        if (!is_own_end(link) && link->fate != FATE_KEEP)
            return false;
    }
    return true;
}

bool part_suffices(const struct network *desired)
{
    for (const struct namespace *each = desired->namespaces; each; each = each->hh.next) {
        if (!is_described(each) && !is_left_alone(each))
            return false;
    }
    return true;
}

/* Committing ------------------------------------------------------------------------------- */

static void take_out(const struct network *previous, const struct network *desired,
                     struct network *whole)
{
    for (const struct namespace *each = previous->namespaces; each; each = each->hh.next) {
        struct namespace *namespace = network_namespace(whole, each->name);
        if (!is_described(each)) {
            for (const struct link *link = each->links; link; link = link->hh.next) {
                if (is_own_end(link))
                    link_remove(namespace_link(namespace, link->name));
            }
        } else if (!network_namespace(desired, each->name)) {
            namespace_remove(whole, namespace);
        }
    }
}

/* FROM is not described: its own ends move to INTO, which learns what there is to know. */
static bool put_surroundings(struct namespace *from, struct namespace *into)
{
    struct link *link, *next;
    into->cookie = from->cookie;
    into->number = from->number;
    into->referred |= from->referred;
    HASH_ITER (hh, from->links, link, next) {
        struct link *known = namespace_link(into, link->name);
        if (known) {
            known->ifindex = link->ifindex;
            known->ports = link->ports;
        } else if (!link_move(link, into)) {
            return false;
        }
    }
    return true;
}

static bool put_in(struct network *desired, struct network *whole)
{
    for (struct namespace *each = desired->namespaces; each; each = each->hh.next) {
        struct namespace *into = network_namespace(whole, each->name);
        if (!into && !(into = namespace_add(whole, each->name)))
            return false;
        if (is_described(each)) {
            namespace_exchange(into, each);
            into->some_links = false;
        } else if (!put_surroundings(each, into)) {
            return false;
        }
    }
    return true;
}

static void resolve(const struct network *whole, struct reference *reference)
{
    if (reference)
        reference->link = network_link(whole, reference->namespace, reference->name);
}

static void resolve_link(const struct network *whole, struct link *link)
{
    resolve(whole, link->master);
    resolve(whole, link->lower);
    resolve(whole, link->peer);
    resolve(whole, link->bridge);
}

/* Of the links that NAMED has, and of the other ends of their cables. */
static void resolve_all(const struct network *whole, const struct namespace *named)
{
    for (const struct link *each = named->links; each; each = each->hh.next) {
        struct link *link = network_link(whole, named->name, each->name);
        if (!link)
            continue;
        resolve_link(whole, link);
        if (link_peer(link))
            resolve_link(whole, link_peer(link));
    }
}

bool part_commit(const struct network *previous, struct network *desired, struct network *whole)
{
    whole->written_macs |= desired->written_macs;
    take_out(previous, desired, whole);
    bool good = put_in(desired, whole);
    for (const struct namespace *each = previous->namespaces; each; each = each->hh.next)
        resolve_all(whole, each);
    for (const struct namespace *each = desired->namespaces; each; each = each->hh.next) {
        const struct namespace *namespace = network_namespace(whole, each->name);
        resolve_all(whole, namespace && is_described(each) ? namespace : each);
    }
    return good;
}
