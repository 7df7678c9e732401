/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which vCPU runs: round robin over the runnable ones on the boot CPU, 10 ms each. Everything here
 * runs at EL2 with interrupts masked.
 */
#pragma once

#include "ptwr/base.h"

struct cpu;
struct vcpu;
struct domain;

/* Put a vCPU into the ring, runnable. It may be there already (restart). */
void sched_add(struct vcpu *vcpu);

/* Take all vCPUs of a domain that ended or was stopped off the ring. May be the current one. */
void sched_remove_domain(struct domain *d);

/* The vCPU has nothing to do until an interrupt (WFI). Precondition: it is the current one. */
void sched_block(struct vcpu *vcpu);

/* Something is pending for the vCPU: runnable again if it was blocked. */
void sched_wake(struct vcpu *vcpu);

/* The same, and it has work for vgic_fill_lrs(), which is called before it is entered next. */
void sched_kick(struct vcpu *vcpu);

/* Give the rest of the slice away. Precondition: vcpu is the current one. */
void sched_yield(struct vcpu *vcpu);

/* CNTHP fired: slice over, or a blocked vCPU's timer is due. */
void sched_timer(void);

/*
 * From vectors.S when cpu->resched is set and the guest's registers are all in its vCPU: does what
 * was put off (restart of a domain), picks the next vCPU, idles while there is none, loads it.
 */
void sched_switch(void);

/* Run the domains. Returns never; the machine powers off when all of them ended. */
_Noreturn void sched_start(void);

/* The vCPU that runs on this CPU, or NULL before sched_start() and in idle. */
struct vcpu *current_vcpu(void);
