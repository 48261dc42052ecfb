#include "model/plan.h"
#include "model/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parked names begin with a character that no document may use for a link. */
void park_name(const char *name, char parked[IFNAMSIZ])
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    snprintf(parked, IFNAMSIZ, "~%012llx", (unsigned long long)(hash & 0xffffffffffffu));
}

bool park_group_is(uint32_t group)
{
    return group >= PARK_GROUP_FIRST && group <= PARK_GROUP_LAST;
}

bool plan_add(struct plan_builder *builder, const struct operation *operation)
{
    struct plan *plan = builder->plan;
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? plan->capacity * 2 : 32;
        struct operation *grown =
            reallocarray(plan->operations, capacity, sizeof(*plan->operations));
        if (!grown)
            return error_memory(builder->error);
        plan->operations = grown;
        plan->capacity = capacity;
    }
    plan->operations[plan->count++] = *operation;
    return true;
}

struct plan *plan_build(const struct plan_input *input, struct error *error)
{
    auto_plan struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan || !(plan->changes = changes_new())) {
        error_memory(error);
        return NULL;
    }
    struct plan_builder builder = {.input = input, .plan = plan, .error = error};
    bool good = plan_match(&builder) && plan_remove(&builder) && plan_make(&builder) &&
                plan_extra(&builder);
    change_fields_clear(&builder.fields);
    return good ? TAKE(plan) : NULL;
}

void plan_select(struct plan *plan,
                 bool (*wanted)(void *context, const struct operation *operation), void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (wanted(context, &plan->operations[i]))
            plan->operations[kept++] = plan->operations[i];
    }
    plan->count = kept;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    free(plan->operations);
    changes_free(plan->changes);
    free(plan);
}

void plan_freep(struct plan **plan)
{
    plan_free(*plan);
}

/* The unwritten end of a veth stands in the document as the "veth" of the end that is written. */
static char *written_pointer(const struct link *link, char *buffer, size_t size)
{
    if (!link->derived || !link_peer(link))
        return link_pointer(link, buffer, size);
    link_pointer(link_peer(link), buffer, size);
    size_t length = strlen(buffer);
    snprintf(buffer + length, size - length, "/veth");
    return buffer;
}

char *operation_pointer(const struct operation *operation, char *buffer, size_t size)
{
    switch (operation->type) {
    case OPERATION_NAMESPACE_MAKE:
    case OPERATION_NAMESPACE_PARK:
    case OPERATION_NAMESPACE_UNPARK:
        return namespace_pointer(operation->namespace, buffer, size);
    case OPERATION_LINK_CREATE:
    case OPERATION_LINK_SET:
    case OPERATION_LINK_FINISH:
    case OPERATION_LINK_PARK:
    case OPERATION_LINK_DELETE:
        return written_pointer(operation->link, buffer, size);
    case OPERATION_ADDRESS_ADD:
    case OPERATION_ADDRESS_REMOVE:
        return address_pointer(operation->link, operation->address, buffer, size);
    case OPERATION_ROUTE_ADD:
    case OPERATION_ROUTE_CHANGE:
    case OPERATION_ROUTE_REMOVE:
        return route_pointer(operation->namespace, operation->route, buffer, size);
    case OPERATION_RULE_ADD:
    case OPERATION_RULE_REMOVE:
        return rule_pointer(operation->namespace, operation->rule, buffer, size);
    case OPERATION_SYSCTL_SET:
        return sysctl_pointer(operation->namespace, operation->sysctl, buffer, size);
    }
    buffer[0] = '\0';
    return buffer;
}
