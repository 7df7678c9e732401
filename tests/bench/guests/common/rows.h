/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the cost table for gem5, whose statistics say what each took: a guest says only where a
 * row begins and ends, by gem5's own instructions, which exist nowhere else. "row: NAME OPERATIONS"
 * is printed for each block of statistics, in order.
 */
#pragma once

#include "common/print.h"
#include "common/types.h"

/* m5_reset_stats, m5_dump_stats: x0 and x1 say when, at once and never again. */
static inline void row_begin(void)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x1 __asm__("x1") = 0;

    __asm__ volatile("dsb sy\n\tisb\n\t.inst 0xff400110" : "+r"(x0), "+r"(x1)::"memory");
}

static inline void row_end(const char *name, unsigned int operations)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x1 __asm__("x1") = 0;

    __asm__ volatile("dsb sy\n\tisb\n\t.inst 0xff410110" : "+r"(x0), "+r"(x1)::"memory");
    print("row: %s %u\n", name, operations);
}

/* `what` so many times; it may use `i`, which counts them. */
#define ROW(name, operations, what)                                                                \
    do {                                                                                           \
        row_begin();                                                                               \
        for (unsigned int i = 0; i < (operations); i++) {                                          \
            what;                                                                                  \
        }                                                                                          \
        row_end(name, operations);                                                                 \
    } while (0)
