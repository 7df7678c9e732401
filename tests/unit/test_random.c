/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest without reason: random stores, hypercalls, walks, preemptions and abandoned work, from
 * fixed seeds. Whatever it does, the fake port's rules hold at every effect and its whole-state
 * check after every call. Built twice: with tables of 512 entries and of 8, which meet each other
 * far more often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"

#define SMALL (PTWR_ENTRIES < 512)

/* Frames that a sensible guest would use as tables of one level, and the rest. */
static const struct {
    unsigned int first;
    unsigned int count;
} home[] = {{1, 4}, {5, 5}, {10, 6}, {16, 10}, {26, 14}};

#define ALL_FRAMES 40U /* 40 .. 47 are nobody's */

#define BITS (PAGE_SHIFT + 4 * PTWR_INDEX_BITS)

static struct fake *f;
static bool guarded;
static uint64_t random_state;
static struct ptwr_counters total; /* of the lives before the present one */

static uint64_t next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static unsigned int below(unsigned int n) { return (unsigned int)(next() >> 20) % n; }
static bool one_in(unsigned int n) { return below(n) == 0; }

static unsigned int of_home(unsigned int kind)
{
    return home[kind].first + below(home[kind].count);
}

static unsigned int any_frame(void) { return below(ALL_FRAMES); }

/* In big tables the same few places, so that entries meet. */
static unsigned int any_index(void)
{
    static const unsigned int places[] = {0, 1, 2, 15, 16, 17, 255, 511};

    return SMALL ? below(PTWR_ENTRIES) : places[below(ARRAY_SIZE(places))];
}

static uint64_t link_to(unsigned int number) { return guarded ? g_table(number) : d_table(number); }

/* The level that a frame is for: what it is typed as, else where it lives. */
static unsigned int level_of(unsigned int number)
{
    const struct frame *record = fake_record(f, number);

    if (frame_is_table(record))
        return (unsigned int)record->type - FRAME_TABLE_L0;
    for (unsigned int level = 0; level < 4; level++) {
        if (number >= home[level].first && number < home[level].first + home[level].count)
            return level;
    }
    return 3;
}

static uint64_t any_flags(void)
{
    static const uint64_t flags[] = {0,       RO,     EL0, RO | EL0, DESC_UXN, RO | DESC_DBM,
                                     ATTR(2), DESC_NG};

    return flags[below(ARRAY_SIZE(flags))];
}

static uint64_t hostile_value(unsigned int level)
{
    switch (below(10)) {
    case 0:
        return d_page(40 + below(8), any_flags());
    case 1:
        return link_to(any_frame());
    case 2:
        return link_to(any_frame()) & ~FAKE_WALK;
    case 3:
        return d_page(any_frame(), any_flags()) | FAKE_WALK;
    case 4:
        return d_page(any_frame(), EL0);
    case 5:
        return d_page(any_frame(), DESC_CONTIGUOUS);
    case 6:
        return d_block(any_frame(), any_flags());
    case 7:
        return d_page(any_frame(), ATTR(1));
    case 8:
        return level == 3 ? 1 : link_to(level == 0 ? 1 : home[level].first);
    default:
        return next();
    }
}

static uint64_t any_value(unsigned int level)
{
    if (one_in(4))
        return 0;
    if (one_in(16))
        return next() & ~UINT64_C(1);
    if (one_in(24))
        return hostile_value(level);
    if (level < 3 && !(level == 2 && SMALL && one_in(6)))
        return link_to(of_home(level + 1));
    if (level == 2)
        return d_block(24 + 8 * below(2), any_flags());
    if (one_in(5)) /* a table, writable by EL1 or read-only */
        return d_page(any_frame(), one_in(2) ? 0 : RO);
    return d_page(of_home(4), any_flags());
}

