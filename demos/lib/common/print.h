/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * %s %c %d %u %x %p %%, with a width, a leading 0 and l (as in %016lx). One call is one
 * console_write() of at most 255 bytes; what is longer is cut.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each flavour of guests has its own. */
void console_write(const char *text, size_t size);
