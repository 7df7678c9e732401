/* SPDX-License-Identifier: Apache-2.0 */
/* EL2's own walk of a guest's tables: where it ends, and which permissions it finds. */
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
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static struct ptwr_walk walk;

static enum hv_err translate(uint64_t va) { return ptwr_translate(&f->ptwr, 0, va_of(va), &walk); }

static uint64_t address(unsigned int number) { return mfn_to_pa(fake_mfn(number)).raw; }

static void page_is_found_with_its_offset(void **state)
{
    (void)state;
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 2) + 0x123), HV_OK);
    assert_int_equal(walk.oa, address(DATA + 2) + 0x123);
    assert_int_equal(walk.level, 3);
    assert_int_equal(walk.index, 2);
    assert_int_equal(walk.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(walk.desc.raw, d_page(DATA + 2, 0));
}

static void block_is_found_with_its_offset(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    assert_int_equal(guest_update(f, MID2, 7, d_block(FAKE_CHUNK, RO)), HV_OK);
    assert_int_equal(translate(guest_va(1, 0, 0, 7, 300) + 0xabc), HV_OK);
    assert_int_equal(walk.oa, address(FAKE_CHUNK + 300) + 0xabc);
    assert_int_equal(walk.level, 2);
    assert_false(walk.writable_el1);
}

static void hole_is_reported_with_its_level(void **state)
{
    static const struct {
        uint64_t l0, l1, l2, l3;
        unsigned int table;
    } cases[] = {{9, 0, 0, 0, ROOT}, {0, 9, 0, 0, MID1}, {0, 0, 9, 0, MID2}, {0, 0, 0, 9, LEAF}};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t va = guest_va(1, (unsigned int)cases[i].l0, (unsigned int)cases[i].l1,
                               (unsigned int)cases[i].l2, (unsigned int)cases[i].l3);

        assert_int_equal(translate(va), HV_EFAULT);
        assert_int_equal(walk.level, i);
        assert_int_equal(walk.index, 9);
        assert_int_equal(walk.table.raw, fake_mfn(cases[i].table).raw);
        assert_int_equal(walk.desc.raw, 0);
    }
}

static void each_half_has_its_own_base(void **state)
{
    (void)state;
    assert_int_equal(translate(guest_va(0, 0, 0, 0, 0)), HV_EFAULT);
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(translate(guest_va(0, 0, 0, 0, 1)), HV_OK);
    assert_int_equal(walk.oa, address(DATA + 1));
    assert_int_equal(guest_load(f, 0, 0, SPARE), HV_OK);
    assert_int_equal(translate(guest_va(0, 0, 0, 0, 1)), HV_EFAULT);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 1)), HV_OK);
}

static void each_vcpu_has_its_own_bases(void **state)
{
    struct ptwr_walk other;

    (void)state;
    assert_int_equal(ptwr_translate(&f->ptwr, 1, va_of(guest_va(1, 0, 0, 0, 0)), &other),
                     HV_EFAULT);
    assert_int_equal(guest_load(f, 1, 1, ROOT), HV_OK);
    assert_int_equal(ptwr_translate(&f->ptwr, 1, va_of(guest_va(1, 0, 0, 0, 0)), &other), HV_OK);
}

/* Between the halves nothing is translated, whatever the base holds. */
static void addresses_between_the_halves_fault(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(translate(BIT64(48)), HV_EFAULT);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0) & ~BIT64(48)), HV_EFAULT);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0) & ~BIT64(55)), HV_EFAULT);
    assert_int_equal(translate(BIT64(55)), HV_EFAULT);
}

static void tag_in_the_top_byte_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(translate((guest_va(1, 0, 0, 0, 1) & GENMASK64(55, 0)) | 0x5aULL << 56),
                     HV_OK);
    assert_int_equal(walk.oa, address(DATA + 1));
}

static void leaf_permissions_are_read(void **state)
{
    static const struct {
        uint64_t flags;
        bool writable_el1, readable_el0, writable_el0;
    } cases[] = {
        {0, true, false, false},
        {RO, false, false, false},
        {EL0, true, true, true},
        {RO | EL0, false, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(guest_update(f, LEAF, 0, d_page(DATA, cases[i].flags)), HV_OK);
        assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
        assert_int_equal(walk.writable_el1, cases[i].writable_el1);
        assert_int_equal(walk.readable_el0, cases[i].readable_el0);
        assert_int_equal(walk.writable_el0, cases[i].writable_el0);
    }
}

/* FEAT_HAFDBS is hidden: no walker sets the dirty state, so DBM gives no permission. */
static void dbm_gives_no_permission(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 0, d_page(DATA, RO | DESC_DBM)), HV_OK);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
    assert_false(walk.writable_el1);
}

static void hierarchical_bits_of_every_level_are_applied(void **state)
{
    static const unsigned int tables[] = {ROOT, MID1, MID2};

    (void)state;
    assert_int_equal(guest_update(f, LEAF, 0, d_page(DATA, EL0)), HV_OK);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        uint64_t link = d_table(tables[i] + 1);

        assert_int_equal(guest_update(f, tables[i], 0, link | BIT64(62)), HV_OK);
        assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
        assert_false(walk.writable_el1);
        assert_true(walk.readable_el0);
        assert_false(walk.writable_el0);
        assert_int_equal(guest_update(f, tables[i], 0, link | BIT64(61)), HV_OK);
        assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
        assert_true(walk.writable_el1);
        assert_false(walk.readable_el0);
        assert_false(walk.writable_el0);
        assert_int_equal(guest_update(f, tables[i], 0, link), HV_OK);
    }
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
    assert_true(walk.writable_el1 && walk.writable_el0);
}

static void open_table_on_the_way_is_not_read(void **state)
{
    static const unsigned int tables[] = {ROOT, MID1, MID2, LEAF};

    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        f->ptwr.last_empty = MFN_NONE;
        assert_int_equal(guest_store(f, tables[i], 9, 0x10 + 2 * i), GUEST_DONE);
        assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_EAGAIN);
        assert_int_equal(guest_sync(f, PTWR_T_EL2_WALK), HV_OK);
        assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
    }
    f->ptwr.last_empty = MFN_NONE;
    assert_int_equal(guest_store(f, LEAF, 9, 0), GUEST_DONE);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_EAGAIN);
}

static void each_descriptor_is_read_once(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(translate(guest_va(1, 0, 0, 0, 0)), HV_OK);
    assert_string_equal(fake_trace_all(f), "load 1[0]; load 2[0]; load 3[0]; load 4[0]");
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(page_is_found_with_its_offset),     T(block_is_found_with_its_offset),
        T(hole_is_reported_with_its_level),   T(each_half_has_its_own_base),
        T(each_vcpu_has_its_own_bases),       T(addresses_between_the_halves_fault),
        T(tag_in_the_top_byte_is_ignored),    T(leaf_permissions_are_read),
        T(dbm_gives_no_permission),           T(hierarchical_bits_of_every_level_are_applied),
        T(open_table_on_the_way_is_not_read), T(each_descriptor_is_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
