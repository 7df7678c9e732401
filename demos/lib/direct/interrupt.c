/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/interrupt.h"

#include "common/print.h"
#include "direct/guest.h"
#include "direct/memory.h"
#include "direct/table.h"

#define TIMER_INTID 27

#define GICD_CTLR      0x000u
#define GICD_V2_ENABLE 1u
#define GICD_V3_ENABLE 0x12u /* group 1 (non-secure), affinity routing */
#define IGROUPR        0x080u
#define ISENABLER      0x100u
#define GICC_CTLR      0x00u
#define GICC_PMR       0x04u
#define GICC_IAR       0x0cu
#define GICC_EOIR      0x10u
#define GICR_WAKER     0x014u
#define WAKER_SLEEP    2u
#define WAKER_ASLEEP   4u
#define GICR_SGI_FRAME 0x10000u

#define ALL_PRIORITIES 0xf0u

/* ICC_PMR_EL1 and so on, for assemblers that do not know GICv3's names. */
#define write_pmr(value)  write_sysreg(value, S3_0_C4_C6_0)
#define read_iar()        read_sysreg(S3_0_C12_C12_0)
#define write_eoir(value) write_sysreg(value, S3_0_C12_C12_1)
#define write_sre(value)  write_sysreg(value, S3_0_C12_C12_5)
#define write_group(v)    write_sysreg(v, S3_0_C12_C12_7)

volatile uint64_t timer_ticks;

static uint64_t gicd, gicc, gicr, sgi_frame;
volatile int64_t timer_latest;

static uint64_t period;

static uint32_t read32(uint64_t address)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static void write32(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" ::"rZ"(value), "r"(address) : "memory");
}

static uint64_t map_device(unsigned int slot, uint64_t ipa)
{
    uint64_t va = DEVICE_BASE + slot * PAGE_SIZE;

    kernel_map(va, ipa | PAGE_DEVICE);
    return va;
}

static void init_v3(void)
{
    gicr = map_device(1, start_info->gicr);
    sgi_frame = map_device(2, start_info->gicr + GICR_SGI_FRAME);
    write_sre(7);
    isb();
    write32(gicd + GICD_CTLR, GICD_V3_ENABLE);
    write32(gicr + GICR_WAKER, read32(gicr + GICR_WAKER) & ~WAKER_SLEEP);
    while ((read32(gicr + GICR_WAKER) & WAKER_ASLEEP) != 0)
        ;
    write32(sgi_frame + IGROUPR, UINT32_MAX);
    write32(sgi_frame + ISENABLER, 1u << TIMER_INTID);
    write_pmr(ALL_PRIORITIES);
    write_group(1);
    isb();
}

static void init_v2(void)
{
    gicc = map_device(1, start_info->gicc);
    write32(gicd + GICD_CTLR, GICD_V2_ENABLE);
    write32(gicd + ISENABLER, 1u << TIMER_INTID);
    write32(gicc + GICC_PMR, ALL_PRIORITIES);
    write32(gicc + GICC_CTLR, 1);
}

void interrupt_init(void)
{
    gicd = map_device(0, start_info->gicd);
    if (start_info->gic_version == 3)
        init_v3();
    else
        init_v2();
}

/* An interrupt that was on its way when the timer was turned off must not turn it on again. */
static void arm_timer(void)
{
    if (period != 0)
        write_sysreg(timer_now() + period, cntv_cval_el0);
    write_sysreg(period != 0, cntv_ctl_el0);
    isb();
}

void timer_every(uint64_t us)
{
    period = read_sysreg(cntfrq_el0) * us / 1000000;
    timer_latest = 0;
    arm_timer();
}

void interrupt_entry(void)
{
    bool v3 = start_info->gic_version == 3;
    uint32_t intid = v3 ? (uint32_t)read_iar() : read32(gicc + GICC_IAR);

    dsb_sy();
    if (intid == TIMER_INTID) {
        int64_t late = (int64_t)(timer_now() - read_sysreg(cntv_cval_el0));

        timer_ticks++;
        if (late > timer_latest) /* negative: it was set anew meanwhile */
            timer_latest = late;
        arm_timer();
    } else if (intid < 1020) {
        print("FAILED: interrupt %u, which nobody enabled\n", intid);
        guest_crash();
    }
    if (v3)
        write_eoir(intid);
    else
        write32(gicc + GICC_EOIR, intid);
    isb();
}
