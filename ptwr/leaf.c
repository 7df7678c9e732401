/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/leaf.h"

#include "ptwr/seal.h"
#include "ptwr/stale.h"
#include "ptwr/type.h"
#include "ptwr/validate.h"

static bool is_el0_writable(desc_t d) { return desc_is_writable(d) && desc_is_el0(d); }

uint64_t leaf_delta(const struct ptwr *p, desc_t d)
{
    if (p->guarded)
        return p->count_users && is_el0_writable(d) ? FRAME_REF_EL0_WRITER : 0;
    if (!desc_is_writable(d))
        return FRAME_REF;
    return desc_is_el0(d) ? FRAME_REF_EL0_WRITER : FRAME_REF_EL1_WRITER;
}

struct leaf_frames leaf_frames(unsigned int level, desc_t d)
{
    uint64_t span = desc_span(level);

    if ((d.raw & DESC_CONTIGUOUS) != 0)
        span *= LEAF_CONTIGUOUS;
    return (struct leaf_frames){(desc_oa(d) & ~(span - 1)) >> PAGE_SHIFT, span >> PAGE_SHIFT};
}

/* May a leaf of this kind map the frame? No side effects but the rule. */
static enum hv_err judge_frame(struct ptwr *p, const struct frame *f, desc_t d)
{
    if (f == NULL)
        return type_refuse(p, PTWR_RULE_OWNER);
    if (f->refs == FRAME_REFS_MAX)
        return type_refuse(p, PTWR_RULE_COUNT);
    if (!desc_is_writable(d))
        return HV_OK;
    if (f->readonly)
        return type_refuse(p, PTWR_RULE_FOREIGN);
    if (desc_is_el0(d)) {
        if (frame_is_live_table(f))
            return type_refuse(p, PTWR_RULE_EL0_TABLE);
        if (f->state == FRAME_STALE) /* its cursor stands where the count would */
            return NOT_READY;
        return f->el0_writers < FRAME_WRITERS_MAX ? HV_OK : type_refuse(p, PTWR_RULE_COUNT);
    }
    if (!p->assist && frame_is_live_table(f))
        return type_refuse(p, PTWR_RULE_WRITABLE);
    return f->el1_writers < FRAME_WRITERS_MAX ? HV_OK : type_refuse(p, PTWR_RULE_COUNT);
}

static void add(struct ptwr *p, struct frame *f, uint64_t delta)
{
    if (delta == FRAME_REF_EL1_WRITER && f->el1_writers == 0 && frame_is_live_table(f))
        p->tables_with_writers++;
    f->counts += delta;
}

static void sub(struct ptwr *p, struct frame *f, uint64_t delta)
{
    f->counts -= delta;
    if (delta == FRAME_REF_EL1_WRITER && f->el1_writers == 0 && frame_is_live_table(f))
        p->tables_with_writers--;
}

/* Nothing of the frame stands against a leaf of this kind: so it is with most frames of a block. */
static bool is_free(const struct ptwr *p, const struct frame *f, bool writable)
{
    if ((f->counts & FRAME_COUNTS_HIGH) != 0)
        return false;
    return writable ? frame_is_ordinary(f, p->owner) : f->owner == p->owner;
}

/* --- Direct ----------------------------------------------------------------------------------- */

/* A block's frames are one region's, so their records lie side by side. */
static enum hv_err take_direct(struct ptwr *p, unsigned int level, desc_t d, mfn_t *child)
{
    struct leaf_frames range = leaf_frames(level, d);
    struct frame *frames = type_frame(p, mfn_of(range.first));
    uint64_t delta = leaf_delta(p, d);

    if (frames == NULL) {
        enum ptwr_rule rule = validate_frameless(p, level, d);

        return rule == PTWR_RULE_NONE ? HV_OK : type_refuse(p, rule);
    }
    for (uint64_t i = 0; i < range.count; i++) {
        mfn_t mfn = mfn_of(range.first + i);
        enum hv_err err;

        if (is_free(p, &frames[i], desc_is_writable(d)))
            continue;
        err = judge_frame(p, type_frame(p, mfn), d);
        if (err != HV_OK) {
            *child = mfn;
            return err;
        }
    }
    if (!validate_is_normal(p, d))
        return type_refuse(p, PTWR_RULE_MEMTYPE);
    for (uint64_t i = 0; i < range.count; i++)
        add(p, &frames[i], delta);
    return HV_OK;
}

