/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was written to an open table: judged in chunks, refused, restored, in conflict with another
 * open table, and stores that would never get on.
 */
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

/* --- Revalidation ----------------------------------------------------------------------------- */

static void batch_is_judged_in_chunks_with_the_same_result(void **state)
{
    static const unsigned int budgets[] = {1, 2, 15, 16, 17, 128, 512, 1000};

    (void)state;
    f->every = 7;
    for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
        f->budget = 1000;
        guest_open(f, LEAF);
        for (unsigned int e = 0; e < PTWR_ENTRIES; e++)
            assert_int_equal(guest_store(f, LEAF, e, d_page(DATA + (e + i) % 8, e % 5 ? 0 : RO)),
                             GUEST_DONE);
        f->budget = budgets[i];
        f->ptwr.count.batch_entries = 0;
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        fake_check_all(f);
        assert_int_equal(fake_record(f, DATA)->refs, 64);
        /* At first, three pages of guest_space() were there already. */
        assert_int_equal(f->ptwr.count.batch_entries, PTWR_ENTRIES - (i == 0 ? 3 : 0));
    }
}

static void only_changed_entries_are_judged(void **state)
{
    uint64_t before;

    (void)state;
    guest_open(f, LEAF);
    before = f->ptwr.count.validated;
    assert_int_equal(guest_store(f, LEAF, 100, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 300, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 301, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 301, 0), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(f->ptwr.count.batch_entries, 2);
    assert_int_equal(f->ptwr.count.validated, before + 2);
}

/* The fork path of Xen: writable to read-only and back, whose test was once the wrong way round. */
static void protecting_and_unprotecting_changes_the_writers(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, RO)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->refs, 1);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 0);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->el0_writers, 1);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 0);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, RO | DESC_DBM)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->el0_writers, 0);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 1);
}

/* Device pages have no counts: protecting one must not take any from a frame. */
static void device_entries_come_and_go_without_counts(void **state)
{
    uint64_t device = FAKE_DEVICE | DESC_AF | ATTR(1) | 3;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, device), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, device | RO), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, 0), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
}

/* Valid to valid with another address while open: after the reconnect no CPU may mix the two. */
static void batch_may_change_addresses_without_a_break(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        guest_open(f, LEAF);
        for (unsigned int e = 0; e < 4; e++)
            assert_int_equal(guest_store(f, LEAF, e, d_page(DATA + 4 * i + e, 0)), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

static void tables_linked_in_a_batch_are_validated_with_all_below(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 7, d_page(DATA + 7, RO));
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    f->budget = 1;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(guest_has_attached(f, SPARE));
    assert_int_equal(fake_record(f, DATA + 7)->refs, 1);
}

static void table_unlinked_in_a_batch_goes_stale(void **state)
{
    (void)state;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_ATTACHED);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    assert_int_equal(f->frame[LEAF].s2[PTWR_DATA], PTWR_RO);
}

/* Take before drop: a table that moves within a batch stays a table throughout. */
static void table_that_moves_down_within_a_batch_is_not_torn_down(void **state)
{
    (void)state;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(fake_record(f, LEAF)->type_count, 1);
}

static void open_table_that_loses_its_last_link_is_still_reconnected(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    for (unsigned int i = 0; i < 2; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PLAIN);
    assert_int_equal(fake_record(f, DATA + 7)->refs, 0);
}

/* The guest took the table out of use, and writes to it what it likes: that is data by then. */
static void open_table_that_lost_its_last_link_is_not_judged(void **state)
{
    (void)state;
    guest_open(f, MID2);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 300, UINT64_MAX), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(f->ptwr.count.refused, 0);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    for (unsigned int i = 0; i < 2; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PLAIN);
    assert_int_equal(fake_peek(f, LEAF, 7), d_page(GUEST_FRAMES, 0));
    assert_int_equal(fake_peek(f, LEAF, 300), UINT64_MAX);
    assert_int_equal(fake_record(f, DATA)->refs, 0);
}

/* The same while a part of it was judged already. */
static void half_judged_table_that_lost_its_last_link_keeps_the_counts(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        assert_int_equal(guest_store(f, LEAF, i, d_page(DATA + 7, 0)), GUEST_DONE);
    for (unsigned int budget = 64; f->ptwr.slots[0].cursor == 0; budget = 64)
        assert_int_equal(ptwr_sync(&f->ptwr, PTWR_T_LIFE, &budget), HV_EAGAIN);
    assert_true(f->ptwr.slots[0].cursor < PTWR_ENTRIES);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(fake_record(f, DATA + 7)->refs, 0);
}

