/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open tables: detach and reconnect with every effect in order, slots, triggers, answers to illegal
 * batches.
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
    f->ptwr.policy = PTWR_POLICY_OPEN;
    fake_set_ttbr(f, 0, 1, fake_mfn(ROOT));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static void open_table(unsigned int number)
{
    unsigned int opened = (unsigned int)f->ptwr.count.opened;

    /* The store that opens it leaves the entry as it is. No batch before it was empty. */
    f->ptwr.last_empty = MFN_NONE;
    assert_int_equal(guest_store(f, number, 5, fake_peek(f, number, 5)), GUEST_DONE);
    assert_int_equal(fake_record(f, number)->state, FRAME_OPEN);
    assert_int_equal(f->ptwr.count.opened, opened + 1);
}

static bool is_open(unsigned int number) { return fake_record(f, number)->state == FRAME_OPEN; }

static bool is_attached(unsigned int number)
{
    return fake_record(f, number)->state == FRAME_ATTACHED;
}

/* Fifteen more level-3 tables in MID2[1..]: SPARE .. and DATA + 4 .. */
static unsigned int more(unsigned int i) { return i < 8 ? SPARE + i : DATA + 4 + (i - 8); }

static void hook_more(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(guest_update(f, MID2, 1 + i, d_table(more(i))), HV_OK);
    guest_flush(f);
}

/* --- Effects in order
 * ----------------------------------------------------------------------------- */

#define RELEASE(t)                                                                                 \
    "dsb ish; data " t " rw; dsb ishst; ipas2 data " t "; dsb ish; vaae1 0xffffffff00000000; "     \
    "dsb ish; isb"
#define DETACH_BY_VA(t, va)                                                                        \
    "walk " t " none; dsb ishst; ipas2 walk " t "; dsb ish; vaae1 " va "; dsb ish; repeat; isb"
#define DETACH_FULLY(t)                                                                            \
    "walk " t " none; dsb ishst; ipas2 walk " t "; dsb ish; vmalle1; dsb ish; repeat; isb"
#define PROTECT(t)                                                                                 \
    "data " t " ro; dsb ishst; ipas2 data " t "; dsb ish; vmalle1; dsb ish; repeat; isb; clean " t
#define ATTACH(t) "walk " t " ro; dsb ish"

static void open_hides_then_flushes_then_copies_then_lets_write(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_string_equal(fake_trace(f),
                        DETACH_BY_VA("4", "0xffff000000000000") "; take 0 4; " RELEASE("4"));
}

static void sync_protects_then_flushes_then_cleans_then_judges_then_shows(void **state)
{
    const char *all;

    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA, 0)), GUEST_DONE);
    f->every = 0;
    fake_trace_clear(f);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_string_equal(fake_trace(f), PROTECT("4") "; " ATTACH("4"));
    all = fake_trace_all(f);
    assert_true(strstr(all, "clean 4") < strstr(all, "compare 4"));
    assert_true(strstr(all, "compare 4") < strstr(all, "walk 4 ro"));
}

static void higher_level_is_opened_with_a_full_flush(void **state)
{
    static const struct {
        unsigned int table;
        const char *trace;
    } cases[] = {
        {MID2, DETACH_FULLY("3") "; take 0 3; " RELEASE("3")},
        {MID1, DETACH_FULLY("2") "; take 0 2; " RELEASE("2")},
        {ROOT, DETACH_FULLY("1") "; take 0 1; " RELEASE("1")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fake_trace_clear(f);
        open_table(cases[i].table);
        assert_string_equal(fake_trace(f), cases[i].trace);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

static void several_tables_are_reconnected_with_one_flush(void **state)
{
    (void)state;
    hook_more(1);
    open_table(LEAF);
    open_table(SPARE);
    fake_trace_clear(f);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_string_equal(
        fake_trace(f),
        "data 4 ro; data 5 ro; dsb ishst; ipas2 data 4; ipas2 data 5; dsb ish; "
        "vmalle1; dsb ish; repeat; isb; clean 4; clean 5; " ATTACH("4") "; " ATTACH("5"));
}

/* The guest's pinned L2 with two hooks of LEAF, at VAs 2 MiB apart: cached pointers at both. */
static void table_hooked_twice_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID2, 9, d_table(LEAF)), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_string_equal(fake_trace(f), DETACH_FULLY("4") "; take 0 4; " RELEASE("4"));
}

static void table_below_a_parent_hooked_twice_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID1, 9, d_table(MID2)), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
    assert_int_equal(guest_update(f, MID1, 9, 0), HV_OK);
    assert_int_equal(guest_update(f, ROOT, 9, d_table(MID1)), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

/* Walk caches keep the old way until a flush, so one entry is not one VA. */
static void moved_table_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID2, 9, d_table(LEAF)), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_int_equal(fake_record(f, LEAF)->type_count, 1);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void table_below_a_moved_parent_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID1, 9, d_table(MID2)), HV_OK);
    assert_int_equal(guest_update(f, MID1, 0, 0), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

/* Unhooked and hooked elsewhere, kept a table by its pin in between. */
static void pinned_table_that_moved_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_int_equal(guest_update(f, MID2, 9, d_table(LEAF)), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void pinned_table_without_a_hook_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    fake_trace_clear(f);
    open_table(SPARE);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VAAE1), 1); /* the store's own */
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

