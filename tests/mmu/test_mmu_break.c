/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that change while they may be cached, and what a refusal leaves: each test is the
 * smallest configuration in which it can be seen.
 */
#include "tests/mmu/scene.h"

/* --- A14, F4: break-before-make --------------------------------------------------------------- */

static void a14_live_entry_is_broken_before_it_names_another_frame(void)
{
    uint64_t before;

    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    before = w.p.count.tlbi_all;
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(6, LEAF_RO)), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before + 1);
    sound();
    assert_int_equal(world_update(&w, 0, L3, 0, page_desc(7, LEAF_RO)), HV_OK);
    assert_int_equal(world_update(&w, 0, L3, 0, page_desc(7, LEAF_RO | LEAF_NC)), HV_OK);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), false), WORLD_OK);
    sound();
}

static void a14_link_becomes_a_block(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 0, block_desc(6, LEAF_RW)), PTWR_DONE);
    sound();
    world_fill(&w, 5, NONE, NONE);
    assert_int_equal(world_store(&w, 0, L2, 0, table_desc(5)), PTWR_DONE);
    sound();
}

static void a14_rights_change_in_place(void)
{
    uint64_t before;

    tree(8, 2, PTWR_POLICY_EMULATE);
    before = w.p.count.tlbi_all;
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 0, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before);
    sound();
}

static void a14_whatever_else_changes_is_broken_too(void)
{
    static const uint64_t bits[] = {DESC_NG, DESC_SH, BIT64(9), LEAF_NC};

    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
        uint64_t before;

        tree(8, 2, PTWR_POLICY_EMULATE);
        before = w.p.count.tlbi_all;
        assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RW | bits[i])), PTWR_DONE);
        assert_int_equal(w.p.count.tlbi_all, before + 1);
        sound();
    }
}

/* A link that the guest cleared without a flush and a block in its place must not meet. */
static void a14_break_that_the_guest_did_not_finish_is_finished(void)
{
    uint64_t before;

    tree(8, 2, PTWR_POLICY_EMULATE);
    before = w.p.count.tlbi_all;
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 0, block_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before + 1);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    w.mmu.cpu = 0;
    ptwr_flush(&w.p, &(unsigned int){PTWR_BUDGET});
    assert_int_equal(world_store(&w, 0, L2, 0, block_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before + 2);
    sound();
}

/* The same by another root: the block of one tree, the table of the other, one VA and one ASID. */
static void a14_block_and_table_of_two_roots_do_not_meet(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    assert_false(w.p.blocks); /* domains without one need no flush */
    world_fill(&w, 6, table_desc(7), NONE);
    world_fill(&w, 7, table_desc(8), NONE);
    world_fill(&w, 8, block_desc(8, LEAF_RO), NONE);
    assert_int_equal(world_access(&w, 0, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(world_base(&w, 0, 0, 6), HV_OK);
    assert_int_equal(world_access(&w, 0, PAGE(0, 0), false), WORLD_OK);
    sound();
    assert_int_equal(world_base(&w, 0, 0, MMU_NONE), HV_OK);
    assert_int_equal(world_base(&w, 0, 0, ROOT), HV_OK);
    sound();
}

/* Nothing asks for a flush when the base changes: the block is made later. */
static void a14_later_block_and_table_of_two_roots_do_not_meet(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, table_desc(7), NONE);
    world_fill(&w, 7, table_desc(8), NONE);
    world_fill(&w, 8, NONE, table_desc(L3));
    assert_int_equal(world_base(&w, 0, 0, 6), HV_OK);
    assert_int_equal(world_access(&w, 0, PAGE(1, 0), true), WORLD_OK);
    assert_int_equal(world_base(&w, 0, 0, ROOT), HV_OK);
    sound();
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(8, LEAF_RO)), PTWR_DONE);
    sound();
}

static void no_hole(struct mmu *m)
{
    for (unsigned int i = 0; i < 2; i++) {
        if (mmu_sees_hole(m, 1, PAGE(0, i)))
            mmu_fail(m, "another CPU finds page %u unmapped", PAGE(0, i));
    }
}

/* Neither the entry that changes nor its neighbour is ever seen invalid. */
static void f4_no_other_cpu_sees_the_break(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    ptwr_flush(&w.p, &(unsigned int){PTWR_BUDGET}); /* the store above is seen by all */
    w.mmu.hook = no_hole;
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(7, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), false), WORLD_OK);
    sound();
}

/* --- A16: what becomes of a refused entry ----------------------------------------------------- */

static void a16_refused_batch_entry_keeps_its_new_value_without_the_valid_bit(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L3, 0), BAD.raw & ~DESC_VALID);
    assert_int_equal(entry(L3, 1), page_desc(6, LEAF_RW).raw);
    assert_int_equal(w.frames[5].counts, 0); /* the old frame is not held */
    sound();
}

static void a16_refused_store_is_not_performed(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, BAD), PTWR_INJECT);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RW).raw);
    sound();
}

static void a16_crash_puts_the_batch_back(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    w.p.action = PTWR_ACTION_CRASH;
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, BAD), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_EPERM);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RW).raw);
    assert_int_equal(entry(L3, 1), 0);
    sound();
}

#define TESTS(X)                                                                                   \
    X(a14_live_entry_is_broken_before_it_names_another_frame)                                      \
    X(a14_link_becomes_a_block)                                                                    \
    X(a14_rights_change_in_place)                                                                  \
    X(a14_whatever_else_changes_is_broken_too)                                                     \
    X(a14_break_that_the_guest_did_not_finish_is_finished)                                         \
    X(a14_block_and_table_of_two_roots_do_not_meet)                                                \
    X(a14_later_block_and_table_of_two_roots_do_not_meet)                                          \
    X(f4_no_other_cpu_sees_the_break)                                                              \
    X(a16_refused_batch_entry_keeps_its_new_value_without_the_valid_bit)                           \
    X(a16_refused_store_is_not_performed)                                                          \
    X(a16_crash_puts_the_batch_back)

MAIN(TESTS)
