/* SPDX-License-Identifier: Apache-2.0 */
/* Roots of guarded domains: judged late, parked, kept, dropped, and what their leaves may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "ptwr/invariant.h"

#define BITS 48

/* A second address space, whose tables are these frames; FREE and after: nothing yet. */
enum { ROOT2 = 5, MID12 = 6, MID22 = 7, LEAF2 = 8, FREE = 9 };

static struct fake *f;
static uint64_t unused;

static int start(void **state)
{
    (void)state;
    f = fake_new_guarded();
    guest_add(f, 0, GUEST_FRAMES);
    fake_poke(f, ROOT, 0, g_table(MID1));
    fake_poke(f, MID1, 0, g_table(MID2));
    fake_poke(f, MID2, 0, g_table(LEAF));
    fake_poke(f, ROOT2, 0, g_table(MID12));
    fake_poke(f, MID12, 0, g_table(MID22));
    fake_poke(f, MID22, 0, g_table(LEAF2));
    for (unsigned int i = 0; i < 4; i++) {
        fake_poke(f, LEAF, i, d_page(DATA + i, 0));
        fake_poke(f, LEAF2, i, d_page(DATA + i, RO));
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static enum guest_result walk(uint64_t va) { return guest_walk(f, va, &unused); }
static unsigned int state_of(unsigned int number) { return fake_record(f, number)->state; }

static void load_and_walk(unsigned int number)
{
    guest_user(f, 0, number, BITS);
    assert_int_equal(walk(0), GUEST_DONE);
}

static void load_at_vcpu1(unsigned int number)
{
    f->vcpu = 1;
    guest_user(f, 1, number, BITS);
    assert_int_equal(walk(0), GUEST_DONE);
    f->vcpu = 0;
}

/* --- Late validation -------------------------------------------------------------------------- */

static void base_is_judged_at_its_first_walk(void **state)
{
    (void)state;
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(f->ptwr.count.validated, 0);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
    assert_int_equal(walk(guest_va(0, 0, 0, 0, 3)), GUEST_DONE);
    assert_int_equal(unused, d_page(DATA + 3, 0));
    assert_int_equal(f->ptwr.count.walk_faults, 1);
    /* .. and at none after that, whichever vCPU has it. */
    f->vcpu = 1;
    load_and_walk(ROOT);
    guest_user(f, 1, ROOT, BITS);
    assert_int_equal(walk(0), GUEST_DONE);
    assert_int_equal(f->ptwr.count.walk_faults, 1);
}

static void walk_fault_at_what_is_no_base_is_the_guests(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(ROOT2), &budget), HV_EINVAL);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 1, fake_mfn(ROOT), &budget), HV_EINVAL);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
    assert_int_equal(state_of(ROOT2), FRAME_PLAIN);
    fake_settle(f);
}

static void validation_goes_on_where_it_was(void **state)
{
    unsigned int calls = 0;
    enum hv_err err;

    (void)state;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, LEAF, i, d_page(DATA, i % 2 == 0 ? 0 : RO));
    guest_user(f, 0, ROOT, BITS);
    guest_user(f, 1, ROOT, BITS);
    do { /* two vCPUs in turn */
        unsigned int budget = 64;

        err = ptwr_walk_fault(&f->ptwr, calls % 2, fake_mfn(ROOT), &budget);
        assert_int_equal(budget, err == HV_EAGAIN ? 0 : budget);
        fake_settle(f);
        if (err == HV_EAGAIN)
            assert_int_equal(state_of(ROOT), FRAME_PROTECTING);
    } while (err == HV_EAGAIN && ++calls < 100);
    assert_int_equal(err, HV_OK);
    assert_in_range(calls, 8, 40);
    assert_in_range(f->ptwr.count.validated, PTWR_ENTRIES, PTWR_ENTRIES + 8);
}

static void store_into_a_half_judged_tree_starts_it_again(void **state)
{
    unsigned int budget = 8;

    (void)state;
    for (unsigned int i = 0; i < 64; i++)
        fake_poke(f, LEAF, i, d_page(DATA, 0));
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(ROOT), &budget), HV_EAGAIN);
    fake_settle(f);
    assert_int_equal(state_of(LEAF), FRAME_PROTECTING);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(state_of(LEAF), FRAME_PLAIN);
    assert_int_equal(guest_store(f, ROOT, 511, 0), GUEST_DONE);
    assert_int_equal(walk(0), GUEST_DONE);
    assert_int_equal(unused, d_page(DATA + 9, 0));
}

