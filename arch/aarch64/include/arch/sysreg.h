/* SPDX-License-Identifier: Apache-2.0 */
/* MRS and MSR of one system register, named as the assembler names it. */
#pragma once

#include <stdint.h>

#define read_sysreg(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(value_) : : "memory");                            \
        value_;                                                                                    \
    })

#define write_sysreg(value, name)                                                                  \
    do {                                                                                           \
        uint64_t value_ = (value);                                                                 \
        __asm__ volatile("msr " #name ", %x0" : : "rZ"(value_) : "memory");                        \
    } while (0)
