/* SPDX-License-Identifier: Apache-2.0 */
/* core/direct_map.c: each frame has one number of each kind, and no neighbour keeps its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/direct_map.h"

/* Regions as they are given out: from the top down, with a gap. */
static const uint32_t regions[] = {0x3ff, 0x3fe, 0x3fd, 0x300, 0x2ff, 0x201};

static const struct direct_map map = {
    .region = regions,
    .nr_regions = ARRAY_SIZE(regions),
    .m2p_first = 0x200,
    .m2p_regions = 0x200,
};

static void every_frame_of_the_regions_has_one_pfn(void **state)
{
    bool *seen = calloc(0x400 * REGION_FRAMES, sizeof(*seen));

    (void)state;
    assert_int_equal(direct_nr_pfns(&map), 6 * 512);
    for (uint32_t pfn = 0; pfn < direct_nr_pfns(&map); pfn++) {
        mfn_t mfn = direct_mfn(&map, pfn);
        uint32_t back = UINT32_MAX;

        assert_int_equal(mfn.raw / REGION_FRAMES, regions[pfn / REGION_FRAMES]);
        assert_false(seen[mfn.raw]);
        seen[mfn.raw] = true;
        assert_true(direct_pfn(&map, mfn, &back));
        assert_int_equal(back, pfn);
    }
    free(seen);
}

static void neighbours_are_never_neighbours(void **state)
{
    (void)state;
    for (uint32_t pfn = 1; pfn < direct_nr_pfns(&map); pfn++) {
        int64_t step = (int64_t)direct_mfn(&map, pfn).raw - (int64_t)direct_mfn(&map, pfn - 1).raw;

        assert_true(step > 1 || step < -1);
    }
}

static void no_place_in_a_region_is_kept(void **state)
{
    unsigned int kept = 0;

    (void)state;
    for (uint32_t pfn = 0; pfn < REGION_FRAMES; pfn++)
        kept += direct_mfn(&map, pfn).raw % REGION_FRAMES == pfn;
    assert_true(kept <= 4);
}

static void frames_of_other_regions_have_no_pfn(void **state)
{
    static const uint32_t others[] = {0, 0x200, 0x202, 0x2fe, 0x301, 0x3fc, 0x400, 0x7fffff};
    uint32_t pfn = 77;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(direct_pfn(&map, mfn_of(others[i] * REGION_FRAMES + 5), &pfn));
    assert_int_equal(pfn, 77);
}

static void the_m2p_is_the_last_pages(void **state)
{
    uint32_t first = direct_m2p_pfn(&map);

    (void)state;
    assert_int_equal(first, 6 * 512 - 7);
    for (uint32_t i = 0; i < map.nr_regions; i++)
        assert_int_equal(direct_m2p_mfn(&map, regions[i] - map.m2p_first).raw,
                         direct_mfn(&map, first + i).raw);
}

static void regions_of_others_share_one_page(void **state)
{
    mfn_t none = direct_mfn(&map, direct_nr_pfns(&map) - 1);
    unsigned int own = 0;

    (void)state;
    for (uint32_t page = 0; page < map.m2p_regions; page++)
        own += direct_m2p_mfn(&map, page).raw != none.raw;
    assert_int_equal(own, map.nr_regions);
}

static void one_region_is_enough(void **state)
{
    static const uint32_t region = 0x123;
    const struct direct_map one = {&region, 1, 0x100, 0x100};
    uint32_t pfn;

    (void)state;
    assert_true(direct_pfn(&one, direct_mfn(&one, 511), &pfn));
    assert_int_equal(pfn, 511);
    assert_int_equal(direct_m2p_pfn(&one), 510);
    assert_int_equal(direct_m2p_mfn(&one, 0x23).raw, direct_mfn(&one, 510).raw);
    assert_int_equal(direct_m2p_mfn(&one, 0x22).raw, direct_mfn(&one, 511).raw);
}

static void the_walk_bit_lies_above_everything(void **state)
{
    (void)state;
    assert_int_equal(direct_ipa_bits(UINT64_C(0x80000000), 40), 32);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x80000001), 40), 36);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x800000000), 36), 36);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x800000001), 40), 40);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x20000000000), 48), 42);
}

static void there_may_be_no_room_for_it(void **state)
{
    (void)state;
    assert_int_equal(direct_ipa_bits(UINT64_C(0x80000001), 32), 0);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x800000001), 36), 0);
    assert_int_equal(direct_ipa_bits(UINT64_C(0x20000000001), 48), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_the_regions_has_one_pfn),
        cmocka_unit_test(neighbours_are_never_neighbours),
        cmocka_unit_test(no_place_in_a_region_is_kept),
        cmocka_unit_test(frames_of_other_regions_have_no_pfn),
        cmocka_unit_test(the_m2p_is_the_last_pages),
        cmocka_unit_test(regions_of_others_share_one_page),
        cmocka_unit_test(one_region_is_enough),
        cmocka_unit_test(the_walk_bit_lies_above_everything),
        cmocka_unit_test(there_may_be_no_room_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
