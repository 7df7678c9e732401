/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One store or one hypercall at a time: what is merged, compared, broken and made, refused, and
 * whose stores are not performed at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"

static struct fake *f;

static int start(void **state)
{
    (void)state;
    f = fake_new();
    guest_running(f);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static unsigned int refs(unsigned int number) { return fake_record(f, number)->refs; }

static enum guest_result cas(unsigned int offset, unsigned int size, uint64_t old, uint64_t value,
                             uint64_t *seen)
{
    struct guest_compare compare = {.offset = offset, .size = size, .old = old, .value = value};
    enum guest_result result = guest_cas(f, LEAF, &compare);

    *seen = compare.seen;
    return result;
}

static void store_is_judged_counted_and_performed(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(guest_store(f, LEAF, 9, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 9), d_page(DATA + 9, 0));
    assert_int_equal(refs(DATA + 9), 1);
    assert_int_equal(f->ptwr.count.emulated, 1);
    assert_int_equal(f->ptwr.count.store_faults, 1);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(fake_trace_count(f, EFFECT_STORE), 1);
    assert_int_equal(fake_trace_count(f, EFFECT_S2), 0);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
    assert_int_equal(guest_store(f, LEAF, 9, 0), GUEST_DONE);
    assert_int_equal(refs(DATA + 9), 0);
}

static void store_of_the_same_value_changes_no_count(void **state)
{
    (void)state;
    assert_int_equal(guest_store(f, LEAF, 0, fake_peek(f, LEAF, 0)), GUEST_DONE);
    assert_int_equal(refs(DATA), 1);
    assert_int_equal(guest_update(f, LEAF, 0, fake_peek(f, LEAF, 0)), HV_OK);
    assert_int_equal(refs(DATA), 1);
}

/* Two halves of an entry by two stores pass through a value in between, which is judged too. */
static void narrow_stores_are_merged_into_the_entry(void **state)
{
    static const unsigned int sizes[] = {1, 2, 4, 8};
    uint64_t value = 0xfedcba9876543210; /* invalid: any bits will do */

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        unsigned int size = sizes[s];

        assert_int_equal(guest_store(f, LEAF, 9, 0), GUEST_DONE);
        for (unsigned int at = 0; at < 8; at += size)
            assert_int_equal(guest_store_bytes(f, LEAF, 9 * 8 + at, size, value >> at * 8),
                             GUEST_DONE);
        assert_int_equal(fake_peek(f, LEAF, 9), value);
        assert_int_equal(fake_peek(f, LEAF, 8), 0);
        assert_int_equal(fake_peek(f, LEAF, 10), 0);
    }
}

static void narrow_store_takes_its_low_bytes_only(void **state)
{
    (void)state;
    assert_int_equal(guest_store(f, LEAF, 9, 0x1111111111111110), GUEST_DONE);
    assert_int_equal(guest_store_bytes(f, LEAF, 9 * 8 + 2, 2, 0xaaaaaaaaaaaabbcc), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 9), 0x11111111bbcc1110);
}

static void narrow_store_that_makes_an_illegal_entry_is_refused(void **state)
{
    uint64_t low = d_page(GUEST_FRAMES, 0) & 0xffffffff;

    (void)state;
    /* The high half alone is invalid and harmless; the low half completes a foreign address. */
    assert_int_equal(guest_store_bytes(f, LEAF, 9 * 8 + 4, 4, 0), GUEST_DONE);
    assert_int_equal(guest_store_bytes(f, LEAF, 9 * 8, 4, low), GUEST_INJECTED);
    assert_int_equal(fake_peek(f, LEAF, 9), 0);
}

static void comparison_is_of_the_stores_bytes_only(void **state)
{
    uint64_t seen;

    (void)state;
    assert_int_equal(guest_store(f, LEAF, 9, 0x1122334455667780), GUEST_DONE);
    assert_int_equal(cas(9 * 8 + 4, 4, 0x11223344, 0x99, &seen), GUEST_DONE);
    assert_int_equal(seen, 0x11223344);
    assert_int_equal(fake_peek(f, LEAF, 9), 0x0000009955667780);
    /* Upper bits of `old` beyond the store's size are none of it. */
    assert_int_equal(cas(9 * 8 + 2, 2, 0xdead000000005566, 0x42, &seen), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 9), 0x0000009900427780);
}

