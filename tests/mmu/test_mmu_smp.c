/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several vCPUs of one domain in the engine at different times: operations that were told to come
 * back (HV_EAGAIN), and what others do meanwhile. Then: two domains on one machine, and memory in
 * more than one region.
 */
#include "tests/mmu/scene.h"

/* One attempt with a budget of one entry; what is left to do waits in w.suspended[cpu]. */
static void begin_action(unsigned int cpu, enum action_kind kind, unsigned int frame,
                         unsigned int option, unsigned int value)
{
    const struct action a = {
        .kind = (uint8_t)kind,
        .cpu = (uint8_t)cpu,
        .frame = (uint8_t)frame,
        .value = (uint8_t)value,
        .option = (uint8_t)option,
        .budget = 1,
    };

    assert_true(action_run(&w, &a));
}

static bool waits(unsigned int cpu) { return w.suspended[cpu].kind != ACT_NONE; }

/* .. and until it is done, one entry at a time. */
static void go_on(unsigned int cpu)
{
    for (unsigned int i = 0; i < 100 && waits(cpu); i++)
        assert_true(
            action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = (uint8_t)cpu, .budget = 1}));
    assert_false(waits(cpu));
}

/* In turn with all others: operations that want the same never keep each other from it. */
static void all_go_on(void)
{
    world_drain(&w, false);
    sound();
}

#define LINK(frame)     (1 + (frame))
#define PAGE_RW(frame)  (1 + MMU_FRAMES + (frame))
#define PAGE_EL0(frame) (1 + 2 * MMU_FRAMES + (frame))
#define PAGE_RO(frame)  (1 + 3 * MMU_FRAMES + (frame))

/* Two roots (1 and 6) over the same three tables, none of which anybody has looked at yet. */
static void two_trees(void)
{
    begin(9, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, ROOT, table_desc(L1), NONE);
    world_fill(&w, 6, NONE, table_desc(L1));
    world_fill(&w, L1, table_desc(L2), table_desc(L2));
    world_fill(&w, L2, table_desc(L3), table_desc(7));
    world_fill(&w, L3, page_desc(5, LEAF_RW), page_desc(8, LEAF_RO));
    world_fill(&w, 7, page_desc(8, LEAF_RO), page_desc(5, LEAF_RO));
}

static void expect_attached(unsigned int first, unsigned int last)
{
    for (unsigned int i = first; i <= last; i++)
        assert_int_equal(state(i), FRAME_ATTACHED);
}

/* --- Validations that meet -------------------------------------------------------------------- */

static void trees_that_share_tables_are_validated_by_two_vcpus_at_once(void)
{
    for (unsigned int ahead = 0; ahead < 12; ahead++) {
        two_trees();
        begin_action(0, ACT_PIN, ROOT, 0, 0);
        for (unsigned int i = 0; i < ahead && waits(0); i++)
            (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 0, .budget = 1});
        begin_action(1, ACT_BASE, 6, 0, 0);
        all_go_on();
        expect_attached(ROOT, L3);
        expect_attached(6, 7);
        assert_int_equal(w.frames[L1].type_count, 2);
    }
}

/* The second one finds what the first began, finishes it, and leaves nothing for the first. */
static void validation_that_another_vcpu_finished_goes_on_from_there(void)
{
    two_trees();
    begin_action(0, ACT_PIN, ROOT, 0, 0);
    assert_int_equal(world_base(&w, 1, 1, 6), HV_OK);
    expect_attached(L1, L3);
    sound();
    go_on(0);
    assert_int_equal(state(ROOT), FRAME_ATTACHED);
    sound();
}

static void one_root_is_pinned_and_loaded_at_once(void)
{
    two_trees();
    begin_action(0, ACT_PIN, ROOT, 0, 0);
    begin_action(1, ACT_BASE, ROOT, 0, 0);
    all_go_on();
    assert_int_equal(w.frames[ROOT].type_count, 2);
}

/* A link to a table of a tree that another vCPU is in the middle of. */
static void update_links_a_table_that_another_vcpu_validates(void)
{
    for (unsigned int ahead = 0; ahead < 8; ahead++) {
        tree(9, 2, PTWR_POLICY_EMULATE);
        world_fill(&w, 6, table_desc(7), table_desc(8));
        world_fill(&w, 7, page_desc(5, LEAF_RO), page_desc(5, LEAF_RO));
        world_fill(&w, 8, page_desc(5, LEAF_RO), page_desc(5, LEAF_RO));
        begin_action(0, ACT_PIN, 6, 2, 0);
        for (unsigned int i = 0; i < ahead && waits(0); i++)
            (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 0, .budget = 1});
        begin_action(1, ACT_UPDATE, L2, 0, LINK(8));
        all_go_on();
        expect_attached(6, 8);
    }
}

