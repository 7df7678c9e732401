/* SPDX-License-Identifier: Apache-2.0 */
/* TTBR0_EL1 and TTBR1_EL1: what may be a base, who holds it, and frames that come, go, and start
 * anew: load_base, frame_add, frame_remove, reset. */
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
    guest_space(f);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static unsigned int count_of(unsigned int number) { return fake_record(f, number)->type_count; }

static bool is_base(unsigned int vcpu, unsigned int which, unsigned int number)
{
    return mfn_eq(f->ptwr.base[vcpu][which], fake_mfn(number));
}

/* --- Bases ------------------------------------------------------------------------------------ */

static void load_validates_a_root_that_nobody_pinned(void **state)
{
    (void)state;
    f->budget = 1;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_true(is_base(0, 0, ROOT));
    assert_int_equal(fake_record(f, ROOT)->type, FRAME_TABLE_L0);
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_ATTACHED);
    assert_int_equal(count_of(ROOT), 1);
    assert_int_equal(count_of(LEAF), 1);
}

static void illegal_root_is_refused_and_the_old_one_stays(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    fake_poke(f, SPARE, 9, d_table(GUEST_FRAMES));
    assert_int_equal(guest_load(f, 0, 0, SPARE), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.index, 9);
    assert_true(is_base(0, 0, ROOT));
    assert_int_equal(count_of(ROOT), 1);
}

static void table_of_another_level_is_no_root(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    for (unsigned int n = MID1; n <= LEAF; n++) {
        assert_int_not_equal(guest_load(f, 0, 0, n), HV_OK);
        assert_true(mfn_is_none(f->ptwr.base[0][0]));
        assert_int_equal(count_of(n), 1);
    }
}

static void frame_of_somebody_else_is_no_root(void **state)
{
    (void)state;
    assert_int_not_equal(guest_load(f, 0, 0, GUEST_FRAMES), HV_OK);
    assert_int_not_equal(guest_load(f, 0, 1, GUEST_FRAMES), HV_OK);
    assert_true(mfn_is_none(f->ptwr.base[0][0]));
}

static void each_base_of_each_vcpu_holds_its_root(void **state)
{
    (void)state;
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++) {
        assert_int_equal(guest_load(f, v, 0, ROOT), HV_OK);
        assert_int_equal(guest_load(f, v, 1, ROOT), HV_OK);
        assert_int_equal(count_of(ROOT), 2 * v + 2);
    }
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++) {
        assert_int_equal(guest_load(f, v, 1, SPARE), HV_OK);
        assert_int_equal(guest_load_none(f, v, 0), HV_OK);
    }
    assert_int_equal(count_of(SPARE), PTWR_MAX_VCPUS);
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_STALE);
}

static void loading_the_same_root_again_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    fake_trace_clear(f);
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(count_of(ROOT), 1);
    assert_string_equal(fake_trace(f), "");
}

static void ttbr0_may_be_empty_and_ttbr1_may_not(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, ROOT), HV_OK);
    assert_int_equal(guest_load_none(f, 0, 0), HV_OK);
    assert_true(mfn_is_none(f->ptwr.base[0][0]));
    assert_int_equal(count_of(ROOT), 1);
    assert_int_not_equal(guest_load_none(f, 0, 1), HV_OK);
    assert_true(is_base(0, 1, ROOT));
    assert_int_equal(count_of(ROOT), 1);
}

static void loaded_root_survives_its_pin(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(guest_unpin(f, ROOT), HV_OK);
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_ATTACHED);
    assert_int_equal(count_of(ROOT), 1);
}

/* The registers still hold it until the guest is told: what was a base is writable only after. */
static void unloaded_root_is_kept_until_the_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(guest_load_none(f, 0, 0), HV_OK);
    assert_int_equal(fake_record(f, ROOT)->state, FRAME_STALE);
    assert_int_equal(f->frame[ROOT].s2[PTWR_DATA], PTWR_RO);
    assert_true(fake_may_walk(f, ROOT));
    assert_int_equal(guest_store(f, ROOT, 0, 0), GUEST_DONE);
    assert_false(fake_may_walk(f, ROOT));
}

/* Xen forgot this one for the second way to change a base. */
static void either_base_load_reconnects_open_tables(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    for (unsigned int which = 0; which < 2; which++) {
        assert_int_equal(guest_store(f, LEAF, 20, d_page(DATA + which, 0)), GUEST_DONE);
        assert_int_equal(f->ptwr.nr_open, 1);
        assert_int_equal(guest_load(f, 0, which, SPARE + which), HV_OK);
        assert_int_equal(f->ptwr.nr_open, 0);
        assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    }
    assert_int_equal(f->ptwr.count.reconnected[PTWR_T_REGIME], 2);
}

