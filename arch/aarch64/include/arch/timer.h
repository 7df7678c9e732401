/* SPDX-License-Identifier: Apache-2.0 */
/* The generic timer: EL2's own deadline (CNTHP) and the guests' virtual timer (CNTV). */
#pragma once

#include "ptwr/base.h"

struct vcpu;

#define TIMER_NEVER UINT64_MAX

/* Once per CPU. */
void timer_init_cpu(void);

uint64_t timer_now(void);
uint64_t timer_frequency(void);
uint64_t timer_us(uint64_t us); /* ticks of so many microseconds */

/* EL2's interrupt at this counter value; TIMER_NEVER turns it off. */
void timer_set_deadline(uint64_t when);

/* The context of CNTV, part of a vCPU's load and save. */
void timer_vcpu_load(struct vcpu *vcpu);
void timer_vcpu_save(struct vcpu *vcpu);

/* When the saved vCPU's virtual timer wants to interrupt, in EL2's count; TIMER_NEVER. */
uint64_t timer_vcpu_deadline(const struct vcpu *vcpu);

/* PPI 27 was acknowledged while this vCPU was loaded: hand it over. */
void timer_vtimer_irq(struct vcpu *vcpu);
