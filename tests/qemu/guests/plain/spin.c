/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes without a trap for 200 ms, or as many as its command line says, and watches the counter:
 * a step of more than 1 ms is time that somebody else had.
 */
#include "common/print.h"
#include "plain/dtb.h"
#include "plain/guest.h"
#include "plain/timer.h"

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

void guest_main(uint64_t dtb)
{
    uint64_t asked = number(dtb_bootargs(dtb));
    uint64_t time = timer_ms(asked != 0 ? asked : 200);
    uint64_t step = timer_ms(1), us = timer_ms(1) / 1000;
    uint64_t start = timer_now(), before = start, longest = 0, lost = 0;
    unsigned int gaps = 0;

    while (before - start < time) {
        uint64_t now = timer_now();

        if (now - before > step) {
            gaps++;
            lost += now - before;
            if (now - before > longest)
                longest = now - before;
        }
        before = now;
    }
    print("spin: %u gaps, longest %lu us, lost %lu us\n", gaps, longest / us, lost / us);
}