/* Mostly one that leads somewhere. */
static uint64_t any_va(void)
{
    unsigned int which = below(2);
    unsigned int index[4] = {0};
    mfn_t table = f->ttbr[f->vcpu][which];

    for (unsigned int level = 0; level < 4; level++) {
        unsigned int number = mfn_is_none(table) ? FAKE_FRAMES : fake_number(table);

        for (unsigned int tries = 0; tries < 6; tries++) {
            index[level] = any_index();
            if (number == FAKE_FRAMES || (fake_peek(f, number, index[level]) & 3) == 3)
                break;
        }
        table = number == FAKE_FRAMES || level == 3
                    ? MFN_NONE
                    : pa_to_mfn(pa_of(fake_peek(f, number, index[level]) & DESC_OA & ~FAKE_WALK));
        if (!mfn_is_none(table) && fake_number(table) >= ALL_FRAMES)
            table = MFN_NONE;
    }
    return guest_va(which, index[0], index[1], index[2], index[3]);
}

/* --- Operations ------------------------------------------------------------------------------- */

static void do_store(void)
{
    unsigned int number = one_in(8) ? any_frame() : of_home(below(4));
    unsigned int size = one_in(6) ? 1U << below(4) : 8;
    uint64_t value = any_value(level_of(number));

    f->pc = 0x1000 + 4 * below(6);
    f->el0 = one_in(40);
    f->opaque = one_in(20);
    /* A run of neighbours, as copying and zapping make them. */
    for (unsigned int run = one_in(6) ? 24 : 1; run > 0; run--) {
        struct guest_compare compare = {
            .offset = any_index() * 8, .size = 8, .old = one_in(2) ? 0 : value, .value = value};

        if (one_in(12))
            (void)guest_cas(f, number, &compare);
        else
            (void)guest_store_bytes(f, number, any_index() * 8 + below(8 / size) * size, size,
                                    value);
    }
    f->el0 = false;
}

static void do_nc_store(void)
{
    unsigned int number = any_frame();

    if (fake_may_store(f, number))
        fake_poke_nc(f, number, any_index(), any_value(level_of(number)));
}

static void do_update(void)
{
    unsigned int number = one_in(8) ? any_frame() : of_home(below(4));

    (void)guest_update(f, number, any_index(), any_value(level_of(number)));
}

static void do_pin(void)
{
    unsigned int number = one_in(10) ? any_frame() : of_home(below(4));

    if (one_in(2))
        (void)guest_unpin(f, number);
    else
        (void)guest_pin(f, number, one_in(10) ? below(4) : level_of(number));
}

static void do_load(void)
{
    unsigned int which = below(2);

    if (which == 0 && one_in(4))
        (void)guest_load_none(f, f->vcpu, 0);
    else
        (void)guest_load(f, f->vcpu, which, one_in(12) ? any_frame() : of_home(0));
}

/* What EL2 finds must be what the MMU finds. */
static void do_walk(void)
{
    uint64_t va = any_va();
    unsigned int which = va >> 55 & 1;
    uint64_t value;
    struct ptwr_walk walk;
    enum hv_err err;

    if (guest_walk(f, va, &value) != GUEST_DONE)
        return;
    /* The MMU is off, or the root was one of another size when the register was written. */
    if (f->ptwr.va_bits[f->vcpu][0] == 0 ||
        !mfn_eq(f->ttbr[f->vcpu][which], f->ptwr.base[f->vcpu][which]))
        return;
    err = ptwr_translate(&f->ptwr, f->vcpu, va_of(va), &walk);
    if (!mfn_is_none(walk.table))
        assert_int_equal(walk.desc.raw, value);
    assert_int_equal(err, (value & 1) != 0 ? HV_OK : HV_EFAULT);
}

/* One call of something that may take more, and nobody comes back for the rest. */
static void do_abandon(void)
{
    unsigned int budget = 1 + below(6);
    unsigned int number = of_home(below(4));
    enum hv_err err;

    switch (below(4)) {
    case 0:
        err = ptwr_pin(&f->ptwr, fake_mfn(number), level_of(number), &budget);
        break;
    case 1:
        err = ptwr_sync(&f->ptwr, PTWR_T_HYPERCALL, &budget);
        break;
    case 2:
        err = ptwr_update(&f->ptwr, fake_mfn(number), any_index(),
                          desc_of(any_value(level_of(number))), &budget);
        break;
    default:
        err = ptwr_work(&f->ptwr, &budget);
        break;
    }
    (void)err;
    fake_settle(f);
}

