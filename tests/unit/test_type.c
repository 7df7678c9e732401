/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page types: pins, validation of whole trees in chunks, counts, stale frames. The fake compares
 * all counts with all contents after every call.
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
    guest_space(f);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static const unsigned int table_of[] = {ROOT, MID1, MID2, LEAF};

static unsigned int count_of(unsigned int number) { return fake_record(f, number)->type_count; }

static bool is_plain(unsigned int number)
{
    const struct frame *record = fake_record(f, number);

    return record->state == FRAME_PLAIN && record->type == FRAME_NONE && record->counts == 0 &&
           f->frame[number].s2[PTWR_DATA] == PTWR_RW;
}

static void all_is_plain_again(void)
{
    /* A table that is torn down may be the last that refers to another: a flush for each level. */
    for (unsigned int i = 0; i < 5; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    for (unsigned int n = 0; n < GUEST_FRAMES; n++)
        assert_true(is_plain(n));
    assert_int_equal(f->ptwr.nr_stale, 0);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
}

static void not_pinned(unsigned int number, unsigned int level)
{
    enum hv_err err = guest_pin(f, number, level);

    assert_true(err == HV_EINVAL || err == HV_EBUSY);
}

/* --- Pins ------------------------------------------------------------------------------------- */

static void each_level_is_pinned_with_all_below_it(void **state)
{
    (void)state;
    for (unsigned int top = 0; top < 4; top++) {
        assert_int_equal(guest_pin(f, table_of[top], top), HV_OK);
        for (unsigned int level = 0; level < 4; level++) {
            const struct frame *record = fake_record(f, table_of[level]);

            if (level < top) {
                assert_true(is_plain(table_of[level]));
                continue;
            }
            assert_int_equal(record->type, FRAME_TABLE_L0 + level);
            assert_int_equal(record->state, FRAME_ATTACHED);
            assert_int_equal(record->type_count, 1);
            assert_int_equal((record->flags & FRAME_PINNED) != 0, level == top);
        }
        assert_int_equal(fake_record(f, DATA)->refs, 1);
        assert_int_equal(fake_record(f, DATA)->el1_writers, 1);
        assert_int_equal(f->ptwr.count.promoted, 4 - top);
        f->ptwr.count.promoted = 0;
        assert_int_equal(guest_unpin(f, table_of[top]), HV_OK);
        all_is_plain_again();
    }
}

static void pin_is_taken_once(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    not_pinned(LEAF, 3);
    assert_int_equal(count_of(LEAF), 1);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    assert_int_equal(guest_unpin(f, LEAF), HV_EINVAL);
    all_is_plain_again();
}

static void pin_of_another_level_is_refused(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    for (unsigned int level = 0; level < 4; level++) {
        for (unsigned int wrong = 0; wrong < 4; wrong++) {
            if (level == wrong)
                continue;
            not_pinned(table_of[level], wrong);
            assert_int_equal(count_of(table_of[level]), 1);
        }
    }
}

static void pin_wants_the_domains_own_frame(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, GUEST_FRAMES, 3), HV_EPERM);
    fake_record(f, GUEST_FRAMES)->owner = FAKE_OWNER + 1;
    assert_int_equal(guest_pin(f, GUEST_FRAMES, 3), HV_EPERM);
    assert_int_equal(fake_record(f, GUEST_FRAMES)->type, FRAME_NONE);
    fake_record(f, GUEST_FRAMES)->owner = FRAME_NO_OWNER;
}

static void pin_of_what_is_no_pinned_table_is_not_undone(void **state)
{
    (void)state;
    assert_int_equal(guest_unpin(f, DATA), HV_EINVAL);
    assert_int_equal(guest_unpin(f, GUEST_FRAMES), HV_EINVAL);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_unpin(f, MID1), HV_EINVAL);
    assert_int_equal(count_of(MID1), 1);
}

static void unpinned_table_that_is_linked_stays_a_table(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(count_of(LEAF), 2);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    assert_int_equal(count_of(LEAF), 1);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_ATTACHED);
}