/* --- Illegal batches -------------------------------------------------------------------------- */

static void crash_restores_the_rest_and_reconnects(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(DATA + 8, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 11, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 2, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 12, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 511, 1), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(f->ptwr.nr_open, 0);
    assert_int_equal(fake_peek(f, LEAF, 2), d_page(DATA + 9, 0));
    assert_int_equal(fake_peek(f, LEAF, 10), d_page(DATA + 8, 0));
    assert_int_equal(fake_peek(f, LEAF, 11), 0);
    assert_int_equal(fake_peek(f, LEAF, 12), 0);
    assert_int_equal(fake_peek(f, LEAF, 511), 0);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_OWNER);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(f->ptwr.violation.index, 11);
    assert_int_equal(f->ptwr.violation.old.raw, 0);
    assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
}

static void illegal_batch_met_by_a_walk_crashes(void **state)
{
    uint64_t value;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 10), &value), GUEST_CRASHED);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK); /* told once */
}

static void illegal_batch_met_by_a_store_crashes(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    f->ptwr.nr_slots = 1;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE, 0, 0), GUEST_CRASHED);
    assert_true(guest_has_attached(f, LEAF));
}

static void illegal_batch_in_one_table_does_not_leave_another_open(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    guest_open(f, SPARE);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE, 10, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_true(guest_has_attached(f, LEAF) && guest_has_attached(f, SPARE));
    assert_int_equal(fake_peek(f, SPARE, 10), d_page(DATA, 0));
}

/* Never the old value, whose frame the guest believes unmapped. */
/* What comes after the first is a consequence of it, or at least no news. */
static void first_illegal_entry_is_the_one_reported(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    guest_open(f, SPARE);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE, 11, 1), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(f->ptwr.violation.index, 10);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_OWNER);
    /* Told once: the next one starts with a clean slate. */
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
}

/* The call that finds it ends with another table's chunk; the last call has the verdict. */
static void illegal_entry_is_not_forgotten_when_another_table_takes_longer(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, SPARE, i, d_page(DATA, RO));
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    /* The first waits for LEAF, so that the second, which takes long, is judged after it. */
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 10, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(f->ptwr.violation.index, 10);
}

static void refuse_clears_the_valid_bit_of_the_new_value(void **state)
{
    uint64_t bad = d_page(GUEST_FRAMES, 0);

    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, bad), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 1, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 2, 1), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_peek(f, LEAF, 0), bad & ~DESC_VALID);
    assert_int_equal(fake_peek(f, LEAF, 1), d_page(DATA + 9, 0));
    assert_int_equal(fake_peek(f, LEAF, 2), 0);
    assert_int_equal(f->ptwr.count.refused, 2);
    assert_int_equal(fake_record(f, DATA)->refs, 0);
    assert_true(guest_has_attached(f, LEAF));
}

/* Neighbours of an accepted page are taken by comparison with it; a refused one is no measure. */
static void refused_page_does_not_vouch_for_its_neighbours(void **state)
{
    static const uint64_t flags[] = {DESC_CONTIGUOUS, ATTR(1), DESC_GP, BIT64(59), BIT64(48)};

    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        guest_open(f, LEAF);
        for (unsigned int e = 0; e < 40; e++)
            assert_int_equal(guest_store(f, LEAF, e, d_page(DATA + e % 8, flags[i])), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        for (unsigned int e = 0; e < 40; e++)
            assert_int_equal(fake_peek(f, LEAF, e) & DESC_VALID, 0);
    }
}

