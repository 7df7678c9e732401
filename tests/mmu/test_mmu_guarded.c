/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded domains: roots that are parked while tables below them are open, walked by the walk
 * window; all other tables are walked by the data window.
 */
#include "tests/mmu/scene.h"

#define T(frame) guarded_table_desc(frame)

/* Frame 0 is a guarded domain's own: what it may not name is the walk window. */
#undef BAD
#define BAD desc_of(page_desc(5, LEAF_RO).raw | MMU_WALK)

static void guarded(unsigned int frames, unsigned int slots)
{
    const struct world_config config = {
        .frames = frames,
        .slots = slots,
        .policy = PTWR_POLICY_EMULATE,
        .action = PTWR_ACTION_REFUSE,
        .cpus = cpus,
        .guarded = true,
        .count_users = true,
    };

    world_init(&w, &config);
    w.mmu.erratum = erratum;
    world_fill(&w, ROOT, T(L1), NONE);
    world_fill(&w, L1, T(L2), NONE);
    world_fill(&w, L2, T(L3), NONE);
    world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
}

static enum world_result load(unsigned int cpu, unsigned int page)
{
    return world_access(&w, cpu, page, false);
}

/* The tree in TTBR0_EL1 of every CPU, and walked once. */
static void user_tree(unsigned int frames, unsigned int slots)
{
    guarded(frames, slots);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        world_user_base(&w, cpu, ROOT, 0);
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
}

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
    X(root_for_another_size_is_judged_anew)                                                        \
    X(root_for_two_sizes_at_a_time_is_refused_to_the_second)                                       \
    X(size_that_comes_back_finds_its_root)                                                         \
    X(root_that_went_stale_is_not_walked_for_another_size)                                         \
    X(walk_that_began_for_another_size_does_not_go_on)                                             \
    X(els_own_walk_asks_for_the_size)                                                              \
    X(base_of_another_level_is_refused)                                                            \
    X(store_of_el0_neither_opens_nor_drops)

MAIN(TESTS)
