/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reference that an entry, a pin, a base or a slot holds is subtracted from the counts, which
 * must be zero then, and added again. No memory is needed for a second set of counts.
 */
#include "ptwr/invariant.h"

#include "ptwr/leaf.h"
#include "ptwr/port.h"
#include "ptwr/seal.h"
#include "ptwr/type.h"
#include "ptwr/validate.h"

typedef const char *(*frame_fn)(struct ptwr *p, mfn_t mfn, struct frame *f);

static const char *each_frame(struct ptwr *p, frame_fn fn)
{
    const struct frame_table *t = p->frames;

    for (uint32_t region = 0; region < t->count; region++) {
        if (t->region[region] == NULL)
            continue;
        for (uint32_t i = 0; i < FRAMES_PER_REGION; i++) {
            struct frame *f = &t->region[region][i];
            mfn_t mfn = mfn_of((uint64_t)(t->first + region) * FRAMES_PER_REGION + i);
            const char *wrong = f->owner == p->owner ? fn(p, mfn, f) : NULL;

            if (wrong != NULL)
                return wrong;
        }
    }
    return NULL;
}

/* Entry i of a table as the counts know it; invalid if they do not. */
static desc_t counted(struct ptwr *p, mfn_t mfn, const struct frame *f, unsigned int i)
{
    const struct ptwr_slot *slot = type_slot(p, mfn);
    desc_t d;

    if (slot != NULL && slot->given_up && i >= slot->judged && i < slot->cursor)
        return desc_of(0);
    /* What became invalid, or in a guarded guest what changed, may have been dropped before its
     * turn. */
    if (slot != NULL && slot->protected_ && i >= slot->cursor && i < slot->dropped) {
        desc_t then;

        d = ptwr_port_load(p->port, mfn, i);
        ptwr_port_snapshot_read(p->port, (unsigned int)(slot - p->slots), i, 1, &then);
        if (!desc_is_valid(d))
            return d;
        if (p->guarded && p->action == PTWR_ACTION_REFUSE && !desc_eq(d, then))
            return desc_of(0);
    }
    if (slot != NULL && (!slot->protected_ || i >= slot->cursor)) {
        ptwr_port_snapshot_read(p->port, (unsigned int)(slot - p->slots), i, 1, &d);
        return d;
    }
    if (slot == NULL && f->state == FRAME_STALE && i < f->index)
        return desc_of(0);
    if (slot == NULL && f->state != FRAME_ATTACHED && i >= f->el0_writers)
        return desc_of(0);
    return ptwr_port_load(p->port, mfn, i);
}

static bool is_text(const struct frame *f)
{
    return f->type == FRAME_TEXT && f->state == FRAME_ATTACHED;
}

/* A leaf of code counts at text that is not the image's. */
static void code_add(struct ptwr *p, struct leaf_frames range, int by)
{
    range = leaf_in_ram(p, range);
    for (uint64_t i = 0; i < range.count; i++) {
        struct frame *f = frame_get(p->frames, mfn_of(range.first + i));

        if (is_text(f) && !frame_has(f, FRAME_SEALED))
            f->type_count = (unsigned int)(f->type_count + by) & FRAME_TYPE_COUNT_MAX;
    }
}

/* Changes the counts behind one entry by +1 or -1. */
static void entry_add(struct ptwr *p, desc_t d, unsigned int level, int by)
{
    struct leaf_frames range = leaf_frames(level, d);

    if (!desc_is_valid(d))
        return;
    if (desc_is_table(d, level)) {
        struct frame *child = type_frame(p, type_child(p, d));

        if (child != NULL)
            child->type_count = (unsigned int)(child->type_count + by) & FRAME_TYPE_COUNT_MAX;
        return;
    }
    if (p->guarded && seal_is_code(d))
        code_add(p, range, by);
    for (uint64_t i = 0; i < range.count && leaf_delta(p, d) != 0; i++) {
        struct frame *f = type_frame(p, mfn_of(range.first + i));

        if (f == NULL)
            continue;
        f->refs = (unsigned int)(f->refs + by) & FRAME_REFS_MAX;
        if (!desc_is_writable(d))
            continue;
        if (desc_is_el0(d))
            f->el0_writers = (unsigned int)(f->el0_writers + by) & FRAME_WRITERS_MAX;
        else
            f->el1_writers = (unsigned int)(f->el1_writers + by) & FRAME_WRITERS_MAX;
    }
}

static void table_add(struct ptwr *p, mfn_t mfn, struct frame *f, int by)
{
    if (!frame_is_table(f))
        return;
    for (unsigned int i = 0; i < PTWR_ENTRIES; i++)
        entry_add(p, counted(p, mfn, f, i), frame_level(f), by);
    if (frame_has(f, FRAME_PINNED))
        f->type_count = (unsigned int)(f->type_count + by) & FRAME_TYPE_COUNT_MAX;
}

static void holder_add(struct ptwr *p, mfn_t mfn, int by)
{
    struct frame *f = mfn_is_none(mfn) ? NULL : type_frame(p, mfn);

    if (f != NULL)
        f->type_count = (unsigned int)(f->type_count + by) & FRAME_TYPE_COUNT_MAX;
}

static void holders_add(struct ptwr *p, int by)
{
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS && !p->guarded; i++) {
        holder_add(p, p->base[i][0], by);
        holder_add(p, p->base[i][1], by);
    }
    for (unsigned int i = 0; i < PTWR_MAX_SLOTS; i++)
        holder_add(p, p->slots[i].table, by);
}

static const char *subtract(struct ptwr *p, mfn_t mfn, struct frame *f)
{
    table_add(p, mfn, f, -1);
    return NULL;
}

