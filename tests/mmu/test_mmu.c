/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on a memory system that does all the architecture allows. Each test is the smallest
 * configuration in which one way to lose the guarantee can be seen; every test runs a second time
 * on CPUs whose broadcast TLBI completes too early (M11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/mmu/world.h"

static struct world w;
static bool erratum;

/* The tree of most tests: frame 1 is the root, 2 and 3 follow, 4 is the level-3 table. */
#define ROOT 1
#define L1   2
#define L2   3
#define L3   4

/* Pages that the entries of level-3 tables 0 and 1 of L2 map. */
#define PAGE(table, entry) (2 * (table) + (entry))

#define BAD  page_desc(0, LEAF_RW) /* maps another domain's frame */
#define NONE desc_of(0)

static void begin(unsigned int frames, unsigned int slots, enum ptwr_policy policy)
{
    const struct world_config config = {frames, slots, true, policy, PTWR_ACTION_REFUSE};

    world_init(&w, &config);
    w.mmu.erratum = erratum;
}

static void tree(unsigned int frames, unsigned int slots, enum ptwr_policy policy)
{
    begin(frames, slots, policy);
    world_fill(&w, ROOT, table_desc(L1), NONE);
    world_fill(&w, L1, table_desc(L2), NONE);
    world_fill(&w, L2, table_desc(L3), NONE);
    world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
    for (unsigned int cpu = 0; cpu < MMU_CPUS; cpu++)
        assert_int_equal(world_base(&w, cpu, 0, ROOT), HV_OK);
}

/* Nothing went wrong up to here. */
static void sound(void)
{
    world_check(&w);
    assert_string_equal(w.mmu.failed, "");
}

static bool storable(unsigned int frame) { return (mmu_storable(&w.mmu) >> frame & 1) != 0; }
static bool walkable(unsigned int frame) { return (mmu_walkable(&w.mmu) >> frame & 1) != 0; }
static unsigned int state(unsigned int frame) { return w.frames[frame].state; }

static uint64_t entry(unsigned int frame, unsigned int index)
{
    return mmu_entry_value(&w.mmu, frame, index).raw;
}

/* Open a table by a store of its entry `index`, on CPU 0. */
static void open_table(unsigned int frame, unsigned int index, desc_t value)
{
    enum ptwr_policy policy = w.p.policy;

    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 0, frame, index, value), PTWR_DONE);
    w.p.policy = policy;
    assert_int_equal(state(frame), FRAME_OPEN);
}

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
    ptwr_flush(&w.p);
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
        ptwr_flush(&w.p);
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
    for (unsigned int cpu = 0; cpu < MMU_CPUS; cpu++)
        assert_int_equal(world_base(&w, cpu, 0, MMU_NONE), HV_OK);
    for (unsigned int cpu = 0; cpu < MMU_CPUS; cpu++)
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
    ptwr_flush(&w.p);
    assert_int_equal(world_store(&w, 0, L2, 0, block_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(w.p.count.tlbi_all, before + 2);
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
    ptwr_flush(&w.p); /* the store above is seen by all */
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

/* --- What is refused, and what is not --------------------------------------------------------- */

/* Every way in refuses the value, and leaves nothing behind. */
static void expect_refused(unsigned int level, desc_t value)
{
    static const unsigned int table[] = {ROOT, L1, L2, L3};

    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, table[level], 1, value), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, table[level], 1, value), HV_EINVAL);
    sound();
    world_fill(&w, 8, value, NONE);
    assert_int_equal(world_pin(&w, 0, 8, level), HV_EINVAL);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    open_table(table[level], 1, value);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(table[level], 1), value.raw & ~DESC_VALID);
    sound();
}

static void refused_bits(void)
{
    static const unsigned int of_leaf[] = {48, 49, 50, 52, 59, 60, 61, 62, 63};
    static const unsigned int of_table[] = {48, 49, 50, 63};

    for (unsigned int i = 0; i < ARRAY_SIZE(of_leaf); i++) {
        expect_refused(3, page_desc(6, BIT64(of_leaf[i])));
        expect_refused(2, block_desc(6, BIT64(of_leaf[i])));
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(of_table); i++)
        expect_refused(2, desc_of(table_desc(6).raw | BIT64(of_table[i])));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw & ~DESC_TABLE));
    expect_refused(3, page_desc(6, BIT64(8))); /* reserved shareability */
}