static void refused_entries_lose_their_valid_bit(void **state)
{
    const uint64_t bad[] = {g_table(1) | FAKE_WALK,        d_page(DATA, 0) | FAKE_WALK,
                            d_page(DATA, ATTR(1)),         d_page(MID1, EL0),
                            d_page(DATA, 0) | BIT64(48),   d_page(DATA, 0) & ~DESC_TABLE,
                            d_page(DATA, 0) | DESC_NSTABLE};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        fake_poke(f, LEAF, 16 + i, bad[i]);
    load_and_walk(ROOT);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(fake_peek(f, LEAF, 16 + i), bad[i] & ~DESC_VALID);
    assert_int_equal(f->ptwr.count.refused, ARRAY_SIZE(bad));
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(LEAF).raw);
    assert_int_equal(fake_peek(f, LEAF, 1), d_page(DATA + 1, 0));
}

static void crash_refuses_the_whole_root(void **state)
{
    (void)state;
    f->ptwr.action = PTWR_ACTION_CRASH;
    fake_poke(f, LEAF, 16, d_page(DATA, ATTR(1)));
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(walk(0), GUEST_INJECTED);
    assert_int_equal(fake_peek(f, LEAF, 16), d_page(DATA, ATTR(1)));
    guest_flush(f);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
}

/* What is open may be about to end the use that stands against an entry: it is not struck. */
static void open_table_settles_a_conflict_of_a_new_root(void **state)
{
    (void)state;
    fake_poke(f, MID2, 1, g_table(FREE));
    load_and_walk(ROOT);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    fake_poke(f, LEAF2, 7, d_page(FREE, EL0));
    load_at_vcpu1(ROOT2);
    assert_int_equal(fake_peek(f, LEAF2, 7), d_page(FREE, EL0));
    assert_int_equal(f->ptwr.count.refused, 0);
    assert_int_equal(f->ptwr.nr_open, 0);
}

/* --- Parking ---------------------------------------------------------------------------------- */

static void several_slots_below_one_root(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 3; i++)
        fake_poke(f, MID2, 1 + i, g_table(FREE + i));
    f->ptwr.nr_slots = 4;
    load_and_walk(ROOT);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    guest_open(f, LEAF);
    for (unsigned int i = 0; i < 3; i++)
        guest_open(f, FREE + i);
    assert_int_equal(guest_store(f, FREE + 2, 0, d_page(DATA + 5, 0)), GUEST_DONE);
    assert_false(fake_may_walk(f, LEAF) || fake_may_walk(f, FREE));
    assert_int_equal(guest_walk(f, guest_va(0, 0, 0, 3, 0), &unused), GUEST_DONE);
    assert_int_equal(unused, d_page(DATA + 5, 0));
    assert_int_equal(f->ptwr.count.reconnected[PTWR_T_WALK], 4);
}

static void other_root_stays_in_use_while_one_is_parked(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    load_at_vcpu1(ROOT2);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    guest_open(f, LEAF);
    f->vcpu = 1;
    assert_int_equal(walk(0), GUEST_DONE);
    assert_true(guest_has_open(f, LEAF));
    f->vcpu = 0;
    load_and_walk(ROOT2);
    assert_true(guest_has_open(f, LEAF));
    load_and_walk(ROOT);
    assert_true(guest_has_attached(f, LEAF));
}

static void one_table_is_opened_by_va_the_rest_by_a_full_flush(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    fake_trace_clear(f);
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
    guest_open(f, MID1);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void store_that_cannot_be_emulated_below_ttbr1_is_refused(void **state)
{
    (void)state;
    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
    f->opaque = true;
    assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_UNALIGNED);
    f->opaque = false;
    assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_DONE);
    assert_int_equal(f->ptwr.count.opened, 0);
}

/* --- Roots that are kept ------------------------------------------------------------------------
 */

static void kept_root_is_walked_again_without_judging(void **state)
{
    uint64_t validated;

    (void)state;
    load_and_walk(ROOT);
    load_and_walk(ROOT2);
    validated = f->ptwr.count.validated;
    for (unsigned int i = 0; i < 4; i++)
        load_and_walk(i % 2 == 0 ? ROOT : ROOT2);
    assert_int_equal(f->ptwr.count.validated, validated);
    assert_int_equal(f->ptwr.count.walk_faults, 2);
}

