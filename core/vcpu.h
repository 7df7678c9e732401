/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual CPU: registers, the domain it belongs to, and its place in the scheduler. */
#pragma once

#include <arch/vcpu.h>

#include "core/decode.h"
#include "core/vgic.h"
#include "ptwr/ptwr.h"

struct domain;

/* For the scheduler of its CPU, and changed by that CPU only. */
enum vcpu_state {
    VCPU_OFF,      /* not started, or on its way out, or its domain ended */
    VCPU_RUNNABLE, /* runs or could run */
    VCPU_BLOCKED,  /* in WFI: an interrupt or its timer makes it runnable */
};

/*
 * For its domain, whose other vCPUs turn it on. Any CPU reads it; ON_PENDING is entered under the
 * domain's lock, the rest follows on the vCPU's own CPU.
 */
enum vcpu_power {
    POWER_OFF, /* not loaded anywhere: its registers may be set */
    POWER_ON_PENDING,
    POWER_ON,
    POWER_LEAVING, /* asked to be off, may still be loaded */
};

#define VCPU_MEMOS 8

struct vcpu {
    struct regs regs; /* must be first: vectors.S */
    struct arch_vcpu arch;
    struct vgic_vcpu vgic;
    struct domain *domain;
    unsigned int id;  /* in its domain */
    unsigned int cpu; /* the physical CPU that runs it, for ever */
    enum vcpu_state state;
    uint32_t power;      /* enum vcpu_power */
    bool prepared;       /* by VCPUOP_initialise; under the domain's lock */
    uint32_t mail;       /* what other CPUs ask of the scheduler of its CPU: core/sched.c */
    uint64_t loaded_at;  /* counter value when it was loaded last */
    uint64_t ran;        /* counter ticks it was loaded before that */
    uint64_t turns;      /* times it was loaded */
    struct vcpu *next;   /* ring of the scheduler */
    struct vcpu *pinned; /* the next one whose CPU is the same */
    /* By VA, under the domain's lock: the ways to tables that were stored to, and to pages that an
     * instruction was read from; and instructions, with what they are. */
    struct ptwr_memo memo[VCPU_MEMOS];
    struct ptwr_way way[VCPU_MEMOS];
    struct ptwr_memo text[VCPU_MEMOS];
    struct vcpu_insn {
        uint32_t word;
        struct store_insn insn;
    } insn[VCPU_MEMOS];
};
static inline struct ptwr_memo *vcpu_memo(struct vcpu *vcpu, va_t va)
{
    return &vcpu->memo[va.raw >> PAGE_SHIFT & (VCPU_MEMOS - 1)];
}

static inline struct ptwr_way *vcpu_way(struct vcpu *vcpu, va_t va)
{
    return &vcpu->way[va.raw >> REGION_SHIFT & (VCPU_MEMOS - 1)];
}

static inline struct ptwr_memo *vcpu_text(struct vcpu *vcpu, va_t pc)
{
    return &vcpu->text[pc.raw >> PAGE_SHIFT & (VCPU_MEMOS - 1)];
}

static_assert(offsetof(struct vcpu, regs) == 0, "vectors.S saves into the vCPU's start");

/* Once per vCPU: sets its owner and its CPU; the vCPU is off. */
void vcpu_init(struct vcpu *vcpu, struct domain *d, unsigned int id, unsigned int cpu);

static inline enum vcpu_power vcpu_power(const struct vcpu *vcpu)
{
    return (enum vcpu_power)__atomic_load_n(&vcpu->power, __ATOMIC_ACQUIRE);
}

static inline void vcpu_set_power(struct vcpu *vcpu, enum vcpu_power power)
{
    __atomic_store_n(&vcpu->power, (uint32_t)power, __ATOMIC_RELEASE);
}

/*
 * Architectural reset state (see arch_vcpu_reset), vCPU off; the caller sets entry and x0.
 * Precondition: the vCPU is not loaded on a CPU.
 */
void vcpu_reset(struct vcpu *vcpu);
