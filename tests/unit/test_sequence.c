/* SPDX-License-Identifier: Apache-2.0 */
/* Detach and reconnect, with every effect in order; which detach may go by VA. */
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
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

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
    guest_open(f, LEAF);
    assert_string_equal(fake_trace(f),
                        DETACH_BY_VA("4", "0xffff000000000000") "; take 0 4; " RELEASE("4"));
}

static void sync_protects_then_flushes_then_cleans_then_judges_then_shows(void **state)
{
    const char *all;

    (void)state;
    guest_open(f, LEAF);
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
        guest_open(f, cases[i].table);
        assert_string_equal(fake_trace(f), cases[i].trace);
        assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    }
}

static void several_tables_are_reconnected_with_one_flush(void **state)
{
    (void)state;
    guest_hook_more(f, 1);
    guest_open(f, LEAF);
    guest_open(f, SPARE);
    fake_trace_clear(f);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_string_equal(
        fake_trace(f),
        "data 4 ro; data 5 ro; dsb ishst; ipas2 data 4; ipas2 data 5; dsb ish; "
        "vmalle1; dsb ish; repeat; isb; clean 4; clean 5; " ATTACH("4") "; " ATTACH("5"));
}

/* Tables beside each other become tables with one flush, however many levels are above them. */
static void siblings_are_protected_with_one_flush(void **state)
{
    static const unsigned int count = 5;
    uint64_t flushes, cleaned;

    (void)state;
    for (unsigned int i = 0; i < count; i++)
        fake_poke(f, SPARE, i, d_table(guest_more(1 + i)));
    flushes = f->ptwr.count.tlbi_all;
    cleaned = f->ptwr.count.cleaned;
    assert_int_equal(guest_pin(f, SPARE, 2), HV_OK);
    assert_int_equal(f->ptwr.count.tlbi_all, flushes + 2); /* their parent's, and theirs */
    assert_int_equal(f->ptwr.count.cleaned, cleaned + 1 + count);
}

/* One invalidation of everything, where one for each entry would be more. */
static void many_stale_tables_are_flushed_at_once(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 12; i++)
        assert_int_equal(guest_pin(f, guest_more(i), 3), HV_OK);
    for (unsigned int i = 0; i < 12; i++)
        assert_int_equal(guest_unpin(f, guest_more(i)), HV_OK);
    fake_trace_clear(f);
    guest_flush(f);
    assert_non_null(strstr(fake_trace(f), "dsb ishst; vmalls12e1; dsb ish; repeat; isb"));
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_IPAS2), 0);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
}

/* The guest's pinned L2 with two hooks of LEAF, at VAs 2 MiB apart: cached pointers at both. */
static void table_hooked_twice_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID2, 9, d_table(LEAF)), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
    assert_string_equal(fake_trace(f), DETACH_FULLY("4") "; take 0 4; " RELEASE("4"));
}

static void table_below_a_parent_hooked_twice_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID1, 9, d_table(MID2)), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
    assert_int_equal(guest_update(f, MID1, 9, 0), HV_OK);
    assert_int_equal(guest_update(f, ROOT, 9, d_table(MID1)), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
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
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void table_below_a_moved_parent_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, MID1, 9, d_table(MID2)), HV_OK);
    assert_int_equal(guest_update(f, MID1, 0, 0), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
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
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void pinned_table_without_a_hook_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    fake_trace_clear(f);
    guest_open(f, SPARE);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VAAE1), 1); /* the store's own */
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

/* One root in both bases: two VAs for everything below it, also after one base has changed. */
static void table_below_a_root_of_two_roles_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 1, 0, ROOT), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
    assert_int_equal(guest_load_none(f, 1, 0), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 1);
}

static void table_below_two_roots_is_opened_with_a_full_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, SPARE, 0, d_table(MID1)), HV_OK);
    assert_int_equal(guest_load(f, 1, 0, SPARE), HV_OK);
    fake_trace_clear(f);
    guest_open(f, LEAF);
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
    guest_open(f, SPARE + 3);
    (void)snprintf(want, sizeof(want), "vaae1 %#llx; dsb ish; repeat",
                   (unsigned long long)guest_va(0, 2, 3, 5, 0));
    assert_non_null(strstr(fake_trace(f), want));
    assert_int_equal(fake_trace_count(f, EFFECT_TLBI_VMALLE1), 0);
}

static void snapshot_is_taken_after_the_flush_and_before_the_guest_may_write(void **state)
{
    const char *trace, *flush, *take, *release;

    (void)state;
    guest_open(f, LEAF);
    trace = fake_trace(f);
    flush = strstr(trace, "repeat");
    take = strstr(trace, "take 0 4");
    release = strstr(trace, "data 4 rw");
    assert_true(flush != NULL && take > flush && release > take);
}

static void guest_stores_freely_while_open(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    fake_trace_clear(f);
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        assert_int_equal(guest_store(f, LEAF, i, d_page(DATA + i % 8, RO)), GUEST_DONE);
    assert_string_equal(fake_trace(f), "");
    assert_int_equal(f->ptwr.count.store_faults, 1);
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    assert_int_equal(f->ptwr.count.batch_entries, PTWR_ENTRIES);
}

/* What a non-cacheable alias wrote behind a clean line is what is judged. */
static void batch_written_behind_the_cache_is_judged(void **state)
{
    (void)state;
    guest_open(f, LEAF);
    fake_poke_nc(f, LEAF, 7, d_page(GUEST_FRAMES, 0));
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_EPERM);
    assert_int_equal(f->ptwr.violation.new.raw, d_page(GUEST_FRAMES, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(open_hides_then_flushes_then_copies_then_lets_write),
        T(sync_protects_then_flushes_then_cleans_then_judges_then_shows),
        T(higher_level_is_opened_with_a_full_flush),
        T(several_tables_are_reconnected_with_one_flush),
        T(siblings_are_protected_with_one_flush),
        T(many_stale_tables_are_flushed_at_once),
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
