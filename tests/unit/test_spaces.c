/* SPDX-License-Identifier: Apache-2.0 */
/* A guarded guest's address spaces: what is kept of them, what is quick, and when they are given
 * up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ptwr/invariant.h"
#include "ptwr/policy.h"
#include "ptwr/port.h"
#include "ptwr/release.h"
#include "ptwr/root.h"
#include "ptwr/slot.h"

enum {
    ROOT = 1, /* [0] -> MID1, [0] -> MID2, [0] -> LEAF, [0..3] -> DATA .. DATA + 3 */
    MID1,
    MID2,
    LEAF,
    SPARE, /* two empty ones */
    KROOT = 8,
    KMID1,
    KMID2,
    KLEAF,
    OTHER,
    DATA = 16,
    FRAMES = 32,
};

#define FIRST 0x40000U
#define WALK  BIT64(35)
#define OWNER 3
#define RO    DESC_AP_RO
#define EL0   DESC_AP_EL0

#define ZAP 0x2000 /* a program place that clears */
#define SET 0x3004 /* and one that makes entries */

/*
 * Memory and stage 2 without caches: what is judged here are the engine's decisions. Orders of
 * effects are for tests with direct guests, whose sequences these are too.
 */
static struct world {
    struct ptwr ptwr;
    struct frame_table table;
    struct frame *region;
    struct frame record[1U << (REGION_SHIFT - PAGE_SHIFT)];
    uint64_t memory[FRAMES][PTWR_ENTRIES];
    uint64_t snapshot[PTWR_MAX_SLOTS][PTWR_ENTRIES];
    enum ptwr_perm s2[FRAMES][2];
} world;
static struct ptwr *p;
static struct ptwr_memo memo;
static struct ptwr_way way;

static mfn_t mfn(unsigned int number) { return mfn_of(FIRST + number); }
static uint64_t *page(mfn_t frame) { return world.memory[frame.raw - FIRST]; }
static struct frame *record(unsigned int number) { return &world.record[number]; }
static uint64_t peek(unsigned int number, unsigned int index)
{
    return world.memory[number][index];
}

desc_t ptwr_port_load(void *port, mfn_t table, unsigned int index)
{
    (void)port;
    return desc_of(page(table)[index]);
}

void ptwr_port_store(void *port, mfn_t table, unsigned int index, desc_t value)
{
    (void)port;
    page(table)[index] = value.raw;
}

void ptwr_port_read(void *port, mfn_t table, unsigned int first, unsigned int count, desc_t *out)
{
    (void)port;
    memcpy(out, &page(table)[first], count * sizeof(*out));
}

void ptwr_port_snapshot_take(void *port, unsigned int snapshot, mfn_t table)
{
    (void)port;
    memcpy(world.snapshot[snapshot], page(table), PAGE_SIZE);
}

void ptwr_port_snapshot_read(void *port, unsigned int snapshot, unsigned int first,
                             unsigned int count, desc_t *out)
{
    (void)port;
    memcpy(out, &world.snapshot[snapshot][first], count * sizeof(*out));
}

unsigned int ptwr_port_next_change(void *port, unsigned int snapshot, mfn_t table,
                                   unsigned int from)
{
    (void)port;
    while (from < PTWR_ENTRIES && page(table)[from] == world.snapshot[snapshot][from])
        from++;
    return from;
}

unsigned int ptwr_port_next_nonzero(void *port, mfn_t table, unsigned int from)
{
    (void)port;
    while (from < PTWR_ENTRIES && page(table)[from] == 0)
        from++;
    return from;
}

struct ptwr_view ptwr_port_view(void *port, unsigned int snapshot, mfn_t table)
{
    (void)port;
    return (struct ptwr_view){(const desc_t *)page(table),
                              (const desc_t *)world.snapshot[snapshot]};
}

void ptwr_port_s2_store(void *port, enum ptwr_window window, mfn_t frame, enum ptwr_perm perm)
{
    (void)port;
    world.s2[frame.raw - FIRST][window] = perm;
}

