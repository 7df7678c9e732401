/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/root.h"

#include "ptwr/release.h"
#include "ptwr/seal.h"
#include "ptwr/sequence.h"
#include "ptwr/slot.h"
#include "ptwr/stale.h"
#include "ptwr/type.h"

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
    while (f->state == FRAME_ATTACHED && f->type != frame_type_of_level(level)) {
        /* Perhaps by what stale tables, or address spaces that nobody uses, still hold only. */
        enum hv_err err = stale_teardown(p, budget);

        if (err != HV_OK)
            return err;
        if (f->state != FRAME_ATTACHED || !root_drop_unloaded(p))
            break;
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

static void add_role(struct ptwr *p, struct frame *root, unsigned int which)
{
    if (!frame_has(root, FRAME_ROOT)) {
        /* An entry may have referred to a guarded root: roles stand where it had a way back. What
         * blocks there are below it was noted elsewhere, and those to come will be noted here. */
        if (frame_has(root, FRAME_BACKPTR))
            root_note_block(p, mfn_of(root->parent));
        root->index = root->hooked ? FRAME_BLOCKS : root->index & FRAME_BLOCKS;
        frame_clear(root, FRAME_BACKPTR);
        frame_set(root, FRAME_ROOT);
    }
    root->index = (root->index | FRAME_ROLE(which)) & 0x1ff;
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
        add_role(p, frame_get(p->frames, mfn), which);
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

/* --- Guarded: roots that are kept ---------------------------------------------------------------
 */

#define NOBODY PTWR_MAX_VCPUS

/* By another than that vCPU. One whose TTBR0_EL1 is for another level walks from nowhere. */
static bool is_loaded_but(const struct ptwr *p, mfn_t root, unsigned int but)
{
    unsigned int level = frame_level(frame_get(p->frames, root));

    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++) {
        if (i == but)
            continue;
        if (mfn_eq(p->base[i][1], root) ||
            (mfn_eq(p->base[i][0], root) && root_first_level(p, i, 0) == level))
            return true;
    }
    return false;
}

bool root_is_loaded(const struct ptwr *p, mfn_t root) { return is_loaded_but(p, root, NOBODY); }

/* What a stale root had is not known any more, and walks may still find it in a TLB. */
static bool has_blocks(const struct ptwr *p, mfn_t root)
{
    const struct frame *f = mfn_is_none(root) ? NULL : type_frame(p, root);

    if (f == NULL || !frame_has(f, FRAME_ROOT))
        return false;
    return f->state == FRAME_STALE || (f->index & FRAME_BLOCKS) != 0;
}

/*
 * Up to the root, or to the table whose validation all wait for. Where a table is shared there is
 * no one way up: all roots above it were marked when it became that.
 */
void root_note_block(struct ptwr *p, mfn_t table)
{
    struct frame *f = frame_get(p->frames, table);
    bool waiting;

    /* In either case what was walked before, with other tables, is gone before the block is seen.
     */
    if (!p->guarded) {
        if (!p->blocks)
            sequence_flush(p);
        p->blocks = true;
        return;
    }
    for (;;) {
        waiting = f->state == FRAME_PROTECTING && type_slot(p, table) == NULL;
        if (frame_has(f, FRAME_ROOT) || (waiting && mfn_is_none(mfn_of(f->parent))))
            break;
        if (!waiting && !frame_has(f, FRAME_BACKPTR))
            return;
        table = mfn_of(f->parent);
        f = frame_get(p->frames, table);
    }
    /* A stale root's index is where its teardown is; what it had is not asked for any more. */
    if (f->state == FRAME_STALE) {
        sequence_flush(p);
        return;
    }
    if ((f->index & FRAME_BLOCKS) != 0)
        return;
    f->index |= FRAME_BLOCKS;
    if (f->state == FRAME_ATTACHED)
        sequence_flush(p);
}

static void drop(struct ptwr *p, mfn_t root, mfn_t before)
{
    struct frame *f = frame_get(p->frames, root);

    if (mfn_is_none(before))
        p->kept = mfn_of(f->parent);
    else
        frame_get(p->frames, before)->parent = f->parent;
    if (mfn_eq(root, p->seal.root))
        p->seal.lost = true;
    frame_clear(f, FRAME_PINNED);
    type_put(p, root);
}

bool root_drop_unloaded(struct ptwr *p)
{
    mfn_t before = MFN_NONE;
    mfn_t root = p->kept;
    bool dropped = false;

    while (!mfn_is_none(root)) {
        mfn_t next = mfn_of(frame_get(p->frames, root)->parent);

        if (root_is_loaded(p, root) || frame_has(frame_get(p->frames, root), FRAME_WAY)) {
            before = root;
        } else {
            release_ended(p, root);
            drop(p, root, before);
            dropped = true;
        }
        root = next;
    }
    return dropped;
}

void root_drop(struct ptwr *p, mfn_t root)
{
    mfn_t before = MFN_NONE;

    for (mfn_t at = p->kept; !mfn_eq(at, root); at = mfn_of(frame_get(p->frames, at)->parent))
        before = at;
    release_ended(p, root);
    drop(p, root, before);
}

bool root_drop_if_unloaded(struct ptwr *p, mfn_t root)
{
    if (!p->guarded || !frame_has(frame_get(p->frames, root), FRAME_PINNED) ||
        frame_has(frame_get(p->frames, root), FRAME_WAY) || root_is_loaded(p, root))
        return false;
    root_drop(p, root);
    return true;
}

static bool is_parked(const struct ptwr *p, mfn_t root)
{
    for (unsigned int i = 0; i < p->nr_slots && p->nr_open != 0; i++) {
        if (!mfn_is_none(p->slots[i].table) && mfn_eq(p->slots[i].root, root))
            return true;
    }
    return false;
}

void root_unpark(struct ptwr *p, mfn_t root)
{
    if (!frame_has(frame_get(p->frames, root), FRAME_PINNED) || is_parked(p, root))
        return;
    /* A link to what was open may have been taken away meanwhile. */
    sequence_repaired(p);
    sequence_attach(p, root);
}

/* Do walks start there, or will at the first, that take it for a table of another level? */
static bool has_other_level(const struct ptwr *p, mfn_t root, unsigned int level)
{
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++) {
        if (mfn_eq(p->base[i][0], root) && root_first_level(p, i, 0) != level)
            return true;
    }
    return false;
}