/* .. nor does an accepted one for a page that differs in more than its address. */
static void accepted_page_vouches_for_its_own_kind_only(void **state)
{
    static const struct {
        uint64_t value;
        bool legal;
    } cases[] = {
        {1 << 10 | 3, false}, /* page 0 of the machine */
        {DESC_CONTIGUOUS, false}, {ATTR(1), false}, {DESC_GP, false}, {RO, true}, {EL0, true},
    };

    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t value = i == 0 ? cases[i].value : d_page(DATA + 9, cases[i].value);

        guest_open(f, LEAF);
        assert_int_equal(guest_store(f, LEAF, 20, d_page(DATA + 7, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, LEAF, 21, d_page(DATA + 8, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, LEAF, 22, value), GUEST_DONE);
        assert_int_equal(guest_store(f, LEAF, 23, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, LEAF, 24, d_page(LEAF, EL0)), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        assert_int_equal(fake_peek(f, LEAF, 21), d_page(DATA + 8, 0));
        assert_int_equal(fake_peek(f, LEAF, 22), cases[i].legal ? value : value & ~DESC_VALID);
        assert_int_equal(fake_peek(f, LEAF, 23) & DESC_VALID, 0);
        assert_int_equal(fake_peek(f, LEAF, 24) & DESC_VALID, 0);
        guest_open(f, LEAF);
        for (unsigned int e = 20; e < 25; e++)
            assert_int_equal(guest_store(f, LEAF, e, 0), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

/* Validating the new table takes more than one call, and must not start again with each. */
static void illegal_table_below_a_batch_does_not_keep_it_busy(void **state)
{
    (void)state;
    f->budget = PTWR_BUDGET;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, SPARE, i, i == 300 ? 1 : d_page(DATA, RO));
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(SPARE).raw);
    assert_int_equal(f->ptwr.violation.index, 300);
    /* Two of them, each in the other's way as far as the engine can know. */
    guest_open(f, MID1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(guest_store(f, MID1, 8, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
}

static void illegal_table_below_a_batch_is_refused_and_leaves_no_count(void **state)
{
    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    fake_poke(f, SPARE, 3, d_page(DATA + 8, 0));
    fake_poke(f, SPARE, 4, 1);
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    f->budget = 1;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_peek(f, MID2, 8), d_table(SPARE) & ~DESC_VALID);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(SPARE).raw);
    assert_int_equal(f->ptwr.violation.index, 4);
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(fake_record(f, DATA + 8)->refs, 0);
    assert_int_equal(fake_record(f, SPARE)->state, FRAME_PLAIN);
}

/* --- Progress --------------------------------------------------------------------------------- */

static void empty_batch_has_the_next_store_emulated_once(void **state)
{
    uint64_t value, emulated = f->ptwr.count.emulated;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 30, d_page(DATA, 0)), GUEST_DONE);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(f->ptwr.count.emulated, emulated + 1);
    assert_int_equal(guest_store(f, LEAF, 31, d_page(DATA, 0)), GUEST_DONE);
    assert_true(guest_has_open(f, LEAF));
    assert_int_equal(f->ptwr.count.emulated, emulated + 1);
}

/* .. if what ended it may have been the store's own need; a hypercall was not. */
static void only_what_a_store_needs_itself_stands_in_its_way(void **state)
{
    (void)state;
    for (unsigned int why = 0; why < PTWR_TRIGGERS; why++) {
        bool own = why == PTWR_T_WALK || why == PTWR_T_EL2_WALK || why == PTWR_T_SLOT;
        uint64_t emulated = f->ptwr.count.emulated;

        guest_open(f, LEAF);
        assert_int_equal(guest_sync(f, (enum ptwr_trigger)why), HV_OK);
        f->ptwr.pause = 0;
        assert_int_equal(guest_store(f, LEAF, 30, (why + 1) << 4), GUEST_DONE);
        assert_int_equal(guest_has_attached(f, LEAF), own);
        assert_int_equal(f->ptwr.count.emulated, emulated + own);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

/* The store's own translation needs the table: each attempt walks, and reconnects it. */
static void store_through_its_own_table_makes_progress(void **state)
{
    uint64_t value;
    unsigned int attempts = 0;

    (void)state;
    assert_int_equal(guest_update(f, LEAF, 40, d_page(LEAF, 0)), HV_OK);
    for (;; attempts++) {
        struct ptwr_store store = {
            .table = fake_mfn(LEAF), .offset = 41 * 8, .size = 8, .value = d_page(DATA, 0)};
        enum ptwr_outcome outcome;

        assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 40), &value), GUEST_DONE);
        store.decoded = store.emulatable = true;
        outcome = guest_fault(f, &store);
        if (outcome == PTWR_DONE)
            break;
        assert_int_equal(outcome, PTWR_RETRY);
        assert_true(attempts < 4);
    }
    assert_int_equal(fake_peek(f, LEAF, 41), d_page(DATA, 0));
}

/* What cannot be emulated and whose table is needed for it ends in a fault, not in a loop. */
static void opaque_store_through_its_own_table_ends(void **state)
{
    uint64_t value;
    unsigned int attempts = 0;

    (void)state;
    assert_int_equal(guest_update(f, LEAF, 40, d_page(LEAF, 0)), HV_OK);
    for (;; attempts++) {
        struct ptwr_store store = {.table = fake_mfn(LEAF), .offset = 41 * 8, .size = 8};
        enum ptwr_outcome outcome;

        assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 40), &value), GUEST_DONE);
        store.decoded = true;
        outcome = guest_fault(f, &store);
        if (outcome == PTWR_INJECT)
            break;
        assert_int_equal(outcome, PTWR_RETRY);
        assert_true(attempts < 16);
    }
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_UNALIGNED);
}