/* One root in both bases: two VAs for everything below it, also after one base has changed. */
static void table_below_a_root_of_two_roles_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 1, 0, ROOT), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
    assert_int_equal(guest_load_none(f, 1, 0), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void table_below_two_roots_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, SPARE, 0, d_table(MID1)), HV_OK);
    assert_int_equal(guest_load(f, 1, 0, SPARE), HV_OK);
    fake_trace_clear(f);
    open_table(LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

/* The VA that the back-pointers prove, at each level's index and in each half. */
static void by_va_detach_names_the_tables_own_va(void **state)
{
    char want[128];

    (void)state;
    assert_int_equal(guest_update(f, SPARE, 2, d_table(SPARE + 1)), HV_OK);
    assert_int_equal(guest_update(f, SPARE + 1, 3, d_table(SPARE + 2)), HV_OK);
    assert_int_equal(guest_update(f, SPARE + 2, 5, d_table(SPARE + 3)), HV_OK);
    assert_int_equal(guest_load(f, 0, 0, SPARE), HV_OK);
    guest_flush(f);
    fake_trace_clear(f);
    open_table(SPARE + 3);
    (void)snprintf(want, sizeof(want), "vaae1 %#llx; dsb ish; repeat",
                   (unsigned long long)guest_va(0, 2, 3, 5, 0));
    assert_non_null(strstr(fake_trace(f), want));
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
}

static void snapshot_is_taken_after_the_flush_and_before_the_guest_may_write(void **state)
{
    const char *trace, *flush, *take, *release;

    (void)state;
    open_table(LEAF);
    trace = fake_trace(f);
    flush = strstr(trace, "repeat");
    take = strstr(trace, "take 0 4");
    release = strstr(trace, "data 4 rw");
    assert_true(flush != NULL && take > flush && release > take);
}

static void guest_stores_freely_while_open(void **state)
{
    (void)state;
    open_table(LEAF);
    fake_trace_clear(f);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        assert_int_equal(guest_store(f, LEAF, i, d_page(DATA + i % 8, RO)), GUEST_DONE);
    assert_string_equal(fake_trace(f), "");
    assert_int_equal(f->ptwr.count.store_faults, 1);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(f->ptwr.count.batch_entries, PTWR_ENTRIES);
}

/* A4: what a non-cacheable alias wrote behind a clean line is what is judged. */
static void batch_written_behind_the_cache_is_judged(void **state)
{
    (void)state;
    open_table(LEAF);
    fake_poke_nc(f, LEAF, 7, d_page(GUEST_FRAMES, 0));
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
}

/* --- Slots
 * ---------------------------------------------------------------------------------------- */

static void oldest_slot_gives_way(void **state)
{
    static const unsigned int numbers[] = {1, 2, 16};

    (void)state;
    hook_more(15);
    assert_int_equal(guest_pin(f, DATA + 11, 3), HV_OK);
    for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
        unsigned int count = numbers[n];

        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        f->ptwr.nr_slots = (uint8_t)count;
        memset(f->ptwr.count.reconnected, 0, sizeof(f->ptwr.count.reconnected));
        for (unsigned int i = 0; i < count; i++)
            open_table(i == 15 ? LEAF : more(i));
        assert_int_equal(f->ptwr.nr_open, count);
        open_table(DATA + 11);
        assert_int_equal(f->ptwr.nr_open, count);
        assert_true(is_attached(more(0)));
        assert_int_equal(f->ptwr.count.reconnected[PTWR_T_SLOT], 1);
        for (unsigned int i = 1; i < count; i++)
            assert_true(is_open(i == 15 ? LEAF : more(i)));
        if (count > 1) {
            /* The next oldest is the second, though slot 0 was used last. */
            open_table(more(0));
            assert_true(is_attached(more(1)));
            assert_true(is_open(DATA + 11));
        }
    }
}

