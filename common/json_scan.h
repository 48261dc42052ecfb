/* A strict scanner of JSON text (RFC 8259): finds what json-c lets through, and where things stand.
 * Internal to json_parse() and json_locate(). */
#pragma once

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Scans TEXT and notes in PROBLEMS the first syntax error, and every member that occurs twice. */
void json_scan(const char *text, size_t length, struct problems *problems);

/* Finds the value that POINTER names; *OFFSET is where its key, or it itself, begins. Text after a
 * syntax error is not looked at. */
bool json_scan_find(const char *text, size_t length, const char *pointer, size_t *offset);

/* Line and column, from 1, of a byte of TEXT. Columns count characters. */
void json_scan_position(const char *text, size_t offset, size_t *line, size_t *column);