static void store_drops_a_root_that_nobody_has_loaded(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    assert_int_equal(guest_store(f, ROOT, 5, 0), GUEST_DONE); /* loaded: emulated */
    assert_int_equal(f->ptwr.count.emulated, 1);
    load_and_walk(ROOT2);
    assert_int_equal(guest_store(f, ROOT, 5, 0x10), GUEST_DONE);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
    assert_int_equal(f->ptwr.count.emulated, 1);
    assert_true(guest_has_attached(f, ROOT2));
    assert_int_equal(guest_store(f, MID2, 5, 0x10), GUEST_DONE);
    assert_int_equal(state_of(MID2), FRAME_PLAIN);
}

/* Each use that a kept root stands against ends it, if nobody has it loaded. */
static void conflict_drops_roots_that_nobody_has_loaded(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    assert_int_equal(guest_kernel(f, 1, ROOT2, BITS), HV_OK);
    assert_int_equal(guest_store(f, LEAF2, 9, d_page(ROOT, EL0)), GUEST_INJECTED);
    guest_user(f, 0, FAKE_FRAMES, BITS);
    assert_int_equal(guest_store(f, LEAF2, 9, d_page(ROOT, EL0)), GUEST_DONE);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
    assert_int_equal(fake_record(f, ROOT)->el0_writers, 1);
    /* A table of another level. */
    assert_int_equal(guest_store(f, LEAF2, 9, 0), GUEST_DONE);
    load_and_walk(ROOT);
    guest_user(f, 0, FAKE_FRAMES, BITS);
    assert_int_equal(guest_store(f, ROOT, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID22, 9, g_table(ROOT)), GUEST_DONE);
    assert_int_equal(fake_record(f, ROOT)->type, FRAME_TABLE_L3);
}

static void mmu_off_drops_what_is_not_loaded_elsewhere(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    assert_int_equal(guest_kernel(f, 1, ROOT2, BITS), HV_OK);
    guest_off(f, 0);
    assert_int_equal(guest_work(f), HV_OK);
    assert_int_equal(state_of(ROOT), FRAME_PLAIN);
    assert_true(guest_has_attached(f, ROOT2));
    load_and_walk(ROOT);
}

/* --- Blocks -------------------------------------------------------------------------------------
 */

static unsigned int flushes_of(unsigned int number)
{
    fake_trace_clear(f);
    guest_user(f, 0, number, BITS);
    return fake_trace_count(f, EFFECT_TLBI_VMALLE1);
}

/* Wherever their tables are hooked. */
static void roots_without_blocks_change_without_a_flush(void **state)
{
    (void)state;
    fake_poke(f, ROOT, 4, g_table(FREE));
    fake_poke(f, MID1, 5, g_table(FREE + 1));
    fake_poke(f, MID2, 6, g_table(FREE + 2));
    fake_poke(f, FREE, 7, g_table(FREE + 3));
    load_and_walk(ROOT);
    load_and_walk(ROOT2);
    assert_int_equal(flushes_of(ROOT), 0);
    assert_int_equal(flushes_of(ROOT2), 0);
    assert_int_equal(flushes_of(FAKE_FRAMES), 0);
}

static void root_with_a_block_changes_with_a_flush(void **state)
{
    (void)state;
    load_and_walk(ROOT2);
    load_and_walk(ROOT);
    assert_int_equal(guest_store(f, MID2, 9, d_block(0, RO)), GUEST_DONE);
    assert_int_equal(flushes_of(ROOT2), 1);
    assert_int_equal(flushes_of(FAKE_FRAMES), 0);
    assert_int_equal(flushes_of(ROOT), 1);
    assert_int_equal(flushes_of(ROOT), 0); /* the same */
}