static void each_entry_that_links_a_table_counts(void **state)
{
    (void)state;
    fake_poke(f, MID2, 3, d_table(LEAF));
    fake_poke(f, MID2, 511, d_table(LEAF));
    fake_poke(f, SPARE, 8, d_table(LEAF));
    fake_poke(f, MID1, 1, d_table(SPARE));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(count_of(LEAF), 4);
    assert_int_equal(fake_record(f, DATA)->refs, 1); /* its entries are counted once */
    assert_int_equal(guest_unpin(f, ROOT), HV_OK);
    all_is_plain_again();
}

static void each_leaf_counts_by_its_kind(void **state)
{
    (void)state;
    fake_poke(f, LEAF, 8, d_page(DATA, RO));
    fake_poke(f, LEAF, 9, d_page(DATA, EL0));
    fake_poke(f, LEAF, 10, d_page(DATA, EL0 | RO));
    fake_poke(f, LEAF, 11, d_page(DATA, RO | DESC_DBM));
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(fake_record(f, DATA)->refs, 5);
    assert_int_equal(fake_record(f, DATA)->el0_writers, 1);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 2);
}

static void blocks_count_in_each_frame(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    fake_poke(f, MID2, 4, d_block(FAKE_CHUNK, 0));
    fake_poke(f, MID2, 5, d_block(FAKE_CHUNK, RO));
    assert_int_equal(guest_pin(f, MID2, 2), HV_OK);
    for (unsigned int n = FAKE_CHUNK; n < FAKE_FRAMES; n++) {
        assert_int_equal(fake_record(f, n)->refs, 2);
        assert_int_equal(fake_record(f, n)->el1_writers, 1);
    }
    assert_int_equal(guest_unpin(f, MID2), HV_OK);
    all_is_plain_again();
    assert_int_equal(fake_record(f, FAKE_CHUNK)->counts, 0);
}

/* --- Refusals --------------------------------------------------------------------------------- */

static void illegal_entry_is_named_and_leaves_no_count(void **state)
{
    static const unsigned int places[] = {0, 1, 4, 15, 16, 17, 127, 128, 511};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t old = fake_peek(f, LEAF, places[i]);

        fake_poke(f, LEAF, places[i], d_page(GUEST_FRAMES, 0));
        assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
        assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_OWNER);
        assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
        assert_int_equal(f->ptwr.violation.index, places[i]);
        assert_int_equal(f->ptwr.violation.level, 3);
        assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
        all_is_plain_again();
        fake_poke(f, LEAF, places[i], old);
    }
    assert_int_equal(f->ptwr.count.refused, ARRAY_SIZE(places));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
}

static void illegal_entry_at_each_level_is_refused(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 4; level++) {
        fake_poke(f, table_of[level], 100, level == 3 ? 1 : d_table(GUEST_FRAMES));
        assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
        assert_int_equal(f->ptwr.violation.level, level);
        assert_int_equal(f->ptwr.violation.index, 100);
        all_is_plain_again();
        fake_poke(f, table_of[level], 100, 0);
    }
}

static void table_that_links_itself_is_refused(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++) {
        fake_poke(f, table_of[level], 9, d_table(table_of[level]));
        assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
        assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_LEVEL);
        all_is_plain_again();
        fake_poke(f, table_of[level], 9, 0);
    }
}

static void loop_through_levels_is_refused(void **state)
{
    (void)state;
    fake_poke(f, MID2, 9, d_table(ROOT));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    all_is_plain_again();
    fake_poke(f, MID2, 9, d_table(MID1));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    all_is_plain_again();
}

/* One frame cannot be tables of two levels, though each use alone would pass. */
static void frame_is_a_table_of_one_level(void **state)
{
    (void)state;
    fake_poke(f, ROOT, 9, d_table(SPARE));
    fake_poke(f, MID2, 9, d_table(SPARE));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_TYPE);
    all_is_plain_again();
}

