/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual CPU: registers, the domain it belongs to, and its place in the scheduler. */
#pragma once

#include <arch/vcpu.h>

#include "core/vgic.h"
#include "ptwr/base.h"

struct domain;

enum vcpu_state {
    VCPU_OFF,      /* not started, or its domain ended */
    VCPU_RUNNABLE, /* runs or could run */
    VCPU_BLOCKED,  /* in WFI: an interrupt or its timer makes it runnable */
};

struct vcpu {
    struct regs regs; /* must be first: vectors.S */
    struct arch_vcpu arch;
    struct vgic_vcpu vgic;
    struct domain *domain;
    unsigned int id; /* in its domain */
    enum vcpu_state state;
    uint64_t loaded_at; /* counter value when it was loaded last */
    uint64_t ran;       /* counter ticks it was loaded before that */
    uint64_t turns;     /* times it was loaded */
    struct vcpu *next;  /* ring of the scheduler */
};
static_assert(offsetof(struct vcpu, regs) == 0, "vectors.S saves into the vCPU's start");

/* Once per vCPU: sets its owner; the vCPU is off. */
void vcpu_init(struct vcpu *vcpu, struct domain *d, unsigned int id);

/*
 * Architectural reset state (see arch_vcpu_reset), vCPU off; the caller sets entry and x0.
 * Precondition: the vCPU is not loaded on a CPU.
 */
void vcpu_reset(struct vcpu *vcpu);