static void age_survives_the_sequence_wrapping(void **state)
{
    (void)state;
    hook_more(3);
    f->ptwr.sequence = UINT32_MAX - 1;
    for (unsigned int i = 0; i < 3; i++)
        open_table(more(i));
    assert_true(is_attached(more(0)) && is_open(more(1)) && is_open(more(2)));
    open_table(LEAF);
    assert_true(is_attached(more(1)) && is_open(more(2)));
}

static void one_slot_alternates_between_two_tables(void **state)
{
    (void)state;
    f->ptwr.nr_slots = 1;
    hook_more(1);
    for (unsigned int i = 0; i < 20; i++) {
        assert_int_equal(guest_store(f, LEAF, 10 + i, d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, SPARE, 10 + i, d_page(DATA, 0)), GUEST_DONE);
    }
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->refs, 41);
}

/* --- Triggers
 * ------------------------------------------------------------------------------------- */

static uint64_t reconnected(enum ptwr_trigger why) { return f->ptwr.count.reconnected[why]; }

static uint64_t reconnected_in_all(void)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < PTWR_TRIGGERS; i++)
        sum += f->ptwr.count.reconnected[i];
    return sum;
}

static void write_to_another_table_reconnects_the_oldest(void **state)
{
    (void)state;
    hook_more(2);
    open_table(LEAF);
    open_table(more(0));
    assert_int_equal(reconnected_in_all(), 0);
    open_table(more(1));
    assert_int_equal(reconnected(PTWR_T_SLOT), 1);
    assert_int_equal(reconnected_in_all(), 1);
    assert_true(is_attached(LEAF));
}

static void walk_into_a_detached_table_reconnects_it(void **state)
{
    uint64_t value;

    (void)state;
    hook_more(1);
    open_table(LEAF);
    open_table(SPARE);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA + 7, 0));
    assert_true(is_attached(LEAF));
    assert_true(is_open(SPARE));
    assert_int_equal(reconnected(PTWR_T_WALK), 1);
    assert_int_equal(reconnected_in_all(), 1);
    assert_int_equal(f->ptwr.count.walk_faults, 1);
}

static void walk_reconnects_detached_tables_of_every_level(void **state)
{
    static const unsigned int table_of[] = {ROOT, MID1, MID2, LEAF};
    uint64_t value;

    (void)state;
    f->ptwr.nr_slots = 4;
    for (unsigned int level = 0; level < 4; level++)
        open_table(table_of[level]);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA, 0));
    assert_int_equal(reconnected(PTWR_T_WALK), 4);
}

static void walk_fault_that_lost_the_race_is_retried(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    fake_trace_clear(f);
    assert_int_equal(ptwr_walk_fault(&f->ptwr, 0, fake_mfn(LEAF), &budget), HV_OK);
    assert_string_equal(fake_trace(f), "");
}

static void each_request_reconnects_all_under_its_own_trigger(void **state)
{
    unsigned int expected = 0;

    (void)state;
    hook_more(1);
    for (unsigned int why = 0; why < PTWR_TRIGGERS; why++) {
        open_table(LEAF);
        open_table(SPARE);
        /* A batch that changed nothing would have the next store emulated. */
        assert_int_equal(guest_store(f, LEAF, 9, why % 2 ? 0 : d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, SPARE, 9, why % 2 ? 0 : d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_sync(f, (enum ptwr_trigger)why), HV_OK);
        assert_true(is_attached(LEAF) && is_attached(SPARE));
        assert_int_equal(reconnected((enum ptwr_trigger)why), 2);
        expected += 2;
        assert_int_equal(reconnected_in_all(), expected);
    }
}

static void hypercalls_reconnect_all(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_true(is_attached(LEAF));
    open_table(MID2);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_true(is_attached(MID2));
    assert_int_equal(reconnected(PTWR_T_HYPERCALL), 2);
    assert_int_equal(reconnected_in_all(), 2);
}

static void base_load_reconnects_all(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_load(f, 1, 1, ROOT), HV_OK);
    assert_true(is_attached(LEAF));
    assert_int_equal(reconnected(PTWR_T_REGIME), 1);
}