static void false_comparison_stores_nothing_and_returns_what_is_there(void **state)
{
    uint64_t seen, before = fake_peek(f, LEAF, 0);

    (void)state;
    fake_trace_clear(f);
    assert_int_equal(cas(0, 8, before ^ 2, 0, &seen), GUEST_FAILED);
    assert_int_equal(seen, before);
    assert_int_equal(fake_peek(f, LEAF, 0), before);
    assert_int_equal(fake_trace_count(f, EFFECT_STORE), 0);
    assert_int_equal(cas(1, 1, 0, 5, &seen), GUEST_FAILED);
    assert_int_equal(seen, before >> 8 & 0xff);
    assert_int_equal(f->ptwr.count.emulated, 0);
}

static void true_comparison_with_an_illegal_value_is_refused(void **state)
{
    uint64_t seen, before = fake_peek(f, LEAF, 0);

    (void)state;
    assert_int_equal(cas(0, 8, before, d_page(GUEST_FRAMES, 0), &seen), GUEST_INJECTED);
    assert_int_equal(fake_peek(f, LEAF, 0), before);
}

static void atomics_get_the_old_value(void **state)
{
    struct ptwr_store store = {.table = fake_mfn(LEAF),
                               .offset = 8,
                               .size = 8,
                               .decoded = true,
                               .emulatable = true,
                               .value = d_page(DATA + 1, RO)};

    (void)state;
    assert_int_equal(guest_fault(f, &store), PTWR_DONE);
    assert_int_equal(store.seen, d_page(DATA + 1, 0));
}

/* --- Break before make ------------------------------------------------------------------------ */

static void permissions_change_in_place(void **state)
{
    static const uint64_t flags[] = {RO,       EL0,           RO | EL0, DESC_PXN,
                                     DESC_UXN, DESC_SOFTWARE, DESC_DBM, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        fake_trace_clear(f);
        assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, flags[i])), GUEST_DONE);
        assert_int_equal(fake_trace_count(f, EFFECT_STORE), 1);
        assert_int_equal(fake_trace_count(f, EFFECT_S2), 0);
    }
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, 0) & ~DESC_AF), GUEST_DONE);
    assert_int_equal(fake_trace_count(f, EFFECT_S2), 0);
}

static void other_changes_of_a_live_entry_happen_where_no_walker_sees(void **state)
{
    static const uint64_t changes[] = {
        0x1000, /* address */
        ATTR(2),
        DESC_NG,
        DESC_SH & BIT64(9),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        uint64_t value = d_page(DATA, 0) ^ changes[i];
        char want[512];

        assert_int_equal(guest_update(f, LEAF, 0, 0), HV_OK);
        guest_flush(f);
        assert_int_equal(guest_update(f, LEAF, 0, d_page(DATA, 0)), HV_OK);
        fake_trace_clear(f);
        if (changes[i] == (DESC_SH & BIT64(9)))
            value = d_page(DATA, 0) & ~DESC_SH;
        assert_int_equal(guest_store(f, LEAF, 0, value), GUEST_DONE);
        (void)snprintf(want, sizeof(want),
                       "walk 4 none; dsb ishst; ipas2 walk 4; dsb ish; vmalle1; dsb ish; repeat; "
                       "isb; 4[0]=%#llx; dsb ishst; walk 4 ro; dsb ish",
                       (unsigned long long)value);
        assert_string_equal(fake_trace(f), want);
    }
}

static void table_is_exchanged_where_no_walker_sees(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(guest_store(f, MID2, 0, d_table(SPARE)), GUEST_DONE);
    assert_non_null(strstr(fake_trace(f), "walk 3 none"));
    assert_non_null(strstr(fake_trace(f), "walk 3 ro"));
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    assert_int_equal(fake_record(f, SPARE)->type_count, 1);
}

static void block_is_split_where_no_walker_sees(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    assert_int_equal(guest_store(f, MID2, 1, d_block(FAKE_CHUNK, 0)), GUEST_DONE);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, SPARE, i, d_page(FAKE_CHUNK + i, 0));
    fake_trace_clear(f);
    assert_int_equal(guest_store(f, MID2, 1, d_table(SPARE)), GUEST_DONE);
    assert_non_null(strstr(fake_trace(f), "walk 3 none"));
    assert_int_equal(refs(FAKE_CHUNK + 99), 1);
    assert_int_equal(guest_store(f, MID2, 1, d_block(FAKE_CHUNK, 0)), GUEST_DONE);
}

