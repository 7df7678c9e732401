/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded domains on the fake port: which tables walkers may reach, and what their entries may be,
 * written from the design and not from the engine. Walks start at TTBR0_EL1's root by the walk
 * window and go on by the data window, as those of TTBR1_EL1 do from the start.
 */
#include "fake_shadow.h"

static bool is_shown(const struct fake *f, unsigned int number, enum ptwr_window window)
{
    const struct fake_frame *frame = &f->frame[number];

    return frame->s2[window] != PTWR_UNMAPPED || frame->progress[window] != GONE;
}

/* As deep as there are levels. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void reach(struct fake *f, unsigned int number, unsigned int level)
{
    struct fake_frame *frame = &f->frame[number];
    const struct frame *record = fake_record(f, number);

    if (frame->may_store)
        fake_fail(f, "a walk may reach frame %u, to which a CPU may store", number);
    if (record->type != FRAME_TABLE_L0 + level)
        fake_fail(f, "a walk of level %u may reach frame %u, which is no such table", level,
                  number);
    frame->may_walk = true;
    frame->level = level;
    for (unsigned int i = 0; i < PTWR_ENTRIES && level < 3; i++) {
        uint64_t value = fake_memory(f, number)[i];

        if ((value & 3) != 3)
            continue;
        if (fake_child(value) == FAKE_FRAMES)
            fake_fail(f, "a walk leaves the domain by entry %u of frame %u", i, number);
        if (is_shown(f, fake_child(value), PTWR_DATA))
            reach(f, fake_child(value), level + 1);
    }
}

void guarded_reach(struct fake *f)
{
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++) {
        for (unsigned int which = 0; which < 2; which++) {
            unsigned int number =
                mfn_is_none(f->ttbr[v][which]) ? FAKE_FRAMES : fake_number(f->ttbr[v][which]);

            if (number != FAKE_FRAMES && is_shown(f, number, which == 0 ? PTWR_WALK : PTWR_DATA))
                reach(f, number, f->first[v][which]);
        }
    }
}

void guarded_forget(struct fake *f)
{
    f->all_done = false;
    for (unsigned int n = 0; n < f->top; n++)
        f->frame[n].may_walk = false;
    guarded_reach(f);
}

/* How many entries that walks may have read lead to a table. */
static unsigned int ways_to(struct fake *f, unsigned int number)
{
    unsigned int ways = 0;

    for (unsigned int n = 0; n < f->top; n++) {
        for (unsigned int i = 0; i < PTWR_ENTRIES; i++) {
            if (f->frame[n].may_walk && f->frame[n].level < 3 && (f->frame[n].cached[i] & 3) == 3 &&
                fake_child(f->frame[n].cached[i]) == number)
                ways++;
        }
    }
    return ways;
}

static void forget_va(struct fake *f, unsigned int root, uint64_t va)
{
    unsigned int level = (unsigned int)fake_record(f, root)->type - FRAME_TABLE_L0;
    unsigned int number = root;

    while (level < 3) {
        uint64_t value = fake_memory(f, number)[desc_index(va, level)];

        if ((value & 3) != 3)
            return;
        number = fake_child(value);
        level++;
    }
    if (ways_to(f, number) == 1)
        f->frame[number].may_walk = false;
}

void guarded_forget_va(struct fake *f)
{
    f->va_done = false;
    for (unsigned int n = 0; n < f->top; n++) {
        if (frame_has(fake_record(f, n), FRAME_ROOT) && frame_is_table(fake_record(f, n)) &&
            !is_shown(f, n, PTWR_WALK))
            forget_va(f, n, f->va_sent_at);
    }
    guarded_reach(f);
}

static const char *illegal_table(struct fake *f, unsigned int level, uint64_t value)
{
    unsigned int child = fake_child(value);
    const struct frame *record;

    if ((value & (DESC_GP | DESC_NSTABLE)) != 0)
        return "reserved bits of a table descriptor";
    if (child == FAKE_FRAMES || fake_record(f, child)->owner != FAKE_OWNER)
        return "table is not the domain's";
    record = fake_record(f, child);
    if (record->type != FRAME_TABLE_L0 + level + 1 || record->state == FRAME_PLAIN ||
        record->state == FRAME_STALE)
        return "child is no table of the next level";
    return NULL;
}

const char *guarded_illegal(struct fake *f, unsigned int level, uint64_t value)
{
    uint64_t span = desc_span(level);
    uint64_t oa = value & DESC_OA;
    bool writable = (value & DESC_AP_RO) == 0 || (value & DESC_DBM) != 0;
    bool by_el0 = writable && (value & DESC_AP_EL0) != 0;

    if ((value & DESC_RES0_HIGH) != 0 || (oa & ~(FAKE_WALK - 1)) != 0)
        return "address bits that must be 0";
    if (level < 3 && (value & DESC_TABLE) != 0)
        return illegal_table(f, level, value);
    if (level == 0 || (level == 3 && (value & DESC_TABLE) == 0) || (oa & (span - 1)) != 0)
        return "reserved encoding";
    if ((value & DESC_CONTIGUOUS) != 0) {
        span *= PTWR_ENTRIES < 16 ? PTWR_ENTRIES : 16;
        oa &= ~(span - 1);
    }
    for (unsigned int n = 0; n < FAKE_FRAMES; n++) {
        const struct frame *record = fake_record(f, n);
        uint64_t at = mfn_to_pa(fake_mfn(n)).raw;

        if (at < oa || at >= oa + span)
            continue;
        if ((f->ptwr.normal_attrs >> ((value >> 2) & 7) & 1) == 0)
            return "RAM with a device type";
        if (by_el0 && f->ptwr.count_users && frame_is_table(record) && record->state != FRAME_STALE)
            return "table writable by EL0";
    }
    return NULL;
}
