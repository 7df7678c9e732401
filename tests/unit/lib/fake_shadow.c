/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_shadow.h"
#include "ptwr/root.h"

#include <stdlib.h>
#include <string.h>

#define VA_MASK GENMASK64(55, 0)

/* What a live valid entry may change without break-before-make. */
#define FREE_LEAF                                                                                  \
    (DESC_AP_EL0 | DESC_AP_RO | DESC_AF | DESC_GP | DESC_DBM | DESC_PXN | DESC_UXN |               \
     DESC_SOFTWARE | GENMASK64(63, 59))
#define FREE_TABLE (~(DESC_OA | DESC_TABLE | DESC_VALID))

static bool is_table(const struct fake_frame *frame, uint64_t value)
{
    return frame->level < 3 && (value & 3) == 3;
}

/* May the two values of one entry be cached at the same time? */
static bool compatible(const struct fake_frame *frame, uint64_t a, uint64_t b)
{
    uint64_t free = is_table(frame, a) && is_table(frame, b) ? FREE_TABLE : FREE_LEAF;

    return (a & 1) == 0 || (b & 1) == 0 || ((a ^ b) & ~free) == 0;
}

/* --- Where walk caches may point to a table --------------------------------------------------- */

static void add_va(struct fake *f, unsigned int number, uint64_t va)
{
    struct fake_frame *frame = &f->frame[number];

    for (unsigned int i = 0; i < frame->nr_vas; i++) {
        if (frame->va[i] == va)
            return;
    }
    if (frame->many_vas)
        return;
    if (frame->nr_vas == FAKE_VAS)
        frame->many_vas = true;
    else
        frame->va[frame->nr_vas++] = va;
    frame->grown = true;
}

static void reach_child(struct fake *f, const struct fake_frame *parent, unsigned int index)
{
    unsigned int child =
        is_table(parent, parent->cached[index]) ? fake_child(parent->cached[index]) : FAKE_FRAMES;

    if (child == FAKE_FRAMES)
        return;
    for (unsigned int i = 0; i < parent->nr_vas; i++)
        add_va(f, child, (parent->va[i] + index * desc_span(parent->level)) & VA_MASK);
    if (parent->many_vas && !f->frame[child].many_vas) {
        f->frame[child].many_vas = true;
        f->frame[child].grown = true;
    }
}

/* From tables whose VAs have grown to the tables below them: children are of a greater level. */
static void propagate(struct fake *f)
{
    for (unsigned int level = 0; level < 3; level++) {
        for (unsigned int n = 0; n < f->top; n++) {
            const struct fake_frame *frame = &f->frame[n];

            if (!frame->grown || !frame->may_walk || frame->level != level)
                continue;
            for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
                reach_child(f, frame, i);
        }
    }
    for (unsigned int n = 0; n < f->top; n++)
        f->frame[n].grown = false;
}

void shadow_reach(struct fake *f, unsigned int number, uint64_t va)
{
    add_va(f, number, va);
    propagate(f);
}

static uint64_t base_of(unsigned int which)
{
    return which == 0 ? 0 : (0 - desc_span(0) * PTWR_ENTRIES) & VA_MASK;
}

void fake_set_ttbr(struct fake *f, unsigned int vcpu, unsigned int which, mfn_t table)
{
    f->ttbr[vcpu][which] = table;
    f->first[vcpu][which] = root_first_level(&f->ptwr, vcpu, which);
    if (f->ptwr.guarded)
        guarded_reach(f);
    else if (!mfn_is_none(table))
        shadow_reach(f, fake_number(table), base_of(which));
}

/* TLBI VMALLE1 is complete: only what the registers lead to now can have been cached again. */
static void forget_vas(struct fake *f)
{
    if (f->ptwr.guarded) {
        f->all_done = true;
        if (!f->erratum)
            guarded_forget(f);
    }
    for (unsigned int n = 0; n < f->top; n++) {
        f->frame[n].nr_vas = 0;
        f->frame[n].many_vas = false;
        if (f->frame[n].tlb != NULL && !f->frame[n].tlb_empty) {
            memset(f->frame[n].tlb, 0, PTWR_ENTRIES * sizeof(uint64_t));
            f->frame[n].tlb_empty = true;
        }
    }
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++) {
        for (unsigned int w = 0; w < 2; w++) {
            if (!mfn_is_none(f->ttbr[v][w]) && !f->ptwr.guarded)
                shadow_reach(f, fake_number(f->ttbr[v][w]), base_of(w));
        }
    }
}

