/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded domains: roots that are parked while tables below them are open, walked by the walk
 * window; all other tables are walked by the data window.
 */
#include "tests/mmu/guarded_scene.h"

/* --- Late validation -------------------------------------------------------------------------- */

static void nothing_is_judged_before_the_first_walk(void)
{
    guarded(6, 2);
    world_user_base(&w, 0, ROOT, 0);
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(state(i), FRAME_PLAIN);
    assert_int_equal(world_store(&w, 1, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    sound();
    assert_int_equal(load(0, 1), WORLD_OK);
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(state(i), FRAME_ATTACHED);
    assert_true(walkable(ROOT) && walkable(L3));
    sound();
}

/* --- Parking ---------------------------------------------------------------------------------- */

static void open_table_parks_its_root(void)
{
    for (unsigned int i = L1; i <= L3; i++) {
        user_tree(6, 2);
        open_table(i, 1, NONE);
        assert_false(walkable(i));
        assert_true(storable(i));
        sound();
        assert_int_equal(load(1, 0), WORLD_OK);
        assert_int_equal(state(i), FRAME_ATTACHED);
        assert_true(walkable(i));
        sound();
    }
}

static void root_stays_parked_while_a_table_below_it_is_open(void)
{
    user_tree(8, 2);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, T(6)), PTWR_DONE);
    assert_int_equal(load(0, PAGE(1, 0)), WORLD_OK);
    open_table(L3, 1, page_desc(7, LEAF_RO));
    open_table(6, 1, page_desc(8, LEAF_RO));
    assert_false(walkable(L3) || walkable(6));
    /* One of them is emulated no longer, but judged for another's sake. */
    w.p.nr_slots = 2;
    world_fill(&w, 7, NONE, NONE);
    sound();
    assert_int_equal(load(1, PAGE(1, 1)), WORLD_OK);
    assert_int_equal(w.p.nr_open, 0);
    assert_int_equal(load(1, PAGE(0, 1)), WORLD_OK);
    sound();
}

static void oldest_slot_gives_way_and_the_root_stays_parked(void)
{
    user_tree(8, 1);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, T(6)), PTWR_DONE);
    open_table(L3, 1, page_desc(7, LEAF_RO));
    open_table(6, 1, page_desc(8, LEAF_RO));
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_false(walkable(6));
    sound();
}

/* What the oldest slot held may have linked the table that wants the slot a second time. */
static void table_that_is_linked_twice_by_then_is_not_opened(void)
{
    user_tree(6, 1);
    open_table(L2, 1, T(L3));
    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    assert_int_equal(w.p.nr_open, 0);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(entry(L3, 1), page_desc(6, LEAF_RO).raw);
    sound();
}

/* .. whose end walkers must see before they see the root. */
static void link_that_went_while_its_table_was_open_is_not_walked(void)
{
    user_tree(6, 2);
    open_table(L1, 1, BAD);
    w.mmu.cpu = 0;
    ptwr_protect_open(&w.p, 0, PTWR_T_PREEMPT);
    assert_int_equal(world_store(&w, 1, ROOT, 0, NONE), PTWR_DONE);
    assert_int_equal(load(0, 0), WORLD_STAGE1);
    assert_int_equal(w.p.nr_open, 0);
    sound();
}

static void tables_below_ttbr1_are_never_opened(void)
{
    guarded(6, 2);
    assert_int_equal(world_kernel_base(&w, 0, ROOT, 0), HV_OK);
    w.p.policy = PTWR_POLICY_OPEN;
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(world_store(&w, 1, i, 1, NONE), PTWR_DONE);
    assert_int_equal(w.p.count.opened, 0);
    /* Nor when a TTBR0_EL1 names it as well. */
    world_user_base(&w, 1, ROOT, 0);
    assert_int_equal(load(1, 0), WORLD_OK);
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(world_store(&w, 1, i, 1, i == L3 ? page_desc(6, 0) : NONE), PTWR_DONE);
    assert_int_equal(w.p.count.opened, 0);
    sound();
}

static void ttbr1_of_a_tree_with_open_tables_reconnects_them(void)
{
    user_tree(6, 2);
    open_table(L3, 1, BAD);
    assert_int_equal(world_kernel_base(&w, 1, ROOT, 0), HV_OK);
    assert_int_equal(w.p.nr_open, 0);
    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(w.p.count.opened, 1);
    sound();
}

/* --- A9: a new way to an open table ------------------------------------------------------------
 */

