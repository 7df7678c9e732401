/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated GIC as a guest uses it: what is taken, when, and in which order. */
#include "check.h"
#include "common/string.h"
#include "plain/gic.h"
#include "plain/timer.h"
#include "plain/uart.h"

#define SPI_A 40u
#define SPI_B 41u
#define SGI   3u

#define UART_IMSC   (UART_BASE + 0x38)
#define UART_ICR    (UART_BASE + 0x44)
#define UART_INT_TX 0x20u

#define MAX_TAKEN 8
#define NESTED    12u

static unsigned int taken[MAX_TAKEN];
static volatile unsigned int taken_count;
static volatile bool keep_timer;     /* the handler leaves the timer's line up this often */
static volatile unsigned int nested; /* set pending and let in while the first one is active */
static volatile bool seen_active;
static volatile uint64_t taken_at;
static volatile bool send_again; /* the handler makes the UART's line rise once more */

static void take_one(void)
{
    uint32_t acknowledged = gic_acknowledge();
    unsigned int intid = acknowledged & 0x3ff;

    if (intid >= 1020)
        return;
    if (taken_count < MAX_TAKEN)
        taken[taken_count] = intid;
    taken_count++;
    taken_at = timer_now();
    seen_active = gic_is_active(intid);
    if (intid == TIMER_INTID && !keep_timer)
        timer_stop();
    keep_timer = false;
    if (intid == UART_INTID) {
        mmio_write32(UART_ICR, UART_INT_TX);
        if (send_again)
            console_write("u", 1);
        send_again = false;
    }
    if (nested != 0) {
        unsigned int inner = nested;

        nested = 0;
        gic_set_pending(inner);
        interrupts_on();
        timer_delay(timer_ms(1));
        interrupts_off();
    }
    gic_end(acknowledged);
}

void guest_interrupt(struct exception *e)
{
    uint64_t elr = read_sysreg(elr_el1);
    uint64_t spsr = read_sysreg(spsr_el1);

    (void)e;
    take_one();
    write_sysreg(elr, elr_el1);
    write_sysreg(spsr, spsr_el1);
}

/* Lets interrupts in for a while; the number of those taken. */
static unsigned int let_in(void)
{
    taken_count = 0;
    interrupts_on();
    timer_delay(timer_ms(2));
    interrupts_off();
    return taken_count;
}

/*
 * The same, for up to 100 ms until `wanted` are taken. A line that is still up is a new interrupt
 * once the last one ends, but QEMU's GICv2 overlooks that until something else happens in it: there
 * this takes as long as the time slice of a neighbour.
 */
static unsigned int let_in_until(unsigned int wanted)
{
    uint64_t end = timer_now() + timer_ms(100);

    taken_count = 0;
    interrupts_on();
    while (taken_count < wanted && timer_now() < end)
        ;
    interrupts_off();
    return taken_count;
}

static void enabling(void)
{
    gic_disable(SPI_A);
    gic_set_pending(SPI_A);
    check("disabled: shows as pending", gic_is_pending(SPI_A) && !gic_is_enabled(SPI_A));
    check_equal("disabled: not taken", let_in(), 0);
    gic_enable(SPI_A);
    check("enabled: shows as enabled", gic_is_enabled(SPI_A));
    check_equal("enabled: taken once", let_in(), 1);
    check_equal("enabled: by its number", taken[0], SPI_A);
    check("taken: was active meanwhile", seen_active);
    check("taken: neither pending nor active", !gic_is_pending(SPI_A) && !gic_is_active(SPI_A));
    gic_set_pending(SPI_A);
    gic_clear_pending(SPI_A);
    check("cleared: not pending", !gic_is_pending(SPI_A));
    check_equal("cleared: not taken", let_in(), 0);
    gic_set_pending(SPI_A);
    gic_disable(SPI_A);
    check_equal("disabled while pending: not taken", let_in(), 0);
    check("disabled while pending: still pending", gic_is_pending(SPI_A));
    gic_clear_pending(SPI_A);
    gic_enable(SPI_A);
}

static void priorities(void)
{
    gic_enable(SPI_B);
    gic_set_priority(SPI_A, 0xa0);
    gic_set_priority(SPI_B, 0x40);
    check_equal("priority: reads back", (uint64_t)gic_priority(SPI_A) << 8 | gic_priority(SPI_B),
                0xa040);
    gic_set_pending(SPI_A);
    gic_set_pending(SPI_B);
    check_equal("priority: both taken", let_in(), 2);
    check_equal("priority: the higher first", taken[0] << 8 | taken[1], SPI_B << 8 | SPI_A);

    gic_set_pending(SPI_A);
    gic_set_mask(0xa0);
    check_equal("mask: equal priority held back", let_in(), 0);
    gic_set_mask(0xa8);
    check_equal("mask: lowered, taken", let_in(), 1);
    gic_set_mask(0x40);
    gic_set_pending(SPI_B);
    check_equal("mask: at the level of the higher, none", let_in(), 0);
    gic_set_mask(0x48);
    gic_set_pending(SPI_A);
    check_equal("mask: between both, one", let_in(), 1);
    check_equal("mask: between both, the higher", taken[0], SPI_B);
    gic_set_mask(0xf0);
    check_equal("mask: off, the other one", let_in(), 1);

    nested = SPI_B;
    gic_set_pending(SPI_A);
    check_equal("preemption: both taken", let_in(), 2);
    check_equal("preemption: higher inside the lower", taken[0] << 8 | taken[1],
                SPI_A << 8 | SPI_B);
    nested = SPI_A;
    gic_set_pending(SPI_B);
    check_equal("no preemption: both taken", let_in(), 2);
    check_equal("no preemption: lower after the higher", taken[0] << 8 | taken[1],
                SPI_B << 8 | SPI_A);
}

