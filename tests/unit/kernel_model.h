/* A model of the kernel: carries out operations of plans on a network, and refuses what the kernel
 * would refuse. */
#pragma once

#include "model/plan.h"

struct kernel_model {
    struct network *network; /* what a dump would show */
    struct network *parked;  /* namespaces whose names are taken away */
    uint64_t next_cookie;
    char refusal[256]; /* why the last operation was refused */
};

#define KERNEL_MODEL_PARK_GROUP (PARK_GROUP_FIRST + 1)

struct kernel_model *kernel_model_new(void);
void kernel_model_free(struct kernel_model *kernel);

/* False, with the reason in kernel->refusal, when the kernel would not do it. */
bool kernel_model_run(struct kernel_model *kernel, const struct operation *operation);

/* What follows a commit: parked things are gone. */
void kernel_model_destroy_parked(struct kernel_model *kernel);

/* What a rollback begins with: namespaces that are not in BEFORE are gone, and those that are
 * parked can be seen again. */
void kernel_model_destroy_made(struct kernel_model *kernel, const struct network *before);

/* Everything that a user can see, as text; the caller frees it. */
char *kernel_model_text(const struct network *network);
