/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills its memory, looks after it for a second, and on until a key is pressed if its command line
 * says "key", and has a timer.
 */
#include "check.h"
#include "common/string.h"
#include "plain/dtb.h"
#include "plain/gic.h"
#include "plain/mmu.h"
#include "plain/timer.h"
#include "plain/uart.h"

#define FIRST UINT64_C(0x40400000) /* behind image and device tree */
#define LAST  UINT64_C(0x40800000)

static volatile unsigned int ticks;

void guest_interrupt(struct exception *e)
{
    uint32_t acknowledged = gic_acknowledge();

    (void)e;
    ticks++;
    timer_set(timer_now() + timer_ms(10));
    gic_end(acknowledged);
}

static uint64_t pattern(uint64_t address) { return address * UINT64_C(0x9e3779b97f4a7c15); }

static uint64_t count_changed(void)
{
    uint64_t changed = 0;

    for (uint64_t at = FIRST; at < LAST; at += 8)
        changed += mmio_read64(at) != pattern(at);
    return changed;
}

void guest_main(uint64_t dtb)
{
    bool by_key = strcmp(dtb_bootargs(dtb), "key") == 0;
    uint64_t end, changed = 0;
    unsigned int rounds = 0;

    mmu_enable();
    gic_init();
    gic_enable(TIMER_INTID);
    for (uint64_t at = FIRST; at < LAST; at += 8)
        mmio_write64(at, pattern(at));
    end = timer_now() + timer_frequency();
    timer_set(timer_now() + timer_ms(10));
    interrupts_on();
    for (; timer_now() < end || (by_key && uart_getc() < 0); rounds++)
        changed += count_changed();
    interrupts_off();
    check_equal("memory as it was written", changed, 0);
    check("looked more than once", rounds > 1);
    check("timer went on", ticks > 10);
    check_end();
}
