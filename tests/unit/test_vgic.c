/* SPDX-License-Identifier: Apache-2.0 */
/* core/vgic.c, core/vgic_mmio.c and core/vpl011.c on a made-up virtual CPU interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vgic_machine.h"

static void uart_write(unsigned offset, uint64_t value)
{
    assert_true(vpl011_mmio(&vcpus[0], UART + offset, 4, true, &value));
}

static uint64_t uart_read(unsigned offset)
{
    uint64_t value = 0;

    assert_true(vpl011_mmio(&vcpus[0], UART + offset, 4, false, &value));
    return value;
}

static void level_interrupt_comes_again_only_while_its_line_is_high(void **state)
{
    (void)state;
    enable_spi(40);
    vgic_inject(&dom, NULL, 40, true);
    assert_true(vgic_has_pending(&vcpus[0]));
    enter();
    acknowledge(40);
    assert_false(vgic_has_pending(&vcpus[0]));
    assert_true(end(40));
    vgic_maintenance(&vcpus[0]);
    acknowledge(40);
    vgic_inject(&dom, NULL, 40, false);
    enter();
    assert_false(end(40));
    vgic_maintenance(&vcpus[0]);
    assert_int_equal(find(40, LR_PENDING), -1);
    assert_false(vgic_has_pending(&vcpus[0]));
}

static void falling_line_takes_a_pending_level_interrupt_back(void **state)
{
    (void)state;
    enable_spi(40);
    vgic_inject(&dom, NULL, 40, true);
    enter();
    vgic_inject(&dom, NULL, 40, false);
    enter();
    assert_int_equal(find(40, LR_PENDING), -1);
}

static void edge_during_handling_is_delivered_after_it(void **state)
{
    (void)state;
    write_reg(GICD + 0xc00 + 40 / 16 * 4, 4, UINT64_C(2) << (2 * (40 % 16)));
    enable_spi(40);
    vgic_inject(&dom, NULL, 40, true);
    vgic_inject(&dom, NULL, 40, false);
    enter();
    acknowledge(40);
    vgic_inject(&dom, NULL, 40, true);
    enter();
    assert_true(find(40, LR_ACTIVE) >= 0);
    assert_true(end(40));
    vgic_maintenance(&vcpus[0]);
    acknowledge(40);
    assert_false(end(40));
    vgic_maintenance(&vcpus[0]);
    assert_int_equal(find(40, LR_PENDING), -1);
}

static void disabled_interrupt_waits_until_it_is_enabled(void **state)
{
    (void)state;
    vgic_inject(&dom, NULL, 40, true);
    enter();
    assert_int_equal(find(40, LR_PENDING), -1);
    assert_int_equal(wakes, 0);
    assert_int_equal(read_reg(GICD + 0x204, 4), BIT64(8));
    enable_spi(40);
    assert_int_equal(wakes, 1);
    enter();
    assert_true(find(40, LR_PENDING) >= 0);
    write_reg(GICD + 0x184, 4, BIT64(8));
    enter();
    assert_int_equal(find(40, LR_PENDING), -1);
    enable_spi(40);
    write_reg(GICD, 4, 0);
    enter();
    assert_int_equal(find(40, LR_PENDING), -1);
}

static void timer_reuses_its_list_register_and_is_linked(void **state)
{
    int n;

    (void)state;
    enable_spi(GIC_PPI_VTIMER);
    for (unsigned i = 0; i < 3; i++) {
        physical_active = true;
        vgic_inject_hw(&vcpus[0], GIC_PPI_VTIMER);
        assert_int_equal(wakes, i + 1);
        enter();
        n = find(GIC_PPI_VTIMER, LR_PENDING);
        assert_int_equal(n, 0);
        assert_true((hw_lr[n] & LR_HW) != 0);
        assert_int_equal((hw_lr[n] >> LR_PINTID_SHIFT) & 0x3ff, GIC_PPI_VTIMER);
        acknowledge(GIC_PPI_VTIMER);
        assert_false(end(GIC_PPI_VTIMER));
        assert_false(physical_active);
    }
}

static void physical_state_of_the_timer_follows_the_vcpu(void **state)
{
    (void)state;
    enable_spi(GIC_PPI_VTIMER);
    physical_active = true;
    vgic_inject_hw(&vcpus[0], GIC_PPI_VTIMER);
    enter();
    acknowledge(GIC_PPI_VTIMER);
    vgic_save(&vcpus[0]);
    assert_false(physical_active);
    vgic_load(&vcpus[1]);
    assert_false(physical_active);
    vgic_save(&vcpus[1]);
    vgic_load(&vcpus[0]);
    assert_true(physical_active);
    assert_false(end(GIC_PPI_VTIMER));
    vgic_save(&vcpus[0]);
    vgic_load(&vcpus[0]);
    assert_false(physical_active);
}

static void timer_taken_back_by_a_register_is_deactivated(void **state)
{
    (void)state;
    enable_spi(GIC_PPI_VTIMER);
    physical_active = true;
    vgic_inject_hw(&vcpus[0], GIC_PPI_VTIMER);
    enter();
    write_reg(GICD + 0x280, 4, BIT64(GIC_PPI_VTIMER));
    assert_false(physical_active);
    enter();
    assert_int_equal(find(GIC_PPI_VTIMER, LR_PENDING), -1);
}

static void v2_sgi_is_delivered_once_for_each_sender(void **state)
{
    (void)state;
    enable_spi(3);
    write_reg(GICD + 0xf00, 4, 0x02000003); /* to itself */
    vgic_sgi1r(&vcpus[1], 3 << 24 | 1);
    enter();
    assert_true(find(3, LR_PENDING) >= 0);
    acknowledge(3);
    assert_true(end(3));
    vgic_maintenance(&vcpus[0]);
    assert_int_equal(lr_source((struct lr){hw_lr[0]}), 1);
    hw_lr[0] ^= LR_STATE;
    hw_lr[0] &= ~LR_STATE;
    vgic_maintenance(&vcpus[0]);
    assert_false(vgic_has_pending(&vcpus[0]));
}

