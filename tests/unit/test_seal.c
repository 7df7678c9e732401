/* SPDX-License-Identifier: Apache-2.0 */
/* The seal of a guarded domain: when it comes, what it keeps, what it lets go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "ptwr/seal.h"

#define BITS 48

/* The kernel's image lies in these frames, and at the first pages of the upper half. */
enum { CODE = DATA, CONSTANT, WRITABLE, IMAGE_FRAMES = 3 };
/* The user's tree, its pages, and what is nothing yet. */
enum { ROOT2 = 5, MID12 = 6, MID22 = 7, LEAF2 = 8, FREE = 9, USER = DATA + 8 };

/* What Linux's kernel maps: never the user's to execute. */
#define K_CODE  (RO | DESC_UXN)
#define K_CONST (RO | DESC_UXN | DESC_PXN)
#define K_DATA  (DESC_UXN | DESC_PXN)
#define U_CODE  (EL0 | RO | DESC_PXN)
#define U_DATA  (EL0 | DESC_PXN | DESC_UXN)

#define BEYOND 8 /* an entry of LEAF outside the image */

static struct fake *f;

static int start(void **state)
{
    (void)state;
    f = fake_new_guarded();
    guest_add(f, 0, GUEST_FRAMES);
    fake_poke(f, ROOT, 0, g_table(MID1));
    fake_poke(f, MID1, 0, g_table(MID2));
    fake_poke(f, MID2, 0, g_table(LEAF));
    fake_poke(f, LEAF, 0, d_page(CODE, K_CODE));
    fake_poke(f, LEAF, 1, d_page(CONSTANT, K_CONST));
    fake_poke(f, LEAF, 2, d_page(WRITABLE, K_DATA));
    fake_poke(f, ROOT2, 0, g_table(MID12));
    fake_poke(f, MID12, 0, g_table(MID22));
    fake_poke(f, MID22, 0, g_table(LEAF2));
    fake_poke(f, LEAF2, 0, d_page(USER, U_DATA));
    fake_poke(f, LEAF2, 1, d_page(USER + 1, U_CODE));
    f->ptwr.seal = (struct ptwr_seal){.state = SEAL_OPEN};
    f->ptwr.count_users = false; /* most leaves take nothing, and kinds of pages are learnt */
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

/* The kernel runs, and its first process. */
static void run(void)
{
    uint64_t unused;

    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
    assert_false(ptwr_seal_is_wanted(&f->ptwr));
    guest_user(f, 0, ROOT2, BITS);
    assert_int_equal(guest_walk(f, 0, &unused), GUEST_DONE);
}

static enum hv_err seal(void)
{
    enum hv_err err = HV_EAGAIN;

    assert_true(ptwr_seal_is_wanted(&f->ptwr));
    for (unsigned int i = 0; err == HV_EAGAIN; i++) {
        unsigned int budget = 7;

        assert_true(i < 10000);
        err = f->ptwr.seal.state == SEAL_OPEN
                  ? ptwr_seal_begin(&f->ptwr, va_of(guest_va(1, 0, 0, 0, 0)),
                                    IMAGE_FRAMES * PAGE_SIZE, &budget)
                  : ptwr_seal_step(&f->ptwr, &budget);
    }
    return err;
}

static void sealed(enum ptwr_text text, bool audit)
{
    f->ptwr.seal.text = text;
    f->ptwr.seal.audit = audit;
    run();
    assert_int_equal(seal(), HV_OK);
}

static bool is_read_only(unsigned int number) { return f->frame[number].s2[PTWR_DATA] == PTWR_RO; }

static void is_refused(unsigned int table, unsigned int index, uint64_t value, enum ptwr_rule rule)
{
    uint64_t old = fake_peek(f, table, index);

    assert_int_equal(guest_store(f, table, index, value), GUEST_INJECTED);
    assert_int_equal(f->ptwr.violation.rule, rule);
    assert_int_equal(fake_peek(f, table, index), old);
}

static void is_done(unsigned int table, unsigned int index, uint64_t value)
{
    assert_int_equal(guest_store(f, table, index, value), GUEST_DONE);
    assert_int_equal(fake_peek(f, table, index), value);
}

/* --- When ------------------------------------------------------------------------------------- */

static void sealed_when_a_process_may_run(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    assert_int_equal(f->ptwr.seal.nr_text, 1);
    assert_int_equal(f->ptwr.seal.nr_rodata, 1);
    assert_int_equal(f->ptwr.seal.nr_data, 1);
    assert_true(is_read_only(CODE));
    assert_true(is_read_only(CONSTANT));
    assert_false(is_read_only(WRITABLE));
    assert_false(ptwr_seal_is_wanted(&f->ptwr));
}

static void image_without_constants_is_not_sealed_yet(void **state)
{
    (void)state;
    fake_poke(f, LEAF, 1, d_page(CONSTANT, K_DATA));
    run();
    assert_int_equal(seal(), HV_EINVAL);
    assert_int_equal(f->ptwr.seal.end, PTWR_SEAL_TOO_EARLY);
    assert_int_equal(f->ptwr.seal.state, SEAL_OPEN);
    is_done(LEAF, 1, d_page(CONSTANT, K_CONST));
}

static void mapping_that_breaks_a_rule_stands_against_it(void **state)
{
    (void)state;
    fake_poke(f, LEAF, BEYOND, d_page(FREE, DESC_UXN)); /* writable code */
    run();
    assert_int_equal(seal(), HV_EINVAL);
    assert_int_equal(f->ptwr.seal.end, PTWR_SEAL_VIOLATION);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_EXECUTE);
    assert_int_equal(f->ptwr.violation.index, BEYOND);
}