static void assist_disable_reconnects_all(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_true(is_attached(LEAF));
    assert_int_equal(reconnected(PTWR_T_ASSIST), 1);
    assert_int_equal(f->frame[LEAF].s2[PTWR_DATA], PTWR_RO);
}

static void memory_that_leaves_reconnects_all(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_remove(f, DATA + 15), HV_OK);
    assert_true(is_attached(LEAF));
    assert_int_equal(reconnected(PTWR_T_MEMORY), 1);
}

static void el2_walk_meets_an_open_table_and_says_so(void **state)
{
    struct ptwr_walk walk;

    (void)state;
    open_table(LEAF);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(guest_va(1, 0, 0, 0, 0)), &walk), HV_EAGAIN);
    assert_int_equal(guest_sync(f, PTWR_T_EL2_WALK), HV_OK);
    assert_int_equal(reconnected(PTWR_T_EL2_WALK), 1);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(guest_va(1, 0, 0, 0, 0)), &walk), HV_OK);
}

/* A9: nobody may link what is being written. */
static void new_reference_to_an_open_table_reconnects_it(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    assert_true(is_attached(LEAF));
    assert_int_equal(reconnected(PTWR_T_REFERENCE), 1);
    assert_int_equal(reconnected_in_all(), 1);
    assert_int_equal(fake_record(f, LEAF)->type_count, 2);
}

/* .. and when the link is itself part of a batch. */
static void batch_that_links_an_open_table_waits_for_it(void **state)
{
    uint64_t value;

    (void)state;
    open_table(MID2);
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 9, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA + 7, 0));
    assert_true(is_attached(MID2) && is_attached(LEAF));
}

/* --- Preemption
 * ----------------------------------------------------------------------------------- */

static void preemption_protects_and_leaves_the_reading_for_later(void **state)
{
    uint64_t value;

    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    f->every = 0;
    fake_trace_clear(f);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_string_equal(fake_trace_all(f), PROTECT("4"));
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PROTECTING);
    assert_false(fake_may_store(f, LEAF));
    assert_int_equal(f->frame[LEAF].s2[PTWR_WALK], PTWR_UNMAPPED);
    f->every = 1;
    fake_check_all(f);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA + 7, 0));
    assert_int_equal(reconnected(PTWR_T_PREEMPT), 1);
    assert_int_equal(reconnected_in_all(), 1);
}

static void preemption_twice_protects_once(void **state)
{
    (void)state;
    open_table(LEAF);
    guest_preempt(f, 0, PTWR_T_BLOCK);
    fake_trace_clear(f);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(fake_trace_count(f, EFFECT_S2), 0);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
    assert_int_equal(guest_sync(f, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(reconnected(PTWR_T_BLOCK), 1);
}

static void preempted_vcpu_protects_its_own_slots_only(void **state)
{
    (void)state;
    hook_more(1);
    open_table(LEAF);
    f->vcpu = 1;
    open_table(SPARE);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PROTECTING);
    assert_true(is_open(SPARE));
}

static void store_to_a_preempted_table_finishes_the_old_batch_first(void **state)
{
    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(guest_store(f, LEAF, 8, d_page(DATA + 8, 0)), GUEST_DONE);
    assert_int_equal(reconnected(PTWR_T_PREEMPT), 1);
    assert_int_equal(guest_sync(f, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(fake_record(f, DATA + 7)->refs, 1);
    assert_int_equal(fake_record(f, DATA + 8)->refs, 1);
}

static void preemption_cost_does_not_depend_on_what_was_written(void **state)
{
    unsigned int few, many;

    (void)state;
    f->every = 0;
    open_table(LEAF);
    fake_trace_clear(f);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    few = (unsigned int)(f->effects - f->trace_start);
    assert_int_equal(guest_store(f, LEAF, 1, 0), GUEST_DONE);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        (void)guest_store(f, LEAF, i, d_page(DATA, 0));
    fake_trace_clear(f);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    many = (unsigned int)(f->effects - f->trace_start);
    assert_int_equal(few, many);
}

/* --- Revalidation
 * --------------------------------------------------------------------------------- */

static void batch_is_judged_in_chunks_with_the_same_result(void **state)
{
    static const unsigned int budgets[] = {1, 2, 15, 16, 17, 128, 512, 1000};

    (void)state;
    f->every = 7;
    for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
        f->budget = 1000;
        open_table(LEAF);
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
    open_table(LEAF);
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
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, RO)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->refs, 1);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 0);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, d_page(DATA, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->el0_writers, 1);
    assert_int_equal(fake_record(f, DATA)->el1_writers, 0);
    open_table(LEAF);
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
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, device), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, device | RO), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 50, 0), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
}

