#include "model/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

size_t ip_family_size(uint8_t family)
{
    return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

bool ip_address_parse(const char *text, struct ip_address *address)
{
    struct ip_address parsed = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    if (inet_pton(parsed.family, text, parsed.bytes) != 1)
        return false;
    *address = parsed;
    return true;
}

/* One to three digits without a needless 0, at most MAXIMUM. */
static bool parse_length(const char *text, size_t maximum, uint8_t *length)
{
    unsigned value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] || (digits > 1 && *text == '0'))
        return false;
    for (; *text; text++)
        value = value * 10 + (unsigned)(*text - '0');
    *length = (uint8_t)value;
    return value <= maximum;
}

bool ip_prefix_parse(const char *text, struct ip_prefix *prefix)
{
    char address[INET6_ADDRSTRLEN];
    struct ip_prefix parsed = {0};
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof(address))
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (!ip_address_parse(address, &parsed.address) ||
        !parse_length(slash + 1, 8 * ip_family_size(parsed.address.family), &parsed.length))
        return false;
    *prefix = parsed;
    return true;
}

char *ip_address_format(const struct ip_address *address, char buffer[INET6_ADDRSTRLEN])
{
    buffer[0] = '\0';
    if (address->family != AF_UNSPEC)
        inet_ntop(address->family, address->bytes, buffer, INET6_ADDRSTRLEN);
    return buffer;
}

char *ip_prefix_format(const struct ip_prefix *prefix, char buffer[IP_PREFIX_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    ip_address_format(&prefix->address, address);
    snprintf(buffer, IP_PREFIX_TEXT_MAX, *address ? "%s/%u" : "%s", address, prefix->length);
    return buffer;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

struct ip_prefix ip_prefix_network(const struct ip_prefix *prefix)
{
    struct ip_prefix network = *prefix;
    for (size_t i = 0; i < sizeof(network.address.bytes); i++) {
        unsigned bits = prefix->length > 8 * i ? (unsigned)(prefix->length - 8 * i) : 0;
        if (bits < 8)
            network.address.bytes[i] &= (uint8_t)(0xff00u >> bits);
    }
    return network;
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address)
{
    const struct ip_prefix other = {.address = *address, .length = prefix->length};
    struct ip_prefix one = ip_prefix_network(prefix), two = ip_prefix_network(&other);
    return ip_address_equal(&one.address, &two.address);
}

bool ip_prefix_is_network_address(const struct ip_prefix *prefix)
{
    struct ip_prefix network = ip_prefix_network(prefix);
    size_t bits = 8 * ip_family_size(prefix->address.family);
    return prefix->length + 1u < bits && ip_address_equal(&network.address, &prefix->address);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool mac_address_parse(const char *text, struct mac_address *mac)
{
    struct mac_address parsed;
    if (strlen(text) != MAC_TEXT_MAX - 1)
        return false;
    for (size_t i = 0; i < sizeof(parsed.bytes); i++, text += 3) {
        int high = hex_value(text[0]), low = hex_value(text[1]);
        if (high < 0 || low < 0 || (text[2] && text[2] != ':'))
            return false;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *mac = parsed;
    return true;
}

char *mac_address_format(const struct mac_address *mac, char buffer[MAC_TEXT_MAX])
{
    const uint8_t *b = mac->bytes;
    snprintf(buffer, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return buffer;
}

bool mac_address_is_unicast(const struct mac_address *mac)
{
    static const struct mac_address zero;
    return !(mac->bytes[0] & 1) && memcmp(mac, &zero, sizeof(zero)) != 0;
}