/*
 * A table's and a block's old and new halves must not meet in a walk cache, also if the guest broke
 * the entry itself and has not flushed.
 */
static void broken_entry_above_level_3_is_made_where_no_walker_sees(void **state)
{
    (void)state;
    /* Tables already: validating one takes a flush of its own. */
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_pin(f, SPARE + 1, 3), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    fake_trace_clear(f);
    assert_int_equal(guest_update(f, MID2, 0, d_table(SPARE)), HV_OK);
    assert_non_null(strstr(fake_trace(f), "walk 3 none"));
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    guest_flush(f);
    fake_trace_clear(f);
    assert_int_equal(guest_store(f, MID2, 0, d_table(SPARE + 1)), GUEST_DONE);
    assert_null(strstr(fake_trace(f), "walk 3 none"));
}

static void block_costs_budget_by_its_frames(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    assert_int_equal(
        ptwr_update(&f->ptwr, fake_mfn(MID2), 1, desc_of(d_block(FAKE_CHUNK, 0)), &budget), HV_OK);
    assert_int_equal(budget, 0);
    fake_settle(f);
}

/* Xen's order: a value that cannot be taken must not have cost the old one. */
static void refused_replacement_keeps_the_old_entry_and_its_count(void **state)
{
    (void)state;
    assert_int_equal(guest_store(f, LEAF, 0, d_page(GUEST_FRAMES, 0)), GUEST_INJECTED);
    assert_int_equal(fake_peek(f, LEAF, 0), d_page(DATA, 0));
    assert_int_equal(refs(DATA), 1);
    assert_int_equal(f->frame[LEAF].s2[PTWR_WALK], PTWR_RO);
    assert_int_equal(f->ptwr.count.refused, 1);
}

static void refused_store_names_what_was_wrong(void **state)
{
    (void)state;
    assert_int_equal(guest_store(f, LEAF, 2, d_page(GUEST_FRAMES, 0)), GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_OWNER);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(f->ptwr.violation.index, 2);
    assert_int_equal(f->ptwr.violation.level, 3);
    assert_int_equal(f->ptwr.violation.old.raw, d_page(DATA + 2, 0));
    assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
}

/* --- Whose stores, and which ------------------------------------------------------------------ */

static void el0_store_is_neither_emulated_nor_opens(void **state)
{
    (void)state;
    f->el0 = true;
    for (unsigned int policy = 0; policy < 3; policy++) {
        f->ptwr.policy = (enum ptwr_policy)policy;
        assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_INJECTED);
        assert_int_equal(fake_record(f, LEAF)->state, FRAME_ATTACHED);
        assert_int_equal(fake_peek(f, LEAF, 0), d_page(DATA, 0));
    }
    assert_int_equal(f->ptwr.count.emulated, 0);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
}

static void strict_mode_reflects_every_store(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, false), HV_OK);
    for (unsigned int policy = 0; policy < 3; policy++) {
        f->ptwr.policy = (enum ptwr_policy)policy;
        assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_INJECTED);
        assert_int_equal(guest_store(f, ROOT, 0, 0), GUEST_INJECTED);
    }
    assert_int_equal(fake_peek(f, LEAF, 0), d_page(DATA, 0));
    assert_int_equal(f->ptwr.count.emulated, 0);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(guest_update(f, LEAF, 0, 0), HV_OK);
}

static void store_to_what_is_not_the_domains_is_injected(void **state)
{
    struct ptwr_store store = {.table = fake_mfn(GUEST_FRAMES), .size = 8, .decoded = true};

    (void)state;
    assert_int_equal(guest_fault(f, &store), PTWR_INJECT);
    store.table = mfn_of(7);
    assert_int_equal(guest_fault(f, &store), PTWR_INJECT);
}

static void store_to_a_read_only_frame_is_injected(void **state)
{
    struct ptwr_store store = {
        .table = fake_mfn(SPARE), .size = 8, .decoded = true, .emulatable = true};

    (void)state;
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(SPARE), PTWR_RO);
    ptwr_port_dsb_ish(f);
    fake_record(f, SPARE)->readonly = 1;
    assert_int_equal(guest_fault(f, &store), PTWR_INJECT);
    assert_int_equal(guest_update(f, SPARE, 0, 0), HV_EPERM);
}