/* One type reference, when nothing is open that walks could reach by it. */
static enum hv_err get_root(struct ptwr *p, mfn_t root, unsigned int level, unsigned int *budget)
{
    enum hv_err err = slot_is_below(p, root) ? ptwr_sync(p, PTWR_T_REFERENCE, budget) : HV_OK;

    if (err == HV_OK)
        err = get_table(p, root, level, budget);
    if (err == HV_EBUSY && p->nr_open != 0) {
        /* A table below it is open still, for what it was before. */
        err = ptwr_sync(p, PTWR_T_REFERENCE, budget);
        if (err == HV_OK)
            err = get_table(p, root, level, budget);
    }
    return err == HV_EBUSY ? HV_EINVAL : err;
}

/*
 * The root is, and stays, a table of the level that the vCPU's walks start at. HV_OK; HV_EAGAIN;
 * HV_EINVAL: refused; HV_EPERM: it is not the domain's, or a batch was illegal and the action
 * crash.
 */
static enum hv_err keep(struct ptwr *p, unsigned int vcpu, unsigned int which, mfn_t root,
                        unsigned int *budget)
{
    unsigned int level = root_first_level(p, vcpu, which);
    struct frame *f = type_frame(p, root);
    enum hv_err err;

    if (f != NULL && frame_has(f, FRAME_PINNED)) {
        if (frame_level(f) == level)
            return HV_OK;
        /* Another size of address space. Those that have it loaded now have it for the other. */
        if (is_loaded_but(p, root, vcpu))
            return refuse_frame(p, root, level, PTWR_RULE_TYPE);
        (void)root_drop_unloaded(p);
        if (frame_has(f, FRAME_PINNED))
            return refuse_frame(p, root, level, PTWR_RULE_TYPE);
    }
    if (has_other_level(p, root, level))
        return refuse_frame(p, root, level, PTWR_RULE_TYPE);
    err = get_root(p, root, level, budget);
    if (err != HV_OK)
        return err;
    add_role(p, f, which);
    frame_set(f, FRAME_PINNED);
    f->parent = p->kept.raw;
    p->kept = root;
    return HV_OK;
}

