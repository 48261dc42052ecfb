/* Attributes of links, described by tables.
 *
 * One row says everything about one attribute: its key in a document, its type and range, what an
 * absent key means, the netlink attribute that carries it, and whether the kernel can change it on
 * a living link. Reading documents, checking, building and parsing netlink messages, comparing and
 * writing all walk these tables; none of them knows an attribute by name. */
#pragma once

#include "common/json.h"
#include "model/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum attribute_type {
    ATTRIBUTE_BOOL,     /* JSON true or false */
    ATTRIBUTE_INTEGER,  /* JSON integer in [minimum, maximum] */
    ATTRIBUTE_WORD,     /* JSON string, one of words */
    ATTRIBUTE_DURATION, /* JSON string with a unit: "15s", "100ms"; minimum and maximum in ms */
    ATTRIBUTE_STRING,   /* JSON string of at most maximum bytes */
    ATTRIBUTE_MAC,      /* JSON string */
    ATTRIBUTE_ADDRESS,  /* JSON string, IPv4 or IPv6 */
    ATTRIBUTE_RANGE,    /* JSON string "LOW-HIGH" of ports; the number is LOW << 16 | HIGH */
};

/* How the value travels in netlink. */
enum attribute_encoding {
    ENCODING_U8,
    ENCODING_U16,
    ENCODING_U32,
    ENCODING_U64,
    ENCODING_U16_BE,
    ENCODING_STRING,
    ENCODING_MAC,
    ENCODING_ADDRESS,    /* attribute netlink for IPv4, netlink6 for IPv6 */
    ENCODING_PORT_RANGE, /* struct ifla_vxlan_port_range */
    ENCODING_NONE,       /* not an attribute of its own: handled where the link is built */
};

struct attribute_word {
    const char *word;
    uint64_t value;
};

struct attribute {
    const char *name;
    enum attribute_type type;
    enum attribute_encoding encoding;
    uint16_t netlink;
    uint16_t netlink6;
    bool birth;           /* settable only when the link is made: a change means to make it anew */
    uint64_t birth_value; /* not 0: a change from, or to, this value means to make it anew */
    bool late;            /* a BOOL that a new link gets when all else of the plan is there */
    bool has_default;     /* an absent key means default_value; otherwise it means "none" */
    bool own_default;     /* and the kernel's own default is another */
    bool indifferent;     /* without a default: an absent key means whatever the kernel chose */
    uint64_t default_value;
    int64_t minimum, maximum;
    uint32_t unit;                      /* of a DURATION in the kernel: microseconds per count */
    const struct attribute_word *words; /* of a WORD, ended by a NULL word */
    const char *meaning;                /* one sentence for the manual */
};

/* Rows in order; the index of a row is the index of its value. */
struct attribute_table {
    const struct attribute *rows;
    size_t count;
};

/* The value of one attribute. A desired value is absent when the document does not say it; an
 * actual one when the kernel does not report it. */
struct value {
    bool present;
    bool derived; /* chosen by netnsd, not written in the document (nor stored with it) */
    union {
        uint64_t number; /* BOOL, INTEGER, WORD; DURATION in the kernel's unit */
        struct mac_address mac;
        struct ip_address *address; /* owned, as is the next */
        char *string;
    };
};

/* The row named NAME, or -1. */
int attribute_find(const struct attribute_table *table, const char *name);

/* Reads JSON into *OUT by ROW; findings at PLACE. */
bool attribute_read(const struct attribute *row, struct json_object *json,
                    const struct json_place *place, struct problems *problems, struct value *out);

/* The JSON form of VALUE; a new reference, NULL when memory is short. */
struct json_object *attribute_write(const struct attribute *row, const struct value *value);

/* Do DESIRED (absent: the default) and ACTUAL (absent: none, or unknown to this kernel) mean the
 * same? An absent desired value without a default equals what is there when that is absent too, or
 * when ROW is indifferent. */
bool attribute_equal(const struct attribute *row, const struct value *desired,
                     const struct value *actual);

/* Does turning ACTUAL into DESIRED, which differ, mean to make the link anew? */
bool attribute_needs_birth(const struct attribute *row, const struct value *desired,
                           const struct value *actual);

/* What DESIRED stands for: itself, or the default, or absent. Borrows what DESIRED owns. */
struct value attribute_effective(const struct attribute *row, const struct value *desired);

/* Are two values of ROW, both desired or both actual, the same? */
bool value_same(const struct attribute *row, const struct value *a, const struct value *b);
/* Makes a copy of ADDRESS the value, in place of a former address. False when memory is short. */
bool value_set_address(struct value *value, const struct ip_address *address);
bool value_copy(const struct attribute *row, const struct value *from, struct value *to);
void value_clear(const struct attribute *row, struct value *value);
