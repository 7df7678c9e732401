/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLBs, walk caches and caches may keep: each test is the smallest configuration in which one
 * way to lose the guarantee can be seen.
 */
#include "tests/mmu/scene.h"

/* --- A1: a table that is one no more ---------------------------------------------------------- */

static void a1_cleared_table_is_readonly_until_walk_caches_forget_it(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_STALE);
    assert_true(walkable(L3)); /* CPU 1 has not been told */
    assert_false(storable(L3));
    sound();
    /* The guest, which has flushed nothing, wants its page back. */
    assert_int_equal(world_store(&w, 1, L3, 0, BAD), PTWR_DONE);
    assert_true(storable(L3));
    assert_false(walkable(L3));
    sound();
}

static void a1_one_flush_serves_all_stale_tables(void)
{
    uint64_t before;

    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    before = w.p.count.tlbi_all;
    assert_int_equal(world_store(&w, 0, 6, 0, BAD), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before + 1);
    assert_int_equal(state(L3), FRAME_PLAIN);
    sound();
}

static void a1_table_that_went_stale_after_a_flush_waits_for_the_next(void)
{
    unsigned int budget = PTWR_BUDGET;

    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    /* A flush for another reason; frame 4 could be freed now, but nobody has yet. */
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_OK);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    while (ptwr_work(&w.p, &budget) != HV_OK)
        budget = PTWR_BUDGET;
    assert_int_equal(state(L3), FRAME_PLAIN);
    assert_int_equal(state(6), FRAME_STALE);
    sound();
    assert_int_equal(world_store(&w, 0, 6, 0, BAD), PTWR_DONE);
    sound();
}

static void a1_child_dropped_in_a_batch_is_stale(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    open_table(L2, 0, NONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(state(L3), FRAME_STALE);
    assert_false(storable(L3));
    sound();
    assert_int_equal(world_store(&w, 1, L3, 0, BAD), PTWR_DONE);
    sound();
}

static void a1_stale_table_becomes_a_table_of_another_level(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_pin(&w, 0, L3, 2), HV_EINVAL); /* page bits are no block's */
    assert_int_equal(world_store(&w, 0, L3, 0, NONE), PTWR_DONE);
    assert_int_equal(world_pin(&w, 0, L3, 2), HV_OK);
    sound();
}

static void a1_walk_through_a_forgotten_pointer_ends_at_stage_1(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), false), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    /* The leaf may be cached still: another page of the same table is not. */
    assert_int_equal(world_access(&w, 1, PAGE(0, 1), false), WORLD_STAGE1);
    sound();
}

static void a1_table_that_a_flush_has_served_needs_no_other(void)
{
    uint64_t before;

    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_OK);
    before = w.p.count.tlbi_all;
    assert_int_equal(world_store(&w, 0, L3, 0, BAD), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before);
    sound();
}

static void a1_stale_table_is_linked_at_another_level(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_STALE);
    assert_int_equal(world_store(&w, 0, L1, 1, table_desc(L3)), PTWR_DONE);
    assert_int_equal(w.frames[L3].type, FRAME_TABLE_L2);
    sound();
}

/* --- A2, A3, D7: protection and detachment, barrier by barrier -------------------------------- */

static void a2_no_writable_entry_survives_protection(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    assert_true(storable(5));
    assert_int_equal(world_pin(&w, 0, 5, 3), HV_OK);
    assert_false(storable(5));
    sound();
}

static void a2_no_walk_comes_to_an_open_table(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

static void a2_reconnected_table_is_protected_first(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 1, page_desc(6, LEAF_RO));
    assert_int_equal(world_access(&w, 1, PAGE(0, 1), false), WORLD_OK);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_false(storable(L3));
    sound();
}

