/* What the parts of the document reader and writer share.
 *
 * Readers note findings and go on; memory running short is noted in the problems too
 * (out_of_memory), so that they return nothing. A null has been noted before they see it: they skip
 * it. */
#pragma once

#include "model/attribute.h"
#include "model/document.h"
#include "model/document_word.h"

struct reader {
    struct network *network;
    struct problems *problems;
};

/* The two halves of document_read(). NETWORK may hold what the document refers to, and others say.
 */

/* Reads DOCUMENT into NETWORK, which has none of its namespaces. False when it is no object. */
bool document_read_into(struct network *network, struct json_object *document,
                        struct problems *problems);
/* Completes and checks NETWORK. False when there are errors. */
bool document_complete(struct network *network, struct json_object *document,
                       const uint8_t machine_id[16], const struct network *previous,
                       struct problems *problems);

/* Notes an error at member KEY of the object at PLACE. */
void document_problem(struct problems *problems, const struct json_place *place, const char *key,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A link in a namespace called NAMESPACE of a network of its own, *ASIDE, that the caller owns: for
 * reading what has no place in the document's network because its name is wrong. NULL when memory
 * is short, which is noted. */
struct link *document_aside(struct network **aside, const char *namespace,
                            struct problems *problems);

/* Is VALUE (may be NULL) an object with a member KEY, be it null? */
bool document_has(struct json_object *value, const char *key);
/* The member KEY of OBJECT if it is an object; NULL otherwise. */
struct json_object *document_object(struct json_object *object, const char *key);

/* Notes the members of OBJECT that are neither rows of TABLE nor in OTHERS (ended by NULL), nor,
 * with KINDS, a kind. */
void document_refuse_unknown(struct json_object *object, const struct json_place *place,
                             const struct attribute_table *table, const char *const *others,
                             bool kinds, struct problems *problems);

/* document_link.c */
void document_read_link(struct reader *reader, struct link *link, struct json_object *json,
                        const struct json_place *place);
/* Reads member KEY, one of those that every link has (also the port of a bridge that hangs on a
 * veth). False when it is none of them. */
bool document_read_link_member(struct reader *reader, struct link *link, const char *key,
                               struct json_object *value, const struct json_place *place);
extern const char *const document_link_members[];

/* document_kind.c: the object under the kind key, LINK having its kind. */
void document_read_kind(struct reader *reader, struct link *link, struct json_object *json,
                        const struct json_place *place);
/* Reads "NAMESPACE/LINK", or "LINK" in the namespace called HOME, into *REFERENCE. */
bool document_read_reference(struct json_object *json, const struct json_place *place,
                             const char *home, struct problems *problems,
                             struct reference **reference);

/* document_address.c */
void document_read_addresses(struct link *link, struct json_object *json,
                             const struct json_place *place, struct problems *problems);

/* document_route.c */
void document_read_routes(struct reader *reader, struct namespace *namespace,
                          struct json_object *json, const struct json_place *place);
/* Notes devices in the routes of JSON that are no links of NAMESPACE, which is complete. */
void document_check_devices(const struct namespace *namespace, struct json_object *json,
                            const struct json_place *place, struct problems *problems);
/* Longest key of a route in a document, with its NUL. */
#define ROUTE_KEY_TEXT_MAX 128
/* document_write_route.c: the key of ROUTE, "default" where the gateway tells the family. */
char *document_route_key(const struct route *route, char *buffer, size_t size);
/* The family of the first gateway, which "default" takes; AF_UNSPEC when there is none. */
uint8_t document_gateway_family(const struct route *route);

/* document_rule.c */
void document_read_rules(struct reader *reader, struct namespace *namespace,
                         struct json_object *json, const struct json_place *place);

/* document_sysctl.c */
void document_read_sysctls(struct namespace *namespace, struct json_object *json,
                           const struct json_place *place, struct problems *problems);
void document_read_link_sysctls(struct link *link, struct json_object *json,
                                const struct json_place *place, struct problems *problems);
/* Notes sysctls in JSON that are those of a link that the document describes in NAMESPACE, which is
 * complete: written there they would be set before the link is. */
void document_check_sysctls(const struct namespace *namespace, struct json_object *json,
                            const struct json_place *place, struct problems *problems);
/* Write the object into PARENT under "sysctl", if there is anything to write. */
bool document_write_sysctls(const struct namespace *namespace, struct json_object *parent);
bool document_write_link_sysctls(const struct link *link, struct json_object *parent);

/* document_word.c */
/* "a, b or c" into BUFFER. */
char *document_word_list(const struct attribute_word *words, char *buffer, size_t size);
/* Reads one of WORDS or an integer in [MINIMUM, MAXIMUM]. */
bool document_read_word(struct json_object *json, const struct json_place *place,
                        const struct attribute_word *words, int64_t minimum, int64_t maximum,
                        struct problems *problems, uint64_t *value);
/* Adds VALUE as its word, or as a number when it has none. */
bool document_put_word(struct json_object *object, const char *key,
                       const struct attribute_word *words, uint64_t value);
/* Decimal digits and nothing else, at most MAXIMUM. */
bool document_parse_number(const char *text, uint32_t maximum, uint32_t *number);
/* A prefix without host bits, or a bare address, which means itself alone. */
bool document_read_network(const char *text, const struct json_place *place,
                           struct problems *problems, struct ip_prefix *prefix);
/* An address, of FAMILY unless that is AF_UNSPEC. */
bool document_read_address(const char *text, const struct json_place *place, uint8_t family,
                           struct problems *problems, struct ip_address *address);
