/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's interface: pins, bases, walks, the assist, frames in and out. */
#include "ptwr/ptwr.h"

#include "ptwr/port.h"
#include "ptwr/sequence.h"
#include "ptwr/slot.h"
#include "ptwr/stale.h"
#include "ptwr/type.h"
#include "ptwr/validate.h"

const char *ptwr_rule_name(enum ptwr_rule rule)
{
    static const char *const name[PTWR_RULES] = {
        [PTWR_RULE_NONE] = "none",
        [PTWR_RULE_RESERVED] = "reserved encoding, or contiguous",
        [PTWR_RULE_LEVEL] = "no such entry at this level",
        [PTWR_RULE_WINDOW] = "wrong window",
        [PTWR_RULE_OWNER] = "not a frame of this domain",
        [PTWR_RULE_MEMTYPE] = "wrong memory type",
        [PTWR_RULE_TYPE] = "frame is in use as something else",
        [PTWR_RULE_WRITABLE] = "writable mapping of a page table, assist off",
        [PTWR_RULE_EL0_TABLE] = "page table writable at EL0",
        [PTWR_RULE_FOREIGN] = "frame that others write",
        [PTWR_RULE_COUNT] = "too many references",
        [PTWR_RULE_UNALIGNED] = "store that can be neither emulated nor batched",
        [PTWR_RULE_REGIME] = "register that gives descriptors their meaning",
    };

    return rule < PTWR_RULES ? name[rule] : "?";
}

const char *ptwr_trigger_name(enum ptwr_trigger trigger)
{
    static const char *const name[PTWR_TRIGGERS] = {
        [PTWR_T_SLOT] = "slot",           [PTWR_T_WALK] = "walk",
        [PTWR_T_PREEMPT] = "preempt",     [PTWR_T_BLOCK] = "block",
        [PTWR_T_HYPERCALL] = "hypercall", [PTWR_T_REGIME] = "regime",
        [PTWR_T_ASSIST] = "assist",       [PTWR_T_CONFLICT] = "conflict",
        [PTWR_T_MEMORY] = "memory",       [PTWR_T_LIFE] = "life",
        [PTWR_T_REFERENCE] = "reference", [PTWR_T_EL2_WALK] = "el2-walk",
    };

    return trigger < PTWR_TRIGGERS ? name[trigger] : "?";
}

void ptwr_init(struct ptwr *p)
{
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++) {
        p->base[i][0] = MFN_NONE;
        p->base[i][1] = MFN_NONE;
    }
    for (unsigned int i = 0; i < PTWR_PREDICTOR; i++)
        p->predictor[i] = (struct ptwr_place){.table = MFN_NONE.raw};
    p->taken = (struct frame_run){0};
    p->dropped = (struct frame_run){0};
    p->last_empty = MFN_NONE;
    p->settling = false;
    p->links++;
    slot_init(p);
    stale_init(p);
}

/* A request about a whole table was refused: nothing but the frame is to blame. */
static enum hv_err blame_frame(struct ptwr *p, mfn_t mfn, unsigned int level, enum hv_err err)
{
    if (err == HV_EINVAL) {
        type_blame(p, (struct type_at){mfn, 0, (uint8_t)level}, desc_of(0), desc_of(0));
        p->count.refused++;
    }
    return err;
}

static enum hv_err refuse_frame(struct ptwr *p, mfn_t mfn, unsigned int level, enum ptwr_rule rule)
{
    p->violation = (struct ptwr_violation){.rule = rule, .table = MFN_NONE};
    return blame_frame(p, mfn, level, HV_EINVAL);
}

/* One more type reference on a table of this level, which is made one if it is none. */
static enum hv_err get_table(struct ptwr *p, mfn_t mfn, unsigned int level, unsigned int *budget)
{
    struct frame *f = type_frame(p, mfn);

