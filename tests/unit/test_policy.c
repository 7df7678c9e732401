/* SPDX-License-Identifier: Apache-2.0 */
/* Emulate or open: the fixed policies, and what the predictor learns of runs and single stores. */
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
    f->every = 16;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

/* A run of stores from one program place, then something that reconnects. */
static void run_of(unsigned int table, unsigned int count, uint64_t pc)
{
    static unsigned int salt;

    f->pc = pc;
    salt++;
    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(guest_store(f, table, i, d_page(DATA + (i + salt) % 8, 0)), GUEST_DONE);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
}

static uint64_t opened_by(unsigned int table, unsigned int count, uint64_t pc)
{
    uint64_t before = f->ptwr.count.opened;

    run_of(table, count, pc);
    return f->ptwr.count.opened - before;
}

static uint64_t faults_of(unsigned int table, unsigned int count, uint64_t pc)
{
    uint64_t before = f->ptwr.count.store_faults;

    run_of(table, count, pc);
    return f->ptwr.count.store_faults - before;
}

static void fixed_emulate_never_opens(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(opened_by(LEAF, 100, 0x1000), 0);
    assert_int_equal(f->ptwr.count.emulated, f->ptwr.count.store_faults);
}

static void fixed_open_opens_at_the_first_store(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    for (unsigned int i = 0; i < 4; i++) {
        assert_int_equal(opened_by(LEAF, 1, 0x1000), 1);
        assert_int_equal(opened_by(LEAF, 100, 0x1000), 1);
    }
    assert_int_equal(f->ptwr.count.emulated, 0);
}

static void single_stores_stay_emulated(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 200; i++) {
        f->pc = 0x1000;
        assert_int_equal(guest_store(f, i % 2 ? LEAF : MID2, 100 + i % 7, i << 4), GUEST_DONE);
    }
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(f->ptwr.count.emulated, 200);
}

static void long_run_is_opened_after_a_few_stores(void **state)
{
    (void)state;
    assert_true(faults_of(LEAF, 500, 0x1000) < 32);
    assert_int_equal(f->ptwr.count.opened, 1);
}

static void place_that_writes_runs_opens_at_once_later(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 6; i++)
        run_of(LEAF, 300, 0x1000);
    assert_int_equal(faults_of(LEAF, 300, 0x1000), 1);
}

static void one_place_does_not_speak_for_another(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 6; i++)
        run_of(LEAF, 300, 0x1000);
    assert_int_equal(opened_by(LEAF, 1, 0x1004), 0);
    assert_int_equal(opened_by(LEAF, 1, 0x2008), 0);
}

static void place_that_turns_to_single_stores_is_learnt_again(void **state)
{
    uint64_t opened;

    (void)state;
    for (unsigned int i = 0; i < 8; i++)
        run_of(LEAF, 300, 0x1000);
    for (unsigned int i = 0; i < 16; i++)
        run_of(LEAF, 1, 0x1000);
    opened = f->ptwr.count.opened;
    for (unsigned int i = 0; i < 100; i++)
        run_of(LEAF, 1, 0x1000);
    assert_true(f->ptwr.count.opened <= opened + 2);
}

/* A place whose runs end before opening has paid must not be opened again and again. */
static void short_runs_are_opened_less_and_less(void **state)
{
    uint64_t first;

    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        run_of(LEAF, 4, 0x1000);
    first = f->ptwr.count.opened;
    for (unsigned int i = 0; i < 100; i++)
        run_of(LEAF, 4, 0x1000);
    assert_true(first < 10);
    assert_true(f->ptwr.count.opened <= first + 2);
}

/* A run is to one table: a place that goes back and forth writes no batches. */
static void run_ends_with_a_store_to_another_table(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 200; i++) {
        f->pc = 0x1000;
        assert_int_equal(guest_store(f, i / 3 % 2 ? LEAF : MID2, 100 + i % 7, i << 4), GUEST_DONE);
    }
    assert_int_equal(f->ptwr.count.opened, 0);
}