static void link_to_an_open_table_reconnects_it_first(void)
{
    user_tree(8, 2);
    world_fill(&w, 6, T(7), NONE);
    world_fill(&w, 7, NONE, NONE);
    assert_int_equal(world_store(&w, 0, L1, 1, T(7)), PTWR_DONE);
    open_table(L3, 1, BAD);
    assert_int_equal(world_store(&w, 1, 7, 0, T(L3)), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(entry(L3, 1), BAD.raw & ~DESC_VALID);
    sound();
    /* It has two places now. */
    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    sound();
}

static void link_above_an_open_table_reconnects_it_first(void)
{
    for (unsigned int i = L1; i <= L2; i++) {
        user_tree(8, 2);
        open_table(L3, 1, BAD);
        assert_int_equal(world_store(&w, 1, i - 1, 1, T(i)), PTWR_DONE);
        assert_int_equal(state(L3), FRAME_ATTACHED);
        sound();
    }
}

/* The table above it is a root of another CPU's smaller address space. */
static void base_above_an_open_table_reconnects_it_first(void)
{
    user_tree(8, 2);
    open_table(L3, 1, BAD);
    world_user_base(&w, 1, L1, 1);
    assert_int_equal(load(1, 0), WORLD_OK);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    sound();
}

static void base_that_is_an_open_table_reconnects_it_first(void)
{
    user_tree(8, 2);
    open_table(L1, 1, BAD);
    world_user_base(&w, 1, L1, 1);
    assert_int_equal(load(1, 0), WORLD_OK);
    assert_int_equal(entry(L1, 1), BAD.raw & ~DESC_VALID);
    assert_int_equal(w.p.nr_open, 0);
    sound();
}

static void base_that_is_a_protected_slots_table_reconnects_it_first(void)
{
    static const unsigned int levels[] = {1, 2};

    for (unsigned int i = 0; i < ARRAY_SIZE(levels); i++) {
        user_tree(8, 2);
        open_table(L1, 1, NONE);
        w.mmu.cpu = 0;
        ptwr_protect_open(&w.p, 0, PTWR_T_PREEMPT);
        world_user_base(&w, 1, L1, levels[i]);
        assert_int_equal(load(1, 0), levels[i] == 1 ? WORLD_OK : WORLD_INJECTED);
        sound();
        assert_int_equal(load(0, 0), WORLD_OK);
        sound();
    }
}

/* --- A14, F4: break before make ----------------------------------------------------------------
 */

static unsigned int watched; /* page */

static void no_hole(struct mmu *m)
{
    for (unsigned int i = 0; i < 2; i++) {
        if (m->ttbr[1][watched >= MMU_PAGES / 2] != MMU_NONE && mmu_sees_hole(m, 1, watched + i))
            mmu_fail(m, "another CPU finds page %u unmapped", watched + i);
    }
}

static void f4_no_other_cpu_sees_the_break(void)
{
    const unsigned int pages[] = {0, MMU_PAGES - 2};

    for (unsigned int i = 0; i < 2; i++) {
        guarded(12, 2);
        world_fill(&w, ROOT, i == 0 ? T(L1) : NONE, i == 0 ? NONE : T(L1));
        world_fill(&w, L1, i == 0 ? T(L2) : NONE, i == 0 ? NONE : T(L2));
        world_fill(&w, L2, i == 0 ? T(L3) : NONE, i == 0 ? NONE : T(L3));
        world_fill(&w, L3, page_desc(5, LEAF_RW), page_desc(6, LEAF_RO));
        if (i == 1)
            assert_int_equal(world_kernel_base(&w, 1, ROOT, 0), HV_OK);
        world_user_base(&w, 1, i == 0 ? ROOT : MMU_NONE, 0);
        watched = pages[i];
        assert_int_equal(load(1, watched), WORLD_OK);
        w.mmu.hook = no_hole;
        for (unsigned int frame = ROOT; frame <= L3; frame++) {
            desc_t value = frame == L3 ? page_desc(7, LEAF_RO) : block_desc(8, LEAF_RO);

            if (frame != ROOT)
                assert_int_equal(world_store(&w, 0, frame, i, value), PTWR_DONE);
            assert_int_equal(load(1, watched + i), WORLD_OK);
            sound();
            if (frame != L3 && frame != ROOT) { /* back again for the next */
                assert_int_equal(world_store(&w, 0, frame, i, T(frame + 1)), PTWR_DONE);
                assert_int_equal(load(1, watched + i), WORLD_OK);
            }
        }
        w.mmu.hook = NULL;
    }
}

/* A root's page is walked by one window or by both. */
static void break_in_a_root_hides_it_in_both_windows(void)
{
    for (unsigned int both = 0; both < 2; both++) {
        user_tree(12, 2);
        world_fill(&w, 6, T(7), NONE);
        world_fill(&w, 7, T(L3), NONE);
        world_fill(&w, 8, T(6), NONE);
        if (both != 0)
            assert_int_equal(world_kernel_base(&w, 1, ROOT, 0), HV_OK);
        assert_int_equal(world_store(&w, 0, ROOT, 1, T(6)), PTWR_DONE);
        assert_int_equal(world_store(&w, 0, ROOT, 0, T(6)), PTWR_DONE);
        sound();
        assert_int_equal(load(1, 0), WORLD_OK);
        sound();
    }
}

static void group_is_judged_as_a_whole(void)
{
    user_tree(8, 2);
    /* Frames 4 and 5: the first is the table itself. */
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(5, LEAF_EL0 | DESC_CONTIGUOUS)),
                     PTWR_INJECT);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_EL0 | DESC_CONTIGUOUS)),
                     PTWR_DONE);
    assert_int_equal(w.frames[6].el0_writers, 1);
    assert_int_equal(w.frames[7].el0_writers, 1);
    sound();
    /* What EL0 can write by it is no table. */
    world_fill(&w, 8, NONE, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, T(6)), PTWR_INJECT);
    assert_int_equal(world_store(&w, 0, L2, 1, T(8)), PTWR_DONE);
    sound();
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(w.frames[6].counts, 0);
    assert_int_equal(world_store(&w, 0, L2, 1, T(6)), PTWR_DONE);
    sound();
}

