/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power management block has no power switch: its watchdog resets the chip, and the boot ROM
 * then reads from RSTS which partition to boot. 63 tells it to halt. (As Linux's bcm2835_wdt.c does
 * it; the block is not in BCM2711 ARM Peripherals.)
 */
#include <arch/bcm2835_pm.h>

#include <libfdt.h>

#include <arch/barrier.h>
#include <arch/mmu.h>
#include <arch/timer.h>

#include "core/fdt_reg.h"

#define PM_RSTC 0x1c
#define PM_RSTS 0x20
#define PM_WDOG 0x24

#define PM_PASSWORD     0x5a000000U /* in each write */
#define RSTC_CONFIG     0x00000030U
#define RSTC_FULL_RESET 0x00000020U
#define RSTS_PARTITION  0x00000555U /* bits 0, 2, .. 10 are the number */
#define WDOG_TICKS      10U         /* of 16 us */
#define OFF_US          1000        /* by then it has happened */

static uint64_t base; /* 0: no such block */

static volatile uint32_t *reg(unsigned int offset)
{
    return (volatile uint32_t *)(uintptr_t)(base + offset);
}

void bcm2835_pm_init(const void *fdt)
{
    int node = fdt_node_offset_by_compatible(fdt, -1, "brcm,bcm2835-pm-wdt");
    struct fdt_range range;

    if (node < 0 || !fdt_reg(fdt, fdt_parent_offset(fdt, node), node, 0, &range))
        return;
    if (range.size >= PM_WDOG + 4 && el2_map_device(pa_of(range.base), range.size) == HV_OK)
        base = range.base;
}

void bcm2835_pm_off(void)
{
    uint64_t until;

    if (base == 0)
        return;
    *reg(PM_RSTS) = PM_PASSWORD | *reg(PM_RSTS) | RSTS_PARTITION; /* 63: all bits set */
    *reg(PM_WDOG) = PM_PASSWORD | WDOG_TICKS;
    *reg(PM_RSTC) = PM_PASSWORD | (*reg(PM_RSTC) & ~RSTC_CONFIG) | RSTC_FULL_RESET;
    dsb_sy();
    until = timer_now() + timer_us(OFF_US);
    while (timer_now() < until)
        ;
}