static void what_the_decoder_cannot_do_is_opened(void **state)
{
    (void)state;
    f->opaque = true;
    assert_int_equal(guest_store(f, LEAF, 9, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(f->ptwr.count.opened, 1);
    assert_int_equal(f->ptwr.count.emulated, 0);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_OPEN);
}

static void unaligned_store_is_opened_not_emulated(void **state)
{
    static const struct {
        unsigned int offset;
        unsigned int size;
    } cases[] = {{9 * 8 + 1, 8}, {9 * 8 + 4, 8}, {9 * 8 + 2, 4}, {9 * 8 + 7, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ptwr_store store = {.table = fake_mfn(LEAF),
                                   .offset = (uint16_t)cases[i].offset,
                                   .size = (uint8_t)cases[i].size,
                                   .decoded = true,
                                   .emulatable = true};

        f->ptwr.last_empty = MFN_NONE;
        assert_int_equal(guest_fault(f, &store), PTWR_RETRY);
        assert_int_equal(fake_record(f, LEAF)->state, FRAME_OPEN);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
    assert_int_equal(f->ptwr.count.emulated, 0);
}

static void last_entry_and_last_byte_are_reached(void **state)
{
    (void)state;
    assert_int_equal(guest_store(f, LEAF, PTWR_ENTRIES - 1, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(refs(DATA), 2);
    assert_int_equal(guest_store_bytes(f, LEAF, PTWR_ENTRIES * 8 - 1, 1, 0x00), GUEST_DONE);
    assert_int_equal(guest_store_bytes(f, LEAF, (PTWR_ENTRIES - 1) * 8, 1, 0), GUEST_DONE);
    assert_int_equal(refs(DATA), 1);
}

/* --- mmu_update ------------------------------------------------------------------------------- */

static void update_of_a_plain_frame_is_a_plain_store(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(guest_update(f, SPARE, 3, d_page(GUEST_FRAMES, 0)), HV_OK);
    assert_int_equal(fake_peek(f, SPARE, 3), d_page(GUEST_FRAMES, 0));
    assert_int_equal(fake_trace_count(f, EFFECT_STORE), 1);
}

static void update_of_what_is_not_the_domains_is_refused(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(guest_update(f, GUEST_FRAMES, 0, 0), HV_EPERM);
    assert_int_equal(fake_trace_count(f, EFFECT_STORE), 0);
}

static void update_counts_each_entry(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 9, d_page(DATA, 0)), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 9, 0), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 9, 1), HV_EINVAL);
    assert_int_equal(f->ptwr.count.updates, 2);
    assert_int_equal(f->ptwr.count.emulated, 0);
}

static void update_of_a_stale_frame_is_a_plain_store_after_the_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_STALE);
    assert_int_equal(guest_update(f, LEAF, 0, d_page(GUEST_FRAMES, 0)), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PLAIN);
    assert_int_equal(refs(DATA), 0);
}

static void update_of_a_half_validated_table_starts_it_again(void **state)
{
    unsigned int budget = 1;

    (void)state;
    fake_poke(f, SPARE, 0, d_page(DATA + 4, 0));
    fake_poke(f, SPARE, 1, d_page(DATA + 5, 0));
    assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(SPARE), 3, &budget), HV_EAGAIN);
    assert_int_equal(guest_update(f, SPARE, 0, d_page(DATA + 6, 0)), HV_OK);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(refs(DATA + 4), 0);
    assert_int_equal(refs(DATA + 6), 1);
}

static void linking_a_table_validates_all_below_it(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 0, d_table(SPARE + 1));
    fake_poke(f, SPARE + 1, 0, d_page(DATA + 8, 0));
    f->budget = 1;
    assert_int_equal(guest_store(f, MID1, 5, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(fake_record(f, SPARE)->type, FRAME_TABLE_L2);
    assert_int_equal(fake_record(f, SPARE + 1)->type, FRAME_TABLE_L3);
    assert_int_equal(refs(DATA + 8), 1);
}

static void linking_a_table_with_an_illegal_entry_below_is_refused(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 0, d_table(SPARE + 1));
    fake_poke(f, SPARE + 1, 7, d_page(DATA + 8, 0));
    fake_poke(f, SPARE + 1, 8, d_page(GUEST_FRAMES, 0));
    for (unsigned int budget = 1; budget < 20; budget++) {
        f->budget = budget;
        assert_int_equal(guest_store(f, MID1, 5, d_table(SPARE)), GUEST_INJECTED);
        assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(SPARE + 1).raw);
        assert_int_equal(f->ptwr.violation.index, 8);
        assert_int_equal(fake_peek(f, MID1, 5), 0);
    }
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(refs(DATA + 8), 0);
    assert_int_equal(fake_record(f, SPARE)->state, FRAME_PLAIN);
}