static void drop_direct(struct ptwr *p, unsigned int level, desc_t d)
{
    struct leaf_frames range = leaf_frames(level, d);
    struct frame *frames = type_frame(p, mfn_of(range.first));
    uint64_t delta = leaf_delta(p, d);

    /* It was taken, so a place without a frame of the domain is a device or shared memory. */
    if (frames == NULL)
        return;
    for (uint64_t i = 0; i < range.count; i++)
        sub(p, &frames[i], delta);
}

/* --- Guarded ---------------------------------------------------------------------------------- */

/* The part of it that is the domain's RAM, which is one range. */
struct leaf_frames leaf_in_ram(const struct ptwr *p, struct leaf_frames range)
{
    uint64_t first = (uint64_t)p->frames->first * FRAMES_PER_REGION;
    uint64_t end = first + (uint64_t)p->frames->count * FRAMES_PER_REGION;
    uint64_t range_end = range.first + range.count;

    if (range.first < first)
        range.first = first;
    if (range_end > end)
        range_end = end;
    range.count = range_end > range.first ? range_end - range.first : 0;
    return range;
}

static enum hv_err take_guarded(struct ptwr *p, unsigned int level, desc_t d, mfn_t *child)
{
    struct leaf_frames range = leaf_in_ram(p, leaf_frames(level, d));
    uint64_t delta = leaf_delta(p, d);

    if (range.count != 0 && !validate_is_normal(p, d))
        return type_refuse(p, PTWR_RULE_MEMTYPE);
    if (seal_judges(p)) {
        enum hv_err err = seal_judge_leaf(p, d, range, child);

        if (err != HV_OK)
            return err;
    }
    if (desc_is_el0(d) && (d.raw & DESC_UXN) == 0)
        p->seal.wanted = true;
    if (range.count == 0)
        return HV_OK;
    if (seal_is_code(d) && p->seal.state == SEAL_DONE)
        seal_count_text(p, range);
    if (!is_el0_writable(d))
        return HV_OK;
    for (uint64_t i = 0; i < range.count; i++) {
        mfn_t mfn = mfn_of(range.first + i);
        const struct frame *f = frame_get(p->frames, mfn);
        enum hv_err err = is_free(p, f, true) ? HV_OK : judge_frame(p, f, d);

        if (err != HV_OK) {
            *child = mfn;
            return err;
        }
    }
    for (uint64_t i = 0; i < range.count && delta != 0; i++)
        add(p, frame_get(p->frames, mfn_of(range.first + i)), delta);
    return HV_OK;
}

static void drop_guarded(struct ptwr *p, unsigned int level, desc_t d)
{
    struct leaf_frames range = leaf_in_ram(p, leaf_frames(level, d));
    uint64_t delta = leaf_delta(p, d);

    if (seal_is_code(d) && p->seal.state == SEAL_DONE)
        seal_drop_text(p, range);
    for (uint64_t i = 0; i < range.count && delta != 0; i++)
        sub(p, frame_get(p->frames, mfn_of(range.first + i)), delta);
}

/* ---------------------------------------------------------------------------------------------- */

enum hv_err leaf_make_ready(struct ptwr *p, unsigned int level, desc_t d, mfn_t child,
                            unsigned int *budget)
{
    if (seal_judges(p) && seal_is_code(d))
        return seal_make_text(p, leaf_in_ram(p, leaf_frames(level, d)), budget);
    return stale_finish(p, child, budget);
}

enum hv_err leaf_take(struct ptwr *p, unsigned int level, desc_t d, mfn_t *child)
{
    return p->guarded ? take_guarded(p, level, d, child) : take_direct(p, level, d, child);
}

void leaf_drop(struct ptwr *p, unsigned int level, desc_t d)
{
    if (p->guarded)
        drop_guarded(p, level, d);
    else
        drop_direct(p, level, d);
}

void type_learn(const struct ptwr *p, struct frame_run *run, desc_t d)
{
    mfn_t mfn = pa_to_mfn(pa_of(desc_oa(d)));

    /* One of a contiguous group stands for more than its page, and code is not ordinary. */
    if (!desc_is_valid(d) || (d.raw & DESC_CONTIGUOUS) != 0 || type_frame(p, mfn) == NULL ||
        seal_counts(p, d))
        return;
    run->key = frame_run_turn(d.raw & ~GENMASK64(REGION_SHIFT - 1, PAGE_SHIFT));
    run->delta = leaf_delta(p, d);
    run->full = FRAME_COUNTS_HIGH;
    run->count = FRAMES_PER_REGION;
    run->frames = p->frames->region[(mfn.raw >> (REGION_SHIFT - PAGE_SHIFT)) - p->frames->first];
}
