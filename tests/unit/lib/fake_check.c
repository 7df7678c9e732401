/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for entries and the whole state, written from the design and not from the engine. */
#include <stdlib.h>
#include <string.h>

#include "fake_shadow.h"

#include "ptwr/invariant.h"

static const char *illegal_table(struct fake *f, unsigned int level, uint64_t value)
{
    uint64_t oa = value & DESC_OA;
    unsigned int child = fake_child(value);
    const struct frame *record;

    if ((oa & FAKE_WALK) == 0)
        return "table descriptor without WALK";
    if (child == FAKE_FRAMES || fake_record(f, child)->owner != FAKE_OWNER)
        return "table is not the domain's";
    record = fake_record(f, child);
    if ((unsigned int)record->type != FRAME_TABLE_L0 + level + 1)
        return "child is no table of the next level";
    if (record->state != FRAME_ATTACHED && record->state != FRAME_OPEN &&
        record->state != FRAME_PROTECTING)
        return "child is not kept as a table";
    if ((record->flags & FRAME_FOREIGN) != 0 || record->readonly)
        return "child may be written by others";
    return NULL;
}

static bool is_device(const struct fake *f, uint64_t base, uint64_t size)
{
    for (unsigned int i = 0; i < PTWR_MAX_DEVICES; i++) {
        const struct ptwr_range *range = &f->ptwr.devices[i];

        if (range->size != 0 && base >= range->base && base + size <= range->base + range->size)
            return true;
    }
    return false;
}

static const struct ptwr_shared *shared_at(const struct fake *f, uint64_t base, uint64_t size)
{
    for (unsigned int i = 0; i < PTWR_MAX_SHARED; i++) {
        const struct ptwr_range *range = &f->ptwr.shared[i].range;

        if (range->size != 0 && base >= range->base && base + size <= range->base + range->size)
            return &f->ptwr.shared[i];
    }
    return NULL;
}

static const char *illegal_shared(const struct fake *f, const struct ptwr_shared *shared,
                                  uint64_t value)
{
    if ((f->ptwr.normal_attrs >> ((value >> 2) & 7) & 1) == 0)
        return "shared memory with a device type";
    if (!shared->writable && ((value & DESC_AP_RO) == 0 || (value & DESC_DBM) != 0))
        return "writable leaf of memory shared to read";
    return NULL;
}

static const char *illegal_page(struct fake *f, uint64_t oa, uint64_t value)
{
    bool writable = (value & DESC_AP_RO) == 0 || (value & DESC_DBM) != 0;
    unsigned int number =
        oa >> PAGE_SHIFT > UINT32_MAX ? FAKE_FRAMES : fake_number(pa_to_mfn(pa_of(oa)));
    const struct frame *record;
    bool table;

    if (number == FAKE_FRAMES || fake_record(f, number)->owner != FAKE_OWNER)
        return "leaf maps what is not the domain's";
    record = fake_record(f, number);
    if ((f->ptwr.normal_attrs >> ((value >> 2) & 7) & 1) == 0)
        return "RAM with a device type";
    table = frame_is_table(record) && record->state != FRAME_STALE;
    if (writable && record->readonly)
        return "writable leaf of a read-only frame";
    if (writable && table && (value & DESC_AP_EL0) != 0)
        return "table writable by EL0";
    if (writable && table && !f->ptwr.assist)
        return "table writable without the assist";
    return NULL;
}

const char *fake_illegal(struct fake *f, unsigned int level, uint64_t value)
{
    uint64_t oa = value & DESC_OA;
    uint64_t span = desc_span(level);
    const char *why = NULL;

    if ((value & 1) == 0)
        return NULL;
    if (f->ptwr.guarded)
        return guarded_illegal(f, level, value);
    if ((value & DESC_RES0_HIGH) != 0)
        return "address bits that must be 0";
    if (level < 3 && (value & DESC_TABLE) != 0)
        return illegal_table(f, level, value);
    if (level < 2)
        return "block above level 2";
    if (level == 3 && (value & DESC_TABLE) == 0)
        return "reserved encoding";
    if ((value & DESC_CONTIGUOUS) != 0)
        return "contiguous";
    if ((oa & FAKE_WALK) != 0)
        return "leaf in the walk window";
    if ((oa & (span - 1)) != 0)
        return "unaligned block";
    if (is_device(f, oa, span))
        return NULL;
    if (shared_at(f, oa, span) != NULL)
        return illegal_shared(f, shared_at(f, oa, span), value);
    for (uint64_t at = oa; at < oa + span && why == NULL; at += PAGE_SIZE)
        why = illegal_page(f, at, value);
    return why;
}