/* Valid to valid with another address while open: after the reconnect no CPU may mix the two. */
static void batch_may_change_addresses_without_a_break(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        open_table(LEAF);
        for (unsigned int e = 0; e < 4; e++)
            assert_int_equal(guest_store(f, LEAF, e, d_page(DATA + 4 * i + e, 0)), GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

static void tables_linked_in_a_batch_are_validated_with_all_below(void **state)
{
    (void)state;
    fake_poke(f, SPARE, 7, d_page(DATA + 7, RO));
    open_table(MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    f->budget = 1;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(is_attached(SPARE));
    assert_int_equal(fake_record(f, DATA + 7)->refs, 1);
}

static void table_unlinked_in_a_batch_goes_stale(void **state)
{
    (void)state;
    open_table(MID2);
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
    open_table(MID2);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(is_attached(LEAF));
    assert_int_equal(fake_record(f, LEAF)->type_count, 1);
}

static void open_table_that_loses_its_last_link_is_still_reconnected(void **state)
{
    (void)state;
    open_table(LEAF);
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
    open_table(MID2);
    open_table(LEAF);
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
    open_table(LEAF);
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

/* --- Illegal batches
 * ------------------------------------------------------------------------------ */

static void crash_restores_the_rest_and_reconnects(void **state)
{
    (void)state;
    hook_more(1);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(DATA + 8, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 11, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 2, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 12, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 511, 1), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_true(is_attached(LEAF));
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
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 10), &value), GUEST_CRASHED);
    assert_true(is_attached(LEAF));
}

static void illegal_batch_met_by_a_store_crashes(void **state)
{
    (void)state;
    hook_more(1);
    f->ptwr.nr_slots = 1;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE, 0, 0), GUEST_CRASHED);
    assert_true(is_attached(LEAF));
}

static void illegal_batch_in_one_table_does_not_leave_another_open(void **state)
{
    (void)state;
    hook_more(1);
    open_table(LEAF);
    open_table(SPARE);
    assert_int_equal(guest_store(f, LEAF, 10, d_page(GUEST_FRAMES, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, SPARE, 10, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_true(is_attached(LEAF) && is_attached(SPARE));
    assert_int_equal(fake_peek(f, SPARE, 10), d_page(DATA, 0));
}

/* A16: never the old value, whose frame the guest believes unmapped. */
static void refuse_clears_the_valid_bit_of_the_new_value(void **state)
{
    uint64_t bad = d_page(GUEST_FRAMES, 0);

    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 0, bad), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 1, d_page(DATA + 9, 0)), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 2, 1), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_peek(f, LEAF, 0), bad & ~DESC_VALID);
    assert_int_equal(fake_peek(f, LEAF, 1), d_page(DATA + 9, 0));
    assert_int_equal(fake_peek(f, LEAF, 2), 0);
    assert_int_equal(f->ptwr.count.refused, 2);
    assert_int_equal(fake_record(f, DATA)->refs, 0);
    assert_true(is_attached(LEAF));
}

/* Neighbours of an accepted page are taken by comparison with it; a refused one is no measure. */
static void refused_page_does_not_vouch_for_its_neighbours(void **state)
{
    static const uint64_t flags[] = {DESC_CONTIGUOUS, ATTR(1), DESC_GP, BIT64(59), BIT64(48)};

    (void)state;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        open_table(LEAF);
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

        open_table(LEAF);
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
        open_table(LEAF);
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
    open_table(MID2);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(SPARE).raw);
    assert_int_equal(f->ptwr.violation.index, 300);
    /* Two of them, each in the other's way as far as the engine can know. */
    open_table(MID1);
    open_table(MID2);
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
    open_table(MID2);
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

