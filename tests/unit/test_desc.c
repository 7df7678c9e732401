/* SPDX-License-Identifier: Apache-2.0 */
/* ptwr/desc.h, bit for bit against the Arm ARM's figures of VMSAv8-64 descriptors (D8.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ptwr/desc.h"

static void fields_lie_where_the_manual_has_them(void **state)
{
    (void)state;
    assert_int_equal(DESC_VALID, 0x1);
    assert_int_equal(DESC_TABLE, 0x2);
    assert_int_equal(DESC_ATTRINDX, 0x1c);
    assert_int_equal(DESC_NS, 0x20);
    assert_int_equal(DESC_AP_EL0, 0x40);
    assert_int_equal(DESC_AP_RO, 0x80);
    assert_int_equal(DESC_SH, 0x300);
    assert_int_equal(DESC_AF, 0x400);
    assert_int_equal(DESC_NG, 0x800);
    assert_int_equal(DESC_OA, 0x0000fffffffff000);
    assert_int_equal(DESC_RES0_HIGH, 0x0003000000000000);
    assert_int_equal(DESC_GP, 0x0004000000000000);
    assert_int_equal(DESC_DBM, 0x0008000000000000);
    assert_int_equal(DESC_CONTIGUOUS, 0x0010000000000000);
    assert_int_equal(DESC_PXN, 0x0020000000000000);
    assert_int_equal(DESC_UXN, 0x0040000000000000);
    assert_int_equal(DESC_SOFTWARE, 0x0780000000000000);
    assert_int_equal(DESC_PXNTABLE, 0x0800000000000000);
    assert_int_equal(DESC_UXNTABLE, 0x1000000000000000);
    assert_int_equal(DESC_APTABLE, 0x6000000000000000);
    assert_int_equal(DESC_NSTABLE, 0x8000000000000000);
}

static void bit_0_alone_makes_a_descriptor_valid(void **state)
{
    (void)state;
    assert_true(desc_is_valid(desc_of(1)));
    assert_false(desc_is_valid(desc_of(~UINT64_C(1))));
    assert_false(desc_is_valid(desc_of(0)));
}

static void bit_1_means_table_above_level_3_and_page_there(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++) {
        assert_true(desc_is_table(desc_of(3), level));
        assert_false(desc_is_table(desc_of(1), level));
        assert_false(desc_is_leaf(desc_of(3), level));
        assert_true(desc_is_leaf(desc_of(1), level));
    }
    assert_false(desc_is_table(desc_of(3), 3));
    assert_true(desc_is_leaf(desc_of(3), 3));
    assert_false(desc_is_leaf(desc_of(1), 3)); /* reserved */
}

static void address_is_bits_47_to_12(void **state)
{
    (void)state;
    assert_int_equal(desc_oa(desc_of(~UINT64_C(0))), 0xfffffffff000);
    assert_int_equal(desc_oa(desc_of(0x0060000840123747)), 0x840123000);
}

static void attribute_index_is_bits_4_to_2(void **state)
{
    (void)state;
    assert_int_equal(desc_attrindx(desc_of(~UINT64_C(0))), 7);
    assert_int_equal(desc_attrindx(desc_of(0x4)), 1);
    assert_int_equal(desc_attrindx(desc_of(0x10)), 4);
    assert_int_equal(desc_attrindx(desc_of(~UINT64_C(0x1c))), 0);
}

static void dirty_bit_modifier_counts_as_writable(void **state)
{
    (void)state;
    assert_true(desc_is_writable(desc_of(0x3)));
    assert_false(desc_is_writable(desc_of(0x3 | DESC_AP_RO)));
    assert_true(desc_is_writable(desc_of(0x3 | DESC_AP_RO | DESC_DBM)));
    assert_true(desc_is_writable(desc_of(0x3 | DESC_DBM)));
}

static void el0_reaches_what_ap_1_gives_it(void **state)
{
    (void)state;
    assert_true(desc_is_el0(desc_of(0x40)));
    assert_false(desc_is_el0(desc_of(~UINT64_C(0x40))));
}

static void equality_is_of_all_bits(void **state)
{
    (void)state;
    assert_true(desc_eq(desc_of(5), desc_of(5)));
    for (unsigned int bit = 0; bit < 64; bit++)
        assert_false(desc_eq(desc_of(5), desc_of(5 ^ BIT64(bit))));
}

static void spans_and_indices_are_those_of_4_kib_granules(void **state)
{
    uint64_t va = 0x0000ff81c2a03456; /* 511, 7, 21, 3 */

    (void)state;
    assert_int_equal(desc_span(3), 0x1000);
    assert_int_equal(desc_span(2), 0x200000);
    assert_int_equal(desc_span(1), 0x40000000);
    assert_int_equal(desc_span(0), 0x8000000000);
    assert_int_equal(PTWR_ENTRIES, 512);
    assert_int_equal(desc_index(va, 0), 511);
    assert_int_equal(desc_index(va, 1), 7);
    assert_int_equal(desc_index(va, 2), 21);
    assert_int_equal(desc_index(va, 3), 3);
    /* TTBR1's half: the sign extension is no part of an index. */
    assert_int_equal(desc_index(va | 0xffff000000000000, 0), 511);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_lie_where_the_manual_has_them),
        cmocka_unit_test(bit_0_alone_makes_a_descriptor_valid),
        cmocka_unit_test(bit_1_means_table_above_level_3_and_page_there),
        cmocka_unit_test(address_is_bits_47_to_12),
        cmocka_unit_test(attribute_index_is_bits_4_to_2),
        cmocka_unit_test(dirty_bit_modifier_counts_as_writable),
        cmocka_unit_test(el0_reaches_what_ap_1_gives_it),
        cmocka_unit_test(equality_is_of_all_bits),
        cmocka_unit_test(spans_and_indices_are_those_of_4_kib_granules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