static void refused_addresses(void)
{
    expect_refused(3, page_desc(0, LEAF_RO));
    expect_refused(3, page_desc(300, LEAF_RO));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | MMU_WALK));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | BIT64(22)));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | BIT64(47)));
    expect_refused(2, desc_of(table_desc(6).raw & ~MMU_WALK));
    expect_refused(2, desc_of(table_desc(6).raw | BIT64(22)));
    expect_refused(2, desc_of(table_desc(6).raw | BIT64(47)));
    expect_refused(2, table_desc(0));
    expect_refused(2, table_desc(300));
    expect_refused(2, block_desc(7, LEAF_RO)); /* off its boundary */
    expect_refused(2, block_desc(0, LEAF_RO)); /* its first frame is another domain's */
    expect_refused(1, block_desc(4, LEAF_RO));
    expect_refused(0, block_desc(8, LEAF_RO));
}

static void refused_devices(void)
{
    unsigned int device = MMU_DEVICE >> PAGE_SHIFT;

    expect_refused(3, page_desc(device, LEAF_RW));
    expect_refused(3, page_desc(6, LEAF_DEV));
    expect_refused(3, page_desc(device - 1, LEAF_DEV));
    expect_refused(3, page_desc(device + 2, LEAF_DEV));
    expect_refused(2, block_desc(device + 2, LEAF_DEV));
}

static void refused_links(void)
{
    expect_refused(2, table_desc(L2));   /* itself */
    expect_refused(2, table_desc(L1));   /* upwards */
    expect_refused(1, table_desc(L3));   /* past a level */
    expect_refused(0, table_desc(ROOT)); /* itself */
    expect_refused(3, page_desc(L3, LEAF_EL0));
    expect_refused(2, block_desc(L3, LEAF_EL0));
}

static void accepted_values(void)
{
    static const uint64_t bits[] = {0,        DESC_AP_RO,    DESC_NG,     DESC_PXN,
                                    DESC_UXN, DESC_SOFTWARE, DESC_AP_EL0, LEAF_NC,
                                    DESC_SH,  DESC_DBM,      DESC_NS};
    unsigned int device = MMU_DEVICE >> PAGE_SHIFT;

    tree(9, 2, PTWR_POLICY_EMULATE);
    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
        assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, bits[i])), PTWR_DONE);
        assert_int_equal(world_store(&w, 0, L2, 1, block_desc(8, bits[i])), PTWR_DONE);
        sound();
    }
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(device, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(device + 1, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(device, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(
        world_store(&w, 0, L2, 1,
                    desc_of(table_desc(7).raw | DESC_PXNTABLE | DESC_UXNTABLE | DESC_APTABLE)),
        PTWR_DONE);
    sound();
}

static void refused_tree_is_plain_again(void)
{
    begin(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 1, table_desc(2), table_desc(3));
    world_fill(&w, 2, table_desc(4), NONE);
    world_fill(&w, 3, table_desc(5), NONE);
    world_fill(&w, 4, page_desc(6, LEAF_RO), BAD);
    assert_int_equal(world_base(&w, 0, 0, 1), HV_EINVAL);
    w.mmu.cpu = 0;
    ptwr_flush(&w.p);
    for (unsigned int i = 1; i <= 5; i++)
        assert_int_equal(state(i), FRAME_PLAIN);
    sound();
}

static void validation_that_was_not_finished_is_begun_anew(void)
{
    unsigned int budget = 0;

    begin(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 1, table_desc(2), NONE);
    w.mmu.cpu = 0;
    assert_int_equal(ptwr_pin(&w.p, mfn_of(1), 2, &budget), HV_EAGAIN);
    assert_int_equal(state(1), FRAME_PROTECTING);
    sound();
    assert_int_equal(world_pin(&w, 1, 1, 1), HV_OK);
    assert_int_equal(w.frames[2].type, FRAME_TABLE_L2);
    sound();
}

static void readonly_frame_is_the_hypervisors_to_write(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_make_readonly(&w, 7);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RW)), PTWR_INJECT);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, 7, 0, BAD), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, 7, 0, NONE), HV_EPERM);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(7)), PTWR_INJECT);
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_EINVAL);
    assert_int_equal(world_remove(&w, 0, 7), HV_EBUSY);
    sound();
}