static void a2_preemption_protects_what_the_vcpu_opened(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_pin(&w, 0, 6, 3), HV_OK);
    open_table(L3, 1, page_desc(6, LEAF_RO));
    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 1, 6, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    w.mmu.cpu = 0;
    ptwr_protect_open(&w.p, 0, PTWR_T_PREEMPT);
    assert_int_equal(state(L3), FRAME_PROTECTING);
    assert_int_equal(state(6), FRAME_OPEN);
    assert_false(storable(L3));
    sound();
    assert_int_equal(world_access(&w, 1, PAGE(0, 1), false), WORLD_OK);
    sound();
}

/* More entries than are invalidated one by one. */
static void a2_many_tables_are_protected_at_once(void)
{
    begin(12, 12, PTWR_POLICY_OPEN);
    for (unsigned int i = 1; i <= 12; i++)
        assert_int_equal(world_pin(&w, 0, i, 3), HV_OK);
    for (unsigned int i = 1; i <= 12; i++)
        assert_int_equal(world_store(&w, 0, i, 0, page_desc(i, LEAF_RO)), PTWR_DONE);
    assert_int_equal(w.p.nr_open, 12);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    for (unsigned int i = 1; i <= 12; i++)
        assert_false(storable(i));
    sound();
    for (unsigned int i = 1; i <= 12; i++)
        assert_int_equal(world_unpin(&w, 0, i), HV_OK);
    w.mmu.cpu = 0;
    ptwr_flush(&w.p, &(unsigned int){PTWR_BUDGET});
    for (unsigned int i = 1; i <= 12; i++)
        assert_int_equal(state(i), FRAME_PLAIN);
    sound();
}

/* Eight stale tables and one more are too many for single invalidations, eight are not. */
static void a2_stale_tables_leave_the_walk_window_with_the_flush(void)
{
    for (unsigned int count = 1; count <= 9; count++) {
        begin(9, 1, PTWR_POLICY_EMULATE);
        for (unsigned int i = 1; i <= count; i++)
            assert_int_equal(world_pin(&w, 0, i, 3), HV_OK);
        for (unsigned int i = 1; i <= count; i++)
            assert_int_equal(world_unpin(&w, 0, i), HV_OK);
        w.mmu.cpu = 1;
        ptwr_flush(&w.p, &(unsigned int){PTWR_BUDGET});
        for (unsigned int i = 1; i <= count; i++)
            assert_int_equal(world_store(&w, 0, i, 0, BAD), PTWR_DONE);
        sound();
    }
}

/* --- A4: non-cacheable aliases ---------------------------------------------------------------- */

static void a4_value_behind_a_clean_line_is_the_one_judged(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_true(mmu_guest_store(&w.mmu, 6, 0, BAD, MMU_NC_CLEAN));
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_INJECT);
    sound();
    assert_true(mmu_guest_store(&w.mmu, 6, 1, page_desc(5, LEAF_RO), MMU_NC_CLEAN));
    assert_true(mmu_guest_store(&w.mmu, 6, 0, NONE, MMU_CACHEABLE));
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    sound();
}

static void a4_value_of_a_dirty_line_is_the_one_judged(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_true(mmu_guest_store(&w.mmu, 6, 0, BAD, MMU_NC_DIRTY));
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    sound();
    assert_int_equal(entry(6, 0), page_desc(5, LEAF_RO).raw);
}

static void a4_reconnect_cleans_too(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 1, NONE);
    assert_true(mmu_guest_store(&w.mmu, L3, 0, BAD, MMU_NC_CLEAN));
    assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L3, 0), BAD.raw & ~DESC_VALID);
    sound();
}

static void a4_write_back_by_stage_2_needs_no_clean(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    w.mmu.fwb = true;
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_true(mmu_guest_store(&w.mmu, 6, 0, BAD, MMU_NC_CLEAN));
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_INJECT);
    sound();
}

/* --- A8, F1: how far an invalidation by VA reaches -------------------------------------------- */

/* Opens L3 and tells how: by one VA, or with a full flush. */
static void expect_open(bool by_va)
{
    uint64_t va, all;

    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    va = w.p.count.tlbi_va;
    all = w.p.count.tlbi_all;
    open_table(L3, 1, BAD);
    assert_int_equal(w.p.count.tlbi_va,
                     va + (by_va ? 2 : 1)); /* one belongs to the store's retry */
    assert_int_equal(w.p.count.tlbi_all, all + (by_va ? 0 : 1));
    assert_false(walkable(L3));
    sound();
    assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
    sound();
}

