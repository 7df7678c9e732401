/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's GIC (version 2 or 3) and the virtual timer, its only source of interrupts here. */
#pragma once

#include "common/types.h"

/* Maps and enables the GIC, and the timer's interrupt at it. Interrupts stay masked. */
void interrupt_init(void);

/* Timer interrupts taken since interrupt_init(). */
extern volatile uint64_t timer_ticks;

/* How late the latest of them came since timer_every(), in ticks of the counter. */
extern volatile int64_t timer_latest;

/* An interrupt every `us` microseconds; 0: none. */
void timer_every(uint64_t us);

static inline uint64_t timer_now(void) { return read_sysreg(cntvct_el0); }
static inline uint64_t timer_ms(uint64_t ms) { return read_sysreg(cntfrq_el0) * ms / 1000; }

/* For exception.c. */
void interrupt_entry(void);
