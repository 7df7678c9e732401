/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_assist(writable_pagetables): off is Xen's strict rule, on lets EL1 map its tables writable.
 * The counts behind it know EL0 from EL1 writers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"

static struct fake *f;

static int start(void **state)
{
    (void)state;
    f = fake_new();
    guest_running(f);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static void off_is_refused_while_a_table_has_writers(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 10, d_page(MID1, 0)), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_EBUSY);
    assert_true(f->ptwr.assist);
    assert_int_equal(guest_update(f, LEAF, 10, d_page(MID1, RO)), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_false(f->ptwr.assist);
}

/* The other order: the writer was there first, the frame became a table later. */
static void frame_that_becomes_a_table_brings_its_writers(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 10, d_page(SPARE, 0)), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 11, d_page(SPARE, 0)), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_EBUSY);
    assert_int_equal(guest_update(f, LEAF, 10, 0), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_EBUSY);
    assert_int_equal(guest_update(f, LEAF, 11, 0), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_OK);
}

static void former_table_with_writers_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 10, d_page(SPARE, 0)), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
    assert_int_equal(guest_assist(f, false), HV_OK);
}

/* .. nor does a table that only a former one maps writable. */
static void writers_of_a_former_table_do_not_count(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 9, d_page(MID1, 0));
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 1);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_int_equal(fake_record(f, MID1)->refs, 0);
}

static void validation_that_fails_leaves_no_writers_behind(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 10, d_page(SPARE, 0)), HV_OK);
    fake_poke(f, SPARE, 5, 1);
    assert_int_not_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
    assert_int_equal(guest_store(f, SPARE, 4, d_page(DATA, 0)), GUEST_DONE);
    assert_int_not_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
    assert_int_equal(guest_assist(f, false), HV_OK);
}

/* Counts of open tables describe what was there before: disabling looks at what is there now. */
static void off_judges_open_tables_first(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_store(f, LEAF, 10, d_page(MID1, 0)), GUEST_DONE);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
    assert_int_equal(guest_assist(f, false), HV_EBUSY);
    assert_int_equal(guest_store(f, LEAF, 10, 0), GUEST_DONE);
    assert_int_equal(guest_assist(f, false), HV_OK);
}

static void illegal_batch_found_by_disabling_crashes(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_assist(f, false), HV_EPERM);
}

static void tables_stay_read_only_with_the_assist_off(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, false), HV_OK);
    for (unsigned int n = ROOT; n <= LEAF; n++) {
        assert_int_equal(f->frame[n].s2[PTWR_DATA], PTWR_RO);
        assert_false(fake_may_store(f, n));
    }
}

static void el0_writers_bar_promotion_with_the_assist_on_as_well(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 10, d_page(SPARE, EL0)), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 11, d_page(SPARE, EL0 | RO)), HV_OK);
    assert_int_not_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_update(f, MID2, 5, d_table(SPARE)), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    assert_int_equal(guest_update(f, LEAF, 10, 0), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK); /* read-only does not count */
}

static void el1_writers_do_not_bar_promotion_with_the_assist_on(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(guest_update(f, LEAF, 10 + i, d_page(SPARE, 0)), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 1);
}

static void turning_it_on_twice_or_off_twice_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_false(f->ptwr.assist);
}

/* A table open when the assist goes off must not stay writable (Xen's own hole). */
static void no_table_stays_writable_behind_a_disabled_assist(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    f->budget = 3;
    assert_int_equal(guest_store(f, LEAF, 10, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 10, 0x10), GUEST_DONE);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_int_equal(f->ptwr.nr_open, 0);
    assert_false(fake_may_store(f, LEAF));
    assert_false(fake_may_store(f, MID2));
    assert_int_equal(guest_store(f, LEAF, 11, 0), GUEST_INJECTED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(off_is_refused_while_a_table_has_writers),
        T(frame_that_becomes_a_table_brings_its_writers),
        T(former_table_with_writers_does_not_count),
        T(writers_of_a_former_table_do_not_count),
        T(validation_that_fails_leaves_no_writers_behind),
        T(off_judges_open_tables_first),
        T(illegal_batch_found_by_disabling_crashes),
        T(tables_stay_read_only_with_the_assist_off),
        T(el0_writers_bar_promotion_with_the_assist_on_as_well),
        T(el1_writers_do_not_bar_promotion_with_the_assist_on),
        T(turning_it_on_twice_or_off_twice_changes_nothing),
        T(no_table_stays_writable_behind_a_disabled_assist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