static void tree_that_maps_its_own_table_writable_wants_the_assist(void **state)
{
    (void)state;
    fake_poke(f, LEAF, 9, d_page(MID1, 0));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_WRITABLE);
    all_is_plain_again();
    assert_int_equal(guest_assist(f, true), HV_OK);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(f->ptwr.tables_with_writers, 1);
    assert_int_equal(guest_unpin(f, ROOT), HV_OK);
    all_is_plain_again();
    fake_poke(f, LEAF, 9, d_page(LEAF, EL0));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    all_is_plain_again();
}

/* The writer is found before the table, the other order than above. */
static void page_that_is_linked_later_in_the_same_tree_is_refused(void **state)
{
    (void)state;
    fake_poke(f, LEAF, 0, d_page(SPARE, EL0));
    fake_poke(f, MID1, 1, d_table(SPARE + 1));
    fake_poke(f, SPARE + 1, 0, d_table(SPARE));
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    all_is_plain_again();
}

/* --- Chunks ----------------------------------------------------------------------------------- */

/* A wider space: shared tables, full tables, blocks are elsewhere. */
static void widen(void)
{
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, LEAF, i, d_page(DATA + i % 8, i % 3 == 0 ? RO : 0));
    for (unsigned int i = 0; i < 8; i++) {
        fake_poke(f, MID2, 60 * i + 1, d_table(SPARE + i % 4));
        fake_poke(f, SPARE + i % 4, 77 * (i % 4), d_page(DATA + i, RO | EL0));
    }
    fake_poke(f, SPARE + 4, 3, d_table(LEAF));
    fake_poke(f, MID1, 511, d_table(SPARE + 4));
}

static const unsigned int budgets[] = {1, 2, 3, 7, 15, 16, 17, 31, 127, 128, 129, 511, 512, 5000};

static void result_and_counts_are_the_same_for_every_budget(void **state)
{
    static struct frame want[GUEST_FRAMES];

    (void)state;
    widen();
    assert_int_equal(guest_assist(f, true), HV_OK);
    f->every = 7;
    for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
        f->budget = budgets[i];
        assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
        fake_check_all(f);
        if (i == 0)
            memcpy(want, f->chunk[0], sizeof(want));
        for (unsigned int n = 0; n < GUEST_FRAMES; n++) {
            assert_int_equal(fake_record(f, n)->head, want[n].head);
            assert_int_equal(fake_record(f, n)->counts, want[n].counts);
            assert_int_equal(fake_record(f, n)->flags, want[n].flags);
        }
        assert_int_equal(guest_unpin(f, ROOT), HV_OK);
        all_is_plain_again();
    }
}

static void refusal_is_the_same_for_every_budget(void **state)
{
    (void)state;
    widen();
    assert_int_equal(guest_assist(f, true), HV_OK);
    fake_poke(f, SPARE + 4, 300, d_table(DATA));
    fake_poke(f, DATA, 200, d_page(GUEST_FRAMES, 0));
    f->every = 7;
    for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
        enum ptwr_rule rule;

        f->budget = budgets[i];
        assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
        rule = f->ptwr.violation.rule;
        assert_true(rule == PTWR_RULE_OWNER);
        assert_int_equal(f->ptwr.violation.index, 200);
        all_is_plain_again();
    }
}

static void budget_bounds_what_one_call_looks_at(void **state)
{
    unsigned int calls = 1;
    enum hv_err err;

    (void)state;
    widen();
    for (;; calls++) {
        unsigned int budget = 128;
        uint64_t before = f->ptwr.count.validated;

        err = ptwr_pin(&f->ptwr, fake_mfn(ROOT), 0, &budget);
        assert_true(f->ptwr.count.validated - before <= 128 + 16);
        if (err != HV_EAGAIN)
            break;
        fake_settle(f);
    }
    assert_int_equal(err, HV_OK);
    assert_true(calls >= PTWR_ENTRIES / 128);
}

