/* SPDX-License-Identifier: Apache-2.0 */
/* Which interrupts have the list registers when there are too few of those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vgic_machine.h"

static void higher_priority_comes_first_and_evicts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        write_reg(GICD + 0x400 + 40 + i, 1, 0xa0 - 8 * i);
        enable_spi(40 + i);
    }
    for (unsigned i = 0; i < 6; i++) {
        vgic_inject(&dom, NULL, 40 + i, true);
        enter();
    }
    for (unsigned i = 2; i < 6; i++)
        assert_true(find(40 + i, LR_PENDING) >= 0);
    assert_int_equal(hw_notify, GIC_NOTIFY_NO_PEND);
}

static void full_of_active_interrupts_asks_for_underflow_not_for_none_pending(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        enable_spi(40 + i);
    for (unsigned i = 0; i < 4; i++)
        vgic_inject(&dom, NULL, 40 + i, true);
    enter();
    for (unsigned i = 0; i < 4; i++)
        acknowledge(40 + i);
    vgic_inject(&dom, NULL, 44, true);
    enter();
    assert_int_equal(hw_notify, GIC_NOTIFY_UNDERFLOW);
    for (unsigned i = 0; i < 4; i++) {
        vgic_inject(&dom, NULL, 40 + i, false);
        enter();
    }
    assert_int_equal(hw_notify, GIC_NOTIFY_UNDERFLOW);
    for (unsigned i = 0; i < 3; i++)
        end(40 + i);
    vgic_maintenance(&vcpus[0]);
    assert_true(find(44, LR_PENDING) >= 0);
    assert_int_equal(hw_notify, GIC_NOTIFY_NONE);
}

/* SPIs 40 to 45, each of higher priority than the last, each active when the next one comes. */
static void nest_six(void)
{
    for (unsigned i = 0; i < 6; i++) {
        write_reg(GICD + 0x400 + 40 + i, 1, 0xa0 - 8 * i);
        enable_spi(40 + i);
        write_reg(GICD + 0x200 + 4, 4, BIT64(8 + i));
        enter();
        acknowledge(40 + i);
        vgic_maintenance(&vcpus[0]);
    }
}

static bool is_active(unsigned intid) { return read_reg(GICD + 0x304, 4) & BIT64(intid % 32); }

static void more_are_active_than_there_are_list_registers(void **state)
{
    (void)state;
    nest_six();
    assert_int_equal(hw_notify, GIC_NOTIFY_UNDERFLOW | GIC_NOTIFY_NO_ENTRY);
    for (unsigned i = 0; i < 6; i++)
        assert_true(is_active(40 + i));
    enter();
    /* Of the lowest priority are those that wait. */
    for (unsigned i = 2; i < 6; i++)
        assert_true(find(40 + i, LR_ACTIVE) >= 0);
    for (unsigned i = 5; i >= 3; i--)
        end(40 + i);
    vgic_maintenance(&vcpus[0]);
    for (unsigned i = 0; i < 3; i++)
        assert_true(find(40 + i, LR_ACTIVE) >= 0);
    assert_int_equal(hw_notify, GIC_NOTIFY_NONE);
}

static void active_one_that_waits_is_ended_by_count(void **state)
{
    (void)state;
    nest_six();
    write_reg(GICD + 0x200 + 4, 4, BIT64(8)); /* 40 once more */
    enter();
    for (unsigned i = 5; i >= 2; i--)
        end(40 + i);
    hw_ended = 2;
    vgic_maintenance(&vcpus[0]);
    for (unsigned i = 1; i < 6; i++)
        assert_false(is_active(40 + i));
    enter();
    assert_true(find(40, LR_PENDING) >= 0);
    assert_int_equal(find(41, LR_ACTIVE), -1);
    assert_int_equal(hw_ended, 0);
}

static void count_of_a_vcpu_that_leaves_is_not_lost(void **state)
{
    (void)state;
    nest_six();
    enter();
    for (unsigned i = 5; i >= 2; i--)
        end(40 + i);
    hw_ended = 1;
    vgic_save(&vcpus[0]);
    vgic_load(&vcpus[0]);
    assert_true(is_active(40));
    assert_false(is_active(41));
}

static void lower_priority_sets_no_active_one_aside(void **state)
{
    (void)state;
    nest_six();
    enable_spi(50);
    write_reg(GICD + 0x400 + 50, 1, 0xf0);
    write_reg(GICD + 0x200 + 4, 4, BIT64(18));
    enter();
    assert_int_equal(find(50, LR_PENDING), -1);
    for (unsigned i = 2; i < 6; i++)
        assert_true(find(40 + i, LR_ACTIVE) >= 0);
    assert_int_equal(hw_notify, GIC_NOTIFY_UNDERFLOW | GIC_NOTIFY_NO_ENTRY);
}

static void timer_that_is_active_is_never_set_aside(void **state)
{
    (void)state;
    write_reg(GICD + 0x400 + GIC_PPI_VTIMER, 1, 0xf0);
    enable_spi(GIC_PPI_VTIMER);
    vgic_inject_hw(&vcpus[0], GIC_PPI_VTIMER);
    enter();
    acknowledge(GIC_PPI_VTIMER);
    nest_six();
    assert_true(find(GIC_PPI_VTIMER, LR_ACTIVE) >= 0);
    assert_true(find(45, LR_ACTIVE) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        V2(higher_priority_comes_first_and_evicts),
        V2(full_of_active_interrupts_asks_for_underflow_not_for_none_pending),
        V2(more_are_active_than_there_are_list_registers),
        V2(active_one_that_waits_is_ended_by_count),
        V3(count_of_a_vcpu_that_leaves_is_not_lost),
        V2(lower_priority_sets_no_active_one_aside),
        V2(timer_that_is_active_is_never_set_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
