/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guarded guest takes a table out of one that is open, and uses its frame for something else at
 * once: what is in it then is data, and nobody's to judge or to change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"

#define BITS 48

/* As an entry it is one that is always refused: a table that EL0 can write. */
#define DATUM d_page(MID1, EL0)

/* A second level-3 table, a root without entries, and one below ROOT, MID2's neighbour. */
enum { OTHER = 5, NEXT = 6, MID22 = 7, FAR = 8 };

static struct fake *f;
static uint64_t unused;

static int start(void **state)
{
    (void)state;
    f = fake_new_guarded();
    guest_add(f, 0, GUEST_FRAMES);
    fake_poke(f, ROOT, 0, g_table(MID1));
    fake_poke(f, MID1, 0, g_table(MID2));
    fake_poke(f, MID1, 1, g_table(MID22));
    fake_poke(f, MID2, 0, g_table(LEAF));
    fake_poke(f, MID2, 1, g_table(OTHER));
    fake_poke(f, MID22, 0, g_table(FAR));
    for (unsigned int i = 0; i < 4; i++)
        fake_poke(f, LEAF, i, d_page(DATA + i, 0));
    guest_user(f, 0, ROOT, BITS);
    assert_int_equal(guest_walk(f, 0, &unused), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(f->ptwr.count.refused, 0);
    fake_free(f);
    return 0;
}

static enum guest_result store(unsigned int number, unsigned int index, uint64_t value)
{
    return guest_store(f, number, index, value);
}

/* All that was open is judged: the walk of an address that LEAF is not needed for. */
static void walk_elsewhere(void)
{
    assert_int_equal(guest_walk(f, guest_va(0, 0, 1, 0, 0), &unused), GUEST_DONE);
    assert_int_equal(f->ptwr.nr_open, 0);
}

static void store_to_a_table_below_an_open_one_reconnects_that_first(void **state)
{
    (void)state;
    guest_open(f, MID2);
    assert_int_equal(store(MID2, 0, 0), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    assert_false(guest_has_open(f, MID2));
    assert_int_equal(fake_record(f, LEAF)->state, FRAME_PLAIN);
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
}

static void emulated_store_does_so_too(void **state)
{
    (void)state;
    guest_open(f, MID1);
    assert_int_equal(store(MID1, 0, 0), GUEST_DONE);
    f->ptwr.policy = PTWR_POLICY_EMULATE;
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    assert_int_equal(store(MID2, 9, DATUM), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
    assert_int_equal(fake_peek(f, MID2, 9), DATUM);
}

static void open_table_that_an_open_one_dropped_is_data(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(store(MID2, 0, 0), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    walk_elsewhere();
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
}

static void its_slot_is_taken_for_another_table(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(store(MID2, 0, 0), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    assert_int_equal(store(FAR, 1, d_page(DATA, 0)), GUEST_DONE);
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
}

/* The guest broke the entry and made it anew, all while the table was open. */
static void open_table_whose_entry_was_replaced_is_data(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(store(MID2, 0, 0), GUEST_DONE);
    assert_int_equal(store(MID2, 0, g_table(NEXT)), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    walk_elsewhere();
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
    assert_int_equal(fake_record(f, NEXT)->type, FRAME_TABLE_L3);
}

/* What took its place maps it for EL0, which wants it to be no table: neither can go first. */
static void open_table_whose_place_a_user_of_it_took_is_data(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    guest_open(f, MID2);
    assert_int_equal(store(NEXT, 0, d_page(LEAF, EL0)), GUEST_DONE);
    assert_int_equal(store(MID2, 0, g_table(NEXT)), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    walk_elsewhere();
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
    assert_int_equal(fake_peek(f, NEXT, 0), d_page(LEAF, EL0));
}

/* .. two levels further up. */
static void open_table_in_a_dropped_tree_is_data(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    guest_open(f, MID1);
    assert_int_equal(store(MID1, 0, 0), GUEST_DONE);
    assert_int_equal(store(LEAF, 9, DATUM), GUEST_DONE);
    walk_elsewhere();
    assert_int_equal(fake_peek(f, LEAF, 9), DATUM);
}

static void dropped_table_is_the_next_root(void **state)
{
    (void)state;
    guest_open(f, OTHER);
    guest_open(f, MID2);
    assert_int_equal(store(MID2, 1, 0), GUEST_DONE);
    assert_int_equal(store(OTHER, 0, g_table(NEXT)), GUEST_DONE);
    guest_user(f, 0, OTHER, BITS);
    (void)guest_walk(f, 0, &unused);
    assert_int_equal(fake_record(f, OTHER)->type, FRAME_TABLE_L0);
    assert_int_equal(fake_record(f, OTHER)->state, FRAME_ATTACHED);
}

#define T(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(store_to_a_table_below_an_open_one_reconnects_that_first),
        T(emulated_store_does_so_too),
        T(open_table_that_an_open_one_dropped_is_data),
        T(its_slot_is_taken_for_another_table),
        T(open_table_whose_entry_was_replaced_is_data),
        T(open_table_whose_place_a_user_of_it_took_is_data),
        T(open_table_in_a_dropped_tree_is_data),
        T(dropped_table_is_the_next_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