/* A table whose opening reconnects another that the same place has written: both were long runs. */
static void run_that_makes_room_for_itself_counts_in_full(void **state)
{
    uint64_t before;

    (void)state;
    f->ptwr.nr_slots = 1;
    f->pc = 0x1000;
    for (uint64_t round = 0; round < 20; round++) {
        before = f->ptwr.count.emulated;
        for (unsigned int i = 0; i < 28; i++)
            assert_int_equal(guest_store(f, i < 14 ? LEAF : MID2, 100 + i % 14, (round + 1) << 4),
                             GUEST_DONE);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
    assert_int_equal(f->ptwr.count.emulated, before);
}

static void refused_stores_teach_nothing(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        assert_int_equal(guest_store(f, LEAF, i, 1), GUEST_INJECTED);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_int_equal(f->ptwr.count.emulated, 0);
    assert_int_equal(f->ptwr.count.refused, 100);
}

/* One vCPU stores in a loop; another's walk faults, and before it is repeated there is a store. */
static void walks_come_through_a_storing_loop(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    for (unsigned int walks = 0; walks < 50; walks++) {
        unsigned int faults = 0;

        while (f->frame[LEAF].s2[PTWR_WALK] == PTWR_UNMAPPED) {
            unsigned int budget = PTWR_BUDGET;

            assert_int_equal(ptwr_walk_fault(&f->ptwr, 1, fake_mfn(LEAF), &budget), HV_OK);
            assert_int_equal(guest_store(f, LEAF, 100 + faults, walks << 4), GUEST_DONE);
            assert_true(++faults < 4);
        }
        assert_int_equal(guest_store(f, LEAF, 7, walks << 4), GUEST_DONE);
    }
    assert_true(f->ptwr.count.opened > 0);
}

/* The same with batches that pay for themselves: so many stores before each walk is repeated. */
static void walks_come_through_a_loop_of_long_batches(void **state)
{
    static const unsigned int lengths[] = {12, 13, 24, 50, 100, 200};

    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        unsigned int faults = 0;

        f->ptwr.pause = 0;
        f->ptwr.pause_shift = 0;
        guest_open(f, LEAF);
        for (unsigned int value = 1; !guest_has_attached(f, LEAF); value++) {
            unsigned int budget;
            enum hv_err err;

            do {
                budget = PTWR_BUDGET;
                err = ptwr_walk_fault(&f->ptwr, 1, fake_mfn(LEAF), &budget);
            } while (err == HV_EAGAIN);
            assert_int_equal(err, HV_OK);
            for (unsigned int j = 0; j < lengths[i]; j++)
                assert_int_equal(guest_store(f, LEAF, 100 + j, value << 4), GUEST_DONE);
            assert_true(++faults <= 16);
        }
    }
}

/* Every choice is a counter that a user can read, and they add up. */
static void counters_add_up(void **state)
{
    uint64_t closed = 0;

    (void)state;
    for (unsigned int i = 0; i < 10; i++) {
        run_of(LEAF, 50, 0x1000);
        run_of(MID2, 0, 0x1000);
        run_of(LEAF, 1, 0x3000 + 4 * i);
    }
    for (unsigned int i = 0; i < PTWR_TRIGGERS; i++)
        closed += f->ptwr.count.reconnected[i];
    assert_int_equal(closed, f->ptwr.count.opened);
    assert_int_equal(f->ptwr.count.store_faults, f->ptwr.count.emulated + f->ptwr.count.opened);
    assert_true(f->ptwr.count.opened > 0 && f->ptwr.count.emulated > 0);
}

/* What a user reads as the number of TLBIs and cleans is what was sent. */
static void maintenance_counters_are_what_was_sent(void **state)
{
    struct ptwr_counters before = f->ptwr.count;

    (void)state;
    fake_trace_clear(f);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    for (unsigned int i = 0; i < 10; i++) {
        run_of(LEAF, 20, 0x1000);
        assert_int_equal(guest_update(f, MID2, 1 + i % 3, d_table(SPARE + i % 4)), HV_OK);
        assert_int_equal(guest_update(f, LEAF, 100, d_page(DATA + i, 0)), HV_OK);
    }
    guest_flush(f);
    assert_int_equal(f->ptwr.count.tlbi_all - before.tlbi_all,
                     fake_trace_count(f, EFFECT_TLBI_VMALLE1) +
                         fake_trace_count(f, EFFECT_TLBI_VMALLS12E1));
    assert_int_equal(f->ptwr.count.tlbi_va - before.tlbi_va,
                     fake_trace_count(f, EFFECT_TLBI_VAAE1));
    assert_int_equal(f->ptwr.count.tlbi_ipa - before.tlbi_ipa,
                     fake_trace_count(f, EFFECT_TLBI_IPAS2));
    assert_int_equal(f->ptwr.count.cleaned - before.cleaned, fake_trace_count(f, EFFECT_CLEAN));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fixed_emulate_never_opens),
        T(fixed_open_opens_at_the_first_store),
        T(single_stores_stay_emulated),
        T(long_run_is_opened_after_a_few_stores),
        T(place_that_writes_runs_opens_at_once_later),
        T(one_place_does_not_speak_for_another),
        T(place_that_turns_to_single_stores_is_learnt_again),
        T(short_runs_are_opened_less_and_less),
        T(run_ends_with_a_store_to_another_table),
        T(run_that_makes_room_for_itself_counts_in_full),
        T(refused_stores_teach_nothing),
        T(walks_come_through_a_storing_loop),
        T(walks_come_through_a_loop_of_long_batches),
        T(counters_add_up),
        T(maintenance_counters_are_what_was_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
