#include "api/interfaces.h"

const struct interface *const netnsd_interfaces[] = {
    &interface_topology, &interface_namespace, &interface_link,    &interface_route,
    &interface_drift,    &interface_events,    &interface_manager, NULL,
};