void ptwr_port_dsb_ishst(void *port) { (void)port; }
void ptwr_port_dsb_ish(void *port) { (void)port; }
void ptwr_port_isb(void *port) { (void)port; }

void ptwr_port_tlbi_ipas2e1is(void *port, enum ptwr_window window, mfn_t frame)
{
    (void)port;
    (void)window;
    (void)frame;
}

void ptwr_port_tlbi_vaae1is(void *port, va_t va)
{
    (void)port;
    (void)va;
}

void ptwr_port_tlbi_vmalle1is(void *port) { (void)port; }
void ptwr_port_tlbi_vmalls12e1is(void *port) { (void)port; }
void ptwr_port_tlbi_repeat(void *port) { (void)port; }

void ptwr_port_dc_civac_page(void *port, mfn_t frame)
{
    (void)port;
    (void)frame;
}

/* --- The guest --------------------------------------------------------------------------------
 */

static bool may_store(unsigned int number) { return world.s2[number][PTWR_DATA] == PTWR_RW; }

static void poke(unsigned int number, unsigned int index, uint64_t value)
{
    assert_true(may_store(number));
    world.memory[number][index] = value;
}

static uint64_t d_table(unsigned int number) { return mfn_to_pa(mfn(number)).raw | 3; }

static uint64_t d_page(unsigned int number, uint64_t flags)
{
    return mfn_to_pa(mfn(number)).raw | DESC_AF | DESC_SH | 3 | flags;
}

/* Where the kernel maps LEAF. */
static uint64_t alias(void) { return UINT64_MAX << 48 | 8 * PAGE_SIZE; }

static void kernel_base(unsigned int number)
{
    unsigned int budget;
    enum hv_err err;

    do {
        budget = PTWR_BUDGET;
        err = ptwr_set_kernel_base(p, 0, mfn(number), 48, &budget);
    } while (err == HV_EAGAIN);
    assert_int_equal(err, HV_OK);
    ptwr_base_written(p);
}

static void user_base(unsigned int number)
{
    assert_true(mfn_eq(ptwr_set_user_base(p, 0, mfn(number), 48), mfn(number)));
    ptwr_base_written(p);
}

static void walk(unsigned int number)
{
    unsigned int budget;
    enum hv_err err;

    do {
        budget = PTWR_BUDGET;
        err = ptwr_walk_fault(p, 0, mfn(number), &budget);
    } while (err == HV_EAGAIN);
    assert_int_equal(err, HV_OK);
    assert_null(ptwr_check(p));
}

/* A kernel's tree that maps LEAF at alias(), and a user's: ROOT to LEAF, loaded and walked. */
static int start(void **state)
{
    struct ptwr_walk to;

    (void)state;
    world = (struct world){0};
    p = &world.ptwr;
    world.region = world.record;
    world.table = (struct frame_table){&world.region, FIRST >> (REGION_SHIFT - PAGE_SHIFT), 1};
    for (unsigned int i = 0; i < ARRAY_SIZE(world.record); i++)
        world.record[i].owner = i < FRAMES ? OWNER : FRAME_NO_OWNER;
    for (unsigned int i = 0; i < FRAMES; i++)
        world.s2[i][PTWR_DATA] = PTWR_RW;
    p->frames = &world.table;
    p->port = &world;
    p->walk = WALK;
    p->owner = OWNER;
    p->nr_slots = 2;
    p->normal_attrs = 5;
    p->guarded = true;
    p->policy = PTWR_POLICY_PREDICT;
    p->action = PTWR_ACTION_REFUSE;
    ptwr_init(p);
    poke(KROOT, 0, d_table(KMID1));
    poke(KMID1, 0, d_table(KMID2));
    poke(KMID2, 0, d_table(KLEAF));
    poke(KLEAF, 8, d_page(LEAF, 0));
    poke(ROOT, 0, d_table(MID1));
    poke(MID1, 0, d_table(MID2));
    poke(MID2, 0, d_table(LEAF));
    for (unsigned int i = 0; i < 4; i++)
        poke(LEAF, i, d_page(DATA + i, EL0));
    assert_true(mfn_is_none(ptwr_set_user_base(p, 0, MFN_NONE, 48)));
    kernel_base(KROOT);
    user_base(ROOT);
    walk(ROOT);
    assert_int_equal(ptwr_translate(p, 0, va_of(alias()), &to), HV_OK);
    memo = (struct ptwr_memo){0};
    ptwr_memo_fill(p, &memo, &way, va_of(alias()), &to);
    assert_true(ptwr_memo_holds(p, &memo, va_of(alias())));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_null(ptwr_check(p));
    return 0;
}

