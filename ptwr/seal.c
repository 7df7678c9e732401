/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/seal.h"

#include "ptwr/port.h"
#include "ptwr/root.h"
#include "ptwr/sequence.h"
#include "ptwr/stale.h"

/* Frames that become text under one flush. */
#define TEXT_BATCH SEQUENCE_MAX

/* A rule of the seal is broken: refused, or only counted and reported. */
static enum hv_err broken(struct ptwr *p, enum ptwr_rule rule)
{
    if (!p->seal.audit)
        return type_refuse(p, rule);
    p->seal.audited = (struct ptwr_violation){.rule = rule, .table = MFN_NONE};
    p->count.audited++;
    return HV_OK;
}

static bool is_code_frame(const struct frame *f)
{
    return f->type == FRAME_TEXT && f->state == FRAME_ATTACHED;
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* Can the frame become text, or is it in use as what must not be executed? */
static enum hv_err may_be_text(struct ptwr *p, const struct frame *f)
{
    if (f->readonly && frame_has(f, FRAME_SEALED))
        return HV_OK;
    if (frame_is_table(f) && f->state != FRAME_STALE)
        return broken(p, PTWR_RULE_EXECUTE);
    if (frame_has(f, FRAME_KDATA) || f->el0_writers != 0)
        return broken(p, PTWR_RULE_EXECUTE);
    if (p->seal.state == SEAL_DONE && p->seal.text == PTWR_TEXT_DENY)
        return broken(p, PTWR_RULE_TEXT);
    return HV_OK;
}

static enum hv_err judge_code(struct ptwr *p, struct leaf_frames range, mfn_t *child)
{
    for (uint64_t i = 0; i < range.count; i++) {
        mfn_t mfn = mfn_of(range.first + i);
        const struct frame *f = frame_get(p->frames, mfn);
        uint64_t audited = p->count.audited;
        enum hv_err err;

        if (is_code_frame(f)) {
            if (f->type_count == FRAME_TYPE_COUNT_MAX)
                return type_refuse(p, PTWR_RULE_COUNT);
            continue;
        }
        err = may_be_text(p, f);
        if (err != HV_OK)
            return err;
        if (p->count.audited != audited || p->seal.state == SEAL_CHECKING)
            continue;
        *child = mfn;
        return NOT_READY;
    }
    return HV_OK;
}

/* Where EL0 may write is neither text nor what else is the kernel's. */
static enum hv_err judge_user(struct ptwr *p, struct leaf_frames range)
{
    for (uint64_t i = 0; i < range.count; i++) {
        const struct frame *f = frame_get(p->frames, mfn_of(range.first + i));
        enum hv_err err = HV_OK;

        if (frame_is_ordinary(f, p->owner))
            continue;
        if (f->type == FRAME_TEXT && f->state != FRAME_STALE)
            err = broken(p, PTWR_RULE_EXECUTE);
        else if (f->readonly || frame_has(f, FRAME_KDATA))
            err = broken(p, PTWR_RULE_SEALED);
        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

enum hv_err seal_judge_leaf(struct ptwr *p, desc_t d, struct leaf_frames range, mfn_t *child)
{
    if (seal_is_code(d)) {
        if (desc_is_writable(d) || desc_is_el0(d)) {
            enum hv_err err = broken(p, PTWR_RULE_EXECUTE);

            if (err != HV_OK)
                return err;
        } else {
            return judge_code(p, range, child);
        }
    }
    return desc_is_el0(d) && desc_is_writable(d) ? judge_user(p, range) : HV_OK;
}

/* --- Text ------------------------------------------------------------------------------------- */

static void begin_text(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    f->type = FRAME_TEXT;
    f->state = FRAME_ATTACHED;
    f->readonly = 0;
    f->hooked = 0;
    /* While the image is being marked, leaves that are not counted may map it: it stays text. */
    if (p->seal.state != SEAL_DONE)
        frame_set(f, FRAME_SEALED);
}

enum hv_err seal_make_text(struct ptwr *p, struct leaf_frames range, unsigned int *budget)
{
    mfn_t list[TEXT_BATCH];
    unsigned int n = 0;

    for (uint64_t i = 0; i < range.count && n < TEXT_BATCH; i++) {
        mfn_t mfn = mfn_of(range.first + i);
        const struct frame *f = frame_get(p->frames, mfn);

        if (is_code_frame(f))
            continue;
        if (f->state == FRAME_STALE) {
            enum hv_err err = stale_finish(p, mfn, budget);

            if (err != HV_OK)
                return err;
        }
        if (f->state == FRAME_PROTECTING)
            type_cancel(p, mfn);
        if (f->state != FRAME_PLAIN)
            return HV_EAGAIN; /* judged again, and refused */
        begin_text(p, mfn);
        list[n++] = mfn;
    }
    if (n != 0)
        sequence_protect(p, list, n);
    type_spend(budget, n);
    return n == TEXT_BATCH && *budget == 0 ? HV_EAGAIN : HV_OK;
}

bool ptwr_may_start_at(const struct ptwr *p, mfn_t mfn)
{
    const struct frame *f = type_frame(p, mfn);

    return f != NULL && (p->seal.state != SEAL_DONE || p->seal.audit || frame_has(f, FRAME_SEALED));
}

void seal_count_text(struct ptwr *p, struct leaf_frames range)
{
    for (uint64_t i = 0; i < range.count; i++) {
        struct frame *f = frame_get(p->frames, mfn_of(range.first + i));

        if (is_code_frame(f) && !frame_has(f, FRAME_SEALED))
            f->type_count++;
    }
}

void seal_drop_text(struct ptwr *p, struct leaf_frames range)
{
    for (uint64_t i = 0; i < range.count; i++) {
        struct frame *f = frame_get(p->frames, mfn_of(range.first + i));

        if (!is_code_frame(f) || frame_has(f, FRAME_SEALED))
            continue;
        f->type_count--;
        if (f->type_count == 0)
            stale_add(p, mfn_of(range.first + i), 0);
    }
}

enum ptwr_rule seal_judge_store(struct ptwr *p)
{
    if (p->seal.text == PTWR_TEXT_ALLOW)
        return PTWR_RULE_NONE;
    if (p->seal.text == PTWR_TEXT_DENY && !p->seal.audit)
        return PTWR_RULE_TEXT;
    p->seal.audited = (struct ptwr_violation){.rule = PTWR_RULE_TEXT, .table = MFN_NONE};
    p->count.audited++;
    return PTWR_RULE_NONE;
}

/* --- Sealed translations ---------------------------------------------------------------------- */

/* The VA of a sealed table's entry: nothing else refers to it since it was sealed. */
static uint64_t va_of_entry(const struct ptwr *p, struct type_at at)
{
    const struct frame *f = frame_get(p->frames, at.table);
    uint64_t va = at.index * desc_span(at.level);

    while (!frame_has(f, FRAME_ROOT)) {
        va |= f->index * desc_span(frame_level(f) - 1U);
        f = frame_get(p->frames, mfn_of(f->parent));
    }
    return va;
}

/* The image's VA without the bits that only say that it lies in the upper half. */
static uint64_t image_va(const struct ptwr *p)
{
    return p->seal.image_va.raw & (BIT64(PAGE_SHIFT + 4 * PTWR_INDEX_BITS) - 1);
}

static bool keeps_rights(desc_t old, desc_t value)
{
    const uint64_t same = DESC_VALID | DESC_TABLE | DESC_OA | DESC_ATTRINDX | DESC_AP_EL0;

    if (((old.raw ^ value.raw) & same) != 0)
        return false;
    if (!desc_is_writable(old) && desc_is_writable(value))
        return false;
    if ((~old.raw & value.raw & DESC_CONTIGUOUS) != 0)
        return false;
    return seal_is_code(old) || !seal_is_code(value);
}

static bool is_same_way(desc_t old, desc_t value)
{
    return ((old.raw ^ value.raw) & (DESC_VALID | DESC_TABLE | DESC_OA)) == 0;
}

bool seal_admits(struct ptwr *p, struct type_at at, desc_t old, desc_t value)
{
    /* With the contiguous bit an entry may stand for its whole group (Arm ARM D8.6.1). */
    bool group = ((old.raw | value.raw) & DESC_CONTIGUOUS) != 0;
    uint64_t span = desc_span(at.level) * (group ? LEAF_CONTIGUOUS : 1);
    uint64_t va = va_of_entry(p, at) & ~(span - 1);
    uint64_t first = image_va(p);

    if (va + span <= first || va >= first + p->seal.image_size)
        return true;
    if (!desc_is_valid(old) && !desc_is_valid(value))
        return true;
    if (desc_is_valid(old) &&
        (desc_is_table(old, at.level) ? is_same_way(old, value) : keeps_rights(old, value)))
        return true;
    return broken(p, PTWR_RULE_SEALED) == HV_OK;
}

bool seal_admits_root(struct ptwr *p, mfn_t root)
{
    const struct frame *f = type_frame(p, root);

    if (p->seal.state != SEAL_DONE || (f != NULL && frame_is_table(f) && frame_has(f, FRAME_WAY)))
        return true;
    return broken(p, PTWR_RULE_SEALED) == HV_OK;
}

/* --- Sealing ---------------------------------------------------------------------------------- */

static bool in_image(const struct ptwr *p, uint64_t va)
{
    return va - image_va(p) < p->seal.image_size;
}

/* The domain's frames among those of a leaf, each looked at by `fn`. */
typedef enum hv_err (*mark_fn)(struct ptwr *p, mfn_t mfn);

static enum hv_err each_frame(struct ptwr *p, unsigned int level, desc_t d, mark_fn fn)
{
    struct leaf_frames range = leaf_in_ram(p, leaf_frames(level, d));
    enum hv_err err = HV_OK;

    for (uint64_t i = 0; i < range.count && err == HV_OK; i++)
        err = fn(p, mfn_of(range.first + i));
    return err;
}

static enum hv_err mark_text(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (is_code_frame(f)) {
        frame_set(f, FRAME_SEALED);
        return HV_OK;
    }
    if (f->state == FRAME_STALE) {
        unsigned int budget = 2 * PTWR_ENTRIES;

        if (stale_finish(p, mfn, &budget) != HV_OK)
            return type_refuse(p, PTWR_RULE_TYPE);
    }
    if (f->state != FRAME_PLAIN)
        return type_refuse(p, PTWR_RULE_EXECUTE);
    begin_text(p, mfn);
    sequence_seal(p, mfn);
    p->seal.nr_text++;
    return HV_OK;
}

static enum hv_err mark_rodata(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (frame_has(f, FRAME_SEALED))
        return HV_OK;
    p->seal.nr_rodata++;
    frame_set(f, FRAME_SEALED);
    if (f->state == FRAME_PLAIN) {
        f->readonly = 1;
        sequence_seal(p, mfn);
    }
    return HV_OK;
}

/*
 * Linux's image ends with the tables that it began with, and some that it had no need of: it gives
 * all of them away while it boots, without unmapping them.
 */
static enum hv_err mark_data(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (f->state == FRAME_PLAIN && (f->index & FRAME_WAS_TABLE) != 0)
        p->seal.ends = true;
    if (frame_has(f, FRAME_KDATA) || p->seal.ends)
        return HV_OK;
    p->seal.nr_data++;
    frame_set(f, FRAME_KDATA);
    if (f->state == FRAME_PLAIN)
        f->hooked = 1; /* not ordinary */
    return HV_OK;
}

/* A leaf of the kernel image, by what it allows. */
static enum hv_err mark_image(struct ptwr *p, unsigned int level, desc_t d)
{
    if (seal_is_code(d))
        return each_frame(p, level, d, mark_text);
    return each_frame(p, level, d, desc_is_writable(d) ? mark_data : mark_rodata);
}

static enum hv_err check_leaf(struct ptwr *p, struct type_at at, uint64_t va, desc_t d)
{
    struct leaf_frames range = leaf_in_ram(p, leaf_frames(at.level, d));
    mfn_t child;
    enum hv_err err = seal_judge_leaf(p, d, range, &child);

    if (err == HV_EINVAL)
        type_blame(p, at, d, d);
    if (p->seal.role == 1 && in_image(p, va) && !desc_is_writable(d) && !seal_is_code(d))
        p->seal.nr_rodata++;
    return err == NOT_READY ? HV_OK : err;
}

static enum hv_err mark_leaf(struct ptwr *p, struct type_at at, uint64_t va, desc_t d)
{
    enum hv_err err = HV_OK;

    if (p->seal.role == 1 && in_image(p, va))
        err = mark_image(p, at.level, d);
    else if (seal_is_code(d) && !desc_is_el0(d) && !desc_is_writable(d))
        err = each_frame(p, at.level, d, mark_text);
    if (err == HV_EINVAL)
        type_blame(p, at, d, d);
    return err == HV_EINVAL && p->seal.audit ? HV_OK : err;
}

/* A table of level `level` over the VA is on the way to the image. False: it has other places. */
static bool mark_way(struct ptwr *p, mfn_t table, unsigned int level)
{
    uint64_t span = desc_span(level) * PTWR_ENTRIES;
    uint64_t base = p->seal.va & ~(span - 1);
    struct frame *f = frame_get(p->frames, table);

    if (p->seal.role != 1 || base >= image_va(p) + p->seal.image_size || base + span <= image_va(p))
        return true;
    if (!frame_has(f, FRAME_BACKPTR) && !frame_has(f, FRAME_ROOT))
        return false;
    if (p->seal.state == SEAL_MARKING)
        frame_set(f, FRAME_WAY);
    return true;
}

/* Entries of a level-3 table from the cursor on. */
static enum hv_err scan_pages(struct ptwr *p, mfn_t table, unsigned int *budget)
{
    uint64_t base = p->seal.va & ~(desc_span(2) - 1);
    unsigned int index = desc_index(p->seal.va, 3);

    while (index < PTWR_ENTRIES && *budget != 0) {
        struct type_at at = {table, (uint16_t)index, 3};
        desc_t d = ptwr_port_load(p->port, table, index);
        enum hv_err err = HV_OK;

        if (desc_is_valid(d))
            err = p->seal.state == SEAL_CHECKING ? check_leaf(p, at, p->seal.va, d)
                                                 : mark_leaf(p, at, p->seal.va, d);
        if (err != HV_OK)
            return err;
        type_spend(budget, 1);
        index = ptwr_port_next_nonzero(p->port, table, index + 1);
        p->seal.va = base + ((uint64_t)index << PAGE_SHIFT);
    }
    return HV_OK;
}

/* One step at the cursor: a table of pages, a block, or a hole. */
static enum hv_err scan_step(struct ptwr *p, unsigned int *budget)
{
    mfn_t table = p->seal.root;
    unsigned int level = frame_level(frame_get(p->frames, table));
    enum hv_err err = HV_OK;
    desc_t d;

    for (;; level++) {
        if (!mark_way(p, table, level))
            return HV_EBUSY;
        if (level == 3)
            return scan_pages(p, table, budget);
        d = ptwr_port_load(p->port, table, desc_index(p->seal.va, level));
        if (!desc_is_valid(d) || !desc_is_table(d, level))
            break;
        table = type_child(p, d);
    }
    if (desc_is_valid(d)) {
        struct type_at at = {table, (uint16_t)desc_index(p->seal.va, level), (uint8_t)level};

        err = p->seal.state == SEAL_CHECKING ? check_leaf(p, at, p->seal.va, d)
                                             : mark_leaf(p, at, p->seal.va, d);
    }
    p->seal.va = (p->seal.va & ~(desc_span(level) - 1)) + desc_span(level);
    type_spend(budget, 1);
    return err;
}

/* The next root of this pass, or of the pass over the roots of TTBR0_EL1, or none. */
static bool next_root(struct ptwr *p)
{
    mfn_t at =
        mfn_is_none(p->seal.root) ? p->kept : mfn_of(frame_get(p->frames, p->seal.root)->parent);

    p->seal.va = 0;
    for (;;) {
        for (; !mfn_is_none(at); at = mfn_of(frame_get(p->frames, at)->parent)) {
            bool kernel = (frame_get(p->frames, at)->index & FRAME_ROLE(1)) != 0;

            if (kernel == (p->seal.role == 1)) {
                p->seal.root = at;
                return true;
            }
        }
        if (p->seal.role == 0)
            return false;
        p->seal.role = 0;
        at = p->kept;
    }
}

static void begin_pass(struct ptwr *p, enum ptwr_seal_state state)
{
    if (p->seal.state != state) {
        p->seal.nr_text = 0;
        p->seal.nr_rodata = 0;
        p->seal.nr_data = 0;
    }
    p->seal.state = state;
    p->seal.ends = false;
    p->seal.role = 1;
    p->seal.root = MFN_NONE;
    p->seal.lost = !next_root(p);
}

static enum hv_err scan(struct ptwr *p, unsigned int *budget)
{
    for (;;) {
        const struct frame *f = frame_get(p->frames, p->seal.root);
        uint64_t end = desc_span(frame_level(f)) * PTWR_ENTRIES;

        while (p->seal.va < end) {
            enum hv_err err;

            if (*budget == 0)
                return HV_EAGAIN;
            err = scan_step(p, budget);
            if (err != HV_OK)
                return err;
        }
        if (p->seal.state == SEAL_MARKING && p->seal.role == 1)
            frame_set(frame_get(p->frames, p->seal.root), FRAME_WAY);
        if (!next_root(p))
            return HV_OK;
    }
}

static enum hv_err give_up(struct ptwr *p, enum ptwr_seal_end end)
{
    p->seal.state = SEAL_OPEN;
    p->seal.end = end;
    p->seal.wanted = false;
    p->seal.wait = UINT32_C(1) << p->seal.shift;
    if (p->seal.shift < PTWR_SEAL_WAIT_MAX)
        p->seal.shift++;
    return HV_EINVAL;
}

bool ptwr_seal_is_wanted(struct ptwr *p)
{
    if (p->seal.state == SEAL_CHECKING || p->seal.state == SEAL_MARKING)
        return true;
    if (p->seal.state != SEAL_OPEN || !p->seal.wanted)
        return false;
    if (p->seal.wait == 0)
        return true;
    p->seal.wait--;
    p->seal.wanted = false;
    return false;
}

enum hv_err ptwr_seal_begin(struct ptwr *p, va_t image, uint64_t size, unsigned int *budget)
{
    enum hv_err err = ptwr_sync(p, PTWR_T_LIFE, budget);

    if (err != HV_OK)
        return err;
    p->seal.image_va = image;
    p->seal.image_size = size;
    (void)root_drop_unloaded(p);
    if (mfn_is_none(p->kept))
        return give_up(p, PTWR_SEAL_NO_TABLES);
    type_forget(p);
    begin_pass(p, SEAL_CHECKING);
    return HV_EAGAIN;
}

enum hv_err ptwr_seal_step(struct ptwr *p, unsigned int *budget)
{
    enum hv_err err = stale_teardown(p, budget);

    if (err != HV_OK)
        return err;
    if (p->seal.lost)
        begin_pass(p, p->seal.state);
    err = scan(p, budget);
    if (err == HV_EAGAIN)
        return err;
    if (err != HV_OK)
        return give_up(p, err == HV_EBUSY ? PTWR_SEAL_SHARED : PTWR_SEAL_VIOLATION);
    if (p->seal.state == SEAL_CHECKING) {
        if (p->seal.nr_rodata == 0)
            return give_up(p, PTWR_SEAL_TOO_EARLY);
        begin_pass(p, SEAL_MARKING);
        return HV_EAGAIN;
    }
    sequence_sealed(p);
    p->seal.state = SEAL_DONE;
    p->seal.end = PTWR_SEAL_SEALED;
    return HV_OK;
}
