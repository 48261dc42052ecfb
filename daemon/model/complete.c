#include "model/complete.h"

#include "model/finding.h"

#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

/* What Ethernet links have unless said. */
#define ETHERNET_MTU 1500
/* Links stand on each other at most this deep (net/core/dev.h, MAX_NEST_DEV). */
#define STACK_MAX 8

struct completion {
    struct network *network;
    const uint8_t *machine_id;
    const struct network *previous;
    struct problems *problems;
};

typedef bool link_step(struct completion *completion, struct link *link);

/* Calls STEP for every link, also for those that it adds to namespaces that come later. */
static bool each_link(struct completion *completion, link_step *step)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, completion->network->namespaces, namespace, next) {
        struct link *link, *next_link;
        HASH_ITER (hh, namespace->links, link, next_link) {
            if (!step(completion, link))
                return false;
        }
    }
    return true;
}

static bool add_end(struct link *link, struct namespace *namespace)
{
    struct link *end = link_add(namespace, link->peer->name);
    if (!end || !link_set_kind(end, link->kind) ||
        !reference_set(&end->peer, link->namespace->name, link->name))
        return false;
    end->derived = true;
    return true;
}

/* Do the ends of a pair that are both written name each other? */
static void check_ends(struct completion *completion, const struct link *link,
                       const struct link *end)
{
    const struct reference *back = end->peer;
    if (end == link)
        link_kind_finding(completion->problems, link, "peer",
                          "this is the link itself: name the other end of the cable");
    else if (end->kind != link->kind)
        link_kind_finding(
            completion->problems, link, "peer",
            "link \"%s\" in namespace \"%s\" is no %s: write \"%s\" there as well, or "
            "leave it out",
            end->name, end->namespace->name, link->kind->name, link->kind->name);
    else if (!end->flawed && (!back || strcmp(back->name, link->name) != 0 ||
                              strcmp(back->namespace, link->namespace->name) != 0))
        link_kind_finding(completion->problems, link, "peer",
                          "link \"%s\" in namespace \"%s\" names another end, \"%s/%s\": both ends "
                          "must name each other",
                          end->name, end->namespace->name, back ? back->namespace : "?",
                          back ? back->name : "");
}

static void refuse_namespace(struct completion *completion, const struct link *link,
                             const char *member, const char *name)
{
    bool host = strcmp(name, NAMESPACE_HOST) == 0;
    link_finding(completion->problems, false, link, member,
                 "namespace \"%s\" is not in the document: describe it%s", name,
                 host ? ", with a link that exists already as {\"external\": true}"
                      : ", or write \"external\": true in it when it exists already");
}

/* Brings the unwritten end of a veth into the network. */
static bool complete_pair(struct completion *completion, struct link *link)
{
    const struct reference *peer = link->peer;
    if (!link->kind || !link->kind->paired || link->derived || !peer || link->bridge)
        return true;
    struct namespace *namespace = network_namespace(completion->network, peer->namespace);
    if (!namespace) {
        refuse_namespace(completion, link, "veth/peer", peer->namespace);
        return true;
    }
    const struct link *end = namespace_link(namespace, peer->name);
    if (!end)
        return namespace->flawed || add_end(link, namespace);
    check_ends(completion, link, end);
    return true;
}

static bool add_loopbacks(struct network *network)
{
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        if (namespace_is_shared(namespace) || namespace->some_links ||
            namespace_link(namespace, "lo"))
            continue;
        struct link *lo = link_add(namespace, "lo");
        if (!lo)
            return false;
        lo->derived = true;
    }
    return true;
}

static void find(const struct completion *completion, struct reference *reference)
{
    if (reference)
        reference->link = network_link(completion->network, reference->namespace, reference->name);
}

/* The same of REFERENCE, which stands at MEMBER of LINK: it must name something. */
static void resolve(struct completion *completion, const struct link *link,
                    struct reference *reference, const char *member)
{
    if (!reference)
        return;
    const struct namespace *namespace =
        network_namespace(completion->network, reference->namespace);
    if (!namespace) {
        refuse_namespace(completion, link, member, reference->namespace);
        return;
    }
    reference->link = namespace_link(namespace, reference->name);
    if (!reference->link && !namespace->flawed)
        link_finding(completion->problems, false, link, member,
                     "there is no link \"%s\" in namespace \"%s\": describe it there%s",
                     reference->name, namespace->name,
                     namespace_is_shared(namespace)
                         ? ", or, when it exists already, declare it as {\"external\": true}"
                         : "");
}

/* The master of a bridge's port on a veth is named where the other end says "bridge". */
static void refuse_master(struct completion *completion, const struct link *link,
                          const struct link *master)
{
    static const char format[] = "link \"%s\" is %s%s, which cannot have ports: name a bridge";
    const char *article = master->kind ? "a " : "lo",
               *kind = master->kind ? master->kind->name : "";
    if (link->derived)
        link_kind_finding(completion->problems, link_peer(link), "bridge", format, master->name,
                          article, kind);
    else
        link_finding(completion->problems, false, link, "master", format, master->name, article,
                     kind);
}