/* It is refused for one of the two, whose end must not take the other's work away. */
static void validation_that_is_refused_leaves_the_others_tables_alone(void)
{
    for (unsigned int ahead = 0; ahead < 10; ahead++) {
        two_trees();
        world_fill(&w, 6, table_desc(L1), BAD);
        begin_action(0, ACT_PIN, 6, 0, 0);
        for (unsigned int i = 0; i < ahead && waits(0); i++)
            (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 0, .budget = 1});
        begin_action(1, ACT_PIN, ROOT, 0, 0);
        all_go_on();
        assert_false(frame_has(&w.frames[6], FRAME_PINNED));
        expect_attached(ROOT, L3);
        assert_int_equal(w.frames[L1].type_count, 1 + (state(6) == FRAME_STALE));
    }
}

/* A vCPU that never comes back leaves nothing that others could not use. */
static void validation_that_nobody_goes_on_with_is_in_nobodys_way(void)
{
    for (unsigned int ahead = 0; ahead < 12; ahead++) {
        two_trees();
        begin_action(0, ACT_PIN, ROOT, 0, 0);
        for (unsigned int i = 0; i < ahead && waits(0); i++)
            (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 0, .budget = 1});
        if (!waits(0))
            return;
        w.suspended[0].kind = ACT_NONE;
        for (unsigned int i = ROOT; i <= 7; i++) {
            assert_int_equal(world_store(&w, 1, i, 0, NONE), PTWR_DONE);
            sound();
        }
        for (unsigned int i = ROOT; i <= 8; i++) {
            assert_int_equal(world_store(&w, 1, i, 1, NONE), PTWR_DONE);
            assert_int_equal(world_remove(&w, 1, i), HV_OK);
        }
        sound();
    }
}

static void store_takes_a_table_out_of_validation(void)
{
    two_trees();
    begin_action(0, ACT_PIN, ROOT, 0, 0);
    assert_int_equal(state(ROOT), FRAME_PROTECTING);
    assert_int_equal(world_store(&w, 1, ROOT, 1, BAD), PTWR_DONE);
    assert_int_equal(entry(ROOT, 1), BAD.raw);
    sound();
    go_on(0);
    assert_false(frame_has(&w.frames[ROOT], FRAME_PINNED));
    sound();
}

/* --- Open tables ------------------------------------------------------------------------------ */

/* Each attempt of a call reconnects what has been opened since the last one. */
static void call_that_comes_back_finds_what_was_opened_meanwhile(void)
{
    static const enum action_kind kinds[] = {ACT_PIN, ACT_BASE, ACT_UPDATE, ACT_REMOVE, ACT_ASSIST};

    for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
        tree(9, 2, PTWR_POLICY_EMULATE);
        world_fill(&w, 6, table_desc(7), NONE);
        world_fill(&w, 7, NONE, NONE);
        world_fill(&w, 8, NONE, NONE);
        open_table(L3, 1, page_desc(9, LEAF_RO));
        begin_action(1, kinds[i],
                     kinds[i] == ACT_UPDATE   ? L1
                     : kinds[i] == ACT_REMOVE ? 8
                                              : 6,
                     0, LINK(7));
        for (unsigned int j = 0; j < 3 && waits(1); j++) {
            w.p.policy = PTWR_POLICY_OPEN;
            (void)world_store(&w, 0, L3, 1, j & 1 ? BAD : page_desc(9, LEAF_RO));
            (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 1, .budget = 1});
        }
        all_go_on();
        assert_int_equal(w.p.nr_open, 0);
    }
}

/* Who finds the illegal entry may not be who hears of it; somebody does (action crash). */
static void crash_is_told_to_whoever_comes_next(void)
{
    enum hv_err err = HV_EAGAIN;

    for (unsigned int way = 0; way < 4; way++) {
        unsigned int budget;
        struct ptwr_store store = {.table = mfn_of(L2), .size = 8, .vcpu = 1, .pc = 4};

        tree(9, 2, PTWR_POLICY_EMULATE);
        assert_int_equal(world_pin(&w, 0, L3, 3), HV_OK);
        assert_int_equal(world_update(&w, 0, L2, 0, NONE), HV_OK);
        w.p.action = PTWR_ACTION_CRASH;
        open_table(L3, 0, BAD);
        open_table(L2, 0, table_desc(L3)); /* waits for the other */
        assert_int_equal(world_store(&w, 0, L2, 1, block_desc(8, LEAF_RO)), PTWR_DONE);
        while (w.p.fatal.rule == PTWR_RULE_NONE) {
            budget = 1;
            assert_int_equal(ptwr_sync(&w.p, PTWR_T_HYPERCALL, &budget), HV_EAGAIN);
        }
        assert_int_equal(w.p.nr_open, 1);
        sound();
        budget = PTWR_BUDGET;
        w.mmu.cpu = 1;
        switch (way) {
        case 0:
            err = ptwr_sync(&w.p, PTWR_T_REGIME, &budget);
            break;
        case 1:
            err = ptwr_walk_fault(&w.p, 1, mfn_of(L2), &budget);
            break;
        case 2:
            err = ptwr_pin(&w.p, mfn_of(7), 3, &budget);
            break;
        default:
            err = ptwr_store_fault(&w.p, &store, &budget) == PTWR_CRASH ? HV_EPERM : HV_OK;
            break;
        }
        assert_int_equal(err, HV_EPERM);
        assert_int_equal(w.p.violation.table.raw, L3);
        sound();
    }
}

