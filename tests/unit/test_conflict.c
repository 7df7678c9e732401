/* SPDX-License-Identifier: Apache-2.0 */
/* Open tables that stand in each other's way, and what they do to updates and to stale tables. */
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
    f->ptwr.policy = PTWR_POLICY_OPEN;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static uint64_t reconnected(enum ptwr_trigger why) { return f->ptwr.count.reconnected[why]; }

/* A frame is unmapped in one open table and linked in another: counts lag, both are legal. */
static void conflict_between_open_tables_is_settled(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 20, d_page(SPARE, EL0)), HV_OK);
    guest_open(f, MID2);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 20, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    f->budget = 3;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(guest_has_attached(f, SPARE));
}

static void conflict_the_other_way_round_is_settled(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, MID2);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, SPARE)->el0_writers, 1);
    assert_int_equal(fake_record(f, SPARE)->type, FRAME_NONE);
}

static void closing_one_slot_settles_its_conflict_with_another(void **state)
{
    uint64_t value;

    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    /* Another walker comes to LEAF by a pointer that it still has. */
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 20), &value), GUEST_DONE);
    assert_int_equal(value, d_page(SPARE, EL0));
}

/* Three tables, each of which can be judged after the next only. */
static void chain_of_conflicts_is_settled(void **state)
{
    (void)state;
    f->ptwr.nr_slots = 3;
    /* SPARE: level 3 below MID2. SPARE + 1: level 2 below MID1. */
    assert_int_equal(guest_update(f, MID2, 1, d_table(SPARE)), HV_OK);
    assert_int_equal(guest_update(f, MID1, 1, d_table(SPARE + 1)), HV_OK);
    guest_flush(f);
    for (unsigned int budget = 1; budget < 10000; budget = 3 * budget) {
        guest_open(f, MID1);
        guest_open(f, MID2);
        guest_open(f, LEAF);
        assert_int_equal(guest_store(f, MID1, 1, 0), GUEST_DONE);
        assert_int_equal(guest_store(f, MID2, 1, d_table(SPARE + 1)), GUEST_DONE);
        assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
        f->budget = budget;
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        assert_int_equal(fake_record(f, SPARE + 1)->type, FRAME_TABLE_L3);
        assert_int_equal(fake_record(f, SPARE)->el0_writers, 1);
        /* And back. */
        guest_open(f, LEAF);
        guest_open(f, MID2);
        guest_open(f, MID1);
        assert_int_equal(guest_store(f, LEAF, 20, 0), GUEST_DONE);
        assert_int_equal(guest_store(f, MID2, 1, d_table(SPARE)), GUEST_DONE);
        assert_int_equal(guest_store(f, MID1, 1, d_table(SPARE + 1)), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

/* One is refused what is in its way; another that waits for a third must not be with it. */
static void refusal_of_one_table_is_no_refusal_of_the_next(void **state)
{
    (void)state;
    f->ptwr.nr_slots = 3;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    f->budget = 5000;
    guest_hook_more(f, 2);
    guest_open(f, LEAF);
    guest_open(f, SPARE + 1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    /* MID2 waits for LEAF, and gives up SPARE in exchange; SPARE + 1 waits for that. */
    assert_int_equal(guest_store(f, MID2, 1, d_table(LEAF)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE + 1, 0, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_peek(f, LEAF, 10) & DESC_VALID, 0);
    assert_int_equal(fake_peek(f, SPARE + 1, 0), d_page(SPARE, EL0));
    assert_int_equal(f->ptwr.count.refused, 1);
}

/* In one table, what is given up further down may be what is taken further up. */
static void what_a_batch_gives_up_counts_before_what_it_takes(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    assert_int_equal(guest_update(f, MID2, 300, d_block(FAKE_CHUNK, EL0)), HV_OK);
    f->ptwr.count.batch_entries = 0;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 9, d_table(FAKE_CHUNK + 7)), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 300, 0), GUEST_DONE);
    f->budget = 40;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, FAKE_CHUNK + 7)->type, FRAME_TABLE_L3);
    assert_int_equal(fake_record(f, FAKE_CHUNK + 8)->counts, 0);
    assert_int_equal(f->ptwr.count.batch_entries, 2);
}

static void blocks_in_a_batch_cost_budget_by_their_frames(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    guest_open(f, MID2);
    for (unsigned int i = 0; i < 16; i++)
        assert_int_equal(guest_store(f, MID2, 100 + i, d_block(FAKE_CHUNK, RO)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(f->calls >= 8);
}

static void conflict_that_stays_is_refused_not_retried_for_ever(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, MID2);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    assert_true(guest_has_attached(f, MID2) && guest_has_attached(f, LEAF));
}

static void emulated_store_in_conflict_with_an_open_table_is_settled(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(reconnected(PTWR_T_CONFLICT), 1);
    assert_int_equal(fake_record(f, SPARE)->el0_writers, 1);
}

/*
 * The reconnection that settles a conflict may take the table that is stored to out of use: the
 * store then is one to a frame that is no table, and nothing of it is counted.
 */
static void emulated_store_whose_table_goes_away_meanwhile_is_no_update(void **state)
{
    (void)state;
    f->budget = 5000;
    guest_hook_more(f, 1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, LEAF, 0, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 0), d_page(SPARE, EL0));
    for (unsigned int i = 0; i < 2; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, LEAF)->type, FRAME_NONE);
    assert_int_equal(fake_record(f, SPARE)->counts, 0);
    assert_int_equal(fake_record(f, DATA)->counts, 0);
}

