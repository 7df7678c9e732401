/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual timer. */
#pragma once

#include "common/types.h"

#define TIMER_INTID 27

#define CNTV_CTL_ENABLE BIT64(0)
#define CNTV_CTL_IMASK  BIT64(1)

static inline uint64_t timer_now(void)
{
    isb(); /* the counter may be read early */
    return read_sysreg(cntvct_el0);
}

static inline uint64_t timer_frequency(void) { return read_sysreg(cntfrq_el0); }

static inline uint64_t timer_ms(uint64_t ms) { return timer_frequency() / 1000 * ms; }

/* The interrupt comes at counter value `deadline` and stays until the timer is set anew. */
static inline void timer_set(uint64_t deadline)
{
    write_sysreg(deadline, cntv_cval_el0);
    write_sysreg(CNTV_CTL_ENABLE, cntv_ctl_el0);
    isb();
}

static inline void timer_stop(void)
{
    write_sysreg(0, cntv_ctl_el0);
    isb();
}

/* Spins: the CPU stays this guest's. */
static inline void timer_delay(uint64_t ticks)
{
    uint64_t start = timer_now();

    while (timer_now() - start < ticks)
        ;
}
