/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of sleeper.c: never sleeps, and notes each time that the CPU was elsewhere. */
#include "common/print.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/timer.h"

#define ROUNDS 200u
#define GAP_NS 500u /* more than a turn of the loop, less than a switch there and back */

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntpct_el0);
}

void guest_main(uint64_t dtb)
{
    uint64_t gap = timer_frequency() * GAP_NS / 1000000000;
    uint64_t lost = 0;
    uint64_t regained = 0;
    unsigned int rounds = 0;

    (void)dtb;
    mmu_enable();
    for (uint64_t last = now(); rounds < ROUNDS;) {
        uint64_t this = now();

        if (this - last > gap) {
            lost += last;
            regained += this;
            rounds++;
        }
        last = this;
    }
    print("bench: frequency %lu\n", timer_frequency());
    print("bench: lost %u %lu\n", rounds, lost);
    print("bench: regained %u %lu\n", rounds, regained);
    print("bench: end\n");
}