static void f1_one_way_to_the_table_one_va(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    expect_open(true);
}

static void f1_one_way_in_the_upper_range(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    for (unsigned int cpu = 0; cpu < w.mmu.cpus; cpu++)
        assert_int_equal(world_base(&w, cpu, 0, MMU_NONE), HV_OK);
    for (unsigned int cpu = 0; cpu < w.mmu.cpus; cpu++)
        assert_int_equal(world_base(&w, cpu, 1, ROOT), HV_OK);
    assert_int_equal(world_access(&w, 1, MMU_PAGES / 2, true), WORLD_OK);
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

/* The indices on the way must not be taken for each other's. */
static void f1_one_way_by_other_indices(void)
{
    for (unsigned int i = 0; i < 8; i++) {
        desc_t both[2];

        begin(6, 2, PTWR_POLICY_EMULATE);
        for (unsigned int level = 0; level < 3; level++) {
            unsigned int index = i >> (2 - level) & 1;

            both[index] = table_desc(ROOT + level + 1);
            both[!index] = NONE;
            world_fill(&w, ROOT + level, both[0], both[1]);
        }
        world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
        assert_int_equal(world_base(&w, 1, 0, ROOT), HV_OK);
        assert_int_equal(world_access(&w, 1, 2 * i, true), WORLD_OK);
        open_table(L3, 1, BAD);
        assert_int_equal(w.p.count.tlbi_va, 2);
        assert_false(walkable(L3));
        sound();
    }
}

static void f1_table_hooked_twice(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(L3)), PTWR_DONE);
    expect_open(false);
}

static void f1_table_hooked_twice_from_the_start(void)
{
    begin(6, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, ROOT, table_desc(L1), NONE);
    world_fill(&w, L1, table_desc(L2), NONE);
    world_fill(&w, L2, table_desc(L3), table_desc(L3));
    world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
    assert_int_equal(world_base(&w, 1, 0, ROOT), HV_OK);
    expect_open(false);
}

static void f1_ancestor_hooked_twice(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L1, 1, table_desc(L2)), PTWR_DONE);
    expect_open(false);
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, ROOT, 1, table_desc(L1)), PTWR_DONE);
    expect_open(false);
}

static void f1_table_that_was_hooked_elsewhere_before(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(L3)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

static void f1_second_hook_that_is_gone(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(L3)), PTWR_DONE);
    assert_int_equal(world_access(&w, 1, PAGE(1, 0), true), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

static void f1_pinned_table_that_was_hooked_elsewhere_before(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_pin(&w, 0, L3, 3), HV_OK);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(L3)), PTWR_DONE);
    assert_true(walkable(L3));
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

static void f1_root_in_both_bases(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_base(&w, 1, 1, ROOT), HV_OK);
    expect_open(false);
}

static void f1_root_that_was_in_the_other_base_before(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_base(&w, 1, 1, ROOT), HV_OK);
    assert_int_equal(world_base(&w, 1, 0, MMU_NONE), HV_OK);
    assert_int_equal(world_base(&w, 0, 0, MMU_NONE), HV_OK);
    open_table(L3, 1, BAD);
    assert_false(walkable(L3));
    sound();
}

static void f1_two_roots_one_table(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, table_desc(L1), NONE);
    assert_int_equal(world_base(&w, 1, 0, 6), HV_OK);
    expect_open(false);
}

