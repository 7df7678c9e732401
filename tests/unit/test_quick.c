/* SPDX-License-Identifier: Apache-2.0 */
/* The short way of a store and of a list of requests: what it does, and all that it leaves alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"
#include "ptwr/invariant.h"
#include "ptwr/port.h"

#define PC    0x1000
#define ALIAS 8 /* entry of LEAF that maps LEAF */

static struct fake *f;
static struct ptwr_memo memo;
static struct ptwr_way way;

static uint64_t alias(void) { return guest_va(1, 0, 0, 0, ALIAS); }

static void remember(uint64_t va)
{
    struct ptwr_walk walk;

    assert_int_equal(ptwr_translate(&f->ptwr, 0, va_of(va), &walk), HV_OK);
    ptwr_memo_fill(&f->ptwr, &memo, &way, va_of(va), &walk);
}

/* LEAF is mapped by itself, writable, and single updates have seen pages come and go. */
static int start(void **state)
{
    (void)state;
    f = fake_new();
    guest_running(f);
    memo = (struct ptwr_memo){0};
    way = (struct ptwr_way){0};
    assert_int_equal(guest_update(f, LEAF, ALIAS, d_page(LEAF, 0)), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 9, d_page(DATA, 0)), HV_OK);
    assert_int_equal(guest_update(f, LEAF, 9, 0), HV_OK);
    remember(alias());
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_null(ptwr_check(&f->ptwr));
    fake_free(f);
    return 0;
}

static bool store(unsigned int index, uint64_t value)
{
    return ptwr_store_page(&f->ptwr, &memo, va_of(alias() + 8 * index), PC, desc_of(value));
}

/* Nothing has happened but that the long way is asked. */
static void is_left_alone(unsigned int index, uint64_t value)
{
    struct ptwr_counters before = f->ptwr.count;
    uint64_t old = fake_peek(f, LEAF, index);

    assert_false(store(index, value));
    assert_memory_equal(&f->ptwr.count, &before, sizeof(before));
    assert_int_equal(fake_peek(f, LEAF, index), old);
    assert_null(ptwr_check(&f->ptwr));
}

static void head_is_the_fields_at_a_glance(void **state)
{
    struct frame frame = {.owner = 5, .type = FRAME_TABLE_L3, .state = FRAME_ATTACHED};

    (void)state;
    assert_true(frame_is_attached_l3(&frame, 5));
    frame.hooked = 1;
    assert_true(frame_is_attached_l3(&frame, 5));
    assert_false(frame_is_attached_l3(&frame, 4));
    frame.readonly = 1;
    assert_false(frame_is_attached_l3(&frame, 5));
    frame = (struct frame){.owner = 5, .type = FRAME_TABLE_L3, .state = FRAME_OPEN};
    assert_false(frame_is_attached_l3(&frame, 5));
    frame = (struct frame){.owner = 5, .type = FRAME_TABLE_L2, .state = FRAME_ATTACHED};
    assert_false(frame_is_attached_l3(&frame, 5));
}

static void store_is_counted_and_stored(void **state)
{
    struct ptwr_counters before = f->ptwr.count;
    const struct frame *data = frame_get(f->ptwr.frames, fake_mfn(DATA + 5));

    (void)state;
    assert_true(store(20, d_page(DATA + 5, 0)));
    assert_int_equal(fake_peek(f, LEAF, 20), d_page(DATA + 5, 0));
    assert_int_equal(data->refs, 1);
    assert_int_equal(data->el1_writers, 1);
    assert_true(store(20, d_page(DATA + 5, 0))); /* once more: nothing to count */
    assert_int_equal(data->refs, 1);
    assert_true(store(20, 0));
    assert_int_equal(data->refs, 0);
    assert_int_equal(f->ptwr.count.store_faults, before.store_faults + 3);
    assert_int_equal(f->ptwr.count.emulated, before.emulated + 3);
    assert_int_equal(f->ptwr.count.validated, before.validated + 2);
}

static void what_has_to_be_judged_is_left_alone(void **state)
{
    (void)state;
    is_left_alone(20, d_page(DATA, 0) | DESC_CONTIGUOUS);
    is_left_alone(20, d_page(DATA, EL0)); /* no page like it was seen */
    is_left_alone(20, d_page(DATA, ATTR(1)));
    is_left_alone(20, d_page(LEAF, 0)); /* a table */
    is_left_alone(20, 1);
    is_left_alone(20, d_page(DATA, 0) ^ BIT64(40));
    is_left_alone(0, d_page(DATA + 9, 0)); /* another page: to be broken first */
    assert_true(store(20, d_page(DATA, 0)));
}

