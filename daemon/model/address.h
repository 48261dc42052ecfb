/* IPv4 and IPv6 addresses and prefixes, MAC addresses: as plain values, to and from text. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address in network byte order. family is AF_INET, AF_INET6, or AF_UNSPEC for none; unused
 * bytes are zero, so that values compare with memcmp. */
struct ip_address {
    uint8_t family;
    uint8_t bytes[16];
};

struct ip_prefix {
    struct ip_address address;
    uint8_t length; /* bits */
};

struct mac_address {
    uint8_t bytes[6];
};

#define IP_PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)
#define MAC_TEXT_MAX 18

/* Bytes of an address of FAMILY: 4 or 16, 0 for others. */
size_t ip_family_size(uint8_t family);

bool ip_address_parse(const char *text, struct ip_address *address);

/* Address and "/LENGTH"; the length must be there. Host bits are kept. */
bool ip_prefix_parse(const char *text, struct ip_prefix *prefix);

/* Both return BUFFER. "" for AF_UNSPEC. */
char *ip_address_format(const struct ip_address *address, char buffer[INET6_ADDRSTRLEN]);
char *ip_prefix_format(const struct ip_prefix *prefix, char buffer[IP_PREFIX_TEXT_MAX]);

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);

/* The prefix with its host bits cleared. */
struct ip_prefix ip_prefix_network(const struct ip_prefix *prefix);

/* Is ADDRESS within PREFIX (same family, equal network bits)? */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address);

/* The address is the network's own (host bits all zero), and the prefix is not /31, /32, /127 or
 * /128, where that is an ordinary host address (RFC 3021, RFC 6164). */
bool ip_prefix_is_network_address(const struct ip_prefix *prefix);

/* Six bytes in hexadecimal, separated by colons. */
bool mac_address_parse(const char *text, struct mac_address *mac);
char *mac_address_format(const struct mac_address *mac, char buffer[MAC_TEXT_MAX]);

/* Neither a group address nor all zero: what the kernel takes as a link's own
 * (include/linux/etherdevice.h, is_valid_ether_addr). */
bool mac_address_is_unicast(const struct mac_address *mac);