/* --- Old descriptors -------------------------------------------------------------------------- */

static void hold(struct fake_frame *frame, unsigned int index, uint64_t value)
{
    if (frame->tlb == NULL)
        frame->tlb = calloc(PTWR_ENTRIES, sizeof(uint64_t));
    frame->tlb[index] = value;
    frame->tlb_empty = false;
}

static uint64_t held(const struct fake_frame *frame, unsigned int index)
{
    return frame->tlb == NULL ? 0 : frame->tlb[index];
}

static bool serves(const struct fake_frame *frame, unsigned int index, uint64_t va)
{
    uint64_t span = desc_span(frame->level);

    return frame->nr_vas == 1 && !frame->many_vas &&
           ((frame->va[0] + index * span) & VA_MASK) == (va & VA_MASK & ~(span - 1));
}

/* The walker is kept out by a by-VA TLBI only: what it read before stays cached elsewhere. */
static void keep_leaves(struct fake_frame *frame, uint64_t va)
{
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
        if ((frame->cached[i] & 1) != 0 && !serves(frame, i, va))
            hold(frame, i, frame->cached[i]);
    }
}

static void drop_leaves(struct fake *f, uint64_t va)
{
    for (unsigned int n = 0; n < f->top; n++) {
        struct fake_frame *frame = &f->frame[n];

        if (frame->tlb == NULL || frame->tlb_empty)
            continue;
        for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
            if (frame->tlb[i] != 0 && serves(frame, i, va))
                frame->tlb[i] = 0;
        }
    }
}

/* --- Stage 2 ---------------------------------------------------------------------------------- */

static void set_progress(struct fake *f, unsigned int number, unsigned int window,
                         enum fake_progress progress)
{
    enum fake_progress old = f->frame[number].progress[window];

    f->frame[number].progress[window] = progress;
    if (old == GONE && progress != GONE)
        f->nr_pending++;
    if (old != GONE && progress == GONE)
        f->nr_pending--;
}

void shadow_data(struct fake *f, unsigned int number, enum ptwr_perm perm)
{
    struct fake_frame *frame = &f->frame[number];
    enum ptwr_perm old = frame->s2[PTWR_DATA];

    if (perm == PTWR_RW && frame->may_walk)
        fake_fail(f, "frame %u is made writable while a walker may reach it", number);
    frame->s2[PTWR_DATA] = perm;
    if (perm != PTWR_UNMAPPED)
        frame->may_read = true;
    if (perm > old)
        f->map_pending = true;
    if (perm == PTWR_RW) {
        if (old == PTWR_RO)
            frame->denied = DENIED;
        frame->may_store = true;
        frame->cleaned = false;
        set_progress(f, number, PTWR_DATA, GONE);
    } else if (perm < old) {
        set_progress(f, number, PTWR_DATA, STORED);
    }
    if (f->ptwr.guarded)
        guarded_reach(f);
}

void shadow_walk(struct fake *f, unsigned int number, enum ptwr_perm perm)
{
    struct fake_frame *frame = &f->frame[number];
    const struct frame *record = fake_record(f, number);
    enum ptwr_perm old = frame->s2[PTWR_WALK];

    frame->s2[PTWR_WALK] = perm;
    if (perm == PTWR_UNMAPPED) {
        if (old != PTWR_UNMAPPED)
            set_progress(f, number, PTWR_WALK, STORED);
        return;
    }
    if (perm == PTWR_RW)
        fake_fail(f, "frame %u is writable for walkers", number);
    if (!frame_is_table(record))
        fake_fail(f, "frame %u is no table and is shown to walkers", number);
    if (frame->may_store)
        fake_fail(f, "frame %u is shown to walkers while a CPU may store to it", number);
    if (!frame->cleaned || frame->nc_dirty)
        fake_fail(f, "frame %u is shown to walkers and not cleaned", number);
    if (frame->unordered)
        fake_fail(f, "frame %u is shown to walkers and a store to it may be seen later", number);
    frame->level = (unsigned int)record->type - FRAME_TABLE_L0;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
        const char *why = fake_illegal(f, frame->level, frame->cached[i]);

        if (why != NULL)
            fake_fail(f, "frame %u is shown to walkers, entry %u %#llx: %s", number, i,
                      (unsigned long long)frame->cached[i], why);
        if (!compatible(frame, held(frame, i), frame->cached[i]))
            fake_fail(f, "frame %u is shown to walkers, entry %u meets its old translation", number,
                      i);
    }
    frame->may_walk = true;
    f->map_pending = true;
    set_progress(f, number, PTWR_WALK, GONE);
    if (f->ptwr.guarded) {
        guarded_reach(f);
        return;
    }
    frame->grown = true;
    propagate(f);
}