static void do_frame(void)
{
    unsigned int number = any_frame();

    if (fake_record(f, number)->owner == FRAME_NO_OWNER)
        guest_add(f, number, 1);
    else
        (void)guest_remove(f, number);
}

static void do_settings(void)
{
    static const unsigned int budgets[] = {1, 2, 5, 16, 128, 1000};

    f->budget = budgets[below(ARRAY_SIZE(budgets))];
    f->ptwr.policy = (enum ptwr_policy)below(3);
    f->ptwr.action = one_in(3) ? PTWR_ACTION_CRASH : PTWR_ACTION_REFUSE;
    if (f->ptwr.nr_open == 0)
        f->ptwr.nr_slots = (uint8_t)(1 + below(4));
    f->vcpu = below(2);
    f->erratum = one_in(2);
}

/* Nothing is open when an MMU goes off. */
static void guest_off_synced(void)
{
    if (guest_sync(f, PTWR_T_REGIME) == HV_OK)
        guest_off(f, f->vcpu);
}

/* Mostly roots of one level, as an unmodified guest has them; TTBR1_EL1 changes seldom. */
static void do_registers(void)
{
    unsigned int number = one_in(12) ? any_frame() : of_home(0);
    unsigned int bits = BITS;

    if (one_in(16)) {
        number = of_home(1);
        bits = BITS - PTWR_INDEX_BITS;
    }
    if (one_in(24))
        guest_off_synced();
    else if (one_in(8))
        (void)guest_kernel(f, f->vcpu, number, bits);
    else
        guest_user(f, f->vcpu, one_in(10) ? FAKE_FRAMES : number, bits);
}

/* One call of something that may take more, and nobody comes back for the rest. */
static void do_abandon_guarded(void)
{
    unsigned int budget = 1 + below(6);
    unsigned int number = of_home(0);
    enum hv_err err = HV_OK;

    switch (below(4)) {
    case 0:
        err = ptwr_set_kernel_base(&f->ptwr, f->vcpu, fake_mfn(number), BITS, &budget);
        if (err == HV_OK) {
            ptwr_base_written(&f->ptwr);
            fake_set_ttbr(f, f->vcpu, 1, fake_mfn(number));
        }
        break;
    case 1:
        err = ptwr_sync(&f->ptwr, PTWR_T_LIFE, &budget);
        break;
    case 2:
        if (!mfn_is_none(f->ttbr[f->vcpu][0]))
            err = ptwr_walk_fault(&f->ptwr, f->vcpu, f->ttbr[f->vcpu][0], &budget);
        break;
    default:
        err = ptwr_work(&f->ptwr, &budget);
        break;
    }
    (void)err;
    fake_settle(f);
}

static void guarded_operation(void)
{
    unsigned int kind = below(100);

    if (kind < 40)
        do_store();
    else if (kind < 46)
        do_nc_store();
    else if (kind < 58)
        do_registers();
    else if (kind < 80)
        do_walk();
    else if (kind < 85)
        guest_preempt(f, below(2), PTWR_T_PREEMPT);
    else if (kind < 88)
        (void)guest_sync(f, (enum ptwr_trigger)below(PTWR_TRIGGERS));
    else if (kind < 91)
        (void)guest_work(f);
    else if (kind < 95)
        do_abandon_guarded();
    else
        do_settings();
}

static void add_up(void)
{
    total.validated += f->ptwr.count.validated;
    total.refused += f->ptwr.count.refused;
    total.opened += f->ptwr.count.opened;
    total.emulated += f->ptwr.count.emulated;
    total.walk_faults += f->ptwr.count.walk_faults;
}

/* A restart, with what the caller owes to it. */
static void do_reset(void)
{
    add_up();
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++) {
        fake_set_ttbr(f, v, 0, MFN_NONE);
        fake_set_ttbr(f, v, 1, MFN_NONE);
    }
    for (unsigned int n = 0; n < f->top; n++)
        ptwr_port_s2_store(f, PTWR_WALK, fake_mfn(n), PTWR_UNMAPPED);
    ptwr_port_dsb_ishst(f);
    ptwr_port_tlbi_vmalls12e1is(f);
    ptwr_port_dsb_ish(f);
    ptwr_port_tlbi_repeat(f);
    ptwr_reset(&f->ptwr);
    for (unsigned int n = 0; n < f->top; n++) {
        if (fake_record(f, n)->owner == FAKE_OWNER)
            ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(n), PTWR_RW);
    }
    ptwr_port_dsb_ish(f);
    fake_settle(f);
}