/* The same for a change of a live entry, whose table would be shown to walkers again. */
static void replaced_entry_whose_table_goes_away_meanwhile_is_no_update(void **state)
{
    (void)state;
    guest_hook_more(f, 2);
    assert_int_equal(guest_update(f, LEAF, 20, d_page(SPARE + 3, EL0)), HV_OK);
    assert_int_equal(guest_update(f, MID2, 1, 0), HV_OK);
    assert_int_equal(guest_update(f, MID1, 3, d_table(SPARE + 4)), HV_OK);
    assert_int_equal(guest_update(f, SPARE + 4, 0, d_table(SPARE + 1)), HV_OK);
    guest_flush(f);
    /* SPARE + 4 loses its only link, SPARE + 3 its EL0 writer, both unseen as yet. */
    guest_open(f, MID1);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, MID1, 3, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 20, 0), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, SPARE + 4, 0, d_table(SPARE + 3)), GUEST_DONE);
    assert_int_equal(f->frame[SPARE + 4].s2[PTWR_WALK], PTWR_UNMAPPED);
    for (unsigned int i = 0; i < 3; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, SPARE + 3)->type, FRAME_NONE);
    assert_int_equal(fake_record(f, SPARE + 1)->type_count, 1);
}

/* Each would give up what the other has validated so far of the table that both link. */
static void update_and_batch_that_link_the_same_illegal_table_both_end(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, SPARE, i, i == 300 ? 1 : d_page(DATA, RO));
    fake_poke(f, SPARE + 1, 0, d_table(SPARE));
    for (unsigned int budget = 1; budget < 600; budget = 2 * budget) {
        f->budget = budget;
        f->ptwr.policy = PTWR_POLICY_OPEN;
        guest_open(f, MID1);
        assert_int_equal(guest_store(f, MID1, 8, d_table(SPARE + 1)), GUEST_DONE);
        f->ptwr.policy = PTWR_POLICY_EMULATE;
        assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_CRASHED);
        assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(SPARE).raw);
        assert_int_equal(f->ptwr.violation.index, 300);
    }
}

/* The teardown of stale tables that a store waits for may take away its own table's last link. */
static void store_to_a_table_held_by_a_stale_one_only_keeps_the_counts(void **state)
{
    (void)state;
    f->budget = 5000;
    /* SPARE (level 2) links SPARE + 1 (level 3); SPARE + 2 is a stale table that a leaf wants. */
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    fake_poke(f, SPARE + 1, 0, d_page(DATA + 8, 0));
    fake_poke(f, SPARE, 0, d_table(SPARE + 1));
    assert_int_equal(guest_pin(f, SPARE, 2), HV_OK);
    assert_int_equal(guest_pin(f, SPARE + 2, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE + 2), HV_OK);
    assert_true(guest_has_attached(f, SPARE + 1));
    assert_int_equal(guest_store(f, SPARE + 1, 0, d_page(SPARE + 2, EL0)), GUEST_DONE);
    for (unsigned int i = 0; i < 3; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, SPARE + 1)->type, FRAME_NONE);
    assert_int_equal(fake_record(f, SPARE + 2)->counts, 0);
    assert_int_equal(fake_record(f, DATA + 8)->counts, 0);
}

/* .. after which it could be promoted as another level, by its own entry. */
static void table_held_by_a_stale_one_only_does_not_become_its_own_child(void **state)
{
    (void)state;
    f->budget = 5000;
    fake_poke(f, SPARE + 1, 0, d_page(DATA + 8, RO));
    fake_poke(f, SPARE, 0, d_table(SPARE + 1));
    assert_int_equal(guest_pin(f, SPARE, 1), HV_EINVAL); /* as level 2, its page is no table */
    assert_int_equal(guest_store(f, SPARE + 1, 0, 0), GUEST_DONE);
    assert_int_equal(guest_pin(f, SPARE, 1), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_true(guest_has_attached(f, SPARE + 1));
    assert_int_equal(guest_update(f, SPARE + 1, 6, d_table(SPARE + 1)), HV_OK);
    assert_int_equal(fake_record(f, SPARE + 1)->type, FRAME_NONE);
    assert_int_equal(f->frame[SPARE + 1].s2[PTWR_WALK], PTWR_UNMAPPED);
}

#define NOTHING (DESC_VALID | DESC_TABLE | DESC_RES0_HIGH)

/* The guest took the table out of use by a store that an open one held: what it writes is data. */
static void refused_store_to_a_table_that_an_open_one_let_go_is_data(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    /* Reserved bits: no descriptor. */
    assert_int_equal(guest_store(f, guest_more(0), 3, NOTHING), GUEST_DONE);
    assert_int_equal(fake_peek(f, guest_more(0), 3), NOTHING);
    assert_int_equal(fake_record(f, guest_more(0))->type, FRAME_NONE);
    assert_int_equal(f->ptwr.count.refused, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(conflict_between_open_tables_is_settled),
        T(conflict_the_other_way_round_is_settled),
        T(closing_one_slot_settles_its_conflict_with_another),
        T(chain_of_conflicts_is_settled),
        T(refusal_of_one_table_is_no_refusal_of_the_next),
        T(what_a_batch_gives_up_counts_before_what_it_takes),
        T(blocks_in_a_batch_cost_budget_by_their_frames),
        T(conflict_that_stays_is_refused_not_retried_for_ever),
        T(emulated_store_in_conflict_with_an_open_table_is_settled),
        T(emulated_store_whose_table_goes_away_meanwhile_is_no_update),
        T(replaced_entry_whose_table_goes_away_meanwhile_is_no_update),
        T(refused_store_to_a_table_that_an_open_one_let_go_is_data),
        T(update_and_batch_that_link_the_same_illegal_table_both_end),
        T(store_to_a_table_held_by_a_stale_one_only_keeps_the_counts),
        T(table_held_by_a_stale_one_only_does_not_become_its_own_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