/* --- Counts ----------------------------------------------------------------------------------- */

struct tally {
    unsigned int type;
    unsigned int refs;
    unsigned int el0;
    unsigned int el1;
};

/* What the counts stand for: an open table's snapshot, up to where it has been judged again. */
static uint64_t counted_entry(struct fake *f, unsigned int number, unsigned int index)
{
    for (unsigned int s = 0; s < PTWR_MAX_SLOTS; s++) {
        const struct ptwr_slot *slot = &f->ptwr.slots[s];

        if (!mfn_eq(slot->table, fake_mfn(number)))
            continue;
        if (slot->given_up && index >= slot->judged && index < slot->cursor)
            return 0;
        if (slot->protected_ && index < slot->cursor)
            continue;
        /* What became invalid, or in a guarded guest what changed, may be dropped before its turn.
         */
        if (slot->protected_ && index < slot->dropped) {
            uint64_t now = f->frame[number].cached[index];
            bool replaced = f->ptwr.guarded && f->ptwr.action == PTWR_ACTION_REFUSE &&
                            now != f->snapshot[s][index];

            if (replaced || (now & 1) == 0)
                return 0;
        }
        return f->snapshot[s][index];
    }
    return f->frame[number].cached[index];
}

/* Ordinary leaves take no counts, but for what EL0 may write. */
static void count_guarded(struct fake *f, struct tally *tally, unsigned int level, uint64_t value)
{
    uint64_t span = desc_span(level);
    uint64_t oa = value & DESC_OA;

    if (!f->ptwr.count_users || (value & DESC_AP_EL0) == 0 ||
        ((value & DESC_AP_RO) != 0 && (value & DESC_DBM) == 0))
        return;
    if ((value & DESC_CONTIGUOUS) != 0) {
        span *= PTWR_ENTRIES < 16 ? PTWR_ENTRIES : 16;
        oa &= ~(span - 1);
    }
    for (uint64_t at = oa; at < oa + span; at += PAGE_SIZE) {
        unsigned int number = fake_number(pa_to_mfn(pa_of(at)));

        if (number == FAKE_FRAMES)
            continue;
        tally[number].refs++;
        tally[number].el0++;
    }
}

static void count_entry(struct fake *f, struct tally *tally, unsigned int level, uint64_t value)
{
    uint64_t oa = value & DESC_OA;

    if ((value & 1) == 0)
        return;
    if (level < 3 && (value & DESC_TABLE) != 0) {
        tally[fake_child(value)].type++;
        return;
    }
    if (f->ptwr.guarded) {
        count_guarded(f, tally, level, value);
        return;
    }
    if (is_device(f, oa, desc_span(level)) || shared_at(f, oa, desc_span(level)) != NULL)
        return;
    for (uint64_t at = oa; at < oa + desc_span(level); at += PAGE_SIZE) {
        struct tally *t = &tally[fake_number(pa_to_mfn(pa_of(at)))];

        t->refs++;
        if ((value & DESC_AP_RO) != 0 && (value & DESC_DBM) == 0)
            continue;
        if ((value & DESC_AP_EL0) != 0)
            t->el0++;
        else
            t->el1++;
    }
}

/* Nothing is half validated or half torn down, so that counts are exact. */
static bool is_quiet(struct fake *f)
{
    for (unsigned int n = 0; n < f->top; n++) {
        const struct frame *record = fake_record(f, n);
        bool in_slot = false;

        for (unsigned int s = 0; s < PTWR_MAX_SLOTS; s++)
            in_slot = in_slot || mfn_eq(f->ptwr.slots[s].table, fake_mfn(n));
        if ((record->state == FRAME_PROTECTING && !in_slot) ||
            (record->flags & FRAME_TEARDOWN) != 0)
            return false;
    }
    return true;
}

static void count_tables(struct fake *f, struct tally *tally)
{
    for (unsigned int n = 0; n < f->top; n++) {
        const struct frame *record = fake_record(f, n);

        if (!frame_is_table(record) || record->state == FRAME_STALE)
            continue;
        tally[n].type += (record->flags & FRAME_PINNED) != 0;
        for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
            count_entry(f, tally, (unsigned int)record->type - FRAME_TABLE_L0,
                        counted_entry(f, n, i));
    }
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS && !f->ptwr.guarded; v++) {
        for (unsigned int w = 0; w < 2; w++) {
            if (!mfn_is_none(f->ptwr.base[v][w]))
                tally[fake_number(f->ptwr.base[v][w])].type++;
        }
    }
    for (unsigned int s = 0; s < PTWR_MAX_SLOTS; s++) {
        if (!mfn_is_none(f->ptwr.slots[s].table))
            tally[fake_number(f->ptwr.slots[s].table)].type++;
    }
}