/* An empty table below costs a clean, a scan and its share of a flush. */
static void empty_tables_cost_budget_too(void **state)
{
    unsigned int calls = 1;
    unsigned int budget = 16;

    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, SPARE, i, d_table(FAKE_CHUNK + i));
    f->every = 0;
    while (ptwr_pin(&f->ptwr, fake_mfn(SPARE), 2, &budget) == HV_EAGAIN) {
        fake_trace_clear(f);
        budget = 16;
        calls++;
    }
    assert_in_range(calls, PTWR_ENTRIES / 16, 2 * PTWR_ENTRIES);
    fake_check_all(f);
}

/* A block is 512 frames, not one entry. */
static void blocks_cost_budget_by_their_frames(void **state)
{
    unsigned int calls = 1;
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    for (unsigned int i = 0; i < 32; i++)
        fake_poke(f, SPARE, i, d_block(FAKE_CHUNK, RO));
    f->every = 0;
    while (ptwr_pin(&f->ptwr, fake_mfn(SPARE), 2, &budget) == HV_EAGAIN) {
        budget = PTWR_BUDGET;
        calls++;
    }
    assert_true(calls >= 16);
    fake_check_all(f);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    ptwr_flush(&f->ptwr, &(unsigned int){PTWR_BUDGET});
    calls = 1;
    budget = PTWR_BUDGET;
    while (ptwr_work(&f->ptwr, &budget) == HV_EAGAIN) {
        budget = PTWR_BUDGET;
        calls++;
    }
    assert_true(calls >= 16);
    fake_check_all(f);
}

static void interrupted_validation_shows_walkers_nothing(void **state)
{
    unsigned int budget = 1;

    (void)state;
    assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(ROOT), 0, &budget), HV_EAGAIN);
    fake_settle(f);
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_PROTECTING);
    assert_int_equal(f->frame[ROOT].s2[PTWR_WALK], PTWR_UNMAPPED);
    assert_false(fake_may_walk(f, ROOT));
}

/* Two vCPUs pin trees that share tables, a call at a time. */
static void interleaved_validations_both_finish(void **state)
{
    static const unsigned int tops[] = {ROOT, SPARE + 5};
    enum hv_err err[2] = {HV_EAGAIN, HV_EAGAIN};

    (void)state;
    widen();
    fake_poke(f, SPARE + 5, 200, d_table(MID1));
    for (unsigned int calls = 0; err[0] == HV_EAGAIN || err[1] == HV_EAGAIN; calls++) {
        unsigned int i = calls % 2;
        unsigned int budget = 1 + calls % 5;

        if (err[i] != HV_EAGAIN)
            continue;
        err[i] = ptwr_pin(&f->ptwr, fake_mfn(tops[i]), 0, &budget);
        assert_true(calls < 64 * PTWR_ENTRIES);
        fake_settle(f);
    }
    assert_int_equal(err[0], HV_OK);
    assert_int_equal(err[1], HV_OK);
    assert_int_equal(count_of(MID1), 2);
    fake_check_all(f);
}

/* A vCPU stores to a table whose validation another has begun: it must get on, and so must that. */
static void store_into_a_half_validated_table_is_seen(void **state)
{
    unsigned int budget = 1;

    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    while (fake_record(f, LEAF)->state != FRAME_PROTECTING ||
           fake_record(f, LEAF)->el0_writers < 2) {
        budget = 1;
        assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(ROOT), 0, &budget), HV_EAGAIN);
        fake_settle(f);
    }
    assert_int_equal(guest_store(f, LEAF, 0, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.index, 0);
    assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_DONE);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
}

static void abandoned_validation_of_one_level_does_not_bar_another(void **state)
{
    unsigned int budget = 1;

    (void)state;
    assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(LEAF), 3, &budget), HV_EAGAIN);
    fake_poke(f, SPARE, 0, 0);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(guest_store(f, LEAF, i, 0), GUEST_DONE);
    assert_int_equal(guest_pin(f, LEAF, 2), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->type, FRAME_TABLE_L2);
}

