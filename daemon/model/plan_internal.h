/* What the parts of the planner share. */
#pragma once

#include "model/plan.h"

struct plan_builder {
    const struct plan_input *input;
    struct plan *plan;
    struct error *error;
    struct change_fields fields; /* of the object that is looked at */
    bool makes_exclusive;        /* a link is to be made that another like it would keep from it */
};

/* plan_match.c: pairs desired objects with actual ones and decides the fate of every link. */
bool plan_match(struct plan_builder *builder);

/* plan_remove.c: operations that take away; plan_make.c: operations that make and change. */
bool plan_remove(struct plan_builder *builder);
bool plan_make(struct plan_builder *builder);

/* plan_extra.c: takes away what stands in no document, where that is asked for. */
bool plan_extra(struct plan_builder *builder);

/* Appends one operation. */
bool plan_add(struct plan_builder *builder, const struct operation *operation);

/* Is LINK of the actual network one that netnsd made? */
bool plan_link_is_ours(const struct link *actual);

/* Is the desired LINK one that this plan answers for? Not when it is external, or when a network is
 * to be restored and it was not ours. */
bool plan_link_managed(const struct plan_builder *builder, const struct link *link);

/* Will ROUTE of the actual NAMESPACE be gone once the links that are to go are down? */
bool plan_route_vanishes(const struct namespace *actual, const struct route *route);

/* The actual route, or rule, that stands for the desired one: ours among those with its key, or the
 * first of them; NULL when there is none. */
struct route *plan_find_route(const struct namespace *actual, const struct route *desired);
struct rule *plan_find_rule(const struct namespace *actual, const struct rule *desired);

/* Do they differ in anything but their marks? DESIRED belongs to NAMESPACE, whose links have their
 * ifindexes. */
bool plan_route_equal(const struct namespace *namespace, const struct route *desired,
                      const struct route *actual);
bool plan_address_equal(const struct address *desired, const struct address *actual);

/* plan_change.c: notes a change that the plan makes, with FIELDS (NULL: none). */
bool plan_note(struct plan_builder *builder, enum change_action action, const char *pointer,
               const struct change_fields *fields, bool irreversible);

/* Appends what differs between the desired LINK and ACTUAL (both kept) to FIELDS (may be NULL: only
 * to know), and says in *DIFFERS whether anything does. False when memory is short. */
bool plan_link_differences(const struct link *link, const struct link *actual,
                           struct change_fields *fields, bool *differs);

/* Appends what a new link is made with. */
bool plan_link_birth(const struct link *link, struct change_fields *fields);