static void assist_off_is_the_strict_rule(void)
{
    tree(8, 2, PTWR_POLICY_OPEN);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(L3, LEAF_RW)), HV_OK);
    assert_int_equal(world_assist(&w, 0, false), HV_EBUSY);
    assert_int_equal(world_update(&w, 0, L3, 1, NONE), HV_OK);
    open_table(L3, 1, page_desc(6, LEAF_RO));
    assert_int_equal(world_assist(&w, 0, false), HV_OK);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(L3, LEAF_RW)), HV_EINVAL);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(7, LEAF_RW)), HV_OK);
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_EINVAL);
    sound();
}

/* A conflict within one batch: what it took away is let go before anything is refused. */
static void batch_makes_room_for_itself(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, NONE, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(6, LEAF_EL0)), PTWR_DONE);
    open_table(L2, 0, table_desc(6));
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L2, 0), table_desc(6).raw);
    assert_int_equal(w.p.count.refused, 0);
    sound();
}

/* .. and does not come back when the batch is refused as a whole. */
static void crash_does_not_put_back_what_was_let_go(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    w.p.action = PTWR_ACTION_CRASH;
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_EPERM);
    sound();
}

/* The new page is like its neighbour's, the old one is not. */
static void pages_of_a_batch_are_counted_once(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RW)), PTWR_DONE);
    open_table(L3, 0, page_desc(6, LEAF_RO));
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(8, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    sound();
}

/* What was let go because of a refusal is not let go again when its turn comes. */
static void cleared_entry_after_a_refused_one_is_dropped_once(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    sound();
}

/* Nor when another open table took the last link to this one meanwhile. */
static void cleared_entry_of_a_table_that_is_given_up_is_dropped_once(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(7, LEAF_RO)), HV_OK);
    open_table(L3, 0, page_desc(6, LEAF_EL0));
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    open_table(L2, 0, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(world_store(&w, 1, L3, 0, BAD), PTWR_DONE);
    sound();
}

/* --- Kinds of stores -------------------------------------------------------------------------- */

static struct ptwr_store store_of(unsigned int frame, unsigned int offset, uint64_t value)
{
    return (struct ptwr_store){
        .table = mfn_of(frame),
        .offset = (uint16_t)offset,
        .size = 8,
        .decoded = true,
        .emulatable = true,
        .value = value,
        .va = mmu_va(0),
    };
}

static void store_of_el0_is_never_performed(void)
{
    struct ptwr_store store = store_of(L3, 8, page_desc(6, LEAF_RO).raw);

    tree(8, 2, PTWR_POLICY_OPEN);
    store.el0 = true;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_INJECT);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(entry(L3, 1), 0);
    sound();
}

static void narrow_stores_change_their_bytes(void)
{
    uint64_t value = page_desc(6, LEAF_RO | DESC_UXN).raw;
    struct ptwr_store store = store_of(L3, 12, value >> 32);

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.size = 4;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    store = store_of(L3, 8, value & UINT32_MAX);
    store.size = 4;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    assert_int_equal(entry(L3, 1), value);
    sound();
}

static void store_that_compares(void)
{
    struct ptwr_store store = store_of(L3, 0, page_desc(5, LEAF_RO).raw);

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.old_valid = true;
    store.old = page_desc(6, LEAF_RW).raw;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_FAILED);
    assert_int_equal(store.seen, page_desc(5, LEAF_RW).raw);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RW).raw);
    store.old = page_desc(5, LEAF_RW).raw;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RO).raw);
    sound();
}

/* A store that EL2 cannot decode, from a place that needs the table it stores to. */
static void store_that_can_be_neither_emulated_nor_opened(void)
{
    struct ptwr_store store = store_of(L3, 8, NONE.raw);
    unsigned int budget = PTWR_BUDGET;

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.emulatable = false;
    for (unsigned int i = 0; i < 16; i++) {
        enum ptwr_outcome outcome = ptwr_store_fault(&w.p, &store, &budget);

        if (outcome == PTWR_INJECT)
            break;
        assert_int_equal(outcome, PTWR_RETRY);
        assert_int_equal(state(L3), FRAME_OPEN);
        assert_int_equal(world_access(&w, 0, PAGE(0, 0), true), WORLD_OK);
        budget = PTWR_BUDGET;
    }
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(w.p.violation.rule, PTWR_RULE_UNALIGNED);
    sound();
}

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

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, run_##name, NULL, NULL, NULL                                                        \
    }
