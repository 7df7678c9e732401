/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeps ten times for 25 ms in WFI, woken by the timer only, with interrupts masked and open. */
#include "check.h"
#include "plain/gic.h"
#include "plain/timer.h"

static volatile unsigned int taken;

void guest_interrupt(struct exception *e)
{
    uint32_t acknowledged = gic_acknowledge();

    (void)e;
    taken++;
    timer_stop();
    gic_end(acknowledged);
}

void guest_main(uint64_t dtb)
{
    uint64_t us = timer_ms(1) / 1000;
    uint64_t latest = 0;
    unsigned int early = 0;

    (void)dtb;
    gic_init();
    gic_enable(TIMER_INTID);
    for (unsigned int i = 0; i < 10; i++) {
        uint64_t deadline = timer_now() + timer_ms(25);
        uint64_t late;

        timer_set(deadline);
        wfi(); /* returns for an interrupt that is masked, too */
        late = timer_now() - deadline;
        if ((int64_t)late < 0)
            early++;
        else if (late > latest)
            latest = late;
        interrupts_on();
        isb();
        interrupts_off();
    }
    check_equal("slept as long as asked", early, 0);
    check_equal("each timer taken once", taken, 10);
    print("sleep: latest by %lu us\n", latest / us);
    check_end();
}