/* A table filled through a non-cacheable alias before it is linked. */
static void table_written_behind_the_cache_is_judged_as_walkers_see_it(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 0, d_page(DATA, 0));
    fake_poke_nc(f, SPARE, 0, d_page(GUEST_FRAMES, 0));
    assert_int_equal(guest_store(f, MID2, 5, d_table(SPARE)), GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
}

static enum ptwr_outcome store_part(unsigned int index, uint64_t value)
{
    struct ptwr_store store = {
        .table = fake_mfn(LEAF),
        .offset = (uint16_t)(index * 8),
        .size = 8,
        .decoded = true,
        .emulatable = true,
        .value = value,
        .pc = 0x1000,
    };
    unsigned int budget = PTWR_BUDGET;

    return ptwr_store_part(&f->ptwr, &store, &budget);
}

/* Else a store of two pieces to a table that it needs itself would be begun again for ever. */
static void later_parts_are_emulated_whatever_the_policy(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(store_part(3, d_page(DATA + 9, 0)), PTWR_DONE);
    assert_int_equal(store_part(4, d_page(DATA + 10, 0)), PTWR_DONE);
    assert_int_equal(f->ptwr.count.emulated, 2);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(guest_store(f, LEAF, 5, 0), GUEST_DONE);
    assert_int_equal(f->ptwr.count.opened, 1);
}

static void refused_part_does_not_change_the_policy(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(store_part(3, d_page(GUEST_FRAMES, 0)), PTWR_INJECT);
    assert_int_equal(f->ptwr.count.refused, 1);
    assert_int_equal(guest_store(f, LEAF, 5, 0), GUEST_DONE);
    assert_int_equal(f->ptwr.count.opened, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(store_is_judged_counted_and_performed),
        T(store_of_the_same_value_changes_no_count),
        T(narrow_stores_are_merged_into_the_entry),
        T(narrow_store_takes_its_low_bytes_only),
        T(narrow_store_that_makes_an_illegal_entry_is_refused),
        T(comparison_is_of_the_stores_bytes_only),
        T(false_comparison_stores_nothing_and_returns_what_is_there),
        T(true_comparison_with_an_illegal_value_is_refused),
        T(atomics_get_the_old_value),
        T(permissions_change_in_place),
        T(other_changes_of_a_live_entry_happen_where_no_walker_sees),
        T(table_is_exchanged_where_no_walker_sees),
        T(block_is_split_where_no_walker_sees),
        T(broken_entry_above_level_3_is_made_where_no_walker_sees),
        T(block_costs_budget_by_its_frames),
        T(refused_replacement_keeps_the_old_entry_and_its_count),
        T(refused_store_names_what_was_wrong),
        T(el0_store_is_neither_emulated_nor_opens),
        T(strict_mode_reflects_every_store),
        T(store_to_what_is_not_the_domains_is_injected),
        T(store_to_a_read_only_frame_is_injected),
        T(what_the_decoder_cannot_do_is_opened),
        T(unaligned_store_is_opened_not_emulated),
        T(last_entry_and_last_byte_are_reached),
        T(update_of_a_plain_frame_is_a_plain_store),
        T(update_of_what_is_not_the_domains_is_refused),
        T(update_counts_each_entry),
        T(update_of_a_stale_frame_is_a_plain_store_after_the_flush),
        T(update_of_a_half_validated_table_starts_it_again),
        T(linking_a_table_validates_all_below_it),
        T(linking_a_table_with_an_illegal_entry_below_is_refused),
        T(table_written_behind_the_cache_is_judged_as_walkers_see_it),
        T(later_parts_are_emulated_whatever_the_policy),
        T(refused_part_does_not_change_the_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