    if (f == NULL) {
        (void)refuse_frame(p, mfn, level, PTWR_RULE_OWNER);
        return HV_EPERM;
    }
    if (f->state == FRAME_PROTECTING && f->type != frame_type_of_level(level))
        type_cancel(p, mfn);
    if (f->state == FRAME_ATTACHED && f->type != frame_type_of_level(level)) {
        /* Perhaps by what stale tables still hold only. */
        enum hv_err err = stale_teardown(p, budget);

        if (err != HV_OK)
            return err;
    }
    if (f->state != FRAME_ATTACHED) {
        enum hv_err err = type_promote(p, mfn, level, budget);

        if (err != HV_OK)
            return blame_frame(p, mfn, level, err);
    }
    if (f->type != frame_type_of_level(level)) {
        (void)refuse_frame(p, mfn, level, PTWR_RULE_TYPE);
        return HV_EBUSY;
    }
    if (f->type_count == FRAME_TYPE_COUNT_MAX)
        return refuse_frame(p, mfn, level, PTWR_RULE_COUNT);
    f->type_count++;
    return HV_OK;
}

enum hv_err ptwr_pin(struct ptwr *p, mfn_t mfn, unsigned int level, unsigned int *budget)
{
    const struct frame *f = type_frame(p, mfn);
    enum hv_err err = ptwr_sync(p, PTWR_T_HYPERCALL, budget);

    if (err != HV_OK)
        return err;
    if (f != NULL && frame_has(f, FRAME_PINNED))
        return refuse_frame(p, mfn, level, PTWR_RULE_TYPE);
    err = get_table(p, mfn, level, budget);
    if (err == HV_OK)
        frame_set(frame_get(p->frames, mfn), FRAME_PINNED);
    return err;
}

enum hv_err ptwr_unpin(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    struct frame *f = type_frame(p, mfn);
    enum hv_err err = ptwr_sync(p, PTWR_T_HYPERCALL, budget);

    if (err != HV_OK)
        return err;
    if (f == NULL || !frame_has(f, FRAME_PINNED))
        return HV_EINVAL;
    frame_clear(f, FRAME_PINNED);
    type_put(p, mfn);
    return HV_OK;
}

static void add_role(struct frame *root, unsigned int which)
{
    root->index = (root->index | 1U << which) & 0x1ff;
}

enum hv_err ptwr_load_base(struct ptwr *p, unsigned int vcpu, unsigned int which, mfn_t mfn,
                           unsigned int *budget)
{
    mfn_t *base = &p->base[vcpu][which];
    mfn_t old = *base;
    enum hv_err err = ptwr_sync(p, PTWR_T_REGIME, budget);

    if (err != HV_OK || mfn_eq(old, mfn))
        return err;
    if (mfn_is_none(mfn)) {
        if (which != 0)
            return refuse_frame(p, mfn, 0, PTWR_RULE_REGIME);
    } else {
        err = get_table(p, mfn, 0, budget);
        if (err != HV_OK)
            return err;
        add_role(frame_get(p->frames, mfn), which);
    }
    *base = mfn;
    p->links++;
    if (!mfn_is_none(old))
        type_put(p, old);
    return HV_OK;
}

void ptwr_unload(struct ptwr *p, unsigned int vcpu)
{
    for (unsigned int which = 0; which < 2; which++) {
        mfn_t old = p->base[vcpu][which];

        p->base[vcpu][which] = MFN_NONE;
        p->links++;
        if (!mfn_is_none(old))
            type_put(p, old);
    }
}

enum hv_err ptwr_walk_fault(struct ptwr *p, unsigned int vcpu, mfn_t table, unsigned int *budget)
{
    const struct frame *f = type_frame(p, table);
    struct ptwr_slot *slot;

    p->count.walk_faults++;
    if (f == NULL)
        return HV_EINVAL;
    slot = type_slot(p, table);
    if (slot != NULL) {
        slot->foreign = slot->foreign || slot->vcpu != vcpu;
        return slot_close(p, slot, PTWR_T_WALK, budget);
    }
    switch (f->state) {
    case FRAME_ATTACHED: /* another CPU reconnected it */
    case FRAME_PLAIN:    /* .. or flushed the pointer that this walk came by */
    case FRAME_PROTECTING:
        return HV_OK;
    case FRAME_STALE:
        /* Through a pointer that only a walk cache still has: after the flush there is none. */
        sequence_flush(p);
        return HV_OK;
    case FRAME_OPEN:
    default:
        return HV_EINVAL;
    }
}

