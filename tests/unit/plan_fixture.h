/* What tests of plans share: documents, also random ones, and plans that are run on a model of the
 * kernel. What goes wrong fails the test. */
#pragma once

#include "kernel_model.h"

/* The network of a document; NULL when that is not valid. */
struct network *read_document(const char *text);

struct plan *build(struct network *desired, struct network *previous, struct network *actual,
                   bool restore);
/* The changes that PLAN tells of, a new reference. */
struct json_object *changes_of(const struct plan *plan);
void assert_empty(const struct plan *plan);
/* Runs the first COUNT operations of PLAN. */
void run(struct kernel_model *kernel, const struct plan *plan, size_t count);
/* What a look at the kernel gives: plans refer to it while they change the kernel. */
struct network *copy_network(const struct network *network);

/* What sysctls were before netnsd is known from one document to the next. */
void inherit_sysctls(const struct network *previous, const struct network *desired);
/* From PREVIOUS to DESIRED: what a transaction does when nothing fails. A second plan, as after a
 * verification, may put back what the first took along. */
void change(struct kernel_model *kernel, struct network *desired, struct network *previous);

/* The next random number below LIMIT. */
unsigned random_below(unsigned *state, unsigned limit);
/* A valid random document, as a network. Its namespaces have these names. */
#define RANDOM_NAMES 4
extern const char *const random_names[RANDOM_NAMES];
struct network *random_network(unsigned *state);