/* Walk caches point to all tables below it, hence more than one VA. */
static void a8_table_of_a_higher_level_is_opened_with_a_full_flush(void)
{
    static const unsigned int tables[] = {L2, L1, ROOT};

    for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
        uint64_t before;

        tree(8, 2, PTWR_POLICY_EMULATE);
        assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
        before = w.p.count.tlbi_all;
        open_table(tables[i], 1, BAD);
        assert_int_equal(w.p.count.tlbi_all, before + 1);
        assert_false(walkable(tables[i]));
        /* Another table below it, by the same batch; then the old one goes. */
        assert_int_equal(world_store(&w, 0, tables[i], 0, NONE), PTWR_DONE);
        assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
        sound();
        assert_int_equal(world_store(&w, 1, tables[i] + 1, 0, BAD), PTWR_DONE);
        sound();
    }
}

/* --- A9: links to open tables ----------------------------------------------------------------- */

static void a9_link_to_an_open_table_reconnects_it_first(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 1, BAD);
    assert_int_equal(world_store(&w, 1, L2, 1, table_desc(L3)), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(w.p.count.reconnected[PTWR_T_REFERENCE], 1);
    assert_int_equal(entry(L3, 1), BAD.raw & ~DESC_VALID);
    assert_int_equal(entry(L2, 1), table_desc(L3).raw);
    sound();
}

static void a9_batch_that_links_an_open_table_waits_for_it(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L2, 1, table_desc(L3));
    open_table(L3, 1, BAD);
    assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L2, 1), table_desc(L3).raw);
    assert_int_equal(entry(L3, 1), BAD.raw & ~DESC_VALID);
    sound();
}

static void a9_base_below_which_a_table_is_open(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, table_desc(L1), NONE);
    open_table(L3, 1, BAD);
    assert_int_equal(world_base(&w, 1, 1, 6), HV_OK);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    sound();
}

#define TESTS(X)                                                                                   \
    X(a1_cleared_table_is_readonly_until_walk_caches_forget_it)                                    \
    X(a1_one_flush_serves_all_stale_tables)                                                        \
    X(a1_table_that_went_stale_after_a_flush_waits_for_the_next)                                   \
    X(a1_child_dropped_in_a_batch_is_stale)                                                        \
    X(a1_stale_table_becomes_a_table_of_another_level)                                             \
    X(a1_walk_through_a_forgotten_pointer_ends_at_stage_1)                                         \
    X(a1_table_that_a_flush_has_served_needs_no_other)                                             \
    X(a1_stale_table_is_linked_at_another_level)                                                   \
    X(a2_no_writable_entry_survives_protection)                                                    \
    X(a2_no_walk_comes_to_an_open_table)                                                           \
    X(a2_reconnected_table_is_protected_first)                                                     \
    X(a2_preemption_protects_what_the_vcpu_opened)                                                 \
    X(a2_many_tables_are_protected_at_once)                                                        \
    X(a2_stale_tables_leave_the_walk_window_with_the_flush)                                        \
    X(a4_value_behind_a_clean_line_is_the_one_judged)                                              \
    X(a4_value_of_a_dirty_line_is_the_one_judged)                                                  \
    X(a4_reconnect_cleans_too)                                                                     \
    X(a4_write_back_by_stage_2_needs_no_clean)                                                     \
    X(f1_one_way_to_the_table_one_va)                                                              \
    X(f1_one_way_in_the_upper_range)                                                               \
    X(f1_one_way_by_other_indices)                                                                 \
    X(f1_table_hooked_twice)                                                                       \
    X(f1_table_hooked_twice_from_the_start)                                                        \
    X(f1_ancestor_hooked_twice)                                                                    \
    X(f1_table_that_was_hooked_elsewhere_before)                                                   \
    X(f1_second_hook_that_is_gone)                                                                 \
    X(f1_pinned_table_that_was_hooked_elsewhere_before)                                            \
    X(f1_root_in_both_bases)                                                                       \
    X(f1_root_that_was_in_the_other_base_before)                                                   \
    X(f1_two_roots_one_table)                                                                      \
    X(a8_table_of_a_higher_level_is_opened_with_a_full_flush)                                      \
    X(a9_link_to_an_open_table_reconnects_it_first)                                                \
    X(a9_batch_that_links_an_open_table_waits_for_it)                                              \
    X(a9_base_below_which_a_table_is_open)

MAIN(TESTS)
