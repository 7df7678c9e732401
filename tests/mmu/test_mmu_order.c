/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which table is reconnected and when, progress, memory that leaves, and what the search found.
 */
#include "tests/mmu/scene.h"

/* --- Which table is reconnected, and when ----------------------------------------------------- */

static void oldest_table_makes_room(void)
{
    begin(8, 2, PTWR_POLICY_OPEN);
    for (unsigned int i = 1; i <= 4; i++)
        assert_int_equal(world_pin(&w, 0, i, 3), HV_OK);
    for (unsigned int i = 1; i <= 4; i++) {
        assert_int_equal(world_store(&w, 0, i, 0, page_desc(8, LEAF_RO)), PTWR_DONE);
        for (unsigned int j = 1; j <= 4; j++)
            assert_int_equal(state(j), j <= i && j + 1 >= i ? FRAME_OPEN : FRAME_ATTACHED);
        sound();
    }
}

/* What one open table holds up, another lets go: frame 6 is a table until the batch of L2 ends. */
static void conflict_waits_for_the_other_open_tables(void)
{
    for (unsigned int way = 0; way < 3; way++) {
        tree(8, 2, PTWR_POLICY_EMULATE);
        assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
        open_table(L3, 1, page_desc(6, LEAF_EL0));
        open_table(L2, 1, NONE);
        if (way == 0)
            assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
        else if (way == 1)
            assert_int_equal(
                ptwr_walk_fault(&w.p, w.mmu.cpu, mfn_of(L3), &(unsigned int){PTWR_BUDGET}), HV_OK);
        else
            assert_int_equal(world_pin(&w, 0, 8, 3), HV_OK);
        assert_int_equal(entry(L3, 1), page_desc(6, LEAF_EL0).raw);
        assert_int_equal(w.p.count.refused, 0);
        sound();
    }
}

static void translation_by_el2_meets_no_open_table(void)
{
    struct ptwr_walk walk;

    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 1, BAD);
    assert_int_equal(ptwr_translate(&w.p, 0, mmu_va(PAGE(0, 1)), &walk), HV_EAGAIN);
    sound();
}

/* An empty batch: the next store is emulated, the one after may open again. */
static void table_of_an_empty_batch_is_emulated_once(void)
{
    tree(8, 2, PTWR_POLICY_OPEN);
    open_table(L3, 1, NONE);
    assert_int_equal(world_access(&w, 0, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_OPEN);
    sound();
}

/* After the walks that cut its batches short: one store is emulated, then two, then four. */
static void table_that_walks_wait_for_is_opened_less_often(void)
{
    tree(8, 2, PTWR_POLICY_OPEN);
    for (unsigned int pause = 1; pause <= 8; pause *= 2) {
        open_table(L3, 1, page_desc(6 + (pause & 1), LEAF_RO));
        assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
        for (unsigned int i = 0; i < pause; i++) {
            assert_int_equal(state(L3), FRAME_ATTACHED);
            assert_int_equal(world_store(&w, 0, L3, 1, page_desc(8, (i & 1) ? LEAF_RO : LEAF_RW)),
                             PTWR_DONE);
        }
        sound();
    }
    /* A batch that ended for another reason ends that. */
    open_table(L3, 1, page_desc(6, LEAF_RO));
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    open_table(L3, 1, page_desc(7, LEAF_RO));
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(8, LEAF_RO)), PTWR_DONE);
    open_table(L3, 1, page_desc(7, LEAF_RO));
    sound();
}

/* --- Progress --------------------------------------------------------------------------------- */

/* Entry 0 of a second level-3 table maps the first: PAGE(1, 0) is how the guest stores to it. */
static void window_on_l3(unsigned int slots, enum ptwr_policy policy)
{
    tree(8, slots, policy);
    world_fill(&w, 6, page_desc(L3, LEAF_RW), page_desc(7, LEAF_RW));
    assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
}

static void store_passes_after_one_fault(void)
{
    window_on_l3(2, PTWR_POLICY_OPEN);
    assert_int_equal(world_access(&w, 0, PAGE(1, 0), true), WORLD_OK);
    assert_int_equal(w.p.count.store_faults, 1);
    assert_int_equal(state(L3), FRAME_OPEN);
    sound();
    /* The other CPU remembers the old permission: one fault of its own. */
    assert_int_equal(world_access(&w, 1, PAGE(1, 0), true), WORLD_OK);
    assert_in_range(w.p.count.store_faults, 1, 2);
    sound();
}

static void freed_table_takes_one_fault(void)
{
    window_on_l3(2, PTWR_POLICY_OPEN);
    w.mmu.cpu = 0;
    assert_int_equal(world_update(&w, 0, L2, 0, NONE), HV_OK);
    assert_int_equal(world_access(&w, 1, PAGE(1, 0), true), WORLD_OK);
    assert_int_equal(w.p.count.store_faults, 1);
    assert_int_equal(state(L3), FRAME_PLAIN);
    sound();
}

static void walk_waits_once_for_an_open_table(void)
{
    window_on_l3(2, PTWR_POLICY_OPEN);
    assert_int_equal(world_access(&w, 0, PAGE(1, 0), true), WORLD_OK);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(w.p.count.reconnected[PTWR_T_WALK], 1);
    sound();
}

/* The table that maps itself: open, its own mapping is gone (pitfall 9). */
static void table_that_maps_itself_is_emulated_in_the_end(void)
{
    tree(8, 2, PTWR_POLICY_OPEN);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(L3, LEAF_RW)), HV_OK);
    assert_int_equal(world_access(&w, 0, PAGE(0, 1), true), WORLD_OK);
    sound();
}

