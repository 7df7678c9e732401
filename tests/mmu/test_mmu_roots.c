/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded domains: one frame as a root for several sizes of address space, and roots of which one
 * has a block where another has tables.
 */
#include "tests/mmu/guarded_scene.h"

/* --- B11: sizes of address space -------------------------------------------------------------- */

static void root_for_another_size_is_judged_anew(void)
{
    user_tree(8, 2);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        world_user_base(&w, cpu, ROOT, 1);
    sound();
    assert_int_equal(load(cpus - 1, 0), WORLD_OK);
    assert_int_equal(w.frames[ROOT].type, FRAME_TABLE_L1);
    assert_int_equal(w.frames[L2].type, FRAME_TABLE_L3);
    sound();
}

static void root_for_two_sizes_at_a_time_is_refused_to_the_second(void)
{
    user_tree(8, 2);
    world_user_base(&w, 0, ROOT, 1);
    assert_int_equal(w.mmu.ttbr[0][0], MMU_NONE);
    assert_int_equal(load(1, 0), WORLD_OK);
    sound();
    /* Both at once, and none of them walked yet. */
    guarded(8, 2);
    world_user_base(&w, 0, ROOT, 1);
    world_user_base(&w, 1, ROOT, 0);
    assert_int_equal(load(1, 0), WORLD_INJECTED);
    assert_int_equal(load(0, 0), WORLD_INJECTED);
    world_user_base(&w, 0, MMU_NONE, 0);
    assert_int_equal(load(1, 0), WORLD_OK);
    sound();
    /* TTBR1_EL1 does not take it either. */
    assert_int_equal(world_kernel_base(&w, 0, ROOT, 1), HV_EINVAL);
    sound();
}

/* .. who has it as soon as the first has gone, without another base between. */
static void root_of_another_size_is_free_when_it_is_unloaded(void)
{
    guarded(8, 2);
    world_user_base(&w, 1, 6, 0);
    world_user_base(&w, 0, ROOT, 1);
    assert_int_equal(load(0, 0), WORLD_OK);
    world_user_base(&w, 1, ROOT, 0);
    assert_int_equal(w.mmu.ttbr[1][0], MMU_NONE);
    world_user_base(&w, 0, 6, 1);
    world_user_base(&w, 1, ROOT, 0);
    sound();
    assert_int_equal(load(1, 0), WORLD_OK);
    sound();
}

static void size_that_comes_back_finds_its_root(void)
{
    user_tree(8, 2);
    world_user_base(&w, 0, ROOT, 1);
    world_user_base(&w, 0, ROOT, 0);
    assert_int_equal(load(0, 0), WORLD_OK);
    assert_int_equal(w.frames[ROOT].type, FRAME_TABLE_L0);
    sound();
}

static void root_that_went_stale_is_not_walked_for_another_size(void)
{
    guarded(8, 2);
    world_user_base(&w, 0, 6, 1);
    assert_int_equal(load(0, 0), WORLD_STAGE1);
    world_user_base(&w, 1, ROOT, 0);
    assert_int_equal(load(1, 0), WORLD_OK);
    world_user_base(&w, 1, 7, 0);
    assert_int_equal(world_store(&w, 0, 6, 0, BAD), PTWR_INJECT);
    assert_int_equal(state(ROOT), FRAME_STALE);
    world_user_base(&w, 0, ROOT, 1);
    sound();
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
}

/* CPU 1's walk by a root that is half judged, for CPU 0 and another size, waits for its page. */
static void begin_two_sizes(void)
{
    guarded(8, 2);
    world_fill(&w, L3, page_desc(5, LEAF_RW), page_desc(5, LEAF_RO));
    world_user_base(&w, 0, ROOT, 0);
    world_user_base(&w, 1, 6, 1);
    assert_int_equal(world_access_once(&w, 0, 0, false, 1), WORLD_RETRY);
    assert_int_equal(state(ROOT), FRAME_PROTECTING);
    world_user_base(&w, 1, ROOT, 1);
    assert_int_equal(load(1, 0), WORLD_INJECTED);
}

static void walk_that_began_for_another_size_does_not_go_on(void)
{
    begin_two_sizes();
    world_user_base(&w, 1, 6, 0);
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
    begin_two_sizes();
    world_user_base(&w, 1, 6, 1);
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
    begin_two_sizes();
    world_off(&w, 1);
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
}

