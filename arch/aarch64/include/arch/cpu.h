/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One physical CPU at EL2. TPIDR_EL2 holds its struct cpu at all times. Its stack ends there too:
 * after a trap from a guest, and again when C has returned to vectors.S, SP is its struct cpu.
 */
#pragma once

#include <assert.h>
#include <stddef.h>

#include <arch/asm_offsets.h>
#include <arch/sysreg.h>

#include "ptwr/base.h"

struct vcpu;

struct cpu {
    struct vcpu *current; /* loaded, or to be loaded by guest_enter(); NULL: none */
    uint32_t resched;     /* not 0: vectors.S calls sched_switch() before it returns to a guest */
    uint32_t refill;      /* not 0: it calls vgic_fill_lrs() for `current` */
    uint64_t panic_top;
    uint64_t mpidr; /* affinity fields only */
    unsigned int id;
    bool online;
} __attribute__((aligned(16)));
static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "vectors.S");
static_assert(offsetof(struct cpu, resched) == CPU_CURRENT + 8, "vectors.S loads all three");
static_assert(offsetof(struct cpu, refill) == CPU_REFILL, "vectors.S");
static_assert(offsetof(struct cpu, panic_top) == CPU_PANIC_TOP, "vectors.S");

static inline struct cpu *this_cpu(void) { return (struct cpu *)(uintptr_t)read_sysreg(tpidr_el2); }

/*
 * Bring the other CPUs of the device tree into EL2, where they wait for smp_release(). CPU 0 is the
 * one that boots; the others are numbered as the device tree lists them. Says how many came.
 */
void smp_init(const void *fdt);

/* The others join in: each runs sched_start(). */
void smp_release(void);

/* NULL: there is none of that number, or it did not start. */
const struct cpu *cpu_online(unsigned int id);
