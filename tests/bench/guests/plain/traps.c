/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What single operations cost a guest. Each prints "bench: NAME OPERATIONS TICKS" of the virtual
 * counter, and its loop is in the figure: "loop" is the same loop with nothing in it. The same
 * program runs under Latch and on the bare machine.
 */
#include "common/print.h"
#include "plain/exception.h"
#include "plain/gic.h"
#include "plain/guest.h"
#include "plain/mmu.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define COUNT       10000ul
#define COUNT_FEW   2000ul
#define SGI         1u
#define GICD_TYPER  (GICD_BASE + 0x004)
#define GICD_ENABLE (GICD_BASE + 0x104) /* INTIDs 32 to 63 */
#define UART_IMSC   (UART_BASE + 0x038)

static volatile bool arrived;

/* All of an interrupt that the guest itself does: acknowledge, silence, end. */
void guest_interrupt(struct exception *e)
{
    uint32_t acknowledged = gic_acknowledge();

    (void)e;
    if ((acknowledged & 0x3ff) == TIMER_INTID)
        timer_stop();
    gic_end(acknowledged);
    arrived = true;
}

#define LOOP(name, what)                                                                           \
    static void name(unsigned long count)                                                          \
    {                                                                                              \
        for (unsigned long i = 0; i < count; i++) {                                                \
            what;                                                                                  \
        }                                                                                          \
    }

static inline void call(uint64_t function)
{
    register uint64_t x0 __asm__("x0") = function;

    __asm__ volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
}

static inline void hypercall(uint64_t number)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x16 __asm__("x16") = number;

    __asm__ volatile("hvc #0xea1" : "+r"(x0), "+r"(x16)::"x1", "x2", "x3", "memory");
}

static inline void wait(void)
{
    while (!arrived)
        ;
    arrived = false;
}

LOOP(loop_empty, __asm__ volatile("" ::: "memory"))
LOOP(loop_psci, call(PSCI_VERSION))
LOOP(loop_hypercall, hypercall(63)) /* no call has this number */
LOOP(loop_gicd_read, (void)mmio_read32(GICD_TYPER))
LOOP(loop_gicd_enable, mmio_write32(GICD_ENABLE, 2))
LOOP(loop_uart, mmio_write32(UART_IMSC, 0))
LOOP(loop_sgi, gic_send_to_self(SGI); wait())
LOOP(loop_timer, timer_set(0); wait())
LOOP(loop_id_pfr0, (void)read_sysreg(id_aa64pfr0_el1))
LOOP(loop_id_isar0, (void)read_sysreg(id_aa64isar0_el1))
LOOP(loop_id_mmfr0, (void)read_sysreg(id_aa64mmfr0_el1))
LOOP(loop_eoi, gic_end(GIC_SPURIOUS))
LOOP(loop_tlbi, __asm__ volatile("tlbi vmalle1" ::: "memory"); dsb_ish())
LOOP(loop_sctlr, write_sysreg(read_sysreg(sctlr_el1), sctlr_el1); isb())

static const struct {
    const char *name;
    void (*run)(unsigned long count);
    unsigned long count;
} loops[] = {
    {"loop", loop_empty, COUNT},
    {"psci_version", loop_psci, COUNT},
    {"hypercall_unknown", loop_hypercall, COUNT},
    {"gicd_read", loop_gicd_read, COUNT},
    {"gicd_enable", loop_gicd_enable, COUNT_FEW},
    {"uart_write", loop_uart, COUNT},
    {"self_sgi", loop_sgi, COUNT_FEW},
    {"timer", loop_timer, COUNT_FEW},
    {"id_pfr0", loop_id_pfr0, COUNT},
    {"id_isar0", loop_id_isar0, COUNT},
    {"id_mmfr0", loop_id_mmfr0, COUNT},
    {"eoi", loop_eoi, COUNT},
    {"tlbi", loop_tlbi, COUNT},
    {"sctlr", loop_sctlr, COUNT},
};

void guest_main(uint64_t dtb)
{
    (void)dtb;
    mmu_enable();
    gic_init();
    gic_enable(SGI);
    gic_enable(TIMER_INTID);
    interrupts_on();
    print("bench: frequency %lu\n", timer_frequency());
    for (size_t i = 0; i < ARRAY_SIZE(loops); i++) {
        loops[i].run(1); /* the first time may find caches and tables cold */

        uint64_t start = timer_now();

        loops[i].run(loops[i].count);

        uint64_t ticks = timer_now() - start;

        print("bench: %s %lu %lu\n", loops[i].name, loops[i].count, ticks);
    }
    print("bench: end\n");
}