/* Nothing was stored to it in between, so that it is still half a table of the old level. */
static void half_a_table_may_become_one_of_another_level(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 4; i++)
        fake_poke(f, SPARE, 100 * i, 0x10);
    for (unsigned int level = 0; level < 4; level++) {
        unsigned int budget = 1;

        assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(SPARE), 3 - level, &budget), HV_EAGAIN);
        assert_int_equal(guest_pin(f, SPARE, level), HV_OK);
        assert_int_equal(fake_record(f, SPARE)->type, FRAME_TABLE_L0 + level);
        assert_int_equal(guest_unpin(f, SPARE), HV_OK);
        all_is_plain_again();
    }
}

/* --- Stale frames ----------------------------------------------------------------------------- */

static void former_table_stays_read_only_until_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    assert_int_equal(f->frame[LEAF].s2[PTWR_DATA], PTWR_RO);
    assert_int_equal(f->frame[LEAF].s2[PTWR_WALK], PTWR_UNMAPPED);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_true(is_plain(LEAF));
}

static void one_flush_frees_all_stale_frames(void **state)
{
    uint64_t before;

    (void)state;
    for (unsigned int i = 0; i < 8; i++) {
        assert_int_equal(guest_pin(f, SPARE + i, 3), HV_OK);
        assert_int_equal(guest_unpin(f, SPARE + i), HV_OK);
    }
    assert_int_equal(guest_work(f), HV_OK);
    before = f->ptwr.count.tlbi_all;
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(f->ptwr.count.tlbi_all, before + 1);
    for (unsigned int i = 0; i < 8; i++)
        assert_true(is_plain(SPARE + i));
}

/* The flush is for frames that were stale before it, not for one that goes stale afterwards. */
static void frame_that_goes_stale_after_a_flush_waits_for_the_next(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_pin(f, SPARE + 1, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    ptwr_flush(&f->ptwr, &(unsigned int){PTWR_BUDGET});
    assert_int_equal(guest_unpin(f, SPARE + 1), HV_OK);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(fake_record(f, SPARE + 1)->state, FRAME_STALE);
}

static void store_to_a_stale_frame_flushes_and_succeeds(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    assert_int_equal(guest_store(f, LEAF, 0, 0x1234), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 0), 0x1234);
    assert_true(is_plain(LEAF));
}

/* The CPU that faulted drops what it remembers at once: one fault, not two. */
static void store_to_a_stale_frame_faults_once(void **state)
{
    struct ptwr_store store = {.table = fake_mfn(LEAF), .size = 8, .va = va_of(f->alias)};

    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    f->budget = 5000;
    assert_int_equal(guest_fault(f, &store), PTWR_RETRY);
    assert_true(fake_can_store(f, LEAF));
}

/* The guest has flushed since, but not all that the table refers to is let go of yet. */
static void store_to_a_flushed_stale_frame_flushes_no_more(void **state)
{
    uint64_t before;

    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_unpin(f, LEAF), HV_OK);
    ptwr_flush(&f->ptwr, &(unsigned int){1});
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    before = f->ptwr.count.tlbi_all;
    assert_int_equal(guest_store(f, LEAF, 0, 0x1234), GUEST_DONE);
    assert_int_equal(f->ptwr.count.tlbi_all, before);
}

/* A hostile kernel leaves its TLBI out: walk caches still point to the table it unlinked */
static void unlinked_table_is_writable_only_after_the_engines_own_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, ROOT), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_true(fake_may_walk(f, LEAF));
    assert_int_equal(f->frame[LEAF].s2[PTWR_DATA], PTWR_RO);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_false(fake_may_walk(f, LEAF));
    assert_int_equal(fake_peek(f, LEAF, 0), d_page(GUEST_FRAMES, 0));
}

static void stale_frame_may_become_a_table_of_another_level(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 1), HV_OK);
    assert_int_equal(fake_record(f, SPARE)->type, FRAME_TABLE_L1);
    assert_int_equal(fake_record(f, SPARE)->state, FRAME_ATTACHED);
}

