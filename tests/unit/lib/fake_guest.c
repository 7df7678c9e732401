/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_shadow.h"

/* With a budget of one entry, a space of some tables takes this many calls; nothing takes more. */
#define LIVELOCK (64 * PTWR_ENTRIES)

uint64_t guest_va(unsigned int which, unsigned int l0, unsigned int l1, unsigned int l2,
                  unsigned int l3)
{
    uint64_t va = l0 * desc_span(0) + l1 * desc_span(1) + l2 * desc_span(2) + l3 * desc_span(3);

    return which == 0 ? va : va - desc_span(0) * PTWR_ENTRIES;
}

void guest_add(struct fake *f, unsigned int first, unsigned int count)
{
    for (unsigned int n = first; n < first + count; n++) {
        assert_int_equal(ptwr_frame_add(&f->ptwr, fake_mfn(n)), HV_OK);
        ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(n), PTWR_RW);
    }
    ptwr_port_dsb_ish(f);
}

void guest_space(struct fake *f)
{
    guest_add(f, 0, GUEST_FRAMES);
    fake_poke(f, ROOT, 0, d_table(MID1));
    fake_poke(f, MID1, 0, d_table(MID2));
    fake_poke(f, MID2, 0, d_table(LEAF));
    for (unsigned int i = 0; i < 4; i++)
        fake_poke(f, LEAF, i, d_page(DATA + i, 0));
}

void guest_running(struct fake *f)
{
    guest_space(f);
    assert_int_equal(guest_pin(f, ROOT, 0), HV_OK);
    assert_int_equal(guest_load(f, 0, 1, ROOT), HV_OK);
    assert_int_equal(guest_assist(f, true), HV_OK);
    guest_flush(f);
    fake_trace_clear(f);
}

/* --- Calls of the engine ---------------------------------------------------------------------- */

static void begin(struct fake *f) { f->calls = 0; }

static void called(struct fake *f, unsigned int budget)
{
    if (budget > f->budget)
        fake_fail(f, "budget %u left of %u", budget, f->budget);
    if (++f->calls > LIVELOCK)
        fake_fail(f, "livelock: %u calls", f->calls);
    fake_settle(f);
}

#define REPEAT(f, call)                                                                            \
    ({                                                                                             \
        enum hv_err repeat_err;                                                                    \
        begin(f);                                                                                  \
        do {                                                                                       \
            unsigned int budget = (f)->budget;                                                     \
            repeat_err = call;                                                                     \
            called(f, budget);                                                                     \
        } while (repeat_err == HV_EAGAIN);                                                         \
        repeat_err;                                                                                \
    })

enum hv_err guest_pin(struct fake *f, unsigned int number, unsigned int level)
{
    return REPEAT(f, ptwr_pin(&f->ptwr, fake_mfn(number), level, &budget));
}

enum hv_err guest_unpin(struct fake *f, unsigned int number)
{
    return REPEAT(f, ptwr_unpin(&f->ptwr, fake_mfn(number), &budget));
}

static enum hv_err load(struct fake *f, unsigned int vcpu, unsigned int which, mfn_t mfn)
{
    enum hv_err err = REPEAT(f, ptwr_load_base(&f->ptwr, vcpu, which, mfn, &budget));

    if (err == HV_OK)
        fake_set_ttbr(f, vcpu, which, mfn);
    return err;
}

enum hv_err guest_load(struct fake *f, unsigned int vcpu, unsigned int which, unsigned int number)
{
    return load(f, vcpu, which, fake_mfn(number));
}

enum hv_err guest_load_none(struct fake *f, unsigned int vcpu, unsigned int which)
{
    return load(f, vcpu, which, MFN_NONE);
}

static mfn_t root_of(unsigned int number)
{
    return number == FAKE_FRAMES ? MFN_NONE : fake_mfn(number);
}

/* Walks start nowhere until what is due is flushed. */
static void written(struct fake *f, unsigned int vcpu, unsigned int which, mfn_t root)
{
    fake_set_ttbr(f, vcpu, which, MFN_NONE);
    ptwr_base_written(&f->ptwr);
    fake_set_ttbr(f, vcpu, which, root);
    fake_settle(f);
}

void guest_user(struct fake *f, unsigned int vcpu, unsigned int number, unsigned int bits)
{
    written(f, vcpu, 0, ptwr_set_user_base(&f->ptwr, vcpu, root_of(number), bits));
}

