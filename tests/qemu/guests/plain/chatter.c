/* SPDX-License-Identifier: Apache-2.0 */
/* Writes lines in pieces and sleeps between them, so that a neighbour's lines come in between. */
#include "common/print.h"
#include "common/string.h"
#include "plain/dtb.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/timer.h"

static void nap(uint64_t ms)
{
    timer_set(timer_now() + timer_ms(ms));
    wfi();
    timer_stop();
    gic_clear_pending(TIMER_INTID);
}

static void put_repeated(char c, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        console_write(&c, 1);
}

void guest_main(uint64_t dtb)
{
    const char *word = dtb_bootargs(dtb);

    gic_init();
    gic_enable(TIMER_INTID);
    for (unsigned int i = 0; i < 10; i++) {
        print("%s%u-", word, i);
        nap(3);
        print("%s%u\n", word, i);
        nap(1);
    }
    console_write("a\x01"
                  "b\x02"
                  "c\x7f"
                  "d\re\n",
                  10);
    console_write("\n", 1);
    put_repeated('x', 1000);
    console_write("\nlast", 5);
}