static void largest_blocks_are_the_kernels_alone(void **state)
{
    (void)state;
    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
    assert_int_equal(guest_store(f, MID1, 9, (UINT64_C(1) << 30) | DESC_AF | 1), GUEST_DONE);
    assert_int_equal(guest_store(f, MID1, 10, (UINT64_C(1) << 30) | DESC_AF | EL0 | 1),
                     GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_LEVEL);
    assert_int_equal(guest_store(f, MID1, 10, (UINT64_C(1) << 30) | DESC_AF | EL0 | RO | 1),
                     GUEST_DONE);
    /* With the domain's memory in it it is no device's. */
    assert_int_equal(guest_store(f, MID1, 11, (UINT64_C(1) << 30) | ATTR(1) | DESC_AF | 1),
                     GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_MEMTYPE);
    assert_int_equal(guest_store(f, ROOT, 9, DESC_AF | 1), GUEST_INJECTED);
}

/* --- What EL0 may write -------------------------------------------------------------------------
 */

static void user_block_and_group_are_judged_as_what_they_map(void **state)
{
    (void)state;
    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
    /* The tables lie in the first 2 MiB, and in the first group. */
    assert_int_equal(guest_store(f, MID2, 9, d_block(0, EL0)), GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    assert_int_equal(guest_store(f, LEAF, 32, d_page(15, EL0 | DESC_CONTIGUOUS)), GUEST_INJECTED);
    assert_int_equal(guest_store(f, LEAF, 32, d_page(15, RO | EL0 | DESC_CONTIGUOUS)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 48, d_page(16, EL0 | DESC_CONTIGUOUS)), GUEST_DONE);
    for (unsigned int i = 16; i < 32; i++)
        assert_int_equal(fake_record(f, i)->el0_writers, 1);
    assert_int_equal(guest_store(f, MID2, 9, g_table(31)), GUEST_INJECTED);
    assert_int_equal(guest_store(f, LEAF, 48, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 9, g_table(31)), GUEST_DONE);
}

static void frame_that_el0_writes_is_no_table(void **state)
{
    (void)state;
    fake_poke(f, LEAF, 9, d_page(LEAF2, EL0));
    load_and_walk(ROOT);
    load_at_vcpu1(ROOT2);
    assert_int_equal(fake_peek(f, MID22, 0), g_table(LEAF2) & ~DESC_VALID);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
}

static void without_counts_it_may_become_one(void **state)
{
    (void)state;
    f->ptwr.count_users = false;
    fake_poke(f, LEAF, 9, d_page(LEAF2, EL0));
    load_and_walk(ROOT);
    load_at_vcpu1(ROOT2);
    assert_true(guest_has_attached(f, LEAF2));
    f->el0 = true;
    assert_int_equal(guest_store(f, LEAF2, 9, 0), GUEST_INJECTED);
    f->el0 = false;
    /* The other order is refused as ever. */
    assert_int_equal(guest_store(f, LEAF, 10, d_page(LEAF2, EL0)), GUEST_INJECTED);
}

/* --- EL2's own walk ------------------------------------------------------------------------------
 */

static void own_walk_finds_what_the_registers_say(void **state)
{
    struct ptwr_walk found;

    (void)state;
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0x12345678), &found), HV_OK);
    assert_int_equal(found.oa, 0x12345678); /* the MMU is off */
    assert_true(mfn_is_none(found.table) && found.writable_el1);
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0), &found), HV_EFAULT);
    assert_int_equal(walk(0), GUEST_DONE);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0x1008), &found), HV_OK);
    assert_int_equal(found.oa, mfn_to_pa(fake_mfn(DATA + 1)).raw + 8);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(BIT64(48)), &found), HV_EFAULT);
    /* 39 bits: a table of level 1 is the root, in both halves. */
    guest_user(f, 0, MID12, 39);
    assert_int_equal(guest_kernel(f, 0, MID12, 39), HV_OK);
    assert_int_equal(walk(0), GUEST_DONE);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0x2010), &found), HV_OK);
    assert_int_equal(found.level, 3);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(BIT64(39)), &found), HV_EFAULT);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0xffffff8000002010), &found), HV_OK);
    assert_int_equal(found.oa, mfn_to_pa(fake_mfn(DATA + 2)).raw + 16);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0xffffff0000002010), &found), HV_EFAULT);
}

