/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says what it finds at each start, changes all of it, and resets itself; powers off once the
 * machine, whose physical counter goes on through resets, has run for 400 ms.
 */
#include "common/print.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define FAR_RAM (RAM_BASE + 0x700000)

static volatile uint64_t data = 0x600d;
static volatile uint64_t zeroes;
static const volatile uint64_t constant = 0xc0;

void guest_main(uint64_t dtb)
{
    uint64_t physical = read_sysreg(cntpct_el0);

    gic_init();
    print("start: data 0x%lx bss 0x%lx const 0x%lx ram 0x%lx dtb 0x%x\n", data, zeroes, constant,
          mmio_read64(FAR_RAM), mmio_read32(dtb));
    print("start: mmu %lu timer %lu enabled %u priority 0x%x tpidr 0x%lx early %u\n",
          read_sysreg(sctlr_el1) & 1, read_sysreg(cntv_ctl_el0),
          (unsigned int)gic_is_enabled(TIMER_INTID), gic_priority(40), read_sysreg(tpidr_el1),
          (unsigned int)(timer_now() < timer_ms(20)));

    data = 0xbad;
    zeroes = 0xbad;
    *(volatile uint64_t *)(uintptr_t)&constant = 0xbad;
    mmio_write64(FAR_RAM, 0xbad);
    mmio_write32(dtb, 0xbad);
    mmio_write32((uintptr_t)guest_start, 0xd4000002); /* hvc #0 */
    gic_enable(TIMER_INTID);
    gic_set_priority(40, 0x50);
    gic_enable(40);
    gic_set_pending(40);
    timer_set(timer_now() + timer_ms(1));
    write_sysreg(0xbad, tpidr_el1);
    mmu_enable();
    timer_delay(timer_ms(30));
    if (physical < timer_ms(400))
        psci_reset();
    print("start: enough\n");
}