static void another_address_is_left_alone(void **state)
{
    (void)state;
    assert_false(ptwr_store_page(&f->ptwr, &memo, va_of(alias() + PAGE_SIZE + 160), PC,
                                 desc_of(d_page(DATA, 0))));
    assert_false(ptwr_store_page(&f->ptwr, &memo, va_of((alias() ^ BIT64(60)) + 160), PC,
                                 desc_of(d_page(DATA, 0))));
}

static void memo_is_forgotten_when_its_page_is_another(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, ALIAS, d_page(LEAF, RO)), HV_OK);
    is_left_alone(20, d_page(DATA, RO));
    remember(alias()); /* not by a mapping that is read-only */
    is_left_alone(20, d_page(DATA, RO));
}

static void memo_is_forgotten_with_a_pointer_on_the_way(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK); /* LEAF itself stays what it is */
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    is_left_alone(20, d_page(DATA, 0));
}

static void memo_is_forgotten_with_the_base(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, 1);
    assert_int_equal(guest_pin(f, FAKE_CHUNK, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, FAKE_CHUNK), HV_OK);
    is_left_alone(20, d_page(DATA, 0));
}

static void memo_is_forgotten_without_a_base(void **state)
{
    (void)state;
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    ptwr_unload(&f->ptwr, 0);
    is_left_alone(20, d_page(DATA, 0));
}

/* What the guest writes to an open table, EL2 does not see. */
static void memo_is_forgotten_when_a_table_is_opened(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    guest_open(f, MID2);
    f->ptwr.policy = PTWR_POLICY_PREDICT;
    is_left_alone(20, d_page(DATA, 0));
    assert_int_equal(guest_sync(f, PTWR_T_LIFE), HV_OK);
    is_left_alone(20, d_page(DATA, 0));
    remember(alias());
    assert_true(store(20, d_page(DATA, 0)));
}

static void memo_is_forgotten_at_a_reset(void **state)
{
    (void)state;
    ptwr_reset(&f->ptwr);
    assert_false(store(20, d_page(DATA, 0)));
    /* Stage 2 as the domain's next start makes it, and the same tables: no base leads to them. */
    for (unsigned int i = 0; i < GUEST_FRAMES; i++)
        ptwr_port_s2_store(f->ptwr.port, PTWR_WALK, fake_mfn(i), PTWR_UNMAPPED);
    ptwr_port_dsb_ishst(f->ptwr.port);
    ptwr_port_tlbi_vmalls12e1is(f->ptwr.port);
    ptwr_port_dsb_ish(f->ptwr.port);
    ptwr_port_tlbi_repeat(f->ptwr.port);
    ptwr_port_isb(f->ptwr.port);
    for (unsigned int i = 0; i < GUEST_FRAMES; i++)
        ptwr_port_s2_store(f->ptwr.port, PTWR_DATA, fake_mfn(i), PTWR_RW);
    ptwr_port_dsb_ish(f->ptwr.port);
    assert_int_equal(guest_assist(f, true), HV_OK);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_true(guest_has_attached(f, LEAF));
    assert_false(store(20, fake_peek(f, LEAF, 20))); /* which there is nothing to judge about */
}

static void table_that_is_none_any_more_is_left_alone(void **state)
{
    (void)state;
    frame_get(f->ptwr.frames, fake_mfn(LEAF))->state = FRAME_PROTECTING;
    assert_false(store(20, d_page(DATA, 0)));
    frame_get(f->ptwr.frames, fake_mfn(LEAF))->state = FRAME_ATTACHED;
}

static void strict_rule_and_teardown_go_the_long_way(void **state)
{
    (void)state;
    f->ptwr.assist = false;
    assert_false(store(20, d_page(DATA, 0)));
    f->ptwr.assist = true;
    f->ptwr.teardown = fake_mfn(SPARE);
    assert_false(store(20, d_page(DATA, 0)));
    f->ptwr.teardown = MFN_NONE;
    assert_true(store(20, d_page(DATA, 0)));
}

static void policy_decides_as_on_the_long_way(void **state)
{
    (void)state;
    f->ptwr.policy = PTWR_POLICY_OPEN;
    is_left_alone(20, d_page(DATA, 0));
    f->ptwr.policy = PTWR_POLICY_PREDICT;
    for (unsigned int i = 0; i < 6; i++)
        assert_true(store(20 + i, d_page(DATA + i, 0)));
    is_left_alone(26, d_page(DATA + 6, 0)); /* a run */
}

