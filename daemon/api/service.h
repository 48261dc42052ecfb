/* org.varlink.service: what every Varlink service offers. Internal to api/. */
#pragma once

#include "api/server.h"

/* Its methods; their context is a struct server_options. */
extern const struct interface interface_service;

/* org.varlink.service's errors. */
void call_interface_not_found(struct call *call, const char *interface);
void call_method_not_found(struct call *call, const char *method);
void call_permission_denied(struct call *call);
