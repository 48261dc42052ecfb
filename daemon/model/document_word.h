/* Words that stand for numbers in documents, and in what the API shows. Tables end with a NULL
 * word. */
#pragma once

#include "model/attribute.h"

extern const struct attribute_word document_route_types[];
extern const struct attribute_word document_rule_actions[];
extern const struct attribute_word document_scopes[];
extern const struct attribute_word document_tables[];
extern const struct attribute_word document_protocols[];

bool document_word_value(const struct attribute_word *words, const char *word, uint64_t *value);
/* NULL when no word stands for VALUE. */
const char *document_word(const struct attribute_word *words, uint64_t value);