static void check_master(struct completion *completion, const struct link *link)
{
    const struct link *master = link_master(link);
    if (!master || master->flawed)
        return;
    if (master->namespace != link->namespace)
        link_finding(completion->problems, false, link, "master",
                     "a link and its master must be in the same namespace, and \"%s\" is in \"%s\"",
                     master->name, master->namespace->name);
    else if (!master->external && (!master->kind || !master->kind->can_be_master))
        refuse_master(completion, link, master);
    else if (link->kind && link->kind->can_be_master && master->kind == link->kind)
        link_finding(completion->problems, false, link, "master",
                     "a %s cannot be a port of another one: join the two with a veth",
                     link->kind->name);
}

static bool resolve_link(struct completion *completion, struct link *link)
{
    char member[40] = "";
    if (link->kind)
        snprintf(member, sizeof(member), "%s/link", link->kind->name);
    resolve(completion, link, link->lower, member);
    resolve(completion, link, link->bridge, "veth/bridge");
    if (link->derived && link->kind)
        find(completion, link->master);
    else
        resolve(completion, link, link->master, "master");
    find(completion, link->peer);
    if (link->underlay && !network_namespace(completion->network, link->underlay))
        refuse_namespace(completion, link, "vxlan/underlayNamespace", link->underlay);
    check_master(completion, link);
    if (link_master(link))
        link_master(link)->ports++;
    return true;
}

/* REFERRED, a link, or (NULL) only its namespace HOME, is needed by something in NAMESPACE. */
static void note_referred(const struct namespace *namespace, struct namespace *home,
                          const struct link *referred)
{
    struct namespace *writer = referred && referred->derived && link_peer(referred)
                                   ? link_peer(referred)->namespace
                                   : home;
    home->referred |= home != namespace;
    writer->referred |= writer != namespace;
}

/* Must know about all ends of cables. */
static bool note_references(struct completion *completion, struct link *link)
{
    const struct link *lower = link_lower(link);
    struct namespace *underlay =
        link->underlay ? network_namespace(completion->network, link->underlay) : NULL;
    if (lower)
        note_referred(link->namespace, lower->namespace, lower);
    if (underlay)
        note_referred(link->namespace, underlay, NULL);
    link->namespace->named_twice |= link->alt_names != NULL;
    return true;
}

static void note_devices(struct namespace *namespace)
{
    const struct route *route, *next;
    HASH_ITER (hh, namespace->routes, route, next) {
        for (size_t i = 0; i < route->hop_count; i++) {
            const struct link *device = namespace_link(namespace, route->hops[i].device);
            if (device)
                note_referred(namespace, namespace, device);
        }
    }
}

static void wants_ipv6(struct namespace *namespace, uint8_t family)
{
    namespace->ipv6 |= family == AF_INET6;
}

/* Outer packets of a tunnel with IPv6 addresses want it where they travel. */
static bool complete_ipv6_of_link(struct completion *completion, struct link *link)
{
    struct address *address, *next;
    HASH_ITER (hh, link->addresses, address, next)
        wants_ipv6(link->namespace, address->prefix.address.family);
    struct namespace *outer = link->underlay
                                  ? network_namespace(completion->network, link->underlay)
                              : link_lower(link) ? link_lower(link)->namespace
                                                 : link->namespace;
    for (size_t i = 0; outer && link->kind && i < link->kind->attributes.count; i++) {
        if (link->kind->attributes.rows[i].type == ATTRIBUTE_ADDRESS && link->attributes[i].present)
            wants_ipv6(outer, link->attributes[i].address->family);
    }
    return true;
}

static void complete_ipv6(struct namespace *namespace)
{
    namespace->ipv6 |= namespace->ipv6_written;
    struct route *route, *next_route;
    HASH_ITER (hh, namespace->routes, route, next_route) {
        wants_ipv6(namespace, route->key.destination.address.family);
        for (size_t i = 0; i < route->hop_count; i++)
            wants_ipv6(namespace, route->hops[i].via.family);
    }
    struct rule *rule, *next_rule;
    HASH_ITER (hh, namespace->rules, rule, next_rule)
        wants_ipv6(namespace, (uint8_t)rule->key.family);
    struct sysctl *sysctl, *next_sysctl;
    HASH_ITER (hh, namespace->sysctls, sysctl, next_sysctl) {
        namespace->ipv6 |= strncmp(sysctl->path, "net/ipv6/", strlen("net/ipv6/")) == 0;
    }
}

static void derive(struct value *value, uint64_t number)
{
    *value = (struct value){.present = true, .derived = true, .number = number};
}