static void v2_registers_read_as_a_gicv2(void **state)
{
    (void)state;
    assert_int_equal(read_reg(GICD + 4, 4), 1 << 5 | 2);
    assert_int_equal(read_reg(GICD + 0xfe8, 4), 0x2b);
    assert_int_equal(read_reg(GICD + 0x800, 4), 0x01010101);
    assert_int_equal(read_reg(GICD + 0xc00, 4), 0xaaaaaaaa);
    write_reg(GICD + 0x820, 4, 0x02020202);
    assert_int_equal(read_reg(GICD + 0x821, 1), 2);
    assert_int_equal(dom.vgic.spi[0].target, 1);
    write_reg(GICD + 0x420, 4, 0x12345678);
    assert_int_equal(read_reg(GICD + 0x422, 2), 0x1030);
    assert_int_equal(read_reg(GICD + 0x460, 4), 0); /* beyond the last SPI */
}

static void v3_registers_read_as_a_gicv3(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(read_reg(GICD, 4), 0x53);
    assert_int_equal(read_reg(GICD + 0xffe8, 4), 0x3b);
    assert_int_equal(read_reg(GICR + 0x8, 8), 0);
    assert_int_equal(read_reg(GICR + 0x20008, 8), UINT64_C(1) << 32 | 0x110);
    assert_int_equal(read_reg(GICR + 0x14, 4), 6);
    write_reg(GICR + 0x14, 4, 0);
    assert_int_equal(read_reg(GICR + 0x14, 4), 0);
    assert_int_equal(read_reg(GICR + 0xffe8, 4), 0x3b);
    write_reg(GICD + 0x100, 4, UINT32_MAX); /* private ones are not in the distributor */
    assert_int_equal(read_reg(GICR + 0x10100, 4), 0);
    write_reg(GICR + 0x10100, 4, BIT64(27));
    assert_int_equal(read_reg(GICR + 0x10180, 4), BIT64(27));
    write_reg(GICD + 0x6000 + 8 * 40, 8, 1);
    assert_int_equal(read_reg(GICD + 0x6000 + 8 * 40, 8), 1);
    assert_false(vgic_mmio(&vcpus[0], GICR + 0x40000, 4, false, &value));
}

static void v3_sgi_reaches_the_listed_vcpu(void **state)
{
    (void)state;
    write_reg(GICR + 0x10100, 4, BIT64(5));
    write_reg(GICR + 0x30100, 4, BIT64(5));
    vgic_sgi1r(&vcpus[0], 5 << 24 | 2);
    assert_true(vgic_has_pending(&vcpus[1]));
    assert_false(vgic_has_pending(&vcpus[0]));
    vgic_sgi1r(&vcpus[1], BIT64(40) | 5 << 24);
    assert_true(vgic_has_pending(&vcpus[0]));
}

static void reset_forgets_all(void **state)
{
    (void)state;
    enable_spi(GIC_PPI_VTIMER);
    enable_spi(40);
    physical_active = true;
    vgic_inject_hw(&vcpus[0], GIC_PPI_VTIMER);
    vgic_inject(&dom, NULL, 40, true);
    enter();
    vgic_reset(&dom);
    assert_false(physical_active);
    for (unsigned n = 0; n < NR_LRS; n++)
        assert_int_equal(hw_lr[n], 0);
    assert_false(vgic_has_pending(&vcpus[0]));
    assert_int_equal(read_reg(GICD + 0x104, 4), 0);
}