/* --- Frames ----------------------------------------------------------------------------------- */

static void frame_is_added_once_and_only_where_there_is_memory(void **state)
{
    (void)state;
    assert_int_not_equal(ptwr_frame_add(&f->ptwr, fake_mfn(DATA)), HV_OK);
    assert_int_not_equal(ptwr_frame_add(&f->ptwr, mfn_of(FAKE_FIRST + FAKE_CHUNK)), HV_OK);
    assert_int_not_equal(ptwr_frame_add(&f->ptwr, MFN_NONE), HV_OK);
    fake_record(f, GUEST_FRAMES)->owner = FAKE_OWNER + 1;
    assert_int_not_equal(ptwr_frame_add(&f->ptwr, fake_mfn(GUEST_FRAMES)), HV_OK);
    assert_int_equal(fake_record(f, GUEST_FRAMES)->owner, FAKE_OWNER + 1);
}

/* Leaves map devices without counts: what is RAM later would be mapped and nobody's. */
static void device_never_becomes_a_frame(void **state)
{
    f->ptwr.devices[1] = (struct ptwr_range){mfn_to_pa(fake_mfn(GUEST_FRAMES)).raw, PAGE_SIZE};
    (void)state;
    assert_int_not_equal(ptwr_frame_add(&f->ptwr, fake_mfn(GUEST_FRAMES)), HV_OK);
    assert_int_equal(fake_record(f, GUEST_FRAMES)->owner, FRAME_NO_OWNER);
    guest_add(f, GUEST_FRAMES + 1, 1);
}

static void shared_memory_never_becomes_a_frame(void **state)
{
    uint64_t base = mfn_to_pa(fake_mfn(GUEST_FRAMES)).raw;

    (void)state;
    f->ptwr.shared[0] = (struct ptwr_shared){{base, PAGE_SIZE}, true};
    assert_int_equal(ptwr_frame_add(&f->ptwr, fake_mfn(GUEST_FRAMES)), HV_EINVAL);
    assert_int_equal(fake_record(f, GUEST_FRAMES)->owner, FRAME_NO_OWNER);
}

static void frame_that_leaves_is_out_of_every_tlb(void **state)
{
    (void)state;
    fake_trace_clear(f);
    assert_int_equal(guest_remove(f, DATA), HV_OK);
    assert_string_equal(fake_trace(f), "data 16 none; dsb ishst; ipas2 data 16; dsb ish; vmalle1; "
                                       "dsb ish; repeat; isb");
    assert_int_equal(fake_record(f, DATA)->owner, FRAME_NO_OWNER);
    assert_false(f->frame[DATA].may_read);
    assert_int_equal(guest_remove(f, DATA), HV_EPERM);
    fake_poke(f, LEAF, 0, 0);
    guest_add(f, DATA, 1);
    assert_int_equal(fake_record(f, DATA)->counts, 0);
}

static void frame_that_is_mapped_stays(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_remove(f, DATA), HV_EBUSY);
    assert_int_equal(guest_update(f, LEAF, 0, d_page(DATA, RO)), HV_OK);
    assert_int_equal(guest_remove(f, DATA), HV_EBUSY);
    assert_int_equal(guest_update(f, LEAF, 0, 0), HV_OK);
    assert_int_equal(guest_remove(f, DATA), HV_OK);
}

static void table_stays(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    for (unsigned int n = ROOT; n <= LEAF; n++)
        assert_int_equal(guest_remove(f, n), HV_EBUSY);
}

static void stale_frame_leaves_after_the_flush(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    f->budget = 1;
    assert_int_equal(guest_remove(f, LEAF), HV_OK);
    assert_false(fake_may_walk(f, LEAF));
    assert_int_equal(fake_record(f, DATA)->refs, 0);
}

static void half_validated_frame_leaves(void **state)
{
    unsigned int budget = 1;

    (void)state;
    assert_int_equal(ptwr_pin(&f->ptwr, fake_mfn(LEAF), 3, &budget), HV_EAGAIN);
    assert_int_equal(guest_remove(f, LEAF), HV_OK);
    for (unsigned int i = 0; i < 2; i++) {
        guest_flush(f);
        assert_int_equal(guest_work(f), HV_OK);
    }
    assert_int_equal(fake_record(f, DATA)->refs, 0);
}