static void stale_frame_may_be_mapped_by_el0_after_the_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 100, d_page(SPARE, EL0)), HV_OK);
    assert_int_equal(fake_record(f, SPARE)->state, FRAME_PLAIN);
    assert_int_equal(fake_record(f, SPARE)->el0_writers, 1);
}

static void teardown_in_chunks_drops_every_count(void **state)
{
    (void)state;
    widen();
    f->every = 7;
    for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
        f->budget = 5000;
        assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
        f->budget = budgets[i];
        assert_int_equal(guest_unpin(f, ROOT), HV_OK);
        all_is_plain_again();
    }
    assert_int_equal(f->ptwr.count.demoted, f->ptwr.count.promoted);
}

/* Counts of a table that was unlinked last of all come down, though nobody asks for it by name. */
static void table_dropped_by_its_last_link_is_torn_down(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_update(f, ROOT, 0, 0), HV_OK);
    for (unsigned int i = 0; i < 3; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_true(is_plain(MID1) && is_plain(MID2) && is_plain(LEAF) && is_plain(DATA));
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_ATTACHED);
}

/* A walk through a pointer that only a walk cache still has. */
static void walk_through_a_stale_pointer_is_flushed_and_retried(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, ROOT), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_true(fake_may_walk(f, LEAF));
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(LEAF), &budget), HV_OK);
    assert_false(fake_may_walk(f, LEAF));
}

/* .. which another CPU's flush has removed before this one got the lock: nothing is wrong. */
static void walk_fault_that_lost_the_race_against_a_flush_is_retried(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, ROOT), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PLAIN);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(LEAF), &budget), HV_OK);
}

static void walk_to_what_is_not_the_domains_is_an_abort(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(GUEST_FRAMES), &budget), HV_EINVAL);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, mfn_of(5), &budget), HV_EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_level_is_pinned_with_all_below_it),
        T(pin_is_taken_once),
        T(pin_of_another_level_is_refused),
        T(pin_wants_the_domains_own_frame),
        T(pin_of_what_is_no_pinned_table_is_not_undone),
        T(unpinned_table_that_is_linked_stays_a_table),
        T(each_entry_that_links_a_table_counts),
        T(each_leaf_counts_by_its_kind),
        T(blocks_count_in_each_frame),
        T(illegal_entry_is_named_and_leaves_no_count),
        T(illegal_entry_at_each_level_is_refused),
        T(table_that_links_itself_is_refused),
        T(loop_through_levels_is_refused),
        T(frame_is_a_table_of_one_level),
        T(tree_that_maps_its_own_table_writable_wants_the_assist),
        T(page_that_is_linked_later_in_the_same_tree_is_refused),
        T(result_and_counts_are_the_same_for_every_budget),
        T(refusal_is_the_same_for_every_budget),
        T(budget_bounds_what_one_call_looks_at),
        T(empty_tables_cost_budget_too),
        T(blocks_cost_budget_by_their_frames),
        T(interrupted_validation_shows_walkers_nothing),
        T(interleaved_validations_both_finish),
        T(store_into_a_half_validated_table_is_seen),
        T(abandoned_validation_of_one_level_does_not_bar_another),
        T(half_a_table_may_become_one_of_another_level),
        T(former_table_stays_read_only_until_a_full_flush),
        T(one_flush_frees_all_stale_frames),
        T(frame_that_goes_stale_after_a_flush_waits_for_the_next),
        T(store_to_a_stale_frame_flushes_and_succeeds),
        T(store_to_a_stale_frame_faults_once),
        T(store_to_a_flushed_stale_frame_flushes_no_more),
        T(unlinked_table_is_writable_only_after_the_engines_own_flush),
        T(stale_frame_may_become_a_table_of_another_level),
        T(stale_frame_may_be_mapped_by_el0_after_the_flush),
        T(teardown_in_chunks_drops_every_count),
        T(table_dropped_by_its_last_link_is_torn_down),
        T(walk_through_a_stale_pointer_is_flushed_and_retried),
        T(walk_fault_that_lost_the_race_against_a_flush_is_retried),
        T(walk_to_what_is_not_the_domains_is_an_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