/* --- The image -------------------------------------------------------------------------------- */

static void image_is_not_mapped_to_other_frames(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF, 0, d_page(FREE, K_CODE), PTWR_RULE_SEALED);
    is_refused(LEAF, 1, d_page(FREE, K_CONST), PTWR_RULE_SEALED);
    is_refused(LEAF, 2, d_page(FREE, K_DATA), PTWR_RULE_SEALED);
    is_refused(LEAF, 1, 0, PTWR_RULE_SEALED);
    is_refused(MID2, 0, g_table(LEAF2), PTWR_RULE_SEALED);
    is_refused(MID1, 0, 0, PTWR_RULE_SEALED);
}

static void image_gains_no_rights(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF, 1, d_page(CONSTANT, K_DATA), PTWR_RULE_SEALED);
    is_refused(LEAF, 1, d_page(CONSTANT, K_CODE), PTWR_RULE_SEALED);
    is_refused(LEAF, 2, d_page(WRITABLE, K_DATA & ~DESC_PXN), PTWR_RULE_SEALED);
    is_refused(LEAF, 2, d_page(WRITABLE, K_CODE), PTWR_RULE_SEALED);
    is_done(LEAF, 2, d_page(WRITABLE, K_CONST)); /* it may lose some */
}

static void constants_are_not_stored_to(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(CONSTANT, 3, 1, PTWR_RULE_SEALED);
    is_done(WRITABLE, 3, 1);
}

static void frames_of_the_image_are_not_the_users(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF2, 2, d_page(CODE, U_DATA), PTWR_RULE_EXECUTE);
    is_refused(LEAF2, 2, d_page(CONSTANT, U_DATA), PTWR_RULE_SEALED);
    is_refused(LEAF2, 2, d_page(WRITABLE, U_DATA), PTWR_RULE_SEALED);
    is_done(LEAF2, 2, d_page(USER + 2, U_DATA));
}

static void other_root_is_not_the_kernels(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    fake_poke(f, FREE, 0, g_table(MID1));
    assert_int_equal(guest_kernel(f, 0, FREE, BITS), HV_EINVAL);
    assert_int_equal(f->ptwr.violation.rule, PTWR_RULE_SEALED);
    assert_int_equal(guest_kernel(f, 0, ROOT, BITS), HV_OK);
}

