/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One half of the switch between two domains on a CPU: sleeps until a deadline, again and again,
 * and notes the physical counter right before and right after. spinner.c, the other half, notes
 * when it lost the CPU and when it got it back; the differences of the sums are the switches.
 */
#include "common/print.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/timer.h"

#define ROUNDS   200u
#define SLEEP_US 200u
#define FIRST_MS 20u /* by then the spinner spins */

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntpct_el0);
}

/* Interrupts are masked: the interrupt ends the WFI and is taken from the GIC by hand. */
static void take_interrupt(void)
{
    uint32_t acknowledged;

    do
        acknowledged = gic_acknowledge();
    while ((acknowledged & 0x3ff) != TIMER_INTID);
    timer_stop();
    gic_end(acknowledged);
}

static uint64_t sleep_until(uint64_t deadline)
{
    uint64_t woken;

    timer_set(deadline);
    wfi();
    woken = now();
    take_interrupt();
    return woken;
}

/* The counter may tick once in many instructions: the rounds start at different parts of a tick. */
static void shift_phase(unsigned int round)
{
    for (unsigned int i = 0; i < round % 16; i++)
        __asm__ volatile("nop");
}

void guest_main(uint64_t dtb)
{
    uint64_t blocked = 0;
    uint64_t woken;

    (void)dtb;
    mmu_enable();
    gic_init();
    gic_enable(TIMER_INTID);
    print("bench: frequency %lu\n", timer_frequency());
    woken = sleep_until(timer_now() + timer_ms(FIRST_MS));
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t deadline = timer_now() + timer_frequency() / 1000000 * SLEEP_US;
        uint64_t again;

        shift_phase(i);
        blocked += now();
        again = sleep_until(deadline);
        if (i + 1 < ROUNDS)
            woken += again;
    }
    print("bench: blocked %u %lu\n", ROUNDS, blocked);
    print("bench: woken %u %lu\n", ROUNDS, woken);
    print("bench: end\n");
}