static void uart_sends_and_asks_for_more(void **state)
{
    (void)state;
    enable_spi(VPL011_INTID);
    assert_int_equal(uart_read(0x18), 0x90);
    uart_write(0x00, 'a');
    assert_int_equal(sent[0], 'a');
    assert_int_equal(uart_read(0x3c), 0x20);
    assert_false(vgic_has_pending(&vcpus[0]));
    uart_write(0x38, 0x20);
    assert_true(vgic_has_pending(&vcpus[0]));
    uart_write(0x44, 0x20);
    assert_false(vgic_has_pending(&vcpus[0]));
    assert_int_equal(uart_read(0xfe0), 0x11);
    assert_int_equal(uart_read(0xffc), 0xb1);
}

static void uart_announces_what_it_received(void **state)
{
    (void)state;
    enable_spi(VPL011_INTID);
    uart_write(0x2c, 0x70);
    uart_write(0x38, 0x50);
    for (unsigned i = 0; i < 7; i++)
        vpl011_input(&dom, (char)('a' + i));
    assert_int_equal(uart_read(0x40), 0x40);
    vpl011_input(&dom, 'h');
    assert_int_equal(uart_read(0x40), 0x50);
    assert_int_equal(uart_read(0x00), 'a');
    assert_int_equal(uart_read(0x40), 0x40);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(uart_read(0x00), 'a' + i);
    assert_int_equal(uart_read(0x40), 0);
    assert_int_equal(uart_read(0x18) & 0x10, 0x10);
    for (unsigned i = 0; i < 100; i++)
        vpl011_input(&dom, 'x');
    assert_int_equal(uart_read(0x3c) & 0x400, 0x400);
    assert_true(vgic_has_pending(&vcpus[0]));
}

/* ---- Two CPUs ---- */

#define ISENABLER (GICD + 0x104)
#define ICENABLER (GICD + 0x184)
#define ISPENDR   (GICD + 0x204)
#define ICPENDR   (GICD + 0x284)
#define ISACTIVER (GICD + 0x304)
#define ICACTIVER (GICD + 0x384)
#define BIT_OF(n) BIT64((n)-32)

static void on_cpu(unsigned n) { cpu = n; }

/* The other CPU took its interrupt: what it was asked is done before its guest goes on. */
static void interrupted(unsigned n)
{
    unsigned here = cpu;

    assert_true((kicked >> n & 1) != 0);
    on_cpu(n);
    vgic_fill_lrs(&vcpus[n]);
    on_cpu(here);
}

/* SPI 40 is pending in a list register of CPU 1, CPU 0 runs. */
static void spi_at_cpu_1(void)
{
    dom.io_shared = true;
    on_cpu(1);
    vgic_load(&vcpus[1]);
    on_cpu(0);
    write_reg(GICD + 0x6000 + 8 * 40, 8, 1);
    enable_spi(40);
    write_reg(ISPENDR, 4, BIT_OF(40));
    interrupted(1);
    on_cpu(1);
    assert_true(find(40, LR_PENDING) >= 0);
    on_cpu(0);
    kicked = 0;
}

/* CPU 0 runs before and after. */
static bool is_at_cpu_1(uint64_t state)
{
    bool found;

    on_cpu(1);
    found = find(40, state) >= 0;
    on_cpu(0);
    return found;
}

static enum mmio_result read_once(uint64_t ipa, uint64_t *value)
{
    return vgic_mmio(&vcpus[cpu], ipa, 4, false, value);
}

static void disabled_elsewhere_is_taken_out_there(void **state)
{
    (void)state;
    spi_at_cpu_1();
    write_reg(ICENABLER, 4, BIT_OF(40));
    assert_int_equal(read_reg(GICD, 4) >> 31, 1); /* RWP */
    interrupted(1);
    assert_int_equal(read_reg(GICD, 4) >> 31, 0);
    assert_false(is_at_cpu_1(LR_PENDING));
    write_reg(ISENABLER, 4, BIT_OF(40));
    interrupted(1);
    assert_true(is_at_cpu_1(LR_PENDING));
}

static void state_elsewhere_is_read_when_it_has_been_noted(void **state)
{
    uint64_t value = 0;

    (void)state;
    spi_at_cpu_1();
    assert_int_equal(read_once(ISPENDR, &value), MMIO_AGAIN);
    assert_int_equal(read_once(ISPENDR, &value), MMIO_AGAIN);
    interrupted(1);
    assert_int_equal(read_once(ISPENDR, &value), MMIO_DONE);
    assert_int_equal(value, BIT_OF(40));
    on_cpu(1);
    acknowledge(40);
    on_cpu(0);
    /* Not from memory: the next read asks anew. */
    assert_int_equal(read_once(ISACTIVER, &value), MMIO_AGAIN);
    interrupted(1);
    assert_int_equal(read_once(ISACTIVER, &value), MMIO_DONE);
    assert_int_equal(value, BIT_OF(40));
}