static void memo_is_of_the_upper_half_only(void **state)
{
    const uint64_t upper = UINT64_C(0xffff000000003008);
    struct ptwr_walk found;
    struct ptwr_memo memo;
    struct ptwr_way way;

    (void)state;
    fake_poke(f, LEAF, 3, d_page(LEAF, 0));
    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(guest_store(f, LEAF, 2, 0), GUEST_DONE); /* so that pages are known */
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(0x3008), &found), HV_OK);
    ptwr_memo_fill(&f->ptwr, &memo, &way, va_of(0x3008), &found);
    assert_false(ptwr_store_page(&f->ptwr, &memo, va_of(0x3008), f->pc, desc_of(0)));
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(upper), &found), HV_OK);
    ptwr_memo_fill(&f->ptwr, &memo, &way, va_of(upper), &found);
    assert_true(ptwr_store_page(&f->ptwr, &memo, va_of(upper), f->pc, desc_of(0)));
    fake_settle(f);
    guest_off(f, 0);
    assert_false(ptwr_store_page(&f->ptwr, &memo, va_of(upper), f->pc, desc_of(0)));
    fake_settle(f);
}

/* --- What is flushed, and how often --------------------------------------------------------------
 */

static uint64_t flushes_of_kernel_base(unsigned int number)
{
    uint64_t before = f->ptwr.count.tlbi_all;

    assert_int_equal(guest_kernel(f, 0, number, BITS), HV_OK);
    return f->ptwr.count.tlbi_all - before;
}

/* Both are kept, so that nothing else is a reason to flush. */
static void kernel_base_with_blocks_is_changed_with_a_flush(void **state)
{
    (void)state;
    (void)flushes_of_kernel_base(ROOT2);
    (void)flushes_of_kernel_base(ROOT);
    assert_int_equal(flushes_of_kernel_base(ROOT2), 0);
    assert_int_equal(flushes_of_kernel_base(ROOT), 0);
    assert_int_equal(guest_store(f, MID2, 9, d_block(0, RO)), GUEST_DONE);
    assert_int_equal(flushes_of_kernel_base(ROOT2), 1);
    assert_int_equal(flushes_of_kernel_base(ROOT), 1);
}

static unsigned int calls_of_first_walk(unsigned int number)
{
    unsigned int calls = 0;
    enum hv_err err;

    guest_user(f, 0, number, BITS);
    do {
        unsigned int budget = 64;

        err = ptwr_walk_fault(&f->ptwr, 0, fake_mfn(number), &budget);
        calls++;
    } while (err == HV_EAGAIN);
    assert_int_equal(err, HV_OK);
    return calls;
}

/* Otherwise an interrupt would wait for all pages of a table. */
static void known_pages_are_paid_for(void **state)
{
    unsigned int empty;

    (void)state;
    empty = calls_of_first_walk(ROOT);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        fake_poke(f, LEAF2, i, d_page(DATA, 0));
    assert_true(calls_of_first_walk(ROOT2) > empty + 1);
}

static void root_is_never_opened(void **state)
{
    (void)state;
    load_and_walk(ROOT);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_store(f, ROOT, 5, g_table(MID12)), GUEST_DONE);
    assert_false(guest_has_open(f, ROOT));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(base_is_judged_at_its_first_walk),
        T(walk_fault_at_what_is_no_base_is_the_guests),
        T(validation_goes_on_where_it_was),
        T(store_into_a_half_judged_tree_starts_it_again),
        T(refused_entries_lose_their_valid_bit),
        T(crash_refuses_the_whole_root),
        T(open_table_settles_a_conflict_of_a_new_root),
        T(several_slots_below_one_root),
        T(other_root_stays_in_use_while_one_is_parked),
        T(one_table_is_opened_by_va_the_rest_by_a_full_flush),
        T(store_that_cannot_be_emulated_below_ttbr1_is_refused),
        T(kept_root_is_walked_again_without_judging),
        T(store_drops_a_root_that_nobody_has_loaded),
        T(conflict_drops_roots_that_nobody_has_loaded),
        T(mmu_off_drops_what_is_not_loaded_elsewhere),
        T(roots_without_blocks_change_without_a_flush),
        T(root_with_a_block_changes_with_a_flush),
        T(largest_blocks_are_the_kernels_alone),
        T(user_block_and_group_are_judged_as_what_they_map),
        T(frame_that_el0_writes_is_no_table),
        T(without_counts_it_may_become_one),
        T(own_walk_finds_what_the_registers_say),
        T(kernel_base_with_blocks_is_changed_with_a_flush),
        T(known_pages_are_paid_for),
        T(root_is_never_opened),
        T(memo_is_of_the_upper_half_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