static void els_own_walk_asks_for_the_size(void)
{
    struct ptwr_walk walk;

    user_tree(8, 2);
    world_user_base(&w, 0, ROOT, 1);
    assert_int_equal(ptwr_translate(&w.p, 0, mmu_va(0), &walk), HV_EFAULT);
    assert_int_equal(ptwr_translate(&w.p, 1, mmu_va(0), &walk), HV_OK);
    sound();
}

/* A table in use for something else is no root, and whoever asks is not told to come back. */
static void base_of_another_level_is_refused(void)
{
    user_tree(8, 2);
    world_user_base(&w, 0, L3, 0);
    assert_int_equal(load(0, 0), WORLD_INJECTED);
    assert_int_equal(world_kernel_base(&w, 0, L3, 0), HV_EINVAL);
    sound();
}

/* --- M10: blocks and tables of several roots ----------------------------------------------------
 */

/* Another tree, frames 8 to 11, whose first 2 MiB are a table's. */
static void second_tree(void)
{
    world_fill(&w, 8, T(9), NONE);
    world_fill(&w, 9, T(10), NONE);
    world_fill(&w, 10, T(11), T(11));
    world_fill(&w, 11, page_desc(5, LEAF_RO), NONE);
}

static void change(unsigned int frame, unsigned int page)
{
    world_user_base(&w, 0, frame, 0);
    assert_int_equal(load(0, page), WORLD_OK);
    sound();
}

static void block_of_a_new_root_does_not_meet_the_old_ones_table(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, L2, block_desc(12, LEAF_RW), NONE);
    change(8, 0);
    change(ROOT, 0);
    change(8, 0);
    change(ROOT, 0);
}

/* .. nor when it was judged, for another CPU, before the base changed. */
static void block_of_a_root_that_is_half_judged_does_not_meet_a_table(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, ROOT, T(L1), T(6));
    world_fill(&w, L2, block_desc(12, LEAF_RW), NONE);
    world_fill(&w, 7, block_desc(14, LEAF_RW), block_desc(14, LEAF_RW));
    world_fill(&w, 6, NONE, T(7));
    world_user_base(&w, 1, ROOT, 0);
    world_user_base(&w, 0, 8, 0);
    for (unsigned int i = 0; i < 20 && w.frames[7].el0_writers == 0; i++)
        assert_int_equal(world_access_once(&w, 1, 0, false, 1), WORLD_RETRY);
    change(8, 0);
    change(ROOT, 0);
}

static void block_that_is_stored_later_does_not_meet_another_roots_table(void)
{
    guarded(12, 2);
    second_tree();
    change(ROOT, 0);
    change(8, 2);
    change(ROOT, 0);
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(12, LEAF_RW)), PTWR_DONE);
    sound();
    change(8, 2);
    change(ROOT, 2);
}

static void block_of_a_batch_does_not_meet_another_roots_table(void)
{
    guarded(12, 2);
    second_tree();
    change(8, 2);
    change(ROOT, 0);
    open_table(L2, 1, block_desc(12, LEAF_RW));
    change(8, 2);
    world_user_base(&w, 0, ROOT, 0);
    assert_int_equal(world_sync(&w, 0, PTWR_T_SLOT), HV_OK);
    sound();
    change(8, 2);
    change(ROOT, 2);
}

static void block_in_a_table_that_is_linked_again_is_known(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, L2, NONE, block_desc(12, LEAF_RW));
    world_fill(&w, 6, T(7), NONE);
    world_fill(&w, 7, NONE, NONE);
    change(ROOT, 2);
    change(8, 2);
    world_user_base(&w, 0, 6, 0);
    assert_int_equal(load(0, 2), WORLD_STAGE1); /* a third root, of nothing yet */
    assert_int_equal(world_store(&w, 0, 7, 0, T(L2)), PTWR_DONE);
    sound();
    assert_int_equal(load(0, 2), WORLD_OK);
    sound();
    change(8, 2);
    change(6, 2);
}

