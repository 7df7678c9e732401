/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/stale.h"

#include "ptwr/port.h"
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
    if (p->guarded && !p->count_users && frame_level(f) == 3)
        taken = 0; /* its leaves took nothing */
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

static bool all_invalid(const desc_t *block, unsigned int count)
{
    uint64_t any = 0;

    for (unsigned int i = 0; i < count; i++)
        any |= block[i].raw;
    return (any & DESC_VALID) == 0;
}

/* Drop what the entries of the first frame with TEARDOWN refer to, from the last taken down. */
static void teardown(struct ptwr *p, unsigned int *budget)
{
    mfn_t mfn = p->teardown;
    struct frame *f = frame_get(p->frames, mfn);
    unsigned int level = frame_level(f);

    while (f->el0_writers != 0 && *budget != 0) {
        desc_t block[TYPE_BLOCK];
        unsigned int end = f->el0_writers;
        unsigned int count = type_block(end, *budget);

        ptwr_port_read(p->port, mfn, end - count, count, block);
        if (all_invalid(block, count)) {
            frame_set_cursor(f, end - count);
            type_spend(budget, 1 + count / 4);
            continue;
        }
        do {
            end--;
            count--;
            type_drop(p, (struct type_at){mfn, (uint16_t)end, (uint8_t)level}, block[count]);
            type_spend(budget, 1 + type_cost(block[count], level));
        } while (count > 0 && *budget != 0);
        frame_set_cursor(f, end);
    }
    if (f->el0_writers != 0)
        return;
    frame_clear(f, FRAME_TEARDOWN);
    p->teardown = mfn_of(f->parent);
}

enum hv_err stale_teardown(struct ptwr *p, unsigned int *budget)
{
    while (!mfn_is_none(p->teardown) && *budget != 0)
        teardown(p, budget);
    return mfn_is_none(p->teardown) ? HV_OK : HV_EAGAIN;
}

static void free_head(struct ptwr *p)
{
    mfn_t mfn = p->stale_head;
    struct frame *f = frame_get(p->frames, mfn);

    sequence_free(p, mfn);
    p->stale_head = mfn_of(f->parent);
    p->nr_stale--;
    p->nr_flushed--;
    f->type = FRAME_NONE;
    f->state = FRAME_PLAIN;
    f->parent = 0;
    frame_clear(f, FRAME_ROOT);
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
