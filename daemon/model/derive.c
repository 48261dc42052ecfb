#include "model/complete.h"

#include "model/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A name that does not fit keeps this much of itself, and a dot and DERIVED_DIGITS digits of base
 * 36 follow: 46 bits, so that ten thousand of them in one namespace do not meet. */
#define READABLE_LENGTH 5
#define DERIVED_DIGITS 9

/* FNV-1a (RFC 9923) takes the bytes in; its high bits are then stirred into the low ones and back
 * (the finalizer of MurmurHash3). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * HASH_PRIME;
    return hash;
}

/* With the NUL at the end, so that names that follow each other stay apart. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_finish(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}

struct mac_address derive_mac(const uint8_t machine_id[16], const char *topology,
                              const char *namespace, const char *link)
{
    uint64_t hash = hash_bytes(HASH_START, machine_id, 16);
    hash = hash_text(hash, topology ? topology : "");
    hash = hash_text(hash, namespace);
    hash = hash_finish(hash_text(hash, link));
    struct mac_address mac;
    for (size_t i = 0; i < sizeof(mac.bytes); i++)
        mac.bytes[i] = (uint8_t)(hash >> (8 * i));
    mac.bytes[0] = (uint8_t)((mac.bytes[0] & 0xfc) | 0x02);
    return mac;
}

static void hashed_name(const char *namespace, const char *link, const char *readable,
                        char name[IFNAMSIZ])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t hash = hash_finish(hash_text(hash_text(HASH_START, namespace), link));
    size_t length = 0;
    for (; length < READABLE_LENGTH && readable[length]; length++) {
        unsigned char c = (unsigned char)readable[length];
        bool plain = c < 0x80 && (isalnum(c) || c == '-' || c == '_' || c == '.');
        name[length] = plain ? (char)c : '-';
    }
    name[length++] = '.';
    for (size_t i = 0; i < DERIVED_DIGITS; i++, hash /= 36)
        name[length++] = digits[hash % 36];
    name[length] = '\0';
}

void derive_port_name(const char *namespace, const char *link, char name[IFNAMSIZ])
{
    char whole[NAMESPACE_NAME_MAX + 1 + IFNAMSIZ];
    snprintf(whole, sizeof(whole), "%s.%s", namespace, link);
    if (link_name_fault(whole))
        hashed_name(namespace, link, whole, name);
    else
        memcpy(name, whole, strlen(whole) + 1);
}