static void pending_taken_back_and_given_again(void **state)
{
    (void)state;
    spi_at_cpu_1();
    write_reg(ICPENDR, 4, BIT_OF(40));
    interrupted(1);
    assert_false(is_at_cpu_1(LR_PENDING));
    write_reg(ISPENDR, 4, BIT_OF(40));
    interrupted(1);
    write_reg(ICPENDR, 4, BIT_OF(40));
    write_reg(ISPENDR, 4, BIT_OF(40)); /* before the other one has done the first */
    interrupted(1);
    assert_true(is_at_cpu_1(LR_PENDING));
}

static void active_elsewhere_is_ended_by_a_register(void **state)
{
    (void)state;
    spi_at_cpu_1();
    on_cpu(1);
    acknowledge(40);
    on_cpu(0);
    write_reg(ICACTIVER, 4, BIT_OF(40));
    interrupted(1);
    assert_false(is_at_cpu_1(LR_ACTIVE));
    write_reg(ISACTIVER, 4, BIT_OF(40));
    interrupted(1);
    assert_true(is_at_cpu_1(LR_ACTIVE));
}

static void routed_away_goes_on_at_the_other_cpu(void **state)
{
    (void)state;
    spi_at_cpu_1();
    write_reg(GICD + 0x6000 + 8 * 40, 8, 0);
    enter();
    assert_int_equal(find(40, LR_PENDING), -1); /* never in two list registers */
    interrupted(1);
    enter();
    assert_true(find(40, LR_PENDING) >= 0);
    on_cpu(1);
    assert_int_equal(find(40, LR_PENDING), -1);
}

static void sgi_sent_while_the_last_one_is_handled_comes_too(void **state)
{
    (void)state;
    dom.io_shared = true;
    on_cpu(1);
    vgic_load(&vcpus[1]);
    write_reg(GICR + VGIC_GICR_STRIDE + 0x10100, 4, BIT64(3));
    on_cpu(0);
    vgic_sgi1r(&vcpus[0], UINT64_C(3) << 24 | BIT64(1));
    interrupted(1);
    on_cpu(1);
    acknowledge(3);
    on_cpu(0);
    kicked = 0;
    vgic_sgi1r(&vcpus[0], UINT64_C(3) << 24 | BIT64(1));
    interrupted(1);
    on_cpu(1);
    assert_true(find(3, LR_ACTIVE) >= 0);
    assert_true(end(3)); /* asks for a maintenance interrupt: there is more */
    vgic_maintenance(&vcpus[1]);
    assert_true(find(3, LR_PENDING) >= 0);
}

static void vcpu_that_leaves_does_what_it_was_asked(void **state)
{
    (void)state;
    spi_at_cpu_1();
    write_reg(ICPENDR, 4, BIT_OF(40));
    on_cpu(1);
    vgic_save(&vcpus[1]);
    on_cpu(0);
    assert_int_equal(read_reg(ISPENDR, 4), 0);
    assert_int_equal(read_reg(GICD, 4) >> 31, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        V2(level_interrupt_comes_again_only_while_its_line_is_high),
        V2(falling_line_takes_a_pending_level_interrupt_back),
        V2(edge_during_handling_is_delivered_after_it),
        V2(disabled_interrupt_waits_until_it_is_enabled),
        V2(timer_reuses_its_list_register_and_is_linked),
        V2(physical_state_of_the_timer_follows_the_vcpu),
        V2(timer_taken_back_by_a_register_is_deactivated),
        V2(v2_sgi_is_delivered_once_for_each_sender),
        V2(v2_registers_read_as_a_gicv2),
        V3(v3_registers_read_as_a_gicv3),
        V3(v3_sgi_reaches_the_listed_vcpu),
        V2(reset_forgets_all),
        V2(uart_sends_and_asks_for_more),
        V2(uart_announces_what_it_received),
        V3(disabled_elsewhere_is_taken_out_there),
        V3(state_elsewhere_is_read_when_it_has_been_noted),
        V3(pending_taken_back_and_given_again),
        V3(active_elsewhere_is_ended_by_a_register),
        V3(routed_away_goes_on_at_the_other_cpu),
        V3(sgi_sent_while_the_last_one_is_handled_comes_too),
        V3(vcpu_that_leaves_does_what_it_was_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
