/* SPDX-License-Identifier: Apache-2.0 */
/* ptwr/frame.h: the record of a frame, and the table of them with its gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ptwr/frame.h"

#define PER_REGION (1U << (REGION_SHIFT - PAGE_SHIFT))

static struct frame first[PER_REGION], third[PER_REGION];
static struct frame *regions[] = {first, NULL, third};
static const struct frame_table table = {regions, 0x200, ARRAY_SIZE(regions)};

static void record_is_found_by_region_and_place_in_it(void **state)
{
    (void)state;
    assert_ptr_equal(frame_get(&table, mfn_of(0x200 * PER_REGION)), &first[0]);
    assert_ptr_equal(frame_get(&table, mfn_of(0x201 * PER_REGION - 1)), &first[PER_REGION - 1]);
    assert_ptr_equal(frame_get(&table, mfn_of(0x202 * PER_REGION + 5)), &third[5]);
}

static void frames_outside_have_no_record(void **state)
{
    (void)state;
    assert_null(frame_get(&table, mfn_of(0x200 * PER_REGION - 1)));
    assert_null(frame_get(&table, mfn_of(0x203 * PER_REGION)));
    assert_null(frame_get(&table, mfn_of(0)));
    assert_null(frame_get(&table, MFN_NONE));
}

static void region_without_frames_has_no_record(void **state)
{
    (void)state;
    assert_null(frame_get(&table, mfn_of(0x201 * PER_REGION)));
    assert_null(frame_get(&table, mfn_of(0x202 * PER_REGION - 1)));
}

static void tables_are_levels_0_to_3_and_nothing_else(void **state)
{
    struct frame frame;

    (void)state;
    memset(&frame, 0, sizeof(frame));
    assert_false(frame_is_table(&frame));
    frame.type = FRAME_TEXT;
    assert_false(frame_is_table(&frame));
    frame.type = FRAME_TABLE_L0;
    assert_true(frame_is_table(&frame));
    frame.type = FRAME_TABLE_L3;
    assert_true(frame_is_table(&frame));
}

/* A field that is too narrow for its greatest value would wrap, and a wrapped count is a hole. */
static void fields_hold_their_greatest_values(void **state)
{
    struct frame frame;

    (void)state;
    memset(&frame, 0, sizeof(frame));
    frame.type_count = FRAME_TYPE_COUNT_MAX;
    frame.refs = FRAME_REFS_MAX;
    frame.el0_writers = FRAME_WRITERS_MAX;
    frame.el1_writers = FRAME_WRITERS_MAX;
    frame.index = 511;
    frame.type = FRAME_TEXT;
    frame.state = FRAME_STALE;
    frame.flags = FRAME_FOREIGN;
    frame.parent = UINT32_MAX;
    assert_int_equal(frame.type_count, FRAME_TYPE_COUNT_MAX);
    assert_int_equal(frame.refs, FRAME_REFS_MAX);
    assert_int_equal(frame.el0_writers, FRAME_WRITERS_MAX);
    assert_int_equal(frame.el1_writers, FRAME_WRITERS_MAX);
    assert_int_equal(frame.index, 511);
    assert_int_equal(frame.type, FRAME_TEXT);
    assert_int_equal(frame.state, FRAME_STALE);
    assert_int_equal(frame.flags, FRAME_FOREIGN);
    /* One more would not fit: the limits are the fields' own. */
    assert_int_equal((uint16_t)(FRAME_TYPE_COUNT_MAX + 1), 0);
    frame.refs++;
    frame.el0_writers++;
    frame.el1_writers++;
    assert_int_equal(frame.refs, 0);
    assert_int_equal(frame.el0_writers, 0);
    assert_int_equal(frame.el1_writers, 0);
    assert_int_equal(frame.type_count, FRAME_TYPE_COUNT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_is_found_by_region_and_place_in_it),
        cmocka_unit_test(frames_outside_have_no_record),
        cmocka_unit_test(region_without_frames_has_no_record),
        cmocka_unit_test(tables_are_levels_0_to_3_and_nothing_else),
        cmocka_unit_test(fields_hold_their_greatest_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