static void operation(void)
{
    unsigned int kind = below(100);

    if (guarded)
        guarded_operation();
    else if (kind < 34)
        do_store();
    else if (kind < 40)
        do_nc_store();
    else if (kind < 54)
        do_update();
    else if (kind < 62)
        do_pin();
    else if (kind < 68)
        do_load();
    else if (kind < 78)
        do_walk();
    else if (kind < 82)
        guest_preempt(f, below(2), PTWR_T_PREEMPT);
    else if (kind < 84)
        (void)guest_sync(f, (enum ptwr_trigger)below(PTWR_TRIGGERS));
    else if (kind < 87)
        guest_flush(f);
    else if (kind < 88)
        (void)guest_work(f);
    else if (kind < 91)
        (void)guest_assist(f, one_in(4) ? false : true);
    else if (kind < 93)
        do_frame();
    else if (kind < 96)
        do_abandon();
    else if (kind < 99)
        do_settings();
    else if (one_in(20))
        do_reset();
}

static void run(uint64_t seed, unsigned int operations)
{
    f = guarded ? fake_new_guarded() : fake_new();
    f->seed = seed;
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    f->table.count = 1; /* one region is enough, and is quicker to check */
    f->every = SMALL ? 2 : 64;
    guest_add(f, 0, ALL_FRAMES);
    if (!guarded)
        (void)guest_assist(f, true);
    for (unsigned int i = 0; i < 2; i++) {
        unsigned int place = i * (SMALL ? 3 : 255);

        fake_poke(f, 1, place, link_to(5 + i));
        fake_poke(f, 5 + i, place, link_to(10 + i));
        fake_poke(f, 10 + i, place, link_to(16 + 2 * i));
        fake_poke(f, 10 + i, 1, link_to(17 + 2 * i));
        fake_poke(f, 16 + i, place, d_page(30 + i, 0));
    }
    for (unsigned int v = 0; v < 2 && guarded; v++)
        guest_user(f, v, 1, BITS);
    for (unsigned int v = 0; v < 2 && !guarded; v++) {
        assert_int_equal(guest_load(f, v, 0, 1), HV_OK);
        assert_int_equal(guest_load(f, v, 1, 1), HV_OK);
    }
    for (unsigned int i = 0; i < operations; i++)
        operation();
    fake_check_all(f);
    add_up();
    fake_free(f);
}

/* With LATCH_SEED (and LATCH_OPERATIONS) in the environment, that guest instead of the usual. */
static void random_guests(void)
{
    const char *seed = getenv("LATCH_SEED");
    const char *operations = getenv("LATCH_OPERATIONS");
    unsigned int count = SMALL ? 4000 : 1500;

    total = (struct ptwr_counters){0};
    if (operations != NULL)
        count = (unsigned int)strtoul(operations, NULL, 0);
    if (seed != NULL) {
        run(strtoull(seed, NULL, 0), count);
        return;
    }
    for (uint64_t i = 1; i <= (SMALL ? 10 : 4); i++)
        run(i, count);
    /* It did not pass because nothing happened. */
    assert_true(total.validated > 1000);
    assert_true(total.refused > 100);
    assert_true(total.opened > (guarded ? 20 : 100)); /* few of its tables have one place */
    assert_true(total.emulated > 100);
    assert_true(total.walk_faults > 10);
}

static void random_guest_breaks_no_rule(void **state)
{
    (void)state;
    guarded = false;
    random_guests();
}

static void random_guarded_guest_breaks_no_rule(void **state)
{
    (void)state;
    guarded = true;
    random_guests();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_guest_breaks_no_rule),
        cmocka_unit_test(random_guarded_guest_breaks_no_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