/* --- Conflicts
 * ------------------------------------------------------------------------------------ */

/* A frame is unmapped in one open table and linked in another: counts lag, both are legal. */
static void conflict_between_open_tables_is_settled(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 20, d_page(SPARE, EL0)), HV_OK);
    open_table(MID2);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 20, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, MID2, 8, d_table(SPARE)), GUEST_DONE);
    f->budget = 3;
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(is_attached(SPARE));
}

static void conflict_the_other_way_round_is_settled(void **state)
{
    (void)state;
    hook_more(1);
    open_table(MID2);
    open_table(LEAF);
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
    hook_more(1);
    open_table(LEAF);
    open_table(MID2);
    assert_int_equal(guest_store(f, MID2, 1, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    /* Another walker comes to LEAF by a pointer that it still has. */
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 20), &value), GUEST_DONE);
    assert_int_equal(value, d_page(SPARE, EL0));
}

static void conflict_that_stays_is_refused_not_retried_for_ever(void **state)
{
    (void)state;
    hook_more(1);
    open_table(MID2);
    open_table(LEAF);
    assert_int_equal(guest_store(f, LEAF, 20, d_page(SPARE, EL0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EL0_TABLE);
    assert_true(is_attached(MID2) && is_attached(LEAF));
}

static void emulated_store_in_conflict_with_an_open_table_is_settled(void **state)
{
    (void)state;
    hook_more(1);
    open_table(MID2);
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
    hook_more(1);
    open_table(MID2);
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
    hook_more(2);
    assert_int_equal(guest_update(f, LEAF, 20, d_page(SPARE + 3, EL0)), HV_OK);
    assert_int_equal(guest_update(f, MID2, 1, 0), HV_OK);
    assert_int_equal(guest_update(f, MID1, 3, d_table(SPARE + 4)), HV_OK);
    assert_int_equal(guest_update(f, SPARE + 4, 0, d_table(SPARE + 1)), HV_OK);
    guest_flush(f);
    /* SPARE + 4 loses its only link, SPARE + 3 its EL0 writer, both unseen as yet. */
    open_table(MID1);
    open_table(LEAF);
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
    assert_true(is_attached(SPARE + 1));
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
    assert_true(is_attached(SPARE + 1));
    assert_int_equal(guest_update(f, SPARE + 1, 6, d_table(SPARE + 1)), HV_OK);
    assert_int_equal(fake_record(f, SPARE + 1)->type, FRAME_NONE);
    assert_int_equal(f->frame[SPARE + 1].s2[PTWR_WALK], PTWR_UNMAPPED);
}

/* --- Progress
 * ------------------------------------------------------------------------------------- */

static void empty_batch_has_the_next_store_emulated_once(void **state)
{
    uint64_t value, emulated = f->ptwr.count.emulated;

    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 30, d_page(DATA, 0)), GUEST_DONE);
    assert_true(is_attached(LEAF));
    assert_int_equal(f->ptwr.count.emulated, emulated + 1);
    assert_int_equal(guest_store(f, LEAF, 31, d_page(DATA, 0)), GUEST_DONE);
    assert_true(is_open(LEAF));
    assert_int_equal(f->ptwr.count.emulated, emulated + 1);
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
        assert_true(is_open(LEAF));
        assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
        assert_true(is_attached(LEAF));
    }
}

/* What is said of a table that took no change is not said of the frame's next life. */
static void empty_batch_is_forgotten_with_the_table(void **state)
{
    uint64_t value;

    (void)state;
    open_table(LEAF);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 0), &value), GUEST_DONE);
    assert_int_equal(f->ptwr.last_empty.raw, fake_mfn(LEAF).raw);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_true(mfn_is_none(f->ptwr.last_empty));
}

