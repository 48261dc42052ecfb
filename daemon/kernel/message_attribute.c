#include "kernel/message.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>

static void put_address(struct nlmsghdr *request, const struct attribute *row,
                        const struct value *value, const struct value *like)
{
    static const struct ip_address none;
    const struct value *given = value->present || !like ? value : like;
    const struct ip_address *address = value->present ? value->address : &none;
    uint8_t family = given->present ? given->address->family : AF_UNSPEC;
    if (family != AF_UNSPEC)
        mnl_attr_put(request, family == AF_INET6 ? row->netlink6 : row->netlink,
                     ip_family_size(family), address->bytes);
}

static void put_port_range(struct nlmsghdr *request, uint16_t type, uint64_t number)
{
    const struct ifla_vxlan_port_range range = {
        .low = htons((uint16_t)(number >> 16)),
        .high = htons((uint16_t)number),
    };
    mnl_attr_put(request, type, sizeof(range), &range);
}

void message_put_value(struct nlmsghdr *request, const struct attribute *row,
                       const struct value *value, const struct value *like)
{
    switch (row->encoding) {
    case ENCODING_U8:
        mnl_attr_put_u8(request, row->netlink, (uint8_t)value->number);
        break;
    case ENCODING_U16:
        mnl_attr_put_u16(request, row->netlink, (uint16_t)value->number);
        break;
    case ENCODING_U16_BE:
        mnl_attr_put_u16(request, row->netlink, htons((uint16_t)value->number));
        break;
    case ENCODING_U32:
        mnl_attr_put_u32(request, row->netlink, (uint32_t)value->number);
        break;
    case ENCODING_U64:
        mnl_attr_put_u64(request, row->netlink, value->number);
        break;
    case ENCODING_STRING:
        mnl_attr_put_str(request, row->netlink, value->present ? value->string : "");
        break;
    case ENCODING_MAC:
        mnl_attr_put(request, row->netlink, sizeof(value->mac), &value->mac);
        break;
    case ENCODING_ADDRESS:
        put_address(request, row, value, like);
        break;
    case ENCODING_PORT_RANGE:
        put_port_range(request, row->netlink, value->number);
        break;
    case ENCODING_NONE:
        break;
    }
}

const void *message_header(const struct nlmsghdr *message, size_t size)
{
    return mnl_nlmsg_get_payload_len(message) >= size ? mnl_nlmsg_get_payload(message) : NULL;
}

uint8_t message_u8(const struct nlattr *attribute)
{
    return mnl_attr_get_payload_len(attribute) >= sizeof(uint8_t) ? mnl_attr_get_u8(attribute) : 0;
}

uint32_t message_u32(const struct nlattr *attribute)
{
    return mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t) ? mnl_attr_get_u32(attribute)
                                                                   : 0;
}

static bool read_string(const struct nlattr *attribute, struct value *value)
{
    free(value->string);
    value->string = strndup(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
    return value->string;
}

static uint64_t read_number(const struct nlattr *attribute, enum attribute_encoding encoding)
{
    switch (mnl_attr_get_payload_len(attribute)) {
    case 1:
        return mnl_attr_get_u8(attribute);
    case 2:
        return encoding == ENCODING_U16_BE ? ntohs(mnl_attr_get_u16(attribute))
                                           : mnl_attr_get_u16(attribute);
    case 4:
        return mnl_attr_get_u32(attribute);
    case 8:
        return mnl_attr_get_u64(attribute);
    }
    return 0;
}

static uint64_t read_port_range(const struct nlattr *attribute)
{
    struct ifla_vxlan_port_range range = {0};
    if (mnl_attr_get_payload_len(attribute) >= sizeof(range))
        memcpy(&range, mnl_attr_get_payload(attribute), sizeof(range));
    return (uint64_t)ntohs(range.low) << 16 | ntohs(range.high);
}

static bool read_address(const struct nlattr *attribute, struct value *value)
{
    size_t length = mnl_attr_get_payload_len(attribute);
    struct ip_address address = {.family = length == 4 ? AF_INET : AF_INET6};
    value->present = value->address;
    if (length != ip_family_size(address.family))
        return true;
    memcpy(address.bytes, mnl_attr_get_payload(attribute), length);
    return value_set_address(value, &address);
}

/* Reads ATTRIBUTE; what has another length than it should is left absent. */
static bool read_value(const struct nlattr *attribute, const struct attribute *row,
                       struct value *value)
{
    size_t length = mnl_attr_get_payload_len(attribute);
    value->present = true;
    switch (row->encoding) {
    case ENCODING_STRING:
        value->present = read_string(attribute, value);
        return value->present;
    case ENCODING_MAC:
        value->present = length == sizeof(value->mac);
        if (value->present)
            memcpy(&value->mac, mnl_attr_get_payload(attribute), length);
        return true;
    case ENCODING_ADDRESS:
        return read_address(attribute, value);
    case ENCODING_PORT_RANGE:
        value->number = read_port_range(attribute);
        return true;
    default:
        value->number = read_number(attribute, row->encoding);
        if (row->type == ATTRIBUTE_BOOL)
            value->number = value->number != 0;
        return true;
    }
}

static bool read_attribute(const struct nlattr *attribute, const struct attribute_table *table,
                           struct value *values)
{
    uint16_t type = mnl_attr_get_type(attribute);
    for (size_t i = 0; i < table->count; i++) {
        const struct attribute *row = &table->rows[i];
        bool mine = row->netlink == type || (row->netlink6 && row->netlink6 == type);
        if (mine && row->encoding != ENCODING_NONE)
            return read_value(attribute, row, &values[i]);
    }
    return true;
}

bool message_read_values(const struct nlattr *nested, const struct nlmsghdr *message, size_t offset,
                         const struct attribute_table *table, struct value *values)
{
    const struct nlattr *attribute;
    if (nested) {
        mnl_attr_for_each_nested (attribute, nested) {
            if (!read_attribute(attribute, table, values))
                return false;
        }
        return true;
    }
    mnl_attr_for_each (attribute, message, (unsigned)offset) {
        if (!read_attribute(attribute, table, values))
            return false;
    }
    return true;
}