static void cpus_start_in_the_image(void **state)
{
    (void)state;
    run();
    assert_true(ptwr_may_start_at(&f->ptwr, fake_mfn(FREE)));
    assert_int_equal(seal(), HV_OK);
    assert_true(ptwr_may_start_at(&f->ptwr, fake_mfn(CODE)));
    assert_false(ptwr_may_start_at(&f->ptwr, fake_mfn(WRITABLE)));
    assert_false(ptwr_may_start_at(&f->ptwr, fake_mfn(FREE)));
    assert_false(ptwr_may_start_at(&f->ptwr, mfn_of(0)));
}

/* A group that the contiguous bit makes of entries beside the image's reaches into it. */
static void contiguous_group_does_not_reach_into_the_image(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF, 3, d_page(FREE, K_DATA) | DESC_CONTIGUOUS, PTWR_RULE_SEALED);
    is_refused(LEAF, 2, d_page(WRITABLE, K_DATA) | DESC_CONTIGUOUS, PTWR_RULE_SEALED);
    is_done(LEAF, 3, d_page(FREE, K_DATA));
}

/* The kernel that starts next is another's. */
static void seal_ends_with_a_reset(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_DENY, false);
    ptwr_reset(&f->ptwr);
    assert_int_equal(f->ptwr.seal.state, SEAL_OPEN);
    assert_int_equal(f->ptwr.seal.text, PTWR_TEXT_DENY);
    for (unsigned int n = 0; n < GUEST_FRAMES; n++) {
        assert_false(fake_record(f, n)->readonly);
        assert_int_equal(fake_record(f, n)->flags, 0);
    }
}

/* --- Code ------------------------------------------------------------------------------------- */

static void code_is_changed_as_the_policy_says(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_done(CODE, 3, 1);
    f->ptwr.seal.text = PTWR_TEXT_AUDIT;
    is_done(CODE, 3, 2);
    assert_int_equal(f->ptwr.count.audited, 1);
    f->ptwr.seal.text = PTWR_TEXT_DENY;
    is_refused(CODE, 3, 3, PTWR_RULE_TEXT);
    f->el0 = true;
    is_refused(CODE, 3, 3, PTWR_RULE_EXECUTE);
}

/* A module comes and goes: its frame is read-only as long as it is code. */
static void new_code_is_read_only_while_it_is_code(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_done(LEAF, BEYOND, d_page(FREE, K_CODE));
    assert_true(is_read_only(FREE));
    is_done(LEAF, BEYOND + 1, d_page(FREE, K_CODE));
    is_refused(LEAF2, 2, d_page(FREE, U_DATA), PTWR_RULE_EXECUTE);
    is_done(LEAF, BEYOND, 0);
    is_refused(LEAF2, 2, d_page(FREE, U_DATA), PTWR_RULE_EXECUTE);
    is_done(LEAF, BEYOND + 1, 0);
    is_done(LEAF2, 2, d_page(FREE, U_DATA));
    assert_false(is_read_only(FREE));
}

/* .. also if its entry gives way to a page of a kind that is well known. */
static void code_is_dropped_by_what_takes_its_place(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_done(LEAF, BEYOND + 2, d_page(USER + 3, K_DATA));
    is_done(LEAF, BEYOND, d_page(FREE, K_CODE));
    is_done(LEAF, BEYOND, d_page(FREE, K_CONST));
    is_done(LEAF, BEYOND, d_page(FREE, K_DATA));
    is_done(LEAF2, 2, d_page(FREE, U_DATA));
    assert_false(is_read_only(FREE));
}

/* .. or if a whole table of it goes. */
static void code_is_dropped_with_its_table(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    fake_poke(f, FREE, 0, d_page(FREE + 1, K_CODE));
    is_done(MID2, 1, g_table(FREE));
    assert_true(is_read_only(FREE + 1));
    is_refused(LEAF2, 2, d_page(FREE + 1, U_DATA), PTWR_RULE_EXECUTE);
    is_done(MID2, 1, 0);
    guest_flush(f);
    is_done(LEAF2, 2, d_page(FREE + 1, U_DATA));
}