/* An update that waits for open tables, which change again before it comes back. */
static void update_that_waits_for_a_conflict_meets_another(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
    open_table(L2, 1, NONE); /* frame 6 is let go, which nobody has seen */
    begin_action(1, ACT_UPDATE, L3, 0, PAGE_EL0(6));
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    all_go_on();
    assert_int_equal(w.p.count.refused, 0 + (entry(L3, 0) != page_desc(6, LEAF_EL0).raw));
}

/* Walkers of three CPUs, one store after another of the fourth: all get through. */
static void b14_walkers_on_three_cpus_are_not_starved(void)
{
    unsigned int waited[4] = {0};

    if (cpus < 4)
        return;
    tree(8, 2, PTWR_POLICY_OPEN);
    for (unsigned int i = 0; i < 200; i++) {
        (void)world_store(&w, 0, L3, 1, page_desc(7, (i & 1) != 0 ? LEAF_RO : LEAF_RW));
        for (unsigned int cpu = 1; cpu < 4; cpu++) {
            enum world_result result = world_access_once(&w, cpu, PAGE(0, 0), false, PTWR_BUDGET);

            waited[cpu] = result == WORLD_RETRY ? waited[cpu] + 1 : 0;
            assert_in_range(waited[cpu], 0, 12);
        }
    }
    sound();
}

/* --- Stale tables ----------------------------------------------------------------------------- */

/* They are freed in the order in which they came: what others add comes later. */
static void removal_does_not_wait_for_tables_that_others_drop(void)
{
    tree(12, 2, PTWR_POLICY_EMULATE);
    for (unsigned int i = 6; i <= 9; i++)
        assert_int_equal(world_pin(&w, 0, i, 3), HV_OK);
    assert_int_equal(world_unpin(&w, 0, 6), HV_OK);
    assert_int_equal(world_unpin(&w, 0, 7), HV_OK);
    begin_action(1, ACT_REMOVE, 7, 0, 0);
    for (unsigned int i = 0; waits(1); i++) {
        assert_in_range(i, 0, 8);
        assert_int_equal(world_pin(&w, 0, 10, 3), HV_OK);
        assert_int_equal(world_unpin(&w, 0, 10), HV_OK);
        (void)action_run(&w, &(struct action){.kind = ACT_AGAIN, .cpu = 1, .budget = 1});
    }
    assert_int_equal(w.frames[7].owner, FRAME_NO_OWNER);
    sound();
}

/* The last reference goes while another vCPU takes one. */
static void table_is_unpinned_while_another_vcpu_links_it(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, page_desc(5, LEAF_RO), page_desc(8, LEAF_RO));
    assert_int_equal(world_pin(&w, 0, 6, 3), HV_OK);
    begin_action(1, ACT_UPDATE, L2, 0, LINK(6));
    begin_action(0, ACT_UNPIN, 6, 0, 0);
    all_go_on();
    assert_int_equal(state(6), FRAME_ATTACHED);
    assert_int_equal(w.frames[6].type_count, 1);
}

/* A vCPU that is switched off lets its roots go, and comes back under others. */
static void vcpu_that_is_off_holds_no_root(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_base(&w, 1, 1, ROOT), HV_OK);
    for (unsigned int cpu = 0; cpu < w.mmu.cpus; cpu++)
        assert_true(
            action_run(&w, &(struct action){.kind = ACT_OFF, .cpu = (uint8_t)cpu, .frame = 1}));
    sound();
    assert_int_equal(state(ROOT), FRAME_STALE);
    for (unsigned int i = ROOT; i <= L3; i++)
        assert_int_equal(world_store(&w, 0, i, 1, BAD), PTWR_DONE);
    sound();
    world_fill(&w, 6, NONE, NONE);
    assert_int_equal(world_base(&w, 1, 0, 6), HV_OK);
    sound();
}

/* --- Two domains ------------------------------------------------------------------------------ */

static struct world other;

