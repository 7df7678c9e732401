/* SPDX-License-Identifier: Apache-2.0 */
/* One physical CPU at EL2. TPIDR_EL2 holds its struct cpu at all times. */
#pragma once

#include <assert.h>
#include <stddef.h>

#include <arch/asm_offsets.h>
#include <arch/sysreg.h>

#include "ptwr/base.h"

#define CPU_MAX 8

struct vcpu;

struct cpu {
    struct vcpu *current; /* loaded, or to be loaded by guest_enter(); NULL: none */
    uint64_t resched;     /* not 0: vectors.S calls sched_switch() before it returns to a guest */
    uint64_t stack_top;
    uint64_t panic_top;
    uint64_t mpidr; /* affinity fields only */
    unsigned int id;
    bool online;
};
static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "vectors.S");
static_assert(offsetof(struct cpu, resched) == CPU_CURRENT + 8, "vectors.S loads both");
static_assert(offsetof(struct cpu, stack_top) == CPU_STACK_TOP, "vectors.S");
static_assert(offsetof(struct cpu, panic_top) == CPU_PANIC_TOP, "vectors.S");

static inline struct cpu *this_cpu(void) { return (struct cpu *)(uintptr_t)read_sysreg(tpidr_el2); }

/* Bring the other CPUs of the device tree into EL2, where they park. Says how many came. */
void smp_init(const void *fdt);