static uint32_t settle_mtu(struct completion *completion, struct link *link, unsigned depth);

/* The kernel lets a bridge follow the least MTU of its ports until it is told one
 * (net/bridge/br_if.c, br_mtu_auto_adjust()); from then on that is netnsd's to do. 0: it is not, or
 * cannot be told. */
static uint32_t bridge_mtu(struct completion *completion, const struct link *bridge, unsigned depth)
{
    const struct link *old =
        network_link(completion->previous, bridge->namespace->name, bridge->name);
    uint32_t least = 0;
    if (!old || !old->common[LINK_MTU].present)
        return 0;
    struct link *port, *next;
    HASH_ITER (hh, bridge->namespace->links, port, next) {
        uint32_t mtu =
            link_master(port) == bridge ? settle_mtu(completion, port, depth + 1) : UINT32_MAX;
        if (!least || mtu < least)
            least = mtu;
    }
    return least == UINT32_MAX ? ETHERNET_MTU : least;
}

static uint32_t usual_mtu(struct completion *completion, const struct link *link, unsigned depth)
{
    const struct link_kind *kind = link->kind;
    if (kind->paired)
        return link_peer(link) && link_peer(link)->common[LINK_MTU].present
                   ? (uint32_t)link_peer(link)->common[LINK_MTU].number
                   : ETHERNET_MTU;
    if (kind->can_be_master)
        return bridge_mtu(completion, link, depth);
    uint32_t lower =
        link_lower(link) ? settle_mtu(completion, link_lower(link), depth + 1) : ETHERNET_MTU;
    uint32_t overhead = kind->overhead ? kind->overhead(link) : 0;
    return lower > overhead ? lower - overhead : 0;
}

/* Gives LINK the MTU that follows from what is around it, unless it says one; 0 when that depends
 * on a link that the document does not describe. */
static uint32_t settle_mtu(struct completion *completion, struct link *link, unsigned depth)
{
    struct value *mtu = &link->common[LINK_MTU];
    if (mtu->present)
        return (uint32_t)mtu->number;
    uint32_t usual = link->kind && depth < STACK_MAX ? usual_mtu(completion, link, depth) : 0;
    if (usual)
        derive(mtu, usual);
    return usual;
}

static bool complete_mtu(struct completion *completion, struct link *link)
{
    settle_mtu(completion, link, 0);
    return true;
}

static bool complete_mac(struct completion *completion, struct link *link)
{
    struct value *mac = &link->common[LINK_MAC];
    const struct link_kind *kind = link->kind;
    completion->network->written_macs |= mac->present && !mac->derived;
    if (mac->present || !kind || !kind->mac_settable ||
        (kind->mac_inherited && kind->mac_inherited(link)))
        return true;
    const struct link *old = network_link(completion->previous, link->namespace->name, link->name);
    *mac = (struct value){.present = true, .derived = true};
    if (old && old->common[LINK_MAC].present && old->common[LINK_MAC].derived)
        mac->mac = old->common[LINK_MAC].mac;
    else
        mac->mac = derive_mac(completion->machine_id, completion->network->topology,
                              link->namespace->name, link->name);
    return true;
}

static bool complete_addr_gen_mode(struct completion *completion, struct link *link)
{
    (void)completion;
    struct value *mode = &link->common[LINK_ADDR_GEN_MODE];
    const struct namespace *namespace = link->namespace;
    bool silent = !namespace_is_shared(namespace) && !namespace->ipv6;
    if (!mode->present && link->kind && (silent || link->master))
        derive(mode, IN6_ADDR_GEN_MODE_NONE);
    return true;
}

/* A port that says nothing has what absent keys mean. */
static bool complete_port(struct completion *completion, struct link *link)
{
    (void)completion;
    return !link_master(link) || link_master(link)->kind != &kind_bridge || link_add_port(link);
}

static bool complete_kind(struct completion *completion, struct link *link)
{
    (void)completion;
    if (link->kind && link->kind->complete)
        link->kind->complete(link);
    return true;
}

bool network_complete(struct network *network, const uint8_t machine_id[16],
                      const struct network *previous, struct problems *problems)
{
    struct completion completion = {
        .network = network, .machine_id = machine_id, .previous = previous, .problems = problems};
    if (!each_link(&completion, complete_pair) || !add_loopbacks(network) ||
        !each_link(&completion, resolve_link) || !each_link(&completion, note_references) ||
        !each_link(&completion, complete_ipv6_of_link))
        return false;
    struct namespace *namespace, *next;
    HASH_ITER (hh, network->namespaces, namespace, next) {
        note_devices(namespace);
        complete_ipv6(namespace);
    }
    return each_link(&completion, complete_port) && each_link(&completion, complete_kind) &&
           each_link(&completion, complete_mtu) && each_link(&completion, complete_mac) &&
           each_link(&completion, complete_addr_gen_mode);
}