/* A frame moves from one domain to the other, whose VMIDs know nothing of each other. */
static void frame_that_moves_to_another_domain_is_out_of_the_firsts_reach(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_init_neighbour(&w, &other);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RW)), PTWR_DONE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 1), true), WORLD_OK);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_remove(&w, 0, 6), HV_OK);
    assert_int_equal(world_add(&other, 6), HV_OK);
    assert_true(mmu_guest_store(&other.mmu, 6, 0, BAD, MMU_CACHEABLE));
    assert_false(storable(6));
    sound();
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RW)), PTWR_INJECT);
    assert_int_equal(world_pin(&other, 0, 6, 3), HV_EINVAL);
    assert_int_equal(world_remove(&other, 1, 6), HV_OK);
    world_check(&other);
    assert_string_equal(other.mmu.failed, "");
    assert_int_equal(world_add(&w, 6), HV_OK);
    sound();
}

/* Each has tables of its own, opened and reconnected beside the other's. */
static void tables_of_two_domains_change_side_by_side(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_init_neighbour(&w, &other);
    for (unsigned int i = 9; i <= 12; i++)
        assert_int_equal(world_add(&other, i), HV_OK);
    world_fill(&other, 9, page_desc(12, LEAF_RW), NONE);
    assert_int_equal(world_pin(&other, 1, 9, 3), HV_OK);
    open_table(L3, 1, page_desc(12, LEAF_RW)); /* the other's frame */
    other.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&other, 1, 9, 1, page_desc(5, LEAF_RW)), PTWR_DONE);
    sound();
    assert_int_equal(world_sync(&other, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(9, 1), page_desc(5, LEAF_RW).raw & ~DESC_VALID);
    assert_int_equal(state(L3), FRAME_OPEN);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L3, 1), page_desc(12, LEAF_RW).raw & ~DESC_VALID);
    world_check(&other);
    assert_string_equal(other.mmu.failed, "");
    sound();
}

/* --- Memory in two regions -------------------------------------------------------------------- */

/* What is known of a page is no knowledge of the page at its place in another region. */
static void run_of_pages_ends_at_its_region(void)
{
    for (unsigned int way = 0; way < 3; way++) {
        tree(15, 2, PTWR_POLICY_EMULATE);
        world_fill(&w, 6 + MMU_REGION, NONE, NONE);
        if (way == 0) { /* single updates */
            for (unsigned int i = 0; i < 4; i++)
                assert_int_equal(
                    world_update(&w, 0, L3, i & 1, page_desc(6 + (i & 1) * MMU_REGION, LEAF_RW)),
                    HV_OK);
            assert_int_equal(world_update(&w, 0, L3, 0, NONE), HV_OK);
        } else if (way == 1) { /* a batch */
            open_table(L3, 0, page_desc(6, LEAF_RO));
            assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6 + MMU_REGION, LEAF_RO)),
                             PTWR_DONE);
            assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
            assert_int_equal(w.frames[6].refs, 1);
        } else { /* a new table */
            world_fill(&w, 7, page_desc(6, LEAF_RO), page_desc(6 + MMU_REGION, LEAF_RO));
            assert_int_equal(world_pin(&w, 0, 7, 3), HV_OK);
            assert_int_equal(w.frames[6].refs, 1);
        }
        assert_int_equal(w.frames[6 + MMU_REGION].refs, 1);
        sound();
    }
}

#define TESTS(X)                                                                                   \
    X(trees_that_share_tables_are_validated_by_two_vcpus_at_once)                                  \
    X(validation_that_another_vcpu_finished_goes_on_from_there)                                    \
    X(one_root_is_pinned_and_loaded_at_once)                                                       \
    X(update_links_a_table_that_another_vcpu_validates)                                            \
    X(validation_that_is_refused_leaves_the_others_tables_alone)                                   \
    X(validation_that_nobody_goes_on_with_is_in_nobodys_way)                                       \
    X(store_takes_a_table_out_of_validation)                                                       \
    X(call_that_comes_back_finds_what_was_opened_meanwhile)                                        \
    X(crash_is_told_to_whoever_comes_next)                                                         \
    X(update_that_waits_for_a_conflict_meets_another)                                              \
    X(b14_walkers_on_three_cpus_are_not_starved)                                                   \
    X(removal_does_not_wait_for_tables_that_others_drop)                                           \
    X(table_is_unpinned_while_another_vcpu_links_it)                                               \
    X(vcpu_that_is_off_holds_no_root)                                                              \
    X(frame_that_moves_to_another_domain_is_out_of_the_firsts_reach)                               \
    X(tables_of_two_domains_change_side_by_side)                                                   \
    X(run_of_pages_ends_at_its_region)

MAIN(TESTS)