static const char *add(struct ptwr *p, mfn_t mfn, struct frame *f)
{
    table_add(p, mfn, f, 1);
    return NULL;
}

static const char *is_zero(struct ptwr *p, mfn_t mfn, struct frame *f)
{
    (void)p;
    (void)mfn;
    if (f->type_count != 0)
        return "type count differs from the references";
    if (f->refs != 0)
        return "refs differ from the leaves";
    if (!frame_is_table(f) && f->el0_writers != 0)
        return "el0_writers differ from the leaves";
    if (f->el1_writers != 0)
        return "el1_writers differ from the leaves";
    return NULL;
}

static const char *entry_is_legal(struct ptwr *p, desc_t d, unsigned int level)
{
    const struct frame *child;

    if (!desc_is_valid(d))
        return NULL;
    if (validate_bits(p, level, d) != PTWR_RULE_NONE)
        return "an attached table has an illegal entry";
    if (!desc_is_table(d, level))
        return NULL;
    child = type_frame(p, type_child(p, d));
    if (child == NULL || child->type != frame_type_of_level(level + 1) ||
        child->state == FRAME_STALE || child->state == FRAME_PLAIN)
        return "an attached table links something that is no table of the next level";
    return NULL;
}

/* A back-pointer names an entry that refers to the frame now. */
static bool is_pointed_back(struct ptwr *p, mfn_t mfn, const struct frame *f)
{
    const struct frame *parent = type_frame(p, mfn_of(f->parent));
    desc_t d;

    if (!frame_is_live_table(f) || parent == NULL || !frame_is_table(parent) ||
        parent->type + 1 != f->type)
        return false;
    d = counted(p, mfn_of(f->parent), parent, f->index);
    return desc_is_valid(d) && desc_is_table(d, frame_level(parent)) &&
           mfn_eq(type_child(p, d), mfn);
}

static const char *text_is_sound(const struct frame *f)
{
    if (f->state == FRAME_STALE)
        return f->type_count == 0 ? NULL : "stale text is referred to";
    if (f->state != FRAME_ATTACHED)
        return "text is neither attached nor stale";
    if (f->type_count == 0 && !frame_has(f, FRAME_SEALED))
        return "text is nobody's";
    return f->el0_writers == 0 ? NULL : "text has EL0 writers";
}

static const char *state_is_sound(struct ptwr *p, mfn_t mfn, struct frame *f)
{
    const struct ptwr_slot *slot = type_slot(p, mfn);

    if (f->type == FRAME_TEXT)
        return text_is_sound(f);

    if (f->state == FRAME_PLAIN && f->type != FRAME_NONE)
        return "a plain frame has a type";
    if (f->state != FRAME_PLAIN && !frame_is_table(f))
        return "a frame without a type is not plain";
    if (f->state == FRAME_OPEN && (slot == NULL || slot->protected_))
        return "an open frame is in no slot";
    if (f->state == FRAME_STALE && f->type_count != 0)
        return "a stale frame is referred to";
    if (f->state == FRAME_ATTACHED && (f->type_count == 0 || f->el0_writers != 0))
        return "an attached table is referred to by nobody, or has EL0 writers";
    if (frame_has(f, FRAME_BACKPTR) && !is_pointed_back(p, mfn, f))
        return "a back-pointer names an entry that does not refer to the frame";
    if (f->readonly && (f->type != FRAME_NONE || f->el1_writers != 0 || f->el0_writers != 0))
        return "a read-only frame is a table or writable";
    if (!p->assist && frame_is_live_table(f) && f->el1_writers != 0)
        return "the assist is off and a table has writers";
    for (unsigned int i = 0; i < PTWR_ENTRIES && f->state == FRAME_ATTACHED; i++) {
        const char *wrong = entry_is_legal(p, ptwr_port_load(p->port, mfn, i), frame_level(f));

        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* Takes one of tables_with_writers for each, which must leave none. */
static const char *count_writers(struct ptwr *p, mfn_t mfn, struct frame *f)
{
    (void)mfn;
    if (frame_is_live_table(f) && f->el1_writers != 0)
        p->tables_with_writers--;
    return NULL;
}

static const char *lists_are_sound(struct ptwr *p)
{
    uint32_t writers = p->tables_with_writers;
    uint32_t open = 0, left;
    mfn_t mfn = p->stale_head;

    for (unsigned int i = 0; i < PTWR_MAX_SLOTS; i++)
        open += !mfn_is_none(p->slots[i].table);
    if (open != p->nr_open || open > p->nr_slots)
        return "nr_open differs from the slots in use";
    for (uint32_t i = 0; i < p->nr_stale; i++) {
        if (i == p->nr_flushed && !mfn_eq(mfn, p->unflushed))
            return "the first unflushed stale frame is another";
        if (mfn_is_none(mfn) || frame_get(p->frames, mfn)->state != FRAME_STALE)
            return "the stale list holds something else";
        mfn = mfn_of(frame_get(p->frames, mfn)->parent);
    }
    if (!mfn_is_none(mfn))
        return "the stale list is longer than its count";
    (void)each_frame(p, count_writers);
    left = p->tables_with_writers;
    p->tables_with_writers = writers;
    return left == 0 ? NULL : "tables_with_writers is wrong";
}

const char *ptwr_check(struct ptwr *p)
{
    const char *wrong = each_frame(p, state_is_sound);

    if (wrong == NULL)
        wrong = lists_are_sound(p);
    if (wrong != NULL)
        return wrong;
    holders_add(p, -1);
    (void)each_frame(p, subtract);
    wrong = each_frame(p, is_zero);
    (void)each_frame(p, add);
    holders_add(p, 1);
    return wrong;
}