static void only_tables_of_pages_are_remembered(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, ALIAS + 1, d_page(MID2, 0)), HV_OK);
    remember(guest_va(1, 0, 0, 0, ALIAS + 1));
    assert_int_equal(memo.links, 0);
    remember(guest_va(1, 0, 0, 0, 1)); /* a page of data */
    assert_int_equal(memo.links, 0);
    remember(alias());
    assert_int_equal(memo.links, f->ptwr.links);
}

/* By the mapping that it was read through, for as long as that is the same. */
static void page_is_remembered_as_long_as_its_way_is_the_same(void **state)
{
    va_t va = va_of(guest_va(1, 0, 0, 0, 9) + 160);
    struct ptwr_memo page = {0};
    struct ptwr_walk walk;

    (void)state;
    assert_int_equal(guest_update(f, LEAF, 9, d_page(DATA, RO)), HV_OK);
    assert_false(ptwr_memo_holds(&f->ptwr, &page, va));
    assert_int_equal(ptwr_translate(&f->ptwr, 0, va, &walk), HV_OK);
    ptwr_memo_fill_page(&f->ptwr, &page, va, &walk);
    assert_true(ptwr_memo_holds(&f->ptwr, &page, va));
    assert_true(ptwr_memo_holds(&f->ptwr, &page, va_of(va.raw ^ 8)));
    assert_int_equal(page.table.raw, fake_mfn(DATA).raw);
    assert_false(ptwr_memo_holds(&f->ptwr, &page, va_of(va.raw ^ PAGE_SIZE)));
    assert_int_equal(guest_update(f, LEAF, 9, d_page(DATA + 1, RO)), HV_OK);
    assert_false(ptwr_memo_holds(&f->ptwr, &page, va));
    assert_int_equal(guest_update(f, LEAF, 9, d_page(DATA, RO)), HV_OK);
    assert_true(ptwr_memo_holds(&f->ptwr, &page, va)); /* the same again */
    assert_int_equal(guest_pin(f, LEAF, 3), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, 0), HV_OK);
    assert_false(ptwr_memo_holds(&f->ptwr, &page, va));
}

