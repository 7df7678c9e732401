/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of pages of known kinds: where they end, and what they count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "ptwr/known.h"
#include "ptwr/type.h"

/* As many entries without work end a row. */
#define IDLE 16

/* A page that EL0 cannot write, nor EL1 execute. */
#define HARMLESS(n) (d_page(n, RO) | DESC_PXN)

static struct fake *f;
static desc_t now[PTWR_ENTRIES], then[PTWR_ENTRIES];
static const struct ptwr_view view = {now, then};
static unsigned int changed;

static int start(void **state)
{
    (void)state;
    f = fake_new_guarded();
    guest_add(f, 0, GUEST_FRAMES);
    type_forget(&f->ptwr);
    memset(now, 0, sizeof(now));
    memset(then, 0, sizeof(then));
    changed = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static void learn(uint64_t raw) { known_learn(&f->ptwr, desc_of(raw)); }

static void fill(unsigned int first, unsigned int count, uint64_t raw)
{
    for (unsigned int i = first; i < first + count; i++)
        now[i] = desc_of(raw);
}

static unsigned int row(unsigned int count) { return known_row(&f->ptwr, now, count); }

static unsigned int changes(unsigned int count)
{
    return known_changes(&f->ptwr, view, count, &changed);
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA, 0))));
    assert_true(known_is(&f->ptwr, desc_of(d_page(DATA, 0) & ~DESC_VALID)));
}

static void kind_is_all_but_the_frame(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    assert_true(known_is(&f->ptwr, desc_of(d_page(DATA + 1, 0))));
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA + 1, RO))));
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA + 1, 0) ^ DESC_UXN)));
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA + 1, 0) | BIT64(44))));
}

static void contiguous_page_is_not_learnt(void **state)
{
    (void)state;
    learn(d_page(DATA, 0) | DESC_CONTIGUOUS);
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA, 0) | DESC_CONTIGUOUS)));
}

static void writable_page_has_to_be_of_an_ordinary_frame(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    learn(HARMLESS(DATA));
    fake_record(f, DATA + 1)->type = FRAME_TABLE_L3;
    fake_record(f, DATA + 1)->state = FRAME_ATTACHED;
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA + 1, 0))));
    assert_true(known_is(&f->ptwr, desc_of(HARMLESS(DATA + 1))));
    fake_record(f, DATA + 2)->owner = FRAME_NO_OWNER;
    assert_false(known_is(&f->ptwr, desc_of(d_page(DATA + 2, 0))));
}

/* Read-only to walkers, but dirty by hardware: writable. Or EL1's to execute. */
static void only_what_harms_nobody_is_taken_of_any_frame(void **state)
{
    const uint64_t dirty = HARMLESS(DATA) | DESC_DBM, code = HARMLESS(DATA) & ~DESC_PXN;

    (void)state;
    learn(dirty);
    learn(code);
    assert_true(known_is(&f->ptwr, desc_of(dirty)));
    assert_true(known_is(&f->ptwr, desc_of(code)));
    fake_record(f, DATA)->type = FRAME_TABLE_L3;
    fake_record(f, DATA)->state = FRAME_ATTACHED;
    assert_false(known_is(&f->ptwr, desc_of(dirty)));
    assert_false(known_is(&f->ptwr, desc_of(code)));
}

static void address_beyond_memory_is_not_known(void **state)
{
    (void)state;
    learn(HARMLESS(DATA));
    assert_false(known_is(&f->ptwr, desc_of(HARMLESS(DATA) | f->ptwr.walk)));
    assert_false(known_is(&f->ptwr, desc_of(HARMLESS(DATA) ^ BIT64(40))));
}

static void row_ends_at_the_first_that_is_not_known(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    fill(0, 40, d_page(DATA, 0));
    fill(20, 1, d_page(DATA, RO));
    assert_int_equal(row(40), 20);
    assert_int_equal(row(20), 20);
    assert_int_equal(row(5), 5);
    learn(d_page(DATA, RO));
    assert_int_equal(row(40), 40);
}

/* A frame that is not ordinary ends a row that the frames around it make. */
static void row_ends_at_a_frame_that_is_not_ordinary(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    for (unsigned int i = 0; i < 4; i++)
        fill(i, 1, d_page(DATA + i, 0));
    fake_record(f, DATA + 2)->type = FRAME_TABLE_L3;
    fake_record(f, DATA + 2)->state = FRAME_ATTACHED;
    assert_int_equal(row(4), 2);
    assert_int_equal(changes(4), 2);
    assert_int_equal(changed, 2);
}

static void row_ends_where_nothing_is(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    fill(0, 4, d_page(DATA, 0));
    fill(4 + IDLE - 1, 1, d_page(DATA, 0));
    assert_int_equal(row(PTWR_ENTRIES), 4 + IDLE);
    fill(4 + IDLE - 1, 1, 0);
    assert_int_equal(row(PTWR_ENTRIES), 4 + IDLE - 1);
}

static void changes_are_counted_and_the_rest_is_not(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    fill(0, 10, d_page(DATA, 0));
    for (unsigned int i = 2; i < 5; i++)
        then[i] = now[i];
    now[6] = desc_of(0);
    then[6] = desc_of(d_page(DATA, 0));
    assert_int_equal(changes(10), 10);
    assert_int_equal(changed, 7);
}

static void unchanged_entry_is_not_judged(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    fill(0, 3, d_page(DATA, 0));
    fill(1, 1, d_page(DATA, RO));
    then[1] = now[1];
    assert_int_equal(changes(3), 3);
    then[1] = desc_of(0);
    assert_int_equal(changes(3), 1);
    assert_int_equal(changed, 2 + 1);
}

static void changes_end_where_nothing_has_changed(void **state)
{
    (void)state;
    learn(d_page(DATA, 0));
    fill(0, 2, d_page(DATA, 0));
    assert_int_equal(changes(PTWR_ENTRIES), 2 + IDLE - 1);
    assert_int_equal(changed, 2);
    changed = 0;
    fill(2 + IDLE - 1, 1, d_page(DATA, 0));
    assert_int_equal(changes(2 + IDLE), 2 + IDLE);
    assert_int_equal(changed, 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_known_at_first),
        CASE(kind_is_all_but_the_frame),
        CASE(contiguous_page_is_not_learnt),
        CASE(writable_page_has_to_be_of_an_ordinary_frame),
        CASE(only_what_harms_nobody_is_taken_of_any_frame),
        CASE(address_beyond_memory_is_not_known),
        CASE(row_ends_at_the_first_that_is_not_known),
        CASE(row_ends_at_a_frame_that_is_not_ordinary),
        CASE(row_ends_where_nothing_is),
        CASE(changes_are_counted_and_the_rest_is_not),
        CASE(unchanged_entry_is_not_judged),
        CASE(changes_end_where_nothing_has_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