static void frame_of_somebody_else_is_not_removed(void **state)
{
    (void)state;
    assert_int_equal(guest_remove(f, GUEST_FRAMES), HV_EPERM);
    fake_record(f, GUEST_FRAMES)->owner = FAKE_OWNER + 1;
    assert_int_equal(guest_remove(f, GUEST_FRAMES), HV_EPERM);
    assert_int_equal(fake_record(f, GUEST_FRAMES)->owner, FAKE_OWNER + 1);
}

static void read_only_frame_is_not_removed(void **state)
{
    (void)state;
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(SPARE), PTWR_RO);
    ptwr_port_dsb_ish(f);
    fake_record(f, SPARE)->readonly = 1;
    assert_int_equal(guest_remove(f, SPARE), HV_EBUSY);
}

/* A frame that is unmapped in an open table is still counted as mapped: judge first. */
static void removal_judges_open_tables_first(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_store(f, LEAF, 0, 0), GUEST_DONE);
    assert_int_equal(guest_store(f, LEAF, 9, d_page(DATA + 9, RO)), GUEST_DONE);
    assert_int_equal(guest_remove(f, DATA + 9), HV_EBUSY);
    assert_int_equal(guest_remove(f, DATA), HV_OK);
}

/* --- Start anew ------------------------------------------------------------------------------- */

static void reset_forgets_all_but_whose_frames_they_are(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, true), HV_OK);
    f->ptwr.policy = PTWR_POLICY_OPEN;
    assert_int_equal(guest_load(f, 0, 0, ROOT), HV_OK);
    assert_int_equal(guest_store(f, LEAF, 9, 0x10), GUEST_DONE);
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_unpin(f, SPARE), HV_OK);
    fake_record(f, SPARE + 1)->flags |= FRAME_FOREIGN;
    fake_record(f, SPARE + 2)->readonly = 1;
    fake_record(f, GUEST_FRAMES)->owner = FAKE_OWNER + 1;
    fake_record(f, GUEST_FRAMES)->refs = 7;
    f->every = 0;
    ptwr_reset(&f->ptwr);
    for (unsigned int n = 0; n < GUEST_FRAMES; n++) {
        assert_int_equal(fake_record(f, n)->owner, FAKE_OWNER);
        assert_int_equal(fake_record(f, n)->type, FRAME_NONE);
        assert_int_equal(fake_record(f, n)->state, FRAME_PLAIN);
        assert_int_equal(fake_record(f, n)->counts, 0);
    }
    assert_int_equal(fake_record(f, GUEST_FRAMES)->refs, 7);
    assert_true(mfn_is_none(f->ptwr.base[0][0]));
    assert_int_equal(f->ptwr.nr_open, 0);
    assert_int_equal(f->ptwr.nr_stale, 0);
    assert_int_equal(f->ptwr.tables_with_writers, 0);
    assert_false(f->ptwr.assist);
    assert_int_equal(f->ptwr.count.opened, 0);
    assert_null(ptwr_check(&f->ptwr));
    fake_record(f, GUEST_FRAMES)->refs = 0;
}

/* What others may write does not change with a restart. */
static void reset_keeps_what_others_may_write(void **state)
{
    (void)state;
    fake_record(f, SPARE)->flags |= FRAME_FOREIGN;
    fake_record(f, SPARE + 1)->readonly = 1;
    ptwr_reset(&f->ptwr);
    assert_int_equal(fake_record(f, SPARE)->flags & FRAME_FOREIGN, FRAME_FOREIGN);
    assert_int_equal(fake_record(f, SPARE + 1)->readonly, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(load_validates_a_root_that_nobody_pinned),
        T(illegal_root_is_refused_and_the_old_one_stays),
        T(table_of_another_level_is_no_root),
        T(frame_of_somebody_else_is_no_root),
        T(each_base_of_each_vcpu_holds_its_root),
        T(loading_the_same_root_again_changes_nothing),
        T(ttbr0_may_be_empty_and_ttbr1_may_not),
        T(loaded_root_survives_its_pin),
        T(unloaded_root_is_kept_until_the_flush),
        T(either_base_load_reconnects_open_tables),
        T(frame_is_added_once_and_only_where_there_is_memory),
        T(device_never_becomes_a_frame),
        T(shared_memory_never_becomes_a_frame),
        T(frame_that_leaves_is_out_of_every_tlb),
        T(frame_that_is_mapped_stays),
        T(table_stays),
        T(stale_frame_leaves_after_the_flush),
        T(half_validated_frame_leaves),
        T(frame_of_somebody_else_is_not_removed),
        T(read_only_frame_is_not_removed),
        T(removal_judges_open_tables_first),
        T(reset_forgets_all_but_whose_frames_they_are),
        T(reset_keeps_what_others_may_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