/* A kind of pages says nothing of code: neither one that was learnt before, nor one seen since. */
static void code_is_never_known_by_its_kind(void **state)
{
    (void)state;
    run();
    is_done(LEAF, BEYOND, d_page(FREE, K_CODE));
    is_done(LEAF, BEYOND + 1, d_page(FREE + 1, K_CODE));
    assert_int_equal(seal(), HV_OK);
    is_done(LEAF, BEYOND + 2, d_page(FREE + 2, K_CODE));
    assert_true(is_read_only(FREE + 2));
    is_done(LEAF, BEYOND + 3, d_page(FREE + 3, K_CODE));
    assert_true(is_read_only(FREE + 3));
}

/* .. nor in a table that has nothing of the image, where most stores go the short way. */
static void code_beside_the_image_is_counted_too(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_done(MID2, 1, g_table(FREE));
    is_done(FREE, 0, d_page(FREE + 1, K_CODE));
    is_done(FREE, 1, d_page(FREE + 2, K_CODE));
    assert_true(is_read_only(FREE + 1));
    assert_true(is_read_only(FREE + 2));
    is_done(FREE, 0, 0);
    guest_flush(f);
    is_done(LEAF2, 2, d_page(FREE + 1, U_DATA));
}

static void no_new_code_where_the_policy_denies_it(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_DENY, false);
    is_refused(LEAF, BEYOND, d_page(FREE, K_CODE), PTWR_RULE_TEXT);
    is_done(LEAF, BEYOND, d_page(CODE, K_CODE));
}

static void code_is_not_writable_nor_the_users(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF, BEYOND, d_page(FREE, DESC_UXN), PTWR_RULE_EXECUTE);
    is_refused(LEAF2, 2, d_page(FREE, EL0 | RO), PTWR_RULE_EXECUTE);
    is_refused(LEAF, BEYOND, d_page(WRITABLE, K_CODE), PTWR_RULE_EXECUTE);
    is_refused(LEAF, BEYOND, d_page(LEAF, K_CODE), PTWR_RULE_EXECUTE);
}

/* EL0 can write it, and that is counted. */
static void memory_of_users_does_not_become_code(void **state)
{
    (void)state;
    f->ptwr.count_users = true;
    sealed(PTWR_TEXT_ALLOW, false);
    is_refused(LEAF, BEYOND, d_page(USER, K_CODE), PTWR_RULE_EXECUTE);
    is_done(LEAF2, 0, 0);
    is_done(LEAF, BEYOND, d_page(USER, K_CODE));
}

/* --- Audit ------------------------------------------------------------------------------------ */

static void audited_it_is_done_and_said(void **state)
{
    (void)state;
    sealed(PTWR_TEXT_ALLOW, true);
    is_done(LEAF, 1, d_page(CONSTANT, K_DATA));
    assert_int_equal(f->ptwr.count.audited, 1);
    assert_int_equal(f->ptwr.seal.audited.rule, PTWR_RULE_SEALED);
    is_done(CONSTANT, 3, 1);
    assert_int_equal(f->ptwr.count.audited, 2);
    is_done(LEAF2, 2, d_page(WRITABLE, U_DATA));
    assert_int_equal(f->ptwr.count.audited, 3);
    assert_int_equal(f->ptwr.count.refused, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sealed_when_a_process_may_run),
        T(image_without_constants_is_not_sealed_yet),
        T(mapping_that_breaks_a_rule_stands_against_it),
        T(image_is_not_mapped_to_other_frames),
        T(image_gains_no_rights),
        T(constants_are_not_stored_to),
        T(frames_of_the_image_are_not_the_users),
        T(other_root_is_not_the_kernels),
        T(cpus_start_in_the_image),
        T(contiguous_group_does_not_reach_into_the_image),
        T(seal_ends_with_a_reset),
        T(code_is_changed_as_the_policy_says),
        T(new_code_is_read_only_while_it_is_code),
        T(code_is_dropped_by_what_takes_its_place),
        T(code_is_dropped_with_its_table),
        T(code_is_never_known_by_its_kind),
        T(code_beside_the_image_is_counted_too),
        T(no_new_code_where_the_policy_denies_it),
        T(code_is_not_writable_nor_the_users),
        T(memory_of_users_does_not_become_code),
        T(audited_it_is_done_and_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