/* --- A1, A8: what goes stale, and what is opened above level 3 ----------------------------------
 */

static void a1_unlinked_table_is_not_written_before_a_flush(void)
{
    user_tree(8, 2);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_STALE);
    assert_false(storable(L3));
    assert_int_equal(world_store(&w, 0, L3, 0, BAD), PTWR_DONE);
    assert_true(storable(L3));
    sound();
}

static void a1_dropped_root_is_not_written_before_a_flush(void)
{
    user_tree(8, 2);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        world_user_base(&w, cpu, 6, 0);
    assert_int_equal(world_store(&w, 0, ROOT, 0, BAD), PTWR_DONE);
    assert_int_equal(state(ROOT), FRAME_PLAIN);
    sound();
    assert_int_equal(world_store(&w, 1, L3, 0, BAD), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_PLAIN);
    sound();
}

/* Other pointers than those on the way to its first entry are cached too. */
static void a8_table_above_level_3_is_opened_with_a_full_flush(void)
{
    user_tree(8, 2);
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, T(6)), PTWR_DONE);
    assert_int_equal(load(1, PAGE(1, 0)), WORLD_OK);
    open_table(L2, 1, NONE);
    assert_false(walkable(6) || walkable(L3));
    assert_int_equal(load(1, PAGE(0, 0)), WORLD_OK);
    assert_int_equal(state(6), FRAME_STALE);
    assert_int_equal(world_store(&w, 0, 6, 0, BAD), PTWR_DONE);
    sound();
}

/* A root is dropped while a table below it is open. */
static void root_that_goes_while_a_table_below_it_is_open(void)
{
    for (unsigned int i = L1; i <= L3; i++) {
        user_tree(8, 2);
        open_table(i, 1, BAD);
        for (unsigned int cpu = 0; cpu < cpus; cpu++)
            world_user_base(&w, cpu, 6, 0);
        assert_int_equal(world_store(&w, 1, ROOT, 1, NONE), PTWR_DONE);
        sound();
        assert_int_equal(world_sync(&w, 0, PTWR_T_LIFE), HV_OK);
        world_user_base(&w, 0, ROOT, 0);
        assert_int_equal(load(0, 0), WORLD_OK);
        assert_int_equal(entry(i, 1), BAD.raw & ~DESC_VALID);
        sound();
    }
}

/* --- What EL0 may not do ------------------------------------------------------------------------
 */

static enum ptwr_outcome store_el0(unsigned int frame)
{
    struct ptwr_store store = {
        .table = mfn_of(frame), .size = 8, .decoded = true, .emulatable = true, .el0 = true};

    return world_store_as(&w, 0, &store, MMU_CACHEABLE);
}

static void store_of_el0_neither_opens_nor_drops(void)
{
    user_tree(8, 2);
    w.p.policy = PTWR_POLICY_OPEN;
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(store_el0(i), PTWR_INJECT);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        world_user_base(&w, cpu, MMU_NONE, 0);
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(store_el0(i), PTWR_INJECT);
    assert_int_equal(state(ROOT), FRAME_ATTACHED);
    sound();
}

#define TESTS(X)                                                                                   \
    X(nothing_is_judged_before_the_first_walk)                                                     \
    X(open_table_parks_its_root)                                                                   \
    X(root_stays_parked_while_a_table_below_it_is_open)                                            \
    X(oldest_slot_gives_way_and_the_root_stays_parked)                                             \
    X(table_that_is_linked_twice_by_then_is_not_opened)                                            \
    X(link_that_went_while_its_table_was_open_is_not_walked)                                       \
    X(tables_below_ttbr1_are_never_opened)                                                         \
    X(ttbr1_of_a_tree_with_open_tables_reconnects_them)                                            \
    X(link_to_an_open_table_reconnects_it_first)                                                   \
    X(link_above_an_open_table_reconnects_it_first)                                                \
    X(base_above_an_open_table_reconnects_it_first)                                                \
    X(base_that_is_an_open_table_reconnects_it_first)                                              \
    X(base_that_is_a_protected_slots_table_reconnects_it_first)                                    \
    X(f4_no_other_cpu_sees_the_break)                                                              \
    X(break_in_a_root_hides_it_in_both_windows)                                                    \
    X(group_is_judged_as_a_whole)                                                                  \
    X(a1_unlinked_table_is_not_written_before_a_flush)                                             \
    X(a1_dropped_root_is_not_written_before_a_flush)                                               \
    X(a8_table_above_level_3_is_opened_with_a_full_flush)                                          \
    X(root_that_goes_while_a_table_below_it_is_open)                                               \
    X(store_of_el0_neither_opens_nor_drops)

MAIN(TESTS)