/* A batch without a change is no sign of that: the store wrote what was there, and went on. */
static void opaque_stores_of_what_is_there_are_performed(void **state)
{
    uint64_t value;

    (void)state;
    for (unsigned int i = 0; i < 6; i++) {
        struct ptwr_store store = {.table = fake_mfn(LEAF), .offset = 41 * 8, .size = 8};

        store.decoded = true;
        assert_int_equal(guest_fault(f, &store), PTWR_RETRY);
        assert_true(guest_has_open(f, LEAF));
        assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
        assert_true(guest_has_attached(f, LEAF));
    }
}

/* What is said of a table that took no change is not said of the frame's next life. */
static void empty_batch_is_forgotten_with_the_table(void **state)
{
    uint64_t value;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
    assert_int_equal(f->ptwr.last_empty.raw, fake_mfn(LEAF).raw);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_true(mfn_is_none(f->ptwr.last_empty));
}

static void store_that_lost_the_race_finds_it_writable_and_retries(void **state)
{
    struct ptwr_store store = {.table = fake_mfn(LEAF), .offset = 8, .size = 8, .vcpu = 1};

    (void)state;
    guest_open(f, LEAF);
    store.va = va_of(0xffffffff00001000);
    fake_trace_clear(f);
    assert_int_equal(guest_fault(f, &store), PTWR_RETRY);
    assert_true(guest_has_open(f, LEAF));
    assert_int_equal(f->ptwr.count.opened, 1);
    /* Its old translation goes from both kinds of cache, or it would fault for ever. */
    assert_string_equal(fake_trace(f),
                        "ipas2 data 4; dsb ish; vaae1 0xffffffff00001000; dsb ish; isb");
}

static void slot_opened_by_a_vcpu_is_closed_by_another(void **state)
{
    uint64_t value;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA, 0)), GUEST_DONE);
    fake_set_ttbr(f, 1, 1, fake_mfn(ROOT));
    f->vcpu = 1;
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(batch_is_judged_in_chunks_with_the_same_result),
        T(only_changed_entries_are_judged),
        T(protecting_and_unprotecting_changes_the_writers),
        T(device_entries_come_and_go_without_counts),
        T(batch_may_change_addresses_without_a_break),
        T(tables_linked_in_a_batch_are_validated_with_all_below),
        T(table_unlinked_in_a_batch_goes_stale),
        T(table_that_moves_down_within_a_batch_is_not_torn_down),
        T(open_table_that_loses_its_last_link_is_still_reconnected),
        T(open_table_that_lost_its_last_link_is_not_judged),
        T(half_judged_table_that_lost_its_last_link_keeps_the_counts),
        T(crash_restores_the_rest_and_reconnects),
        T(illegal_batch_met_by_a_walk_crashes),
        T(illegal_batch_met_by_a_store_crashes),
        T(illegal_batch_in_one_table_does_not_leave_another_open),
        T(first_illegal_entry_is_the_one_reported),
        T(illegal_entry_is_not_forgotten_when_another_table_takes_longer),
        T(refuse_clears_the_valid_bit_of_the_new_value),
        T(refused_page_does_not_vouch_for_its_neighbours),
        T(accepted_page_vouches_for_its_own_kind_only),
        T(illegal_table_below_a_batch_does_not_keep_it_busy),
        T(illegal_table_below_a_batch_is_refused_and_leaves_no_count),
        T(empty_batch_has_the_next_store_emulated_once),
        T(only_what_a_store_needs_itself_stands_in_its_way),
        T(store_through_its_own_table_makes_progress),
        T(opaque_store_through_its_own_table_ends),
        T(opaque_stores_of_what_is_there_are_performed),
        T(empty_batch_is_forgotten_with_the_table),
        T(store_that_lost_the_race_finds_it_writable_and_retries),
        T(slot_opened_by_a_vcpu_is_closed_by_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
