/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which vCPU runs: on each CPU round robin over the runnable ones that are pinned to it, 10 ms
 * each. Everything here runs at EL2 with interrupts masked.
 *
 * The scheduler of a CPU is that CPU's alone and has no lock. Another CPU that wants something of
 * it sets a bit in the vCPU's `mail` and sends an interrupt.
 */
#pragma once

#include "ptwr/base.h"

struct cpu;
struct vcpu;
struct domain;

/* Before smp_release(): vcpu->cpu will run this one. At most one vCPU of a domain on a CPU. */
void sched_pin(struct vcpu *vcpu);

/*
 * Turn a vCPU on, which is POWER_ON_PENDING with its registers set. From any CPU. If its domain
 * ends meanwhile, it goes off again without having run.
 */
void sched_add(struct vcpu *vcpu);

/*
 * All vCPUs of a domain, whose state or reset_pending already says so, leave their CPUs; the last
 * one restarts the domain or counts it as ended. From any CPU, in any lock: nothing is waited for.
 */
void sched_remove_domain(struct domain *d);

/* The vCPU, which is the current one and POWER_LEAVING, never returns to its guest. */
void sched_leave(struct vcpu *vcpu);

/* The vCPU has nothing to do until an interrupt (WFI). Precondition: it is the current one. */
void sched_block(struct vcpu *vcpu);

/* Something is pending for the vCPU: runnable again if it was blocked. Its own CPU only. */
void sched_wake(struct vcpu *vcpu);

/*
 * The same from any CPU, and it has work for vgic_fill_lrs(), which is called before it is entered
 * next.
 */
void sched_kick(struct vcpu *vcpu);

/* Give the rest of the slice away. Precondition: vcpu is the current one. */
void sched_yield(struct vcpu *vcpu);

/* CNTHP fired: slice over, or a blocked vCPU's timer is due. */
void sched_timer(void);

/* GIC_SGI_IPI came: there may be mail. */
void sched_mail(void);

/*
 * From vectors.S when cpu->resched is set and the guest's registers are all in its vCPU: does what
 * was put off (restart of a domain), picks the next vCPU, idles while there is none, loads it.
 */
void sched_switch(void);

/* Run what is pinned to this CPU. Returns never; the machine powers off when all domains ended. */
_Noreturn void sched_start(void);

/* The vCPU that is loaded on this CPU, or NULL. */
struct vcpu *current_vcpu(void);