enum hv_err guest_kernel(struct fake *f, unsigned int vcpu, unsigned int number, unsigned int bits)
{
    enum hv_err err =
        REPEAT(f, ptwr_set_kernel_base(&f->ptwr, vcpu, root_of(number), bits, &budget));

    if (err == HV_OK)
        written(f, vcpu, 1, root_of(number));
    return err;
}

void guest_off(struct fake *f, unsigned int vcpu)
{
    fake_set_ttbr(f, vcpu, 0, MFN_NONE);
    fake_set_ttbr(f, vcpu, 1, MFN_NONE);
    ptwr_stage1_off(&f->ptwr, vcpu);
    fake_settle(f);
}

enum hv_err guest_sync(struct fake *f, enum ptwr_trigger why)
{
    return REPEAT(f, ptwr_sync(&f->ptwr, why, &budget));
}

enum hv_err guest_assist(struct fake *f, bool on)
{
    return REPEAT(f, ptwr_assist(&f->ptwr, on, &budget));
}

enum hv_err guest_work(struct fake *f) { return REPEAT(f, ptwr_work(&f->ptwr, &budget)); }

enum hv_err guest_remove(struct fake *f, unsigned int number)
{
    return REPEAT(f, ptwr_frame_remove(&f->ptwr, fake_mfn(number), &budget));
}

enum hv_err guest_update(struct fake *f, unsigned int table, unsigned int index, uint64_t value)
{
    enum hv_err err = guest_sync(f, PTWR_T_HYPERCALL);

    if (err != HV_OK)
        return err;
    return REPEAT(f, ptwr_update(&f->ptwr, fake_mfn(table), index, desc_of(value), &budget));
}

void guest_flush(struct fake *f)
{
    ptwr_flush(&f->ptwr, &(unsigned int){PTWR_BUDGET});
    fake_settle(f);
}

void guest_preempt(struct fake *f, unsigned int vcpu, enum ptwr_trigger why)
{
    ptwr_protect_open(&f->ptwr, vcpu, why);
    fake_settle(f);
}

/* --- Stores ----------------------------------------------------------------------------------- */

enum ptwr_outcome guest_fault(struct fake *f, struct ptwr_store *store)
{
    unsigned int budget = f->budget;
    enum ptwr_outcome outcome = ptwr_store_fault(&f->ptwr, store, &budget);

    called(f, budget);
    return outcome;
}

static uint64_t mask_of(unsigned int size)
{
    return size == 8 ? ~UINT64_C(0) : BIT64(size * 8) - 1;
}

/* The store or compare-and-swap on plain memory, little-endian, within one entry. */
static enum guest_result native(struct fake *f, unsigned int number, struct ptwr_store *store)
{
    unsigned int index = store->offset / 8;
    unsigned int shift = store->offset % 8 * 8;
    uint64_t mask = mask_of(store->size) << shift;
    uint64_t now = fake_peek(f, number, index);

    store->seen = (now & mask) >> shift;
    if (store->old_valid && store->seen != (store->old & mask_of(store->size)))
        return GUEST_FAILED;
    fake_poke(f, number, index, (now & ~mask) | (store->value << shift & mask));
    return GUEST_DONE;
}

static enum guest_result do_store(struct fake *f, unsigned int number, struct ptwr_store *want)
{
    struct ptwr_store store = *want;
    enum guest_result result;

    begin(f);
    for (;;) {
        if (fake_can_store(f, number)) {
            result = native(f, number, want);
            return result;
        }
        switch (guest_fault(f, &store)) {
        case PTWR_RETRY:
            store = *want;
            continue;
        case PTWR_DECODE:
            if (store.decoded)
                fake_fail(f, "the engine wants a decoded store decoded");
            store = *want;
            store.decoded = true;
            store.emulatable = !f->opaque;
            continue;
        case PTWR_DONE:
            want->seen = store.seen;
            return GUEST_DONE;
        case PTWR_FAILED:
            want->seen = store.seen;
            return GUEST_FAILED;
        case PTWR_INJECT:
            return GUEST_INJECTED;
        case PTWR_CRASH:
            return GUEST_CRASHED;
        }
    }
}

static struct ptwr_store new_store(struct fake *f, unsigned int number, unsigned int offset,
                                   unsigned int size)
{
    return (struct ptwr_store){
        .table = fake_mfn(number),
        .offset = (uint16_t)offset,
        .size = (uint8_t)size,
        .vcpu = (uint8_t)f->vcpu,
        .el0 = f->el0,
        .pc = f->pc,
        .va = va_of(f->alias),
    };
}

enum guest_result guest_store_bytes(struct fake *f, unsigned int number, unsigned int offset,
                                    unsigned int size, uint64_t value)
{
    struct ptwr_store store = new_store(f, number, offset, size);

    store.value = value;
    return do_store(f, number, &store);
}

enum guest_result guest_store(struct fake *f, unsigned int number, unsigned int index,
                              uint64_t value)
{
    return guest_store_bytes(f, number, index * 8, 8, value);
}

enum guest_result guest_cas(struct fake *f, unsigned int number, struct guest_compare *compare)
{
    struct ptwr_store store = new_store(f, number, compare->offset, compare->size);
    enum guest_result result;

    store.value = compare->value;
    store.old_valid = true;
    store.old = compare->old;
    result = do_store(f, number, &store);
    compare->seen = store.seen;
    return result;
}

/* --- Open tables ------------------------------------------------------------------------------ */

void guest_open(struct fake *f, unsigned int number)
{
    uint64_t opened = f->ptwr.count.opened;

    f->ptwr.last_empty = MFN_NONE;
    f->ptwr.pause = 0;
    assert_int_equal(guest_store(f, number, 5, fake_peek(f, number, 5)), GUEST_DONE);
    assert_true(guest_has_open(f, number));
    assert_int_equal(f->ptwr.count.opened, opened + 1);
}

bool guest_has_open(struct fake *f, unsigned int number)
{
    return fake_record(f, number)->state == FRAME_OPEN;
}

bool guest_has_attached(struct fake *f, unsigned int number)
{
    return fake_record(f, number)->state == FRAME_ATTACHED;
}

unsigned int guest_more(unsigned int i) { return i < 8 ? SPARE + i : DATA + 4 + (i - 8); }

void guest_hook_more(struct fake *f, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        assert_int_equal(guest_update(f, MID2, 1 + i, d_table(guest_more(i))), HV_OK);
    guest_flush(f);
}

/* --- Walks ------------------------------------------------------------------------------------ */

static enum guest_result show(struct fake *f, unsigned int number)
{
    enum hv_err err;

    do {
        unsigned int budget = f->budget;

        err = ptwr_walk_fault(&f->ptwr, f->vcpu, fake_mfn(number), &budget);
        called(f, budget);
    } while (err == HV_EAGAIN);
    if (err == HV_OK)
        return GUEST_DONE;
    return err == HV_EPERM ? GUEST_CRASHED : GUEST_INJECTED;
}

/* The half of the address space that it is in is smaller. */
static bool is_beyond(const struct fake *f, uint64_t va)
{
    unsigned int bits = f->ptwr.va_bits[f->vcpu][va >> 55 & 1];
    uint64_t top = va & ~(BIT64(bits) - 1);

    return f->ptwr.guarded && top != ((va >> 55 & 1) == 0 ? 0 : ~(BIT64(bits) - 1));
}

enum guest_result guest_walk(struct fake *f, uint64_t va, uint64_t *value)
{
    mfn_t base = f->ttbr[f->vcpu][va >> 55 & 1];
    enum ptwr_window window = f->ptwr.guarded && (va >> 55 & 1) != 0 ? PTWR_DATA : PTWR_WALK;
    unsigned int number, first = 0, level;
    enum guest_result result;

    *value = 0;
    if (mfn_is_none(base) || is_beyond(f, va))
        return GUEST_DONE;
    if (f->ptwr.guarded)
        first = f->first[f->vcpu][va >> 55 & 1];
    number = fake_number(base);
    level = first;
    begin(f);
    for (;;) {
        const char *why;

        if (f->frame[number].s2[level == first || !f->ptwr.guarded ? window : PTWR_DATA] ==
            PTWR_UNMAPPED) {
            result = show(f, number);
            if (result != GUEST_DONE)
                return result;
            /* The access starts again, as after an ERET. */
            number = fake_number(base);
            level = first;
            continue;
        }
        *value = fake_peek_dram(f, number, desc_index(va, level));
        why = fake_illegal(f, level, *value);
        if (why != NULL)
            fake_fail(f, "a walk uses entry %u of frame %u, %#llx: %s", desc_index(va, level),
                      number, (unsigned long long)*value, why);
        if (level == 3 || (*value & 3) != 3)
            return GUEST_DONE;
        number = fake_child(*value);
        level++;
    }
}