/* What a vCPU remembers of its way is worth nothing when that way has ended. */
static void short_way_ends_with_what_it_leads_to(void)
{
    for (unsigned int way = 0; way < 5; way++) {
        window_on_l3(2, PTWR_POLICY_EMULATE);
        world_fill(&w, 8, NONE, NONE);
        for (unsigned int i = 0; i < 3; i++) {
            assert_int_equal(world_quick_once(&w, 0, PAGE(1, 0),
                                              page_desc(8, i ? LEAF_RO : LEAF_RW), PTWR_BUDGET),
                             WORLD_OK);
        }
        assert_int_equal(entry(L3, 1), page_desc(8, LEAF_RO).raw);
        if (way == 0) /* the page is another's */
            assert_int_equal(world_update(&w, 1, 6, 0, page_desc(8, LEAF_RW)), HV_OK);
        else if (way == 1) /* the table is none any more */
            assert_int_equal(world_update(&w, 1, L2, 0, NONE), HV_OK);
        else if (way == 2) /* the table above it is gone */
            assert_int_equal(world_update(&w, 1, L2, 1, NONE), HV_OK);
        else if (way == 3) /* it is open */
            open_table(L3, 0, NONE);
        else /* the base is another */
            assert_int_equal(world_base(&w, 0, 0, MMU_NONE), HV_OK);
        assert_int_equal(ptwr_store_page(&w.p, &w.memo[0], va_of(mmu_va(PAGE(1, 0)).raw + 8), 0,
                                         page_desc(7, LEAF_RO)),
                         false);
        sound();
    }
}

/* The oldest of two open tables is needed for the store that wants a slot: N = 1. */
static void one_slot_and_a_store_that_needs_the_open_table(void)
{
    window_on_l3(1, PTWR_POLICY_OPEN);
    open_table(6, 1, page_desc(7, LEAF_RO));
    assert_int_equal(world_access(&w, 0, PAGE(1, 0), true), WORLD_OK);
    sound();
}

/* Three readers and one that clears entries in a loop: every reader gets through. */
static void b14_readers_are_not_starved(void)
{
    unsigned int waiting = 0;

    window_on_l3(2, PTWR_POLICY_OPEN);
    for (unsigned int i = 0; waiting < 40; i++) {
        unsigned int frame;
        enum mmu_fault fault;

        w.mmu.cpu = 0;
        (void)world_store(&w, 0, L3, 1, page_desc(7, (i & 1) != 0 ? LEAF_RO : LEAF_RW));
        fault = mmu_access(&w.mmu, 1, PAGE(0, 0), false, &frame);
        if (fault != MMU_WALK_FAULT)
            break;
        w.mmu.cpu = 1;
        while (ptwr_walk_fault(&w.p, w.mmu.cpu, mfn_of(frame), &(unsigned int){PTWR_BUDGET}) ==
               HV_EAGAIN)
            continue;
        waiting++;
    }
    assert_in_range(waiting, 0, 8);
    sound();
}

/* --- Memory that leaves ----------------------------------------------------------------------- */

static void removed_frame_is_out_of_reach(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    assert_int_equal(world_remove(&w, 0, 5), HV_EBUSY);
    assert_int_equal(world_store(&w, 0, L3, 0, NONE), PTWR_DONE);
    assert_int_equal(world_remove(&w, 0, 5), HV_OK);
    sound();
}

static void frame_that_an_open_table_let_go_can_leave(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 0, NONE);
    assert_int_equal(world_remove(&w, 0, 5), HV_OK);
    sound();
}

static void removed_table_is_out_of_reach(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_remove(&w, 0, L3), HV_EBUSY);
    assert_int_equal(world_store(&w, 0, L2, 0, NONE), PTWR_DONE);
    assert_int_equal(world_remove(&w, 0, L3), HV_OK);
    sound();
    assert_int_equal(world_add(&w, L3), HV_OK);
    sound();
}

/* --- What the search and the random runs found ------------------------------------------------ */

/* A walker that sees the walk page again must see the entry without its valid bit as well. */
static void repaired_entry_is_seen_before_the_table(void)
{
    tree(6, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 1, BAD);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), false), WORLD_OK);
    sound();
}

/* The sync that a conflict asks for takes the last reference of the very table that changes. */
static void table_may_vanish_while_its_entry_is_judged(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
    open_table(L2, 0, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(6, LEAF_EL0)), PTWR_DONE);
    assert_int_equal(state(L3), FRAME_PLAIN);
    assert_false(walkable(L3));
    sound();
}

#define TESTS(X)                                                                                   \
    X(oldest_table_makes_room)                                                                     \
    X(conflict_waits_for_the_other_open_tables)                                                    \
    X(translation_by_el2_meets_no_open_table)                                                      \
    X(table_of_an_empty_batch_is_emulated_once)                                                    \
    X(table_that_walks_wait_for_is_opened_less_often)                                              \
    X(store_passes_after_one_fault)                                                                \
    X(freed_table_takes_one_fault)                                                                 \
    X(walk_waits_once_for_an_open_table)                                                           \
    X(table_that_maps_itself_is_emulated_in_the_end)                                               \
    X(one_slot_and_a_store_that_needs_the_open_table)                                              \
    X(short_way_ends_with_what_it_leads_to)                                                        \
    X(b14_readers_are_not_starved)                                                                 \
    X(removed_frame_is_out_of_reach)                                                               \
    X(frame_that_an_open_table_let_go_can_leave)                                                   \
    X(removed_table_is_out_of_reach)                                                               \
    X(repaired_entry_is_seen_before_the_table)                                                     \
    X(table_may_vanish_while_its_entry_is_judged)

MAIN(TESTS)