static void page_that_is_not_the_domains_is_not_remembered(void **state)
{
    struct ptwr_walk walk = {.table = fake_mfn(LEAF), .level = 3, .index = 9};
    struct ptwr_memo page = {.links = f->ptwr.links};

    (void)state;
    walk.oa = f->ptwr.walk >> 1;
    ptwr_memo_fill_page(&f->ptwr, &page, va_of(0), &walk);
    assert_int_equal(page.links, 0);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static struct ptwr_request request(unsigned int table, unsigned int index, uint64_t value)
{
    return (struct ptwr_request){mfn_to_pa(fake_mfn(table)).raw + 8 * index, desc_of(value)};
}

static void requests_for_one_table_are_done_together(void **state)
{
    struct ptwr_request list[4];
    uint64_t updates = f->ptwr.count.updates;

    (void)state;
    for (unsigned int i = 0; i < 4; i++)
        list[i] = request(LEAF, 20 + i, d_page(DATA + i, 0));
    assert_int_equal(ptwr_update_pages(&f->ptwr, list, 4), 4);
    assert_int_equal(f->ptwr.count.updates, updates + 4);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(fake_peek(f, LEAF, 20 + i), d_page(DATA + i, 0));
}

static void list_ends_at_what_is_not_simple(void **state)
{
    struct ptwr_request list[3] = {request(LEAF, 20, d_page(DATA, 0)),
                                   request(LEAF, 21, d_page(DATA + 1, 0)),
                                   request(LEAF, 22, d_page(DATA + 2, 0))};
    const struct ptwr_request good = list[1];

    (void)state;
    list[1].value.raw |= DESC_CONTIGUOUS;
    assert_int_equal(ptwr_update_pages(&f->ptwr, list, 3), 1);
    list[1] = request(SPARE, 21, 0);
    assert_int_equal(ptwr_update_pages(&f->ptwr, list, 3), 1);
    list[1] = good;
    list[1].ptr |= 2; /* of another kind */
    assert_int_equal(ptwr_update_pages(&f->ptwr, list, 3), 1);
    list[1].ptr = good.ptr | BIT64(3 + 9); /* the next page */
    assert_int_equal(ptwr_update_pages(&f->ptwr, list, 3), 1);
    assert_int_equal(fake_peek(f, LEAF, 22), 0);
}

static void list_for_anything_else_is_left_alone(void **state)
{
    struct ptwr_request one = request(MID2, 20, 0);

    (void)state;
    assert_int_equal(ptwr_update_pages(&f->ptwr, &one, 1), 0);
    one = request(SPARE, 20, 0);
    assert_int_equal(ptwr_update_pages(&f->ptwr, &one, 1), 0);
    one = request(LEAF, 20, 0);
    one.ptr |= 1;
    assert_int_equal(ptwr_update_pages(&f->ptwr, &one, 1), 0);
    one = request(LEAF, 20, 0);
    one.ptr |= BIT64(PAGE_SHIFT + 32); /* no frame number has room for it */
    assert_int_equal(ptwr_update_pages(&f->ptwr, &one, 1), 0);
    one.ptr = 0;
    assert_int_equal(ptwr_update_pages(&f->ptwr, &one, 1), 0);
}

/* --- A page beside one that was stored to -------------------------------------------------------
 */

/* Entry of LEAF that maps SPARE, a table of pages too, made after the way to LEAF was remembered.
 */
#define BESIDE 10

static bool extend(uint64_t va) { return ptwr_memo_extend(&f->ptwr, &memo, &way, va_of(va)); }

static uint64_t beside(void) { return guest_va(1, 0, 0, 0, BESIDE); }

static void hook_spare(uint64_t rights)
{
    assert_int_equal(guest_pin(f, SPARE, 3), HV_OK);
    assert_int_equal(guest_update(f, LEAF, BESIDE, d_page(SPARE, rights)), HV_OK);
}

static void page_of_a_known_region_needs_no_walk(void **state)
{
    (void)state;
    hook_spare(0);
    assert_true(extend(beside()));
    assert_true(mfn_eq(memo.table, fake_mfn(SPARE)));
    assert_true(
        ptwr_store_page(&f->ptwr, &memo, va_of(beside() + 160), PC, desc_of(d_page(DATA, 0))));
    assert_int_equal(fake_peek(f, SPARE, 20), d_page(DATA, 0));
    assert_false(extend(beside())); /* it is known already */
}

static void region_says_nothing_of_another(void **state)
{
    (void)state;
    hook_spare(0);
    assert_false(extend(beside() ^ BIT64(PAGE_SHIFT + PTWR_INDEX_BITS)));
    assert_false(extend(beside() ^ BIT64(60)));
    assert_true(extend(beside()));
}

static void page_that_el1_may_not_write_is_not_extended_to(void **state)
{
    (void)state;
    hook_spare(RO);
    assert_false(extend(beside()));
    assert_false(extend(guest_va(1, 0, 0, 0, 30))); /* nothing is mapped there */
}

static void page_that_is_no_table_of_pages_is_not_extended_to(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, BESIDE, d_page(DATA, 0)), HV_OK);
    assert_false(extend(beside()));
    assert_int_equal(guest_update(f, LEAF, BESIDE, 0), HV_OK);
    assert_int_equal(guest_update(f, LEAF, BESIDE, d_page(MID2, 0)), HV_OK);
    assert_false(extend(beside()));
}

static void way_is_forgotten_with_a_pointer_on_it(void **state)
{
    (void)state;
    hook_spare(0);
    f->ptwr.links++;
    assert_false(extend(beside()));
    remember(alias());
    assert_true(extend(beside()));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(head_is_the_fields_at_a_glance),
        T(store_is_counted_and_stored),
        T(what_has_to_be_judged_is_left_alone),
        T(another_address_is_left_alone),
        T(memo_is_forgotten_when_its_page_is_another),
        T(memo_is_forgotten_with_a_pointer_on_the_way),
        T(memo_is_forgotten_with_the_base),
        T(memo_is_forgotten_without_a_base),
        T(memo_is_forgotten_when_a_table_is_opened),
        T(memo_is_forgotten_at_a_reset),
        T(page_is_remembered_as_long_as_its_way_is_the_same),
        T(page_that_is_not_the_domains_is_not_remembered),
        T(table_that_is_none_any_more_is_left_alone),
        T(strict_rule_and_teardown_go_the_long_way),
        T(policy_decides_as_on_the_long_way),
        T(only_tables_of_pages_are_remembered),
        T(requests_for_one_table_are_done_together),
        T(list_ends_at_what_is_not_simple),
        T(list_for_anything_else_is_left_alone),
        T(page_of_a_known_region_needs_no_walk),
        T(region_says_nothing_of_another),
        T(page_that_el1_may_not_write_is_not_extended_to),
        T(page_that_is_no_table_of_pages_is_not_extended_to),
        T(way_is_forgotten_with_a_pointer_on_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
