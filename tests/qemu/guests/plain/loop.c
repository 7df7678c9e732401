/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the CPU and gives nothing back: all interrupts masked, no trap, no end. */
#include "common/print.h"
#include "plain/guest.h"

void guest_main(uint64_t dtb)
{
    (void)dtb;
    print("loop: for ever\n");
    __asm__ volatile("msr daifset, #0xf\n1: b 1b");
}