static bool quick(unsigned int index, uint64_t pc, uint64_t value)
{
    return ptwr_store_page(p, &memo, va_of(alias() + 8 * index), pc, desc_of(value));
}

/* The long way, as core/ goes it: until it is emulated, or the guest may store itself. */
static void store(unsigned int number, unsigned int index, uint64_t pc, uint64_t value)
{
    for (unsigned int i = 0; i < 100; i++) {
        struct ptwr_store s = {
            .table = mfn(number),
            .offset = (uint16_t)(8 * index),
            .size = 8,
            .decoded = true,
            .emulatable = true,
            .value = value,
            .pc = pc,
            .va = va_of(alias()),
        };
        unsigned int budget = PTWR_BUDGET;
        enum ptwr_outcome outcome;

        if (may_store(number)) {
            poke(number, index, value);
            return;
        }
        outcome = ptwr_store_fault(p, &s, &budget);
        assert_null(ptwr_check(p));
        if (outcome == PTWR_DONE)
            return;
        assert_int_equal(outcome, PTWR_RETRY);
    }
    fail_msg("the store never ends");
}

static enum frame_state state_of(unsigned int number) { return record(number)->state; }

/* --- What is quick ----------------------------------------------------------------------------
 */

static void nothing_is_quick_below_an_open_table(void **state)
{
    unsigned int budget = PTWR_BUDGET;

    (void)state;
    store(LEAF, 20, 0x1000, d_page(DATA, EL0)); /* so that pages are known */
    assert_true(quick(21, 0x1000, d_page(DATA, EL0)));
    p->policy = PTWR_POLICY_OPEN;
    store(MID2, 5, 0x1000, 0);
    p->policy = PTWR_POLICY_EMULATE;
    assert_int_equal(state_of(MID2), FRAME_OPEN);
    assert_false(quick(22, 0x1000, d_page(DATA, EL0)));
    while (ptwr_sync(p, PTWR_T_HYPERCALL, &budget) == HV_EAGAIN)
        budget = PTWR_BUDGET;
    p->policy = PTWR_POLICY_PREDICT;
}

static void page_of_a_known_kind_may_map_any_ordinary_frame(void **state)
{
    (void)state;
    assert_true(quick(9, SET, d_page(DATA + 9, EL0)));
    assert_int_equal(peek(LEAF, 9), d_page(DATA + 9, EL0));
    assert_true(quick(9, SET, 0));
    assert_false(quick(9, SET, d_page(DATA + 9, EL0 | RO))); /* no page like it was taken */
    store(LEAF, 9, SET, d_page(DATA + 9, EL0 | RO));
    assert_true(quick(10, SET, d_page(DATA + 10, EL0 | RO)));
}

static void what_is_no_ordinary_frame_goes_the_long_way(void **state)
{
    uint64_t refused = p->count.refused;
    struct ptwr_store s = {.table = mfn(LEAF),
                           .offset = 72,
                           .size = 8,
                           .decoded = true,
                           .emulatable = true,
                           .value = d_page(MID1, EL0),
                           .pc = SET};

    (void)state;
    assert_false(quick(9, SET, d_page(MID1, EL0)));             /* a table */
    assert_false(quick(9, SET, d_page(DATA, EL0) | BIT64(44))); /* no frame number has this bit */
    assert_false(quick(9, SET, d_page(DATA, EL0) | WALK));
    assert_int_equal(ptwr_store_fault(p, &s, &(unsigned int){PTWR_BUDGET}), PTWR_INJECT);
    assert_int_equal(p->count.refused, refused + 1);
}