#define DEFINE(name)                                                                               \
    static void run_##name(void **unused)                                                          \
    {                                                                                              \
        (void)unused;                                                                              \
        erratum = false;                                                                           \
        name();                                                                                    \
        erratum = true;                                                                            \
        name();                                                                                    \
    }

/* A refused page must not vouch for the next one that looks like it. */
static void refused_entry_is_no_example_for_the_next(void)
{
    static const uint64_t bits[] = {DESC_CONTIGUOUS, LEAF_DEV, DESC_GP};

    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
        tree(8, 2, PTWR_POLICY_EMULATE);
        open_table(L3, 0, page_desc(6, bits[i]));
        assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, bits[i])), PTWR_DONE);
        assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
        assert_int_equal(w.p.count.refused, 2);
        assert_int_equal(entry(L3, 1), page_desc(7, bits[i]).raw & ~DESC_VALID);
        sound();
    }
}

/* Nor may its address be looked up: it is no frame's. */
static void refused_address_is_not_looked_up(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 0, desc_of(page_desc(6, LEAF_RO).raw | BIT64(47)));
    assert_int_equal(world_store(&w, 0, L3, 1, desc_of(page_desc(7, LEAF_RO).raw | BIT64(47))),
                     PTWR_DONE);
    assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(w.p.count.refused, 2);
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
    X(a9_base_below_which_a_table_is_open)                                                         \
    X(a14_live_entry_is_broken_before_it_names_another_frame)                                      \
    X(a14_link_becomes_a_block)                                                                    \
    X(a14_rights_change_in_place)                                                                  \
    X(a14_whatever_else_changes_is_broken_too)                                                     \
    X(a14_break_that_the_guest_did_not_finish_is_finished)                                         \
    X(f4_no_other_cpu_sees_the_break)                                                              \
    X(a16_refused_batch_entry_keeps_its_new_value_without_the_valid_bit)                           \
    X(a16_refused_store_is_not_performed)                                                          \
    X(a16_crash_puts_the_batch_back)                                                               \
    X(refused_bits)                                                                                \
    X(refused_addresses)                                                                           \
    X(refused_devices)                                                                             \
    X(refused_links)                                                                               \
    X(accepted_values)                                                                             \
    X(refused_tree_is_plain_again)                                                                 \
    X(validation_that_was_not_finished_is_begun_anew)                                              \
    X(readonly_frame_is_the_hypervisors_to_write)                                                  \
    X(assist_off_is_the_strict_rule)                                                               \
    X(batch_makes_room_for_itself)                                                                 \
    X(crash_does_not_put_back_what_was_let_go)                                                     \
    X(pages_of_a_batch_are_counted_once)                                                           \
    X(cleared_entry_after_a_refused_one_is_dropped_once)                                           \
    X(cleared_entry_of_a_table_that_is_given_up_is_dropped_once)                                   \
    X(store_of_el0_is_never_performed)                                                             \
    X(narrow_stores_change_their_bytes)                                                            \
    X(store_that_compares)                                                                         \
    X(store_that_can_be_neither_emulated_nor_opened)                                               \
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
    X(b14_readers_are_not_starved)                                                                 \
    X(removed_frame_is_out_of_reach)                                                               \
    X(frame_that_an_open_table_let_go_can_leave)                                                   \
    X(removed_table_is_out_of_reach)                                                               \
    X(repaired_entry_is_seen_before_the_table)                                                     \
    X(table_may_vanish_while_its_entry_is_judged)                                                  \
    X(refused_entry_is_no_example_for_the_next)                                                    \
    X(refused_address_is_not_looked_up)

TESTS(DEFINE)

int main(void)
{
#define X(name) TEST(name),
    const struct CMUnitTest tests[] = {TESTS(X)};
#undef X

    return cmocka_run_group_tests(tests, NULL, NULL);
}