static void block_below_a_table_that_becomes_a_root_is_known(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, L2, block_desc(12, LEAF_RW), NONE);
    change(ROOT, 0);
    world_user_base(&w, 1, 9, 1);
    assert_int_equal(load(1, 0), WORLD_OK);
    world_user_base(&w, 1, L1, 1);
    assert_int_equal(load(1, 0), WORLD_OK);
    sound();
    world_user_base(&w, 1, 9, 1);
    assert_int_equal(load(1, 0), WORLD_OK);
    sound();
}

static void block_of_a_root_that_went_stale_does_not_meet_a_table(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, L2, T(L3), block_desc(12, LEAF_RW));
    change(ROOT, 2);
    change(8, 2);
    assert_int_equal(world_store(&w, 0, 11, 1, BAD), PTWR_INJECT);
    assert_int_equal(state(ROOT), FRAME_STALE);
    change(ROOT, 2);
}

/* A validation that was begun for another tree, and has seen blocks. */
static void block_that_an_abandoned_validation_saw_is_known(void)
{
    guarded(12, 2);
    second_tree();
    world_fill(&w, 6, T(7), NONE);
    world_fill(&w, 7, NONE, NONE);
    world_fill(&w, L2, block_desc(12, LEAF_RW), T(L3));
    change(8, 0);
    world_user_base(&w, 0, 6, 0);
    assert_int_equal(load(0, 0), WORLD_STAGE1);
    /* Frame 3 is judged up to its second entry for another root, on CPU 1. */
    world_user_base(&w, 1, ROOT, 0);
    for (unsigned int i = 0; i < 20 && w.frames[L2].el0_writers == 0; i++)
        assert_int_equal(world_access_once(&w, 1, 0, false, 1), WORLD_RETRY);
    assert_int_equal(state(L2), FRAME_PROTECTING);
    assert_int_equal(world_store(&w, 0, 7, 0, T(L2)), PTWR_DONE);
    sound();
    assert_int_equal(load(0, 0), WORLD_OK);
    change(8, 0);
    change(6, 0);
}

/* The same the other way round: a tree takes over what was judged for a table alone. */
static void block_that_is_taken_over_half_judged_is_known(void)
{
    struct ptwr_store store = {
        .table = mfn_of(7), .size = 8, .decoded = true, .emulatable = true, .value = T(L2).raw};

    guarded(12, 2);
    second_tree();
    world_fill(&w, 6, T(7), NONE);
    world_fill(&w, 7, NONE, NONE);
    world_fill(&w, L2, block_desc(12, LEAF_RW), T(L3));
    change(8, 0);
    world_user_base(&w, 0, 6, 0);
    assert_int_equal(load(0, 0), WORLD_STAGE1);
    for (unsigned int i = 0; i < 20 && w.frames[L2].el0_writers == 0; i++)
        assert_int_equal(world_store_once(&w, 0, &store, MMU_CACHEABLE, 1), PTWR_RETRY);
    assert_int_equal(state(L2), FRAME_PROTECTING);
    world_user_base(&w, 1, ROOT, 0);
    assert_int_equal(load(1, 0), WORLD_OK);
    change(8, 0);
    change(ROOT, 0);
}

#define TESTS(X)                                                                                   \
    X(root_for_another_size_is_judged_anew)                                                        \
    X(root_for_two_sizes_at_a_time_is_refused_to_the_second)                                       \
    X(root_of_another_size_is_free_when_it_is_unloaded)                                            \
    X(size_that_comes_back_finds_its_root)                                                         \
    X(root_that_went_stale_is_not_walked_for_another_size)                                         \
    X(walk_that_began_for_another_size_does_not_go_on)                                             \
    X(els_own_walk_asks_for_the_size)                                                              \
    X(base_of_another_level_is_refused)                                                            \
    X(block_of_a_new_root_does_not_meet_the_old_ones_table)                                        \
    X(block_of_a_root_that_is_half_judged_does_not_meet_a_table)                                   \
    X(block_that_is_stored_later_does_not_meet_another_roots_table)                                \
    X(block_of_a_batch_does_not_meet_another_roots_table)                                          \
    X(block_in_a_table_that_is_linked_again_is_known)                                              \
    X(block_below_a_table_that_becomes_a_root_is_known)                                            \
    X(block_of_a_root_that_went_stale_does_not_meet_a_table)                                       \
    X(block_that_an_abandoned_validation_saw_is_known)                                             \
    X(block_that_is_taken_over_half_judged_is_known)

MAIN(TESTS)