static void compare_counts(struct fake *f, const struct tally *tally)
{
    unsigned int with_writers = 0;

    for (unsigned int n = 0; n < f->top; n++) {
        const struct frame *record = fake_record(f, n);
        bool table = frame_is_table(record) && record->state != FRAME_STALE;

        if (record->refs != tally[n].refs || record->el1_writers != tally[n].el1)
            fake_fail(f, "frame %u: %u references, %u writers counted; %u, %u exist", n,
                      (unsigned int)record->refs, (unsigned int)record->el1_writers, tally[n].refs,
                      tally[n].el1);
        if (!table && record->state != FRAME_STALE && record->el0_writers != tally[n].el0)
            fake_fail(f, "frame %u: %u EL0 writers counted, %u exist", n,
                      (unsigned int)record->el0_writers, tally[n].el0);
        if (table && tally[n].el0 != 0)
            fake_fail(f, "table %u is writable by EL0", n);
        if (record->type_count != tally[n].type)
            fake_fail(f, "frame %u: type count %u, but %u references", n,
                      (unsigned int)record->type_count, tally[n].type);
        with_writers += table && tally[n].el1 != 0;
    }
    if (f->ptwr.tables_with_writers != with_writers)
        fake_fail(f, "%u tables with writers counted, %u exist", f->ptwr.tables_with_writers,
                  with_writers);
    if (!f->ptwr.assist && with_writers != 0)
        fake_fail(f, "a table has writers and the assist is off");
}

void fake_check_all(struct fake *f)
{
    struct tally *tally;
    const char *wrong;

    f->checking = true;
    wrong = ptwr_check(&f->ptwr);
    f->checking = false;
    if (wrong != NULL)
        fake_fail(f, "ptwr_check: %s", wrong);
    if (!is_quiet(f))
        return;
    tally = calloc(FAKE_FRAMES + 1, sizeof(*tally));
    count_tables(f, tally);
    compare_counts(f, tally);
    free(tally);
}

/* --- Frames and what hardware may do with them ------------------------------------------------ */

static const char *unlike_state(const struct fake *f, const struct fake_frame *frame,
                                const struct frame *record)
{
    bool walk = frame->s2[PTWR_WALK] != PTWR_UNMAPPED;
    /* Guarded: an attached table may be anything between shown and hidden. */
    bool shown = walk || f->ptwr.guarded;
    enum ptwr_perm data = frame->s2[PTWR_DATA];
    /* What the image has been before it was sealed is its kernel's affair. */
    bool is_text = record->type == FRAME_TEXT;

    switch ((enum frame_state)record->state) {
    case FRAME_PLAIN:
        if (record->owner == FRAME_NO_OWNER)
            return data == PTWR_UNMAPPED && !walk && !frame->may_read && !frame->may_walk
                       ? NULL
                       : "has no owner and is mapped";
        return data == (record->readonly ? PTWR_RO : PTWR_RW) && !walk && !frame->may_walk
                   ? NULL
                   : "is plain and not writable, or walkers may reach it";
    case FRAME_PROTECTING:
        return data == PTWR_RO && !walk ? NULL : "is protecting and writable or shown to walkers";
    case FRAME_ATTACHED:
        return data == PTWR_RO && shown && !frame->may_store &&
                       (is_text || (frame->cleaned && !frame->nc_dirty))
                   ? NULL
                   : "is attached and may change, or is hidden";
    case FRAME_OPEN:
        return data == PTWR_RW && !walk && !frame->may_walk ? NULL
                                                            : "is open and walkers may reach it";
    case FRAME_STALE:
        return data == PTWR_RO && !walk && !frame->may_store
                   ? NULL
                   : "is stale and writable, or shown to walkers";
    }
    return "has no state";
}

void fake_settle(struct fake *f)
{
    shadow_settle(f);
    if (f->map_pending)
        fake_fail(f, "no DSB after a stage-2 entry was mapped");
    for (unsigned int n = 0; n < f->top; n++) {
        const char *why = unlike_state(f, &f->frame[n], fake_record(f, n));

        if (why != NULL)
            fake_fail(f, "frame %u %s", n, why);
    }
    f->ops++;
    if (f->every != 0 && f->ops % f->every == 0)
        fake_check_all(f);
}