/* All slots below the root, for somebody else than who opened them if `vcpu` is not theirs. */
static enum hv_err close_below(struct ptwr *p, unsigned int vcpu, mfn_t root, unsigned int *budget)
{
    for (unsigned int i = 0; i < p->nr_slots && p->nr_open != 0; i++) {
        struct ptwr_slot *slot = &p->slots[i];
        enum hv_err err;

        if (mfn_is_none(slot->table) || !mfn_eq(slot->root, root))
            continue;
        slot->foreign = slot->foreign || slot->vcpu != vcpu;
        err = slot_close(p, slot, PTWR_T_WALK, budget);
        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

/*
 * May a vCPU's walks start at this root, once it has been judged? Not while it is one for another
 * size of address space. It stops being that if nobody has it loaded, and when a flush has made
 * sure that no TLB has its page, also if the vCPU has been waiting for the same root.
 */
static bool can_start(struct ptwr *p, mfn_t root, unsigned int level)
{
    const struct frame *f = mfn_is_none(root) ? NULL : type_frame(p, root);

    if (f == NULL || !frame_has(f, FRAME_ROOT) || frame_level(f) == level)
        return true;
    (void)root_drop_if_unloaded(p, root);
    if (f->state != FRAME_STALE)
        return false;
    p->flush_due = true;
    return true;
}

static void note_change(struct ptwr *p, mfn_t old, mfn_t root)
{
    if (!mfn_eq(old, root) && (has_blocks(p, old) || has_blocks(p, root)))
        p->flush_due = true;
}

mfn_t ptwr_set_user_base(struct ptwr *p, unsigned int vcpu, mfn_t root, unsigned int va_bits)
{
    mfn_t old = p->base[vcpu][0];
    unsigned int old_level = root_first_level(p, vcpu, 0);
    bool can;

    if (!mfn_eq(old, root))
        release_left(p, vcpu);
    p->base[vcpu][0] = MFN_NONE;
    p->va_bits[vcpu][0] = (uint8_t)va_bits;
    /* No walk goes on that began at another level. */
    if (root_first_level(p, vcpu, 0) != old_level)
        p->flush_due = true;
    can = can_start(p, root, root_first_level(p, vcpu, 0));
    p->base[vcpu][0] = root;
    note_change(p, old, root);
    return can ? root : MFN_NONE;
}

void ptwr_base_written(struct ptwr *p)
{
    if (p->flush_due)
        sequence_flush(p);
    p->flush_due = false;
}

bool ptwr_switch_user_base(struct ptwr *p, unsigned int vcpu, mfn_t root)
{
    const struct frame *f = mfn_is_none(root) ? NULL : type_frame(p, root);
    mfn_t old = p->base[vcpu][0];

    if (p->flush_due)
        return false;
    /* can_start() */
    if (f != NULL && frame_has(f, FRAME_ROOT) && frame_level(f) != root_first_level(p, vcpu, 0))
        return false;
    if (mfn_eq(old, root))
        return true;
    if (has_blocks(p, old) || has_blocks(p, root))
        return false;
    release_left(p, vcpu);
    p->base[vcpu][0] = root;
    return true;
}

enum hv_err ptwr_set_kernel_base(struct ptwr *p, unsigned int vcpu, mfn_t root,
                                 unsigned int va_bits, unsigned int *budget)
{
    mfn_t old = p->base[vcpu][1];
    uint8_t old_bits = p->va_bits[vcpu][1];
    enum hv_err err = HV_OK;

    if (mfn_eq(old, root) && old_bits == va_bits)
        return HV_OK;
    p->va_bits[vcpu][1] = (uint8_t)va_bits;
    if (!mfn_is_none(root)) {
        /* Walks by TTBR1_EL1 do not go by the walk window: nothing below may be open. */
        err = ptwr_sync(p, PTWR_T_REGIME, budget);
        if (err == HV_OK && !seal_admits_root(p, root))
            err = refuse_frame(p, root, 0, PTWR_RULE_SEALED);
        if (err == HV_OK)
            err = keep(p, vcpu, 1, root, budget);
    }
    if (err != HV_OK) {
        p->va_bits[vcpu][1] = old_bits;
        return err;
    }
    if (!mfn_is_none(root))
        add_role(p, frame_get(p->frames, root), 1);
    p->base[vcpu][1] = root;
    p->links++;
    note_change(p, old, root);
    return HV_OK;
}

void ptwr_stage1_off(struct ptwr *p, unsigned int vcpu)
{
    for (unsigned int which = 0; which < 2; which++) {
        p->base[vcpu][which] = MFN_NONE;
        p->va_bits[vcpu][which] = 0;
    }
    p->links++;
    (void)root_drop_unloaded(p);
    /* No walk goes on that began before, when the same tables are roots for another level. */
    sequence_flush(p);
}

/* Are there vCPUs whose walks by TTBR0_EL1 start at another level? */
static bool is_mixed(const struct ptwr *p, unsigned int level)
{
    for (unsigned int i = 0; i < PTWR_MAX_VCPUS; i++) {
        if (p->va_bits[i][0] != 0 && root_first_level(p, i, 0) != level)
            return true;
    }
    return false;
}

/* A walk by TTBR0_EL1 met a root that is parked, or has not been judged yet. */
static enum hv_err root_fault(struct ptwr *p, unsigned int vcpu, mfn_t root, unsigned int *budget)
{
    bool is_new = !frame_has(frame_get(p->frames, root), FRAME_PINNED);
    enum hv_err err;

    if (!mfn_eq(root, p->base[vcpu][0]))
        return HV_EINVAL;
    release_walked(p, vcpu);
    if (is_parked(p, root)) {
        err = close_below(p, vcpu, root, budget);
        if (err != HV_OK)
            return err;
    }
    err = keep(p, vcpu, 0, root, budget);
    if (err != HV_OK)
        return err;
    add_role(p, frame_get(p->frames, root), 0);
    /*
     * What this CPU walked before, with pages where this root has blocks, was never broken: when
     * the base changed nobody knew of them. And a walk of another CPU that had the same base for
     * another level may go on still, waiting for the page that is shown now.
     */
    if (is_new && (has_blocks(p, root) || is_mixed(p, root_first_level(p, vcpu, 0))))
        sequence_flush(p);
    root_unpark(p, root);
    return HV_OK;
}

enum hv_err ptwr_walk_fault(struct ptwr *p, unsigned int vcpu, mfn_t table, unsigned int *budget)
{
    const struct frame *f = type_frame(p, table);
    struct ptwr_slot *slot;

    p->count.walk_faults++;
    if (f == NULL)
        return HV_EINVAL;
    if (p->guarded)
        return root_fault(p, vcpu, table, budget);
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