static void finished(struct fake *f, unsigned int number, unsigned int window)
{
    struct fake_frame *frame = &f->frame[number];

    set_progress(f, number, window, GONE);
    if (window == PTWR_WALK && f->ptwr.guarded) {
        /* See guarded_forget() and guarded_forget_va(). */
    } else if (window == PTWR_WALK) {
        frame->may_walk = false;
        if (frame->by_va)
            keep_leaves(frame, frame->by_va_at);
    } else if (frame->s2[PTWR_DATA] == PTWR_RO) {
        frame->may_store = false;
    } else {
        frame->may_store = false;
        frame->may_read = false;
    }
}

/* Applies `step` to each window of each frame that is on its way. */
static void each_pending(struct fake *f, void (*step)(struct fake *, unsigned int, unsigned int))
{
    for (unsigned int n = 0; n < f->top && f->nr_pending > 0; n++) {
        for (unsigned int w = 0; w < 2; w++) {
            if (f->frame[n].progress[w] != GONE)
                step(f, n, w);
        }
    }
}

static void step_dsb_ishst(struct fake *f, unsigned int n, unsigned int w)
{
    if (f->frame[n].progress[w] == STORED)
        set_progress(f, n, w, VISIBLE);
}

static void step_dsb_ish(struct fake *f, unsigned int n, unsigned int w)
{
    enum fake_progress now = f->frame[n].progress[w];

    if (now == STORED)
        set_progress(f, n, w, VISIBLE);
    else if (now == IPA_SENT)
        set_progress(f, n, w, IPA_GONE);
    else if (now == STAGE1_SENT && f->erratum)
        set_progress(f, n, w, STAGE1_DSB);
    else if (now == STAGE1_SENT)
        finished(f, n, w);
}

static void grant(struct fake *f, enum fake_denied from, enum fake_denied to)
{
    for (unsigned int n = 0; n < f->top; n++) {
        if (f->frame[n].denied == from)
            f->frame[n].denied = to;
    }
}

void shadow_dsb(struct fake *f, bool loads_too)
{
    each_pending(f, loads_too ? step_dsb_ish : step_dsb_ishst);
    for (unsigned int n = 0; n < f->top; n++)
        f->frame[n].unordered = false;
    if (loads_too) {
        grant(f, DENIED_VA_SENT, NOT_DENIED);
        grant(f, DENIED_IPA_SENT, DENIED_IPA_GONE);
    }
    f->map_pending = false;
    if (!loads_too)
        return;
    if (f->all_sent)
        forget_vas(f);
    if (f->va_sent)
        drop_leaves(f, f->va_sent_at);
    f->va_done = f->va_sent && f->ptwr.guarded;
    if (f->va_done && !f->erratum)
        guarded_forget_va(f);
    f->all_sent = false;
    f->va_sent = false;
}

void shadow_ipas2(struct fake *f, enum ptwr_window window, unsigned int number)
{
    if (f->frame[number].progress[window] == VISIBLE)
        set_progress(f, number, window, IPA_SENT);
    if (window == PTWR_DATA && f->frame[number].denied == DENIED)
        f->frame[number].denied = DENIED_IPA_SENT;
}

static void step_all(struct fake *f, unsigned int n, unsigned int w)
{
    if (f->frame[n].progress[w] == IPA_GONE) {
        set_progress(f, n, w, STAGE1_SENT);
        f->frame[n].by_va = false;
    }
}

static void step_both_stages(struct fake *f, unsigned int n, unsigned int w)
{
    if (f->frame[n].progress[w] != STORED) {
        set_progress(f, n, w, STAGE1_SENT);
        f->frame[n].by_va = false;
    }
}

void shadow_all(struct fake *f, bool both_stages)
{
    each_pending(f, both_stages ? step_both_stages : step_all);
    if (both_stages)
        grant(f, DENIED, DENIED_VA_SENT);
    grant(f, DENIED_IPA_GONE, DENIED_VA_SENT);
    f->all_sent = true;
}

