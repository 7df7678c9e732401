/* SPDX-License-Identifier: Apache-2.0 */
/* What every bare-metal guest needs of C and of the processor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT64(n)          (UINT64_C(1) << (n))
#define GENMASK64(hi, lo) ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE_SIZE         UINT64_C(4096)
#define NORETURN          __attribute__((noreturn))

/* `name` may be any register that the assembler knows, or S3_0_C1_C0_0 for one that it does not. */
#define read_sysreg(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory");                               \
        value_;                                                                                    \
    })
#define write_sysreg(value, name)                                                                  \
    __asm__ volatile("msr " #name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

static inline void isb(void) { __asm__ volatile("isb" ::: "memory"); }
static inline void dsb_sy(void) { __asm__ volatile("dsb sy" ::: "memory"); }
static inline void dsb_ish(void) { __asm__ volatile("dsb ish" ::: "memory"); }
static inline void dsb_ishst(void) { __asm__ volatile("dsb ishst" ::: "memory"); }
static inline void wfi(void) { __asm__ volatile("wfi" ::: "memory"); }
static inline void interrupts_on(void) { __asm__ volatile("msr daifclr, #2" ::: "memory"); }
static inline void interrupts_off(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }
