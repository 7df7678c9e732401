/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: which table gives way, what reconnects, and what preemption does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "ptwr/invariant.h"

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

/* --- Slots ------------------------------------------------------------------------------------ */

static void oldest_slot_gives_way(void **state)
{
    static const unsigned int numbers[] = {1, 2, 16};

    (void)state;
    guest_hook_more(f, 15);
    assert_int_equal(guest_pin(f, DATA + 11, 3), HV_OK);
    for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
        unsigned int count = numbers[n];

        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
        f->ptwr.nr_slots = (uint8_t)count;
        memset(f->ptwr.count.reconnected, 0, sizeof(f->ptwr.count.reconnected));
        for (unsigned int i = 0; i < count; i++)
            guest_open(f, i == 15 ? LEAF : guest_more(i));
        assert_int_equal(f->ptwr.nr_open, count);
        guest_open(f, DATA + 11);
        assert_int_equal(f->ptwr.nr_open, count);
        assert_true(guest_has_attached(f, guest_more(0)));
        assert_int_equal(f->ptwr.count.reconnected[PTWR_T_SLOT], 1);
        for (unsigned int i = 1; i < count; i++)
            assert_true(guest_has_open(f, i == 15 ? LEAF : guest_more(i)));
        if (count > 1) {
            /* The next oldest is the second, though slot 0 was used last. */
            guest_open(f, guest_more(0));
            assert_true(guest_has_attached(f, guest_more(1)));
            assert_true(guest_has_open(f, DATA + 11));
        }
    }
}

/* .. and judging it may end the table that wanted its slot. */
static void table_that_goes_away_with_the_oldest_slot_is_not_opened(void **state)
{
    (void)state;
    f->ptwr.nr_slots = 1;
    f->budget = 5000;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 0, 0x10), GUEST_DONE);
    assert_int_equal(fake_record(f, LEAF)->type, FRAME_NONE);
    assert_int_equal(f->ptwr.count.opened, 1);
}

static void age_survives_the_sequence_wrapping(void **state)
{
    (void)state;
    guest_hook_more(f, 3);
    f->ptwr.sequence = UINT32_MAX - 1;
    for (unsigned int i = 0; i < 3; i++)
        guest_open(f, guest_more(i));
    assert_true(guest_has_attached(f, guest_more(0)) && guest_has_open(f, guest_more(1)) &&
                guest_has_open(f, guest_more(2)));
    guest_open(f, LEAF);
    assert_true(guest_has_attached(f, guest_more(1)) && guest_has_open(f, guest_more(2)));
}

static void one_slot_alternates_between_two_tables(void **state)
{
    (void)state;
    f->ptwr.nr_slots = 1;
    guest_hook_more(f, 1);
    for (unsigned int i = 0; i < 20; i++) {
        assert_int_equal(guest_store(f, LEAF, 10 + i, d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, SPARE, 10 + i, d_page(DATA, 0)), GUEST_DONE);
    }
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(fake_record(f, DATA)->refs, 41);
}

/* --- Triggers --------------------------------------------------------------------------------- */

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
    guest_hook_more(f, 2);
    guest_open(f, LEAF);
    guest_open(f, guest_more(0));
    assert_int_equal(reconnected_in_all(), 0);
    guest_open(f, guest_more(1));
    assert_int_equal(reconnected(PTWR_T_SLOT), 1);
    assert_int_equal(reconnected_in_all(), 1);
    assert_true(guest_has_attached(f, LEAF));
}

static void walk_into_a_detached_table_reconnects_it(void **state)
{
    uint64_t value;

    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    guest_open(f, SPARE);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 0, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA + 7, 0));
    assert_true(guest_has_attached(f, LEAF));
    assert_true(guest_has_open(f, SPARE));
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
        guest_open(f, table_of[level]);
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
    guest_hook_more(f, 1);
    for (unsigned int why = 0; why < PTWR_TRIGGERS; why++) {
        guest_open(f, LEAF);
        guest_open(f, SPARE);
        /* A batch that changed nothing would have the next store emulated. */
        assert_int_equal(guest_store(f, LEAF, 9, why % 2 ? 0 : d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_store(f, SPARE, 9, why % 2 ? 0 : d_page(DATA, 0)), GUEST_DONE);
        assert_int_equal(guest_sync(f, (enum ptwr_trigger)why), HV_OK);
        assert_true(guest_has_attached(f, LEAF) && guest_has_attached(f, SPARE));
        assert_int_equal(reconnected((enum ptwr_trigger)why), 2);
        expected += 2;
        assert_int_equal(reconnected_in_all(), expected);
    }
}

static void hypercalls_reconnect_all(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    guest_open(f, MID2);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    assert_true(guest_has_attached(f, MID2));
    assert_int_equal(reconnected(PTWR_T_HYPERCALL), 2);
    assert_int_equal(reconnected_in_all(), 2);
}

static void base_load_reconnects_all(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_load(f, 1, 1, ROOT), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(reconnected(PTWR_T_REGIME), 1);
}

static void assist_disable_reconnects_all(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(reconnected(PTWR_T_ASSIST), 1);
    assert_int_equal(f->frame[LEAF].s2[PTWR_DATA], PTWR_RO);
}

static void memory_that_leaves_reconnects_all(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_remove(f, DATA + 15), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(reconnected(PTWR_T_MEMORY), 1);
}

static void el2_walk_meets_an_open_table_and_says_so(void **state)
{
    struct ptwr_walk walk;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(guest_va(1, 0, 0, 0, 0)), &walk), HV_EAGAIN);
    assert_int_equal(guest_sync(f, PTWR_T_EL2_WALK), HV_OK);
    assert_int_equal(reconnected(PTWR_T_EL2_WALK), 1);
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(guest_va(1, 0, 0, 0, 0)), &walk), HV_OK);
}

/* Nobody may link what is being written. */
static void new_reference_to_an_open_table_reconnects_it(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    assert_true(guest_has_attached(f, LEAF));
    assert_int_equal(reconnected(PTWR_T_REFERENCE), 1);
    assert_int_equal(reconnected_in_all(), 1);
    assert_int_equal(fake_record(f, LEAF)->type_count, 2);
}

/* .. and when the link is itself part of a batch. */
static void batch_that_links_an_open_table_waits_for_it(void **state)
{
    uint64_t value;

    (void)state;
    guest_open(f, MID2);
    assert_int_equal(guest_store(f, MID2, 9, d_table(LEAF)), GUEST_DONE);
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    assert_int_equal(guest_walk(f, guest_va(1, 0, 0, 9, 7), &value), GUEST_DONE);
    assert_int_equal(value, d_page(DATA + 7, 0));
    assert_true(guest_has_attached(f, MID2) && guest_has_attached(f, LEAF));
}

/* --- Preemption ------------------------------------------------------------------------------- */

static void preemption_protects_and_leaves_the_reading_for_later(void **state)
{
    uint64_t value;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    f->every = 0;
    fake_trace_clear(f);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_string_equal(fake_trace_all(f), "data 4 ro; dsb ishst; ipas2 data 4; dsb ish; vmalle1; "
                                           "dsb ish; repeat; isb; clean 4");
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
    guest_open(f, LEAF);
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
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    f->vcpu = 1;
    guest_open(f, SPARE);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PROTECTING);
    assert_true(guest_has_open(f, SPARE));
}

static void store_to_a_preempted_table_finishes_the_old_batch_first(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(guest_store(f, LEAF, 7, d_page(DATA + 7, 0)), GUEST_DONE);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(guest_store(f, LEAF, 8, d_page(DATA + 8, 0)), GUEST_DONE);
    assert_int_equal(reconnected(PTWR_T_PREEMPT), 1);
    assert_int_equal(guest_sync(f, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(fake_record(f, DATA + 7)->refs, 1);
    assert_int_equal(fake_record(f, DATA + 8)->refs, 1);
}

static void settling_a_preempted_table_leaves_it_to_its_slot(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    guest_open(f, LEAF);
    guest_preempt(f, 0, PTWR_T_PREEMPT);
    assert_int_equal(ptwr_settle(&f->ptwr, fake_mfn(LEAF), &budget), HV_OK);
    fake_settle(f);
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PROTECTING);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
}

static void preemption_cost_does_not_depend_on_what_was_written(void **state)
{
    unsigned int few, many;

    (void)state;
    f->every = 0;
    guest_open(f, LEAF);
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

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

/* Also without the ptwr_sync() of a hypercall before it. */
static void update_of_an_open_table_reconnects_it(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    guest_open(f, LEAF);
    assert_int_equal(
        ptwr_update(&f->ptwr, fake_mfn(LEAF), 20, desc_of(d_page(DATA + 5, 0)), &budget), HV_OK);
    assert_false(guest_has_open(f, LEAF));
    assert_true(guest_has_attached(f, LEAF));
    assert_null(ptwr_check(&f->ptwr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(oldest_slot_gives_way),
        T(table_that_goes_away_with_the_oldest_slot_is_not_opened),
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
        T(update_of_an_open_table_reconnects_it),
        T(preemption_protects_and_leaves_the_reading_for_later),
        T(preemption_twice_protects_once),
        T(preempted_vcpu_protects_its_own_slots_only),
        T(store_to_a_preempted_table_finishes_the_old_batch_first),
        T(settling_a_preempted_table_leaves_it_to_its_slot),
        T(preemption_cost_does_not_depend_on_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