static void step_va(struct fake *f, unsigned int n, unsigned int w)
{
    struct fake_frame *frame = &f->frame[n];
    uint64_t span = desc_span(2);

    if (w != PTWR_WALK || frame->progress[w] != IPA_GONE)
        return;
    if (!f->ptwr.guarded && (frame->level != 3 || frame->many_vas))
        return;
    for (unsigned int i = 0; i < frame->nr_vas; i++) {
        if (((frame->va[i] ^ f->va_sent_at) & VA_MASK & ~(span - 1)) != 0)
            return;
    }
    frame->by_va = true;
    frame->by_va_at = f->va_sent_at;
    set_progress(f, n, w, STAGE1_SENT);
}

void shadow_vaae1(struct fake *f, uint64_t va)
{
    f->va_sent = true;
    f->va_sent_at = va;
    each_pending(f, step_va);
    if (va == f->alias)
        grant(f, DENIED_IPA_GONE, DENIED_VA_SENT);
}

static void step_repeat(struct fake *f, unsigned int n, unsigned int w)
{
    if (f->frame[n].progress[w] == STAGE1_DSB)
        finished(f, n, w);
}

void shadow_repeat(struct fake *f)
{
    each_pending(f, step_repeat);
    if (f->all_done)
        guarded_forget(f);
    if (f->va_done)
        guarded_forget_va(f);
}

/* --- Stores ----------------------------------------------------------------------------------- */

static void remember_break(struct fake *f, unsigned int number, unsigned int index)
{
    if (f->nr_breaks == ARRAY_SIZE(f->breaks)) {
        if (f->frame[number].tlb != NULL && f->frame[number].level == 3)
            f->frame[number].tlb[index] = 0;
        return;
    }
    f->breaks[f->nr_breaks++] = (struct fake_break){number, index, f->frame[number].may_walk};
}

static void made_again(struct fake *f, unsigned int number, unsigned int index)
{
    for (unsigned int i = 0; i < f->nr_breaks; i++) {
        const struct fake_break *b = &f->breaks[i];

        if (b->frame == number && b->index == index && b->visible)
            fake_fail(f, "a walker could see entry %u of frame %u broken", index, number);
    }
}

void shadow_engine_store(struct fake *f, unsigned int number, unsigned int index, uint64_t value)
{
    struct fake_frame *frame = &f->frame[number];
    uint64_t old = frame->cached[index];
    const char *why;

    if (fake_record(f, number)->state == FRAME_PLAIN)
        return;
    if (frame->may_store)
        fake_fail(f, "the engine stores to frame %u while a CPU may store to it", number);
    if ((value & 1) == 0) {
        if ((old & 1) != 0)
            remember_break(f, number, index);
    } else {
        made_again(f, number, index);
    }
    frame->unordered = !frame->may_walk;
    if (!frame->may_walk)
        return;
    why = fake_illegal(f, frame->level, value);
    if (why != NULL)
        fake_fail(f, "illegal entry %u %#llx for live frame %u: %s", index,
                  (unsigned long long)value, number, why);
    if (!compatible(frame, old, value) || !compatible(frame, held(frame, index), value))
        fake_fail(f, "live entry %u of frame %u changes without break and invalidation", index,
                  number);
    if ((old & 1) != 0 && old != value)
        hold(frame, index, old);
}

void shadow_guest_store(struct fake *f, unsigned int number, unsigned int index, uint64_t value)
{
    struct fake_frame *frame = &f->frame[number];

    if (!frame->may_store)
        fake_fail(f, "the guest cannot store to frame %u", number);
    /* A guest that breaks a page owes the invalidation itself. */
    if ((value & 1) == 0 && frame->tlb != NULL && frame->level == 3)
        frame->tlb[index] = 0;
}

void shadow_stored(struct fake *f, unsigned int number, unsigned int index)
{
    if (!f->frame[number].may_walk)
        return;
    if (f->ptwr.guarded) {
        guarded_reach(f);
        return;
    }
    reach_child(f, &f->frame[number], index);
    propagate(f);
}

void shadow_settle(struct fake *f)
{
    for (unsigned int i = 0; i < f->nr_breaks; i++) {
        struct fake_frame *frame = &f->frame[f->breaks[i].frame];

        if (frame->tlb != NULL && frame->level == 3 && (frame->cached[f->breaks[i].index] & 1) == 0)
            frame->tlb[f->breaks[i].index] = 0;
    }
    f->nr_breaks = 0;
}
