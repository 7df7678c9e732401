/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traps of a plain guest, with a GICv3, as rows for gem5: what traps.c counts instructions of.
 */
#include "../common/rows.h"

#include "plain/exception.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define ROUNDS      64u
#define SGI         1u
#define GICD_TYPER  (GICD_BASE + 0x004)
#define GICD_ENABLE (GICD_BASE + 0x104) /* INTIDs 32 to 63 */

static volatile bool arrived;

void guest_interrupt(struct exception *e)
{
    uint32_t acknowledged = gic_acknowledge();

    (void)e;
    if ((acknowledged & 0x3ff) == TIMER_INTID)
        timer_stop();
    gic_end(acknowledged);
    arrived = true;
}

static inline void wait(void)
{
    while (!arrived)
        ;
    arrived = false;
}

static void call(uint64_t function)
{
    register uint64_t x0 __asm__("x0") = function;

    __asm__ volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
}

/* gem5's timer does not fire if it is enabled after its deadline, only if the deadline moves. */
static void timer_fire(void)
{
    timer_set(UINT64_MAX);
    write_sysreg(0, cntv_cval_el0);
    isb();
}

static void rows(void)
{
    ROW("plain-empty", ROUNDS, __asm__ volatile("" ::: "memory"));
    ROW("hvc", ROUNDS, call(PSCI_VERSION));
    ROW("gicd-read", ROUNDS, (void)mmio_read32(GICD_TYPER));
    ROW("gicd-write", ROUNDS, mmio_write32(GICD_ENABLE, 2));
    ROW("id-register", ROUNDS, (void)read_sysreg(id_aa64pfr0_el1));
    ROW("self-sgi", ROUNDS, gic_send_to_self(SGI); wait());
    ROW("timer", ROUNDS, timer_fire(); wait());
}

/* Once to fill the caches, once for the figures: the later of two rows of a name counts. */
void guest_main(uint64_t dtb)
{
    (void)dtb;
    mmu_enable();
    print("\n"); /* the first byte of all is lost there */
    gic_assume(3);
    gic_init();
    gic_enable(SGI);
    gic_enable(TIMER_INTID);
    interrupts_on();
    rows();
    rows();
}