static void software(void)
{
    gic_enable(SGI);
    gic_send_to_self(SGI);
    check("SGI: pending", gic_is_pending(SGI));
    check_equal("SGI: taken once", let_in(), 1);
    check_equal("SGI: by its number", taken[0], SGI);
    check_equal("SGI: not again", let_in(), 0);
}

static void timer(void)
{
    uint64_t deadline = timer_now() + timer_ms(5);

    gic_enable(TIMER_INTID);
    timer_set(deadline);
    check_equal("timer: taken once", let_in_until(1) + let_in(), 1);
    check("timer: not early", taken_at >= deadline);
    check_equal("timer: by its number", taken[0], TIMER_INTID);

    keep_timer = true;
    timer_set(timer_now());
    check_equal("timer: comes again while its line is up", let_in_until(2), 2);
    check_equal("timer: and not after", let_in(), 0);

    gic_disable(TIMER_INTID);
    timer_set(timer_now());
    check_equal("timer: disabled, not taken", let_in(), 0);
    gic_enable(TIMER_INTID);
    check_equal("timer: enabled, taken", let_in(), 1);

    write_sysreg(CNTV_CTL_ENABLE | CNTV_CTL_IMASK, cntv_ctl_el0);
    isb();
    check_equal("timer: masked in the timer, not taken", let_in(), 0);
    timer_stop();
}

/*
 * The UART asks for more to send after each character, until that is cleared. Its line is down when
 * the handler has cleared it, and up again when it ends the interrupt without a further look.
 */
static void device(void)
{
    unsigned int before, taken_so, after;

    gic_enable(UART_INTID);
    mmio_write32(UART_ICR, UART_INT_TX);
    mmio_write32(UART_IMSC, UART_INT_TX);
    before = let_in();
    send_again = true;
    console_write("u", 1);
    taken_so = let_in_until(2);
    after = let_in();
    /* What is said of it is sent by the same UART. */
    mmio_write32(UART_IMSC, 0);
    console_write("\n", 1);
    check_equal("UART: quiet", before, 0);
    check_equal("UART: taken, and again for what came meanwhile", taken_so, 2);
    check_equal("UART: not after", after, 0);
    check_equal("UART: masked in the UART, not taken", let_in(), 0);
    mmio_write32(UART_ICR, UART_INT_TX);
}

/* More interrupts pending at once than any CPU has list registers. */
static void crowd(void)
{
    static unsigned int seen[64];
    unsigned int missing = 0, double_count = 0;

    memset(seen, 0, sizeof(seen));
    for (unsigned int i = 34; i < 60; i++) {
        gic_set_priority(i, 0x80);
        gic_enable(i);
        gic_set_pending(i);
    }
    taken_count = 0;
    for (unsigned int i = 0; i < 100; i++) {
        uint32_t acknowledged = gic_acknowledge();

        if ((acknowledged & 0x3ff) < ARRAY_SIZE(seen)) {
            seen[acknowledged & 0x3ff]++;
            gic_end(acknowledged);
        }
    }
    for (unsigned int i = 34; i < 60; i++) {
        missing += seen[i] == 0;
        double_count += seen[i] > 1;
    }
    check_equal("crowd: all taken", missing, 0);
    check_equal("crowd: none twice", double_count, 0);
}

/*
 * Each interrupt preempts the one before, and there are more of them active at once than most CPUs
 * have list registers. The first two come once more meanwhile.
 */
static void nest(void)
{
    uint32_t taken_as[NESTED];
    unsigned int wrong = 0, ended = 0, again = 0;

    for (unsigned int i = 0; i < NESTED; i++) {
        gic_set_priority(40 + i, (uint8_t)(0xd0 - 0x10 * i));
        gic_enable(40 + i);
    }
    for (unsigned int i = 0; i < NESTED; i++) {
        gic_set_pending(40 + i);
        taken_as[i] = gic_acknowledge();
        wrong += (taken_as[i] & 0x3ff) != 40 + i;
    }
    check_equal("nest: each preempts the one before", wrong, 0);
    check_equal("nest: nothing else to take", gic_acknowledge() & 0x3ff, GIC_SPURIOUS);
    wrong = 0;
    for (unsigned int i = 0; i < NESTED; i++)
        wrong += !gic_is_active(40 + i);
    check_equal("nest: all are active", wrong, 0);
    gic_set_pending(40);
    gic_set_pending(41);
    wrong = 0;
    for (unsigned int i = NESTED; i-- > 0;) {
        gic_end(taken_as[i]);
        ended += !gic_is_active(40 + i);
        /* Those below are still active: one comes again when it has ended itself, not before. */
        taken_as[i] = gic_acknowledge();
        if (i <= 1 && (taken_as[i] & 0x3ff) == 40 + i) {
            again++;
            gic_end(taken_as[i]);
        } else {
            wrong += (taken_as[i] & 0x3ff) != GIC_SPURIOUS;
        }
    }
    check_equal("nest: each has ended", ended, NESTED);
    check_equal("nest: none came too early", wrong, 0);
    check_equal("nest: those that were pending again came again", again, 2);
    check_equal("nest: and no more", gic_acknowledge() & 0x3ff, GIC_SPURIOUS);
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    print("GICv%u\n", gic_version());
    gic_init();
    enabling();
    priorities();
    software();
    timer();
    device();
    crowd();
    nest();
    check_end();
}
