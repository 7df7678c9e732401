/* SPDX-License-Identifier: Apache-2.0 */
/* For defects of Latch itself. Nothing that a guest, an image or a device tree can bring about. */
#pragma once

/* Say why on the console and end the machine. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            panic("%s:%d: CHECK(%s)", __FILE__, __LINE__, #condition);                             \
    } while (0)