static void other_memory_attributes_make_all_kinds_unknown(void **state)
{
    (void)state;
    assert_true(quick(9, SET, d_page(DATA + 9, EL0)));
    ptwr_set_normal_attrs(p, p->normal_attrs);
    assert_true(quick(10, SET, d_page(DATA + 10, EL0)));
    ptwr_set_normal_attrs(p, p->normal_attrs ^ 2);
    assert_false(quick(11, SET, d_page(DATA + 11, EL0)));
}

static void users_tables_come_and_go_without_ends_of_kernel_ways(void **state)
{
    uint64_t links = p->links;

    (void)state;
    store(MID1, 5, SET, d_table(SPARE));
    store(MID1, 5, SET, 0);
    assert_int_equal(p->links, links);
    assert_true(ptwr_memo_holds(p, &memo, va_of(alias())));
    store(KMID2, 1, SET, d_table(SPARE + 1));
    store(KMID2, 1, SET, 0);
    assert_int_not_equal(p->links, links);
    assert_false(ptwr_memo_holds(p, &memo, va_of(alias())));
}

static void switch_of_the_user_base_is_quick_without_blocks(void **state)
{
    (void)state;
    assert_true(ptwr_switch_user_base(p, 0, mfn(OTHER)));
    assert_true(mfn_eq(p->base[0][0], mfn(OTHER)));
    assert_true(ptwr_switch_user_base(p, 0, mfn(ROOT)));
    root_note_block(p, mfn(MID2));
    assert_false(ptwr_switch_user_base(p, 0, mfn(OTHER)));
    assert_true(mfn_eq(p->base[0][0], mfn(ROOT)));
    user_base(OTHER); /* the long way flushes */
}

/* --- What ends --------------------------------------------------------------------------------
 */

static void is_released(bool yes)
{
    const enum frame_state expected = yes ? FRAME_PLAIN : FRAME_ATTACHED;

    assert_int_equal(state_of(ROOT), expected);
    assert_int_equal(state_of(MID1), expected);
    assert_int_equal(state_of(MID2), expected);
    assert_int_equal(state_of(LEAF), expected);
}

static void space_that_nobody_has_loaded_is_released_by_one_flush(void **state)
{
    uint64_t flushes = p->count.tlbi_all;

    (void)state;
    user_base(OTHER);
    assert_false(quick(0, ZAP, 0));
    store(LEAF, 0, ZAP, 0);
    is_released(true);
    assert_int_equal(p->count.released, 1);
    assert_int_equal(p->count.tlbi_all, flushes + 1);
    user_base(ROOT);
    walk(ROOT);
    is_released(false);
}

static void fixed_policies_release_nothing(void **state)
{
    (void)state;
    p->policy = PTWR_POLICY_EMULATE;
    user_base(OTHER);
    store(LEAF, 0, ZAP, 0);
    is_released(false);
    assert_int_equal(p->count.released, 0);
}

static unsigned int ends(void) { return p->predictor[policy_index(ZAP)].ends; }

static void believe_zap(void) { p->predictor[policy_index(ZAP)].ends = RELEASE_BELIEVED; }

static void who_clears_before_the_end_is_believed(void **state)
{
    (void)state;
    for (unsigned int i = 1; i <= RELEASE_BELIEVED; i++) {
        store(LEAF, 0, ZAP, 0);
        is_released(false);
        root_drop(p, mfn(ROOT));
        assert_int_equal(ends(), i);
        store(LEAF, 0, SET, d_page(DATA, EL0));
        walk(ROOT);
    }
    assert_false(quick(0, ZAP, 0));
    store(LEAF, 0, ZAP, 0);
    is_released(true);
    assert_int_equal(p->count.released, 1);
}

