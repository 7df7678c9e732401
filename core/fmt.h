/* SPDX-License-Identifier: Apache-2.0 */
/* printf's formatting: %c %s %d %i %u %x %p %%, with -, 0, #, width, precision of %s, l, ll, z. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Always terminates; returns the length without the terminator, cut at size - 1. */
size_t format_string(char *to, size_t size, const char *format, va_list args);
size_t format_to(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
