/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References: what a valid entry takes of the frames it names, and gives back. A table takes a type
 * reference, a leaf a reference on each frame it maps, counted once more where it can write.
 *
 * What an entry takes is decided by its value alone, so dropping needs only the value.
 */
#pragma once

#include "ptwr/ptwr.h"
#include "ptwr/validate.h"

/* Entries that scans read at a time: on the stack, and no more than this past a budget. */
#define TYPE_BLOCK 16

/* The place of an entry. */
struct type_at {
    mfn_t table;
    uint16_t index;
    uint8_t level;
};

static inline void type_spend(unsigned int *budget, unsigned int count)
{
    *budget = *budget > count ? *budget - count : 0;
}

/* How many of `left` entries to look at now: a block at most, and not much beyond the budget. */
static inline unsigned int type_block(unsigned int left, unsigned int budget)
{
    unsigned int count = left < TYPE_BLOCK ? left : TYPE_BLOCK;

    return count < budget ? count : budget;
}

/* What validating a table costs beyond its entries: a share of a flush, a clean, a scan. */
#define TYPE_TABLE_COST 16

/* What an entry costs beyond itself where it is not of a run. */
#define TYPE_LONG_COST 2

/*
 * What taking or dropping an entry the long way costs beyond looking at it: a block is as many
 * frames as a level-3 table has entries.
 */
static inline unsigned int type_cost(desc_t d, unsigned int level)
{
    if (!desc_is_valid(d))
        return 0;
    return level == 2 && !desc_is_table(d, level) ? PTWR_ENTRIES / 4 : TYPE_LONG_COST;
}

/*
 * Do the entries of a table of this level take nothing of what they refer to? Leaves of code do
 * (ptwr/seal.h): they go the long way in and out, and a table that may have one has FRAME_CODE.
 */
static inline bool type_holds_nothing(const struct ptwr *p, unsigned int level)
{
    return p->guarded && !p->count_users && level == 3;
}

/* The frame, if the domain owns it; else NULL. */
static inline struct frame *type_frame(const struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    return f != NULL && f->owner == p->owner ? f : NULL;
}

/* What functions that take return besides: the frame has to change its state first. */
#define NOT_READY HV_ENOENT

static inline enum hv_err type_refuse(struct ptwr *p, enum ptwr_rule rule)
{
    p->violation = (struct ptwr_violation){.rule = rule, .table = MFN_NONE};
    return HV_EINVAL;
}

/* The slot of an open (or protected, not yet judged) table; NULL: it is in none. */
struct ptwr_slot *type_slot(struct ptwr *p, mfn_t table);

/* The frame that a table descriptor names, by its value. */
static inline mfn_t type_child(const struct ptwr *p, desc_t d)
{
    return mfn_of((desc_oa(d) & ~p->walk) >> PAGE_SHIFT);
}

/*
 * Judge an entry and take what it refers to; an invalid one takes nothing.
 *   HV_OK      taken
 *   HV_EINVAL  refused; p->violation.rule says why, nothing is taken
 *   HV_EBUSY   it links an open table, which has to be reconnected first
 *   HV_EAGAIN  a table below it is being validated: call again
 */
NODISCARD
enum hv_err type_take(struct ptwr *p, struct type_at at, desc_t d, unsigned int *budget);

/*
 * Say which entry it was that broke p->violation.rule. The first to say so, deepest in the tree, is
 * believed.
 */
void type_blame(struct ptwr *p, struct type_at at, desc_t old, desc_t value);

/* Give back what an entry took. An open table keeps its slot's reference. */
void type_drop(struct ptwr *p, struct type_at at, desc_t d);

/*
 * Make a frame an attached table of `level`, with no reference yet: the caller takes one at once.
 * Errors as type_take(); HV_EAGAIN keeps the progress in the frames.
 */
NODISCARD
enum hv_err type_promote(struct ptwr *p, mfn_t mfn, unsigned int level, unsigned int *budget);

/* End the validation of a PROTECTING frame of no slot; it becomes PLAIN or STALE. */
void type_cancel(struct ptwr *p, mfn_t mfn);

/* One type reference of a base, a pin or a slot. put: the last one makes the table stale. */
void type_put(struct ptwr *p, mfn_t mfn);

/* Learn from a level-3 entry that was just taken, or dropped. */
void type_learn(const struct ptwr *p, struct frame_run *run, desc_t d);

/*
 * The ordinary frame behind a page of the run; NULL: it is to be judged the long way. An invalid
 * entry is of no run, for the key is valid.
 */
static inline struct frame *type_run_frame(const struct frame_run *run, uint8_t owner, desc_t d)
{
    uint64_t place = frame_run_place(run, d.raw);
    struct frame *f;

    if (place >= run->count)
        return NULL;
    f = &run->frames[place];
    return frame_is_ordinary(f, owner) ? f : NULL;
}

/* type_take() of such a page; false: take it the long way. */
static inline bool type_take_fast(const struct frame_run *run, uint8_t owner, desc_t d)
{
    struct frame *f = type_run_frame(run, owner, d);

    if (f == NULL || (f->counts & run->full) != 0)
        return false;
    f->counts += run->delta;
    return true;
}

/* type_drop() of such a page; false: drop it the long way. */
static inline bool type_drop_fast(const struct frame_run *run, uint8_t owner, desc_t d)
{
    struct frame *f = type_run_frame(run, owner, d);

    if (f == NULL)
        return false;
    f->counts -= run->delta;
    return true;
}

/* Forget what is known of pages: what they are judged by changes. */
void type_forget(struct ptwr *p);

/*
 * One page for another, or for nothing, if both are of runs and the entry changes. false: nothing
 * is done.
 */
static inline bool type_exchange_fast(const struct frame_run *taken,
                                      const struct frame_run *dropped, uint8_t owner, desc_t old,
                                      desc_t value)
{
    if (!desc_is_valid(old))
        return type_take_fast(taken, owner, value);
    if (!desc_is_valid(value))
        return type_drop_fast(dropped, owner, old);
    if (desc_eq(old, value) || !type_take_fast(taken, owner, value))
        return false;
    if (type_drop_fast(dropped, owner, old))
        return true;
    (void)type_drop_fast(taken, owner, value);
    return false;
}