enum hv_err ptwr_assist(struct ptwr *p, bool on, unsigned int *budget)
{
    enum hv_err err = HV_OK;

    if (!on) {
        err = ptwr_sync(p, PTWR_T_ASSIST, budget);
        if (err != HV_OK)
            return err;
        if (p->tables_with_writers != 0)
            err = stale_teardown(p, budget); /* perhaps mapped by these only */
        if (err != HV_OK)
            return err;
        if (p->tables_with_writers != 0)
            return HV_EBUSY;
    }
    p->assist = on;
    return HV_OK;
}

void ptwr_flush(struct ptwr *p, unsigned int *budget)
{
    sequence_flush(p);
    (void)ptwr_work(p, budget);
}

/* --- Frames in and out ------------------------------------------------------------------------ */

enum hv_err ptwr_frame_add(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (f == NULL)
        return HV_ENOENT;
    if (f->owner != FRAME_NO_OWNER)
        return HV_EBUSY;
    /* Leaves may map it already, uncounted. */
    if (validate_is_frameless(p, mfn_to_pa(mfn).raw, PAGE_SIZE))
        return HV_EINVAL;
    *f = (struct frame){.owner = p->owner};
    return HV_OK;
}

void ptwr_region_add(struct ptwr *p, uint32_t region)
{
    struct frame *f = p->frames->region[region - p->frames->first];

    for (uint32_t i = 0; i < 1U << (REGION_SHIFT - PAGE_SHIFT); i++) {
        if (f[i].owner == FRAME_NO_OWNER)
            f[i] = (struct frame){.owner = p->owner};
    }
}

enum hv_err ptwr_settle(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    const struct frame *f = frame_get(p->frames, mfn);

    if (f->state == FRAME_PROTECTING && type_slot(p, mfn) == NULL)
        type_cancel(p, mfn);
    return f->state == FRAME_STALE ? stale_finish(p, mfn, budget) : HV_OK;
}

enum hv_err ptwr_frame_remove(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    struct frame *f = type_frame(p, mfn);
    enum hv_err err = ptwr_sync(p, PTWR_T_MEMORY, budget);

    if (err != HV_OK)
        return err;
    if (f == NULL)
        return HV_EPERM;
    if (f->counts != 0) /* perhaps by what stale tables still hold only */
        err = stale_teardown(p, budget);
    if (err == HV_OK)
        err = ptwr_settle(p, mfn, budget);
    if (err != HV_OK)
        return err;
    if (f->counts != 0 || f->readonly) /* a table has a count */
        return HV_EBUSY;
    sequence_unmap(p, mfn);
    *f = (struct frame){.owner = FRAME_NO_OWNER};
    return HV_OK;
}

void ptwr_reset(struct ptwr *p)
{
    const struct frame_table *t = p->frames;

    for (uint32_t region = 0; region < t->count; region++) {
        if (t->region[region] == NULL)
            continue;
        for (uint32_t i = 0; i < 1U << (REGION_SHIFT - PAGE_SHIFT); i++) {
            struct frame *f = &t->region[region][i];

            if (f->owner == p->owner)
                *f = (struct frame){
                    .owner = p->owner, .readonly = f->readonly, .flags = f->flags & FRAME_FOREIGN};
        }
    }
    p->assist = false;
    p->blocks = false;
    p->tables_with_writers = 0;
    p->pause = 0;
    p->pause_shift = 0;
    p->empty_batches = 0;
    p->count = (struct ptwr_counters){0};
    p->violation = (struct ptwr_violation){0};
    p->fatal = (struct ptwr_violation){0};
    ptwr_init(p);
}