static void store_that_lost_the_race_finds_it_writable_and_retries(void **state)
{
    struct ptwr_store store = {.table = fake_mfn(LEAF), .offset = 8, .size = 8, .vcpu = 1};

    (void)state;
    open_table(LEAF);
    store.va = va_of(0xffffffff00001000);
    fake_trace_clear(f);
    assert_int_equal(guest_fault(f, &store), PTWR_RETRY);
    assert_true(is_open(LEAF));
    assert_int_equal(f->ptwr.count.opened, 1);
    /* C1: its old translation goes from both kinds of cache, or it would fault for ever. */
    assert_string_equal(fake_trace(f),
                        "ipas2 data 4; dsb ish; vaae1 0xffffffff00001000; dsb ish; isb");
}

static void slot_opened_by_a_vcpu_is_closed_by_another(void **state)
{
    uint64_t value;

    (void)state;
    open_table(LEAF);
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
        T(open_hides_then_flushes_then_copies_then_lets_write),
        T(sync_protects_then_flushes_then_cleans_then_judges_then_shows),
        T(higher_level_is_opened_with_a_full_flush),
        T(several_tables_are_reconnected_with_one_flush),
        T(table_hooked_twice_is_opened_with_a_full_flush),
        T(table_below_a_parent_hooked_twice_is_opened_with_a_full_flush),
        T(moved_table_is_opened_with_a_full_flush),
        T(table_below_a_moved_parent_is_opened_with_a_full_flush),
        T(pinned_table_that_moved_is_opened_with_a_full_flush),
        T(pinned_table_without_a_hook_is_opened_with_a_full_flush),
        T(table_below_a_root_of_two_roles_is_opened_with_a_full_flush),
        T(table_below_two_roots_is_opened_with_a_full_flush),
        T(by_va_detach_names_the_tables_own_va),
        T(snapshot_is_taken_after_the_flush_and_before_the_guest_may_write),
        T(guest_stores_freely_while_open),
        T(batch_written_behind_the_cache_is_judged),
        T(oldest_slot_gives_way),
        T(age_survives_the_sequence_wrapping),
        T(one_slot_alternates_between_two_tables),
        T(write_to_another_table_reconnects_the_oldest),
        T(walk_into_a_detached_table_reconnects_it),
        T(walk_reconnects_detached_tables_of_every_level),
        T(walk_fault_that_lost_the_race_is_retried),
        T(each_request_reconnects_all_under_its_own_trigger),
        T(hypercalls_reconnect_all),
        T(base_load_reconnects_all),
        T(assist_disable_reconnects_all),
        T(memory_that_leaves_reconnects_all),
        T(el2_walk_meets_an_open_table_and_says_so),
        T(new_reference_to_an_open_table_reconnects_it),
        T(batch_that_links_an_open_table_waits_for_it),
        T(preemption_protects_and_leaves_the_reading_for_later),
        T(preemption_twice_protects_once),
        T(preempted_vcpu_protects_its_own_slots_only),
        T(store_to_a_preempted_table_finishes_the_old_batch_first),
        T(preemption_cost_does_not_depend_on_what_was_written),
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
        T(refuse_clears_the_valid_bit_of_the_new_value),
        T(refused_page_does_not_vouch_for_its_neighbours),
        T(accepted_page_vouches_for_its_own_kind_only),
        T(illegal_table_below_a_batch_does_not_keep_it_busy),
        T(illegal_table_below_a_batch_is_refused_and_leaves_no_count),
        T(conflict_between_open_tables_is_settled),
        T(conflict_the_other_way_round_is_settled),
        T(closing_one_slot_settles_its_conflict_with_another),
        T(conflict_that_stays_is_refused_not_retried_for_ever),
        T(emulated_store_in_conflict_with_an_open_table_is_settled),
        T(emulated_store_whose_table_goes_away_meanwhile_is_no_update),
        T(replaced_entry_whose_table_goes_away_meanwhile_is_no_update),
        T(store_to_a_table_held_by_a_stale_one_only_keeps_the_counts),
        T(table_held_by_a_stale_one_only_does_not_become_its_own_child),
        T(empty_batch_has_the_next_store_emulated_once),
        T(store_through_its_own_table_makes_progress),
        T(opaque_store_through_its_own_table_ends),
        T(opaque_stores_of_what_is_there_are_performed),
        T(empty_batch_is_forgotten_with_the_table),
        T(store_that_lost_the_race_finds_it_writable_and_retries),
        T(slot_opened_by_a_vcpu_is_closed_by_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
