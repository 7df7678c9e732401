/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/stale.h"

#include "ptwr/port.h"
#include "ptwr/seal.h"
#include "ptwr/sequence.h"
#include "ptwr/type.h"

void stale_init(struct ptwr *p)
{
    p->stale_head = MFN_NONE;
    p->stale_tail = MFN_NONE;
    p->unflushed = MFN_NONE;
    p->teardown = MFN_NONE;
    p->nr_stale = 0;
    p->nr_flushed = 0;
    p->stale_roots = 0;
}

void stale_add(struct ptwr *p, mfn_t mfn, unsigned int taken)
{
    struct frame *f = frame_get(p->frames, mfn);
    bool has_code = frame_has(f, FRAME_CODE);

    if (f->el1_writers != 0)
        p->tables_with_writers--;
    if (mfn_eq(mfn, p->last_empty)) /* said of this table, not of what the frame becomes next */
        p->last_empty = MFN_NONE;
    if (sequence_is_walked(p, f)) {
        sequence_retire(p, mfn);
        p->stale_roots++;
    }
    f->state = FRAME_STALE;
    f->hooked = 0;
    f->index = 0;
    f->parent = MFN_NONE.raw;
    frame_set(f, FRAME_TEARDOWN);
    if (frame_is_table(f) && type_holds_nothing(p, frame_level(f)) && !has_code)
        taken = 0;
    frame_set_cursor(f, taken);
    if (p->nr_stale == 0)
        p->stale_head = mfn;
    else
        frame_get(p->frames, p->stale_tail)->parent = mfn.raw;
    p->stale_tail = mfn;
    if (mfn_is_none(p->unflushed))
        p->unflushed = mfn;
    if (mfn_is_none(p->teardown))
        p->teardown = mfn;
    p->nr_stale++;
}

/* Drop what `count` entries from `at` on refer to, as far as the budget goes. How many it was. */
static unsigned int drop_block(struct ptwr *p, struct type_at at, unsigned int count,
                               unsigned int *budget)
{
    desc_t block[TYPE_BLOCK];
    unsigned int spent = 0;
    unsigned int i;

    ptwr_port_read(p->port, at.table, at.index, count, block);
    for (i = 0; i < count && spent < *budget; i++, at.index++) {
        spent++;
        if (!desc_is_valid(block[i]))
            continue;
        type_drop(p, at, block[i]);
        spent += type_cost(block[i], at.level);
    }
    type_spend(budget, spent);
    return i;
}

/*
 * Drop what the entries of the first frame with TEARDOWN refer to, from its index up to its cursor.
 * Most tables that a guest takes out of use are empty, or nearly so.
 */
static void teardown(struct ptwr *p, unsigned int *budget)
{
    mfn_t mfn = p->teardown;
    struct frame *f = frame_get(p->frames, mfn);
    uint8_t level = (uint8_t)frame_level(f);
    unsigned int end = f->el0_writers;
    unsigned int at = f->index;

    while (at < end && *budget != 0) {
        at = ptwr_port_next_nonzero(p->port, mfn, at);
        if (at < end)
            at += drop_block(p, (struct type_at){mfn, (uint16_t)at, level},
                             type_block(end - at, *budget), budget);
        else
            type_spend(budget, 1);
    }
    if (at < end) {
        f->index = at & 0x1ff;
        return;
    }
    f->index = 0;
    frame_set_cursor(f, 0);
    frame_clear(f, FRAME_TEARDOWN);
    p->teardown = mfn_of(f->parent);
}

enum hv_err stale_teardown(struct ptwr *p, unsigned int *budget)
{
    while (!mfn_is_none(p->teardown) && *budget != 0)
        teardown(p, budget);
    return mfn_is_none(p->teardown) ? HV_OK : HV_EAGAIN;
}

void stale_rest(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);
    bool constant = frame_has(f, FRAME_SEALED);

    f->index = frame_is_table(f) ? FRAME_WAS_TABLE : 0;
    if (p->guarded && frame_is_table(f))
        frame_clear(f, FRAME_WAY); /* it would be FRAME_FOREIGN */
    f->type = FRAME_NONE;
    f->state = FRAME_PLAIN;
    f->parent = 0;
    f->hooked = frame_has(f, FRAME_KDATA);
    f->readonly = constant;
    frame_clear(f, FRAME_ROOT);
    frame_clear(f, FRAME_CODE);
    if (!constant)
        sequence_free(p, mfn);
}

static void free_head(struct ptwr *p)
{
    mfn_t mfn = p->stale_head;
    struct frame *f = frame_get(p->frames, mfn);

    p->stale_head = mfn_of(f->parent);
    p->nr_stale--;
    p->nr_flushed--;
    stale_rest(p, mfn);
    if (p->nr_stale == 0)
        stale_init(p);
}

enum hv_err ptwr_work(struct ptwr *p, unsigned int *budget)
{
    enum hv_err err = stale_teardown(p, budget);
    bool freed = false;

    /* While anything holds references still, the budget is spent. */
    while (p->nr_flushed != 0 && *budget != 0) {
        free_head(p);
        freed = true;
        type_spend(budget, 1);
    }
    if (freed)
        sequence_freed(p);
    return p->nr_flushed == 0 ? err : HV_EAGAIN;
}

enum hv_err stale_finish(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    const struct frame *f = frame_get(p->frames, mfn);

    /* Tables that went stale after the last flush may include this one: one flush serves all. */
    while (f->state == FRAME_STALE && *budget != 0) {
        if (p->nr_flushed == 0)
            sequence_flush(p);
        if (ptwr_work(p, budget) != HV_OK && *budget == 0)
            break;
    }
    return f->state == FRAME_STALE ? HV_EAGAIN : HV_OK;
}
