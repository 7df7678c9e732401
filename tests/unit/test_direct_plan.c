/* SPDX-License-Identifier: Apache-2.0 */
/* core/direct_plan.c: nothing overlaps, the tables cover what is mapped, what does not fit is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/direct_plan.h"
#include "ptwr/desc.h"

#define KERNEL UINT64_C(0xffff800000200000)

static enum direct_refusal plan(uint64_t low, uint64_t high, uint64_t ramdisk, uint32_t pfns,
                                struct direct_plan *out)
{
    const struct elf_info elf = {.vaddr_low = low, .vaddr_high = high};
    const struct direct_needs needs = {
        .elf = &elf,
        .ramdisk_size = ramdisk,
        .nr_pfns = pfns,
        .m2p_pfn = pfns - pfns / 512 - 1,
    };

    return direct_plan_make(&needs, out);
}

static uint64_t tables_for(uint64_t start, uint64_t end, uint64_t span)
{
    return (end - 1) / span - start / span + 1;
}

static void check(const struct direct_plan *p, uint32_t pfns)
{
    uint64_t all = p->nr_tables[0] + p->nr_tables[1] + p->nr_tables[2] + p->nr_tables[3];

    assert_true(p->ramdisk <= p->p2m && p->p2m < p->start_info);
    assert_int_equal(p->start_info - p->p2m, (pfns * 8 + 4095) / 4096);
    assert_int_equal(p->tables, p->start_info + 1);
    assert_int_equal(p->stack, p->tables + all);
    assert_int_equal(p->first_free, p->stack + DIRECT_STACK_PAGES);
    assert_true((uint64_t)(p->end - p->first_free) << 12 >= DIRECT_FREE_MIN);
    assert_int_equal(p->boot_end, p->virt_base + ((uint64_t)p->end << 12));
    assert_int_equal(p->boot_end % REGION_SIZE, 0);
    assert_int_equal(p->nr_tables[0], 1);
    for (unsigned int level = 1; level < DIRECT_LEVELS; level++)
        assert_int_equal(p->nr_tables[level],
                         tables_for(p->virt_base, p->boot_end, desc_span(level - 1)));
}

static void lays_out_a_small_kernel(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(KERNEL, KERNEL + 0x12345, 0, 8192, &p), DIRECT_PLANNED);
    check(&p, 8192);
    assert_int_equal(p.virt_base, KERNEL);
    assert_int_equal(p.ramdisk, 0x13);
    assert_int_equal(p.p2m, 0x13);
    assert_int_equal(p.nr_tables[3], 1);
    assert_int_equal(p.end, 512);
}

static void starts_at_the_region_of_the_first_segment(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(KERNEL + 0x10000, KERNEL + 0x20000, 0x1001, 8192, &p), DIRECT_PLANNED);
    check(&p, 8192);
    assert_int_equal(p.virt_base, KERNEL);
    assert_int_equal(p.ramdisk, 0x20);
    assert_int_equal(p.p2m, 0x22);
}

static void tables_are_found_by_frame(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(KERNEL, KERNEL + 0x500000, 0, 16384, &p), DIRECT_PLANNED);
    check(&p, 16384);
    assert_int_equal(direct_plan_table(&p, 0, 0), p.tables);
    assert_int_equal(direct_plan_table(&p, 1, 0), p.tables + 1);
    assert_int_equal(direct_plan_table(&p, 2, 0), p.tables + 2);
    assert_int_equal(direct_plan_table(&p, 3, 511), p.tables + 3);
    assert_int_equal(direct_plan_table(&p, 3, 512), p.tables + 4);
    assert_int_equal(direct_plan_table(&p, 3, p.end - 1), p.stack - 1);
}

/* A kernel just below a border of each level needs tables on both sides of it. */
static void crosses_borders_of_every_level(void **state)
{
    static const uint64_t border[] = {UINT64_C(0xffff800040000000), UINT64_C(0xffff808000000000)};
    struct direct_plan p;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(border); i++) {
        assert_int_equal(plan(border[i] - 0x1000, border[i] + 0x1000, 0, 8192, &p), DIRECT_PLANNED);
        check(&p, 8192);
        assert_int_equal(p.nr_tables[2], 2);
        assert_int_equal(p.nr_tables[1], i + 1);
        assert_int_equal(direct_plan_table(&p, 2, 511), p.tables + 1 + p.nr_tables[1]);
        assert_int_equal(direct_plan_table(&p, 2, 512), p.tables + 2 + p.nr_tables[1]);
    }
}

/* The tables take room, which may need one more table, which takes room. */
static void is_consistent_for_every_size(void **state)
{
    struct direct_plan p;

    (void)state;
    for (uint64_t kib = 4; kib < 6 * 1024; kib += 4) {
        assert_int_equal(plan(KERNEL, KERNEL + kib * 1024, 0, 32768, &p), DIRECT_PLANNED);
        check(&p, 32768);
    }
}

static void refuses_a_kernel_in_the_lower_half(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(0x40000000, 0x40010000, 0, 8192, &p), DIRECT_LOW_HALF);
    assert_int_equal(plan(0x40000000, KERNEL, 0, 8192, &p), DIRECT_LOW_HALF);
    assert_int_equal(plan(UINT64_C(0xfffeffffffe00000), KERNEL, 0, 8192, &p), DIRECT_LOW_HALF);
}

static void refuses_what_wraps_around(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(UINT64_MAX - 0xfff, UINT64_MAX, 0, 8192, &p), DIRECT_TOP);
    assert_int_equal(plan(UINT64_C(0xffffffffffa00000), UINT64_C(0xffffffffffa01000), 0, 8192, &p),
                     DIRECT_TOP);
}

static void refuses_what_does_not_fit(void **state)
{
    struct direct_plan p;

    (void)state;
    assert_int_equal(plan(KERNEL, KERNEL + 0x1000, 0, 512, &p), DIRECT_TOO_SMALL);
    assert_int_equal(plan(KERNEL, KERNEL + 0x1000, 0, 1024, &p), DIRECT_PLANNED);
    assert_int_equal(plan(KERNEL, KERNEL + 0x1000, 2 << 20, 1024, &p), DIRECT_TOO_SMALL);
    assert_true(p.end > 1021);
    assert_int_equal(plan(KERNEL, KERNEL + 0x10000000, 0, 1024, &p), DIRECT_TOO_SMALL);
    assert_int_equal(p.end, 0x10000);
    assert_int_equal(plan(UINT64_C(0xffff000000000000), UINT64_MAX, UINT64_MAX - 0xfff, 1024, &p),
                     DIRECT_TOO_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_out_a_small_kernel),
        cmocka_unit_test(starts_at_the_region_of_the_first_segment),
        cmocka_unit_test(tables_are_found_by_frame),
        cmocka_unit_test(crosses_borders_of_every_level),
        cmocka_unit_test(is_consistent_for_every_size),
        cmocka_unit_test(refuses_a_kernel_in_the_lower_half),
        cmocka_unit_test(refuses_what_wraps_around),
        cmocka_unit_test(refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