static void what_is_made_afterwards_was_no_end(void **state)
{
    (void)state;
    store(LEAF, 0, ZAP, 0);
    store(LEAF, 0, SET, d_page(DATA, EL0));
    root_drop(p, mfn(ROOT));
    assert_int_equal(ends(), 0);
}

static void mistake_costs_more_than_an_end_brings(void **state)
{
    (void)state;
    believe_zap();
    p->predictor[policy_index(ZAP)].ends = RELEASE_MISTAKE + 1;
    store(LEAF, 0, ZAP, 0);
    is_released(true);
    walk(ROOT); /* it is used all the same */
    is_released(false);
    assert_int_equal(ends(), 1);
    store(LEAF, 1, ZAP, 0);
    is_released(false);
}

static void space_that_is_left_for_good_confirms_the_place(void **state)
{
    (void)state;
    believe_zap();
    store(LEAF, 0, ZAP, 0);
    is_released(true);
    assert_true(ptwr_switch_user_base(p, 0, mfn(OTHER)));
    assert_int_equal(ends(), RELEASE_BELIEVED + 1);
}

/* The batch of a table that goes with its address space is nobody's to judge. */
static void open_table_goes_with_its_space(void **state)
{
    struct ptwr_store s = {
        .table = mfn(LEAF), .offset = 16, .size = 8, .pc = SET, .va = va_of(alias())};

    (void)state;
    poke(SPARE, 0, d_page(DATA, EL0));
    store(MID2, 1, SET, d_table(SPARE));
    p->predictor[policy_index(SET)].confidence = POLICY_OPENS;
    assert_int_equal(ptwr_store_fault(p, &s, &(unsigned int){PTWR_BUDGET}), PTWR_RETRY);
    assert_int_equal(state_of(LEAF), FRAME_OPEN);
    poke(LEAF, 2, 0xdead);
    believe_zap();
    store(SPARE, 0, ZAP, 0);
    assert_int_equal(p->nr_open, 0);
    assert_int_equal(state_of(SPARE), FRAME_PLAIN);
    assert_int_equal(p->count.refused, 0);
}

/* What its old entries refer to is taken back one by one. */
static void open_upper_table_is_judged_before_its_space_goes(void **state)
{
    struct ptwr_store s = {
        .table = mfn(MID2), .offset = 16, .size = 8, .pc = SET, .va = va_of(alias())};

    (void)state;
    p->predictor[policy_index(SET)].confidence = POLICY_OPENS;
    assert_int_equal(ptwr_store_fault(p, &s, &(unsigned int){PTWR_BUDGET}), PTWR_RETRY);
    assert_int_equal(record(MID2)->state, FRAME_OPEN);
    believe_zap();
    s = (struct ptwr_store){.table = mfn(LEAF),
                            .size = 8,
                            .decoded = true,
                            .emulatable = true,
                            .pc = ZAP,
                            .va = va_of(alias())};
    assert_int_equal(ptwr_store_fault(p, &s, &(unsigned int){PTWR_BUDGET}), PTWR_RETRY);
    assert_int_equal(p->count.released, 0);
    assert_int_equal(record(MID2)->state, FRAME_ATTACHED);
    store(LEAF, 0, ZAP, 0);
    is_released(true);
}

#define T(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_is_quick_below_an_open_table),
        T(page_of_a_known_kind_may_map_any_ordinary_frame),
        T(what_is_no_ordinary_frame_goes_the_long_way),
        T(other_memory_attributes_make_all_kinds_unknown),
        T(users_tables_come_and_go_without_ends_of_kernel_ways),
        T(switch_of_the_user_base_is_quick_without_blocks),
        T(space_that_nobody_has_loaded_is_released_by_one_flush),
        T(fixed_policies_release_nothing),
        T(who_clears_before_the_end_is_believed),
        T(what_is_made_afterwards_was_no_end),
        T(mistake_costs_more_than_an_end_brings),
        T(space_that_is_left_for_good_confirms_the_place),
        T(open_table_goes_with_its_space),
        T(open_upper_table_is_judged_before_its_space_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
