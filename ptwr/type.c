/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/type.h"

#include "ptwr/known.h"
#include "ptwr/leaf.h"
#include "ptwr/port.h"
#include "ptwr/root.h"
#include "ptwr/seal.h"
#include "ptwr/sequence.h"
#include "ptwr/slot.h"
#include "ptwr/stale.h"

void type_blame(struct ptwr *p, struct type_at at, desc_t old, desc_t value)
{
    struct ptwr_violation *v = &p->violation;

    if (!mfn_is_none(v->table))
        return;
    v->table = at.table;
    v->index = at.index;
    v->level = at.level;
    v->old = old;
    v->new = value;
}

struct ptwr_slot *type_slot(struct ptwr *p, mfn_t table)
{
    if (p->nr_open == 0)
        return NULL;
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        if (mfn_eq(p->slots[i].table, table))
            return &p->slots[i];
    }
    return NULL;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static enum hv_err take_table(struct ptwr *p, struct type_at at, desc_t d, mfn_t *child)
{
    mfn_t mfn = type_child(p, d);
    struct frame *f = type_frame(p, mfn);

    *child = mfn;
    if (f == NULL)
        return type_refuse(p, PTWR_RULE_OWNER);
    if (f->state == FRAME_STALE || f->type == FRAME_NONE)
        return NOT_READY; /* who may become a table is may_begin()'s affair */
    if (f->type != frame_type_of_level(at.level + 1U))
        return type_refuse(p, f->type == frame_type_of_level(at.level) ? PTWR_RULE_LEVEL
                                                                       : PTWR_RULE_TYPE);
    if (frame_has(f, FRAME_WAY) && p->seal.state == SEAL_DONE)
        return type_refuse(p, PTWR_RULE_SEALED);
    if (type_slot(p, mfn) != NULL || slot_is_below(p, mfn))
        return HV_EBUSY;
    if (f->state != FRAME_ATTACHED)
        return NOT_READY;
    if (f->type_count == FRAME_TYPE_COUNT_MAX)
        return type_refuse(p, PTWR_RULE_COUNT);
    f->type_count++;
    if (f->hooked || frame_has(f, FRAME_ROOT)) {
        f->hooked = 1;
        root_note_shared(p, f, at.table);
        frame_clear(f, FRAME_BACKPTR);
        return HV_OK;
    }
    if (mfn_is_none(mfn_of(f->parent)) && (f->index & FRAME_BLOCKS) != 0)
        root_note_block(p, at.table);
    f->hooked = 1;
    frame_set(f, FRAME_BACKPTR);
    frame_set_parent(f, at.table, at.index);
    return HV_OK;
}

void type_put(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    f->type_count--;
    if (f->type_count == 0) {
        stale_add(p, mfn, PTWR_ENTRIES);
        p->count.demoted++;
    }
}

/*
 * Can EL2's memory of a way (struct ptwr_memo) come by this table? None comes by a stale one, for
 * it lost its last link before; and those of a guarded domain begin in TTBR1_EL1.
 */
static bool is_on_no_way(const struct ptwr *p, mfn_t table)
{
    return frame_get(p->frames, table)->state == FRAME_STALE ||
           !mfn_is_none(slot_user_root(p, table));
}

static void drop_table(struct ptwr *p, struct type_at at, desc_t d)
{
    mfn_t mfn = type_child(p, d);
    struct frame *f = frame_get(p->frames, mfn);

    /* With a back-pointer this was the only entry. Walk caches may keep the old way, so the frame
     * stays `hooked` and proves nothing more. */
    frame_clear(f, FRAME_BACKPTR);
    if (!is_on_no_way(p, at.table))
        p->links++;
    type_put(p, mfn);
}

void type_drop(struct ptwr *p, struct type_at at, desc_t d)
{
    if (!desc_is_valid(d))
        return;
    if (desc_is_table(d, at.level))
        drop_table(p, at, d);
    else
        leaf_drop(p, at.level, d);
}

void type_forget(struct ptwr *p)
{
    p->taken = (struct frame_run){0};
    p->dropped = (struct frame_run){0};
    for (unsigned int i = 0; i < PTWR_KINDS; i++)
        p->kinds[i] = 0;
}

/* type_take() without promoting: NOT_READY names the frame that has to change first. */
static enum hv_err take_ready(struct ptwr *p, struct type_at at, desc_t d, mfn_t *child)
{
    enum ptwr_rule rule;
    enum hv_err err;

    p->count.validated++;
    if (!desc_is_valid(d))
        return HV_OK;
    rule = validate_bits(p, at.level, d);
    if (rule != PTWR_RULE_NONE)
        return type_refuse(p, rule);
    if (desc_is_table(d, at.level))
        return take_table(p, at, d, child);
    err = leaf_take(p, at.level, d, child);
    if (err == HV_OK && at.level == 3 && seal_judges(p) && seal_is_code(d))
        frame_set(frame_get(p->frames, at.table), FRAME_CODE);
    if (err == HV_OK && at.level < 3)
        root_note_block(p, at.table);
    return err;
}

/*
 * A frame may be in use by tables that are stale only, or by those of an address space that nobody
 * uses: what was refused is to be looked at again when they hold nothing any more. HV_OK: now;
 * HV_EINVAL: there is nothing of the kind, so it stays refused.
 */
static enum hv_err look_again(struct ptwr *p, unsigned int *budget)
{
    if (mfn_is_none(p->teardown) && !root_drop_unloaded(p))
        return HV_EINVAL;
    return stale_teardown(p, budget);
}

enum hv_err type_take(struct ptwr *p, struct type_at at, desc_t d, unsigned int *budget)
{
    for (;;) {
        mfn_t child;
        enum hv_err err = take_ready(p, at, d, &child);

        if (err != NOT_READY && err != HV_EINVAL)
            return err;
        if (err == HV_EINVAL) {
            err = look_again(p, budget);
            if (err != HV_OK)
                return err;
            p->count.validated--;
            continue;
        }
        p->count.validated--;
        if (desc_is_table(d, at.level))
            err = type_promote(p, child, at.level + 1U, budget);
        else
            err = leaf_make_ready(p, at.level, d, child, budget);
        if (err != HV_OK)
            return err;
    }
}

/* --- Promotion: a depth-first walk whose position lies in the frames ------------------------- */

static void to_plain(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    if (f->el1_writers != 0)
        p->tables_with_writers--;
    stale_rest(p, mfn);
}

/* No walker ever saw it; what it took is dropped like a stale table's. */
static void cancel_one(struct ptwr *p, mfn_t mfn)
{
    const struct frame *f = frame_get(p->frames, mfn);

    if (f->el0_writers == 0)
        to_plain(p, mfn);
    else
        stale_add(p, mfn, f->el0_writers);
}

/* Is this entry's child waiting for the table at `at`? */
static bool waits_for(struct ptwr *p, struct type_at at, desc_t d)
{
    const struct frame *f;

    if (!desc_is_valid(d) || !desc_is_table(d, at.level))
        return false;
    f = type_frame(p, type_child(p, d));
    return f != NULL && f->state == FRAME_PROTECTING && f->parent == at.table.raw &&
           f->index == at.index && type_slot(p, type_child(p, d)) == NULL;
}

/*
 * A table's children begin at most TYPE_BLOCK entries ahead of its cursor; of these only the one at
 * the cursor itself has children of its own that wait.
 */
void type_cancel(struct ptwr *p, mfn_t mfn)
{
    while (!mfn_is_none(mfn)) {
        const struct frame *f = frame_get(p->frames, mfn);
        unsigned int first = f->el0_writers;
        unsigned int count = type_block(PTWR_ENTRIES - first, TYPE_BLOCK);
        unsigned int level = frame_level(f);
        desc_t block[TYPE_BLOCK];
        mfn_t next = MFN_NONE;

        ptwr_port_read(p->port, mfn, first, count, block);
        for (unsigned int i = 0; i < count && level < 3; i++) {
            struct type_at at = {mfn, (uint16_t)(first + i), (uint8_t)level};

            if (!waits_for(p, at, block[i]))
                continue;
            if (i == 0)
                next = type_child(p, block[i]);
            else
                cancel_one(p, type_child(p, block[i]));
        }
        cancel_one(p, mfn);
        mfn = next;
    }
    sequence_freed(p);
}

/* Can the frame begin to be a table? HV_OK, HV_EINVAL, or HV_EAGAIN with the budget spent. */
static enum hv_err may_begin(struct ptwr *p, mfn_t mfn, unsigned int *budget)
{
    struct frame *f = type_frame(p, mfn);
    enum hv_err err;

    if (f == NULL)
        return type_refuse(p, PTWR_RULE_OWNER);
    if ((f->readonly && !frame_has(f, FRAME_SEALED)) || frame_has(f, FRAME_FOREIGN))
        return type_refuse(p, PTWR_RULE_FOREIGN);
    if (f->state == FRAME_STALE) {
        err = stale_finish(p, mfn, budget);
        if (err != HV_OK)
            return err;
    }
    if (f->type != FRAME_NONE)
        return type_refuse(p, PTWR_RULE_TYPE);
    if (f->el0_writers != 0)
        return type_refuse(p, PTWR_RULE_EL0_TABLE);
    if (!p->assist && f->el1_writers != 0)
        return type_refuse(p, PTWR_RULE_WRITABLE);
    return HV_OK;
}

/* PLAIN to PROTECTING, before the flush that makes it true. */
static void begin(struct ptwr *p, mfn_t mfn, unsigned int level, struct type_at parent)
{
    struct frame *f = frame_get(p->frames, mfn);

    f->type = frame_type_of_level(level) & 7;
    f->state = FRAME_PROTECTING;
    f->hooked = 0;
    f->readonly = 0; /* a constant of a sealed image: stale_rest() makes it one again */
    frame_set_parent(f, parent.table, parent.index);
    frame_set_cursor(f, 0);
    if (f->el1_writers != 0)
        p->tables_with_writers++;
}

/*
 * Begin the child of block[0] and those of the entries after it that are ready to: one flush for
 * all. block[i] is entry at.index + i.
 */
static enum hv_err begin_children(struct ptwr *p, struct type_at at, const desc_t *block,
                                  unsigned int count, unsigned int *budget)
{
    mfn_t list[SEQUENCE_MAX];
    unsigned int n = 0;
    enum hv_err err = may_begin(p, type_child(p, block[0]), budget);

    if (err != HV_OK)
        return err;
    for (unsigned int i = 0; i < count && n < SEQUENCE_MAX; i++, at.index++) {
        const struct frame *f;
        unsigned int no_budget = 0;

        if (!desc_is_valid(block[i]) || validate_bits(p, at.level, block[i]) != PTWR_RULE_NONE ||
            !desc_is_table(block[i], at.level))
            continue;
        f = type_frame(p, type_child(p, block[i]));
        if (f == NULL || f->state != FRAME_PLAIN ||
            may_begin(p, type_child(p, block[i]), &no_budget) != HV_OK)
            continue;
        list[n] = type_child(p, block[i]);
        begin(p, list[n++], at.level + 1U, at);
    }
    sequence_protect(p, list, n);
    return HV_OK;
}

/*
 * The entry block[0] at the cursor is NOT_READY because of *child. HV_OK: look at it again, after
 * *child if that is not MFN_NONE, which is PROTECTING now.
 */
static enum hv_err prepare(struct ptwr *p, struct type_at at, const desc_t *block,
                           unsigned int count, unsigned int *budget, mfn_t *child)
{
    struct frame *f = frame_get(p->frames, *child);

    if (!desc_is_table(block[0], at.level)) {
        enum hv_err err = leaf_make_ready(p, at.level, block[0], *child, budget);

        *child = MFN_NONE;
        return err;
    }
    if (f->state != FRAME_PROTECTING)
        return begin_children(p, at, block, count, budget);
    /* Begun ahead of the cursor, or by a validation that was never finished. */
    frame_set_parent(f, at.table, at.index);
    return HV_OK;
}

/* One entry of a PROTECTING table: as type_take(), or NOT_READY with prepare()'s *child. */
static enum hv_err scan_entry(struct ptwr *p, struct type_at at, const desc_t *block,
                              unsigned int count, unsigned int *budget, mfn_t *child)
{
    enum hv_err err = take_ready(p, at, block[0], child);

    if (err == NOT_READY) {
        p->count.validated--;
        err = prepare(p, at, block, count, budget, child);
        if (err == HV_OK)
            return NOT_READY;
    }
    if (err == HV_EINVAL)
        type_blame(p, at, desc_of(0), block[0]);
    return err;
}

struct scan {
    unsigned int *budget;
    struct frame_run run;
    mfn_t child; /* out: whose turn it is, with NOT_READY */
};

/* Judge up to `count` entries of a PROTECTING table from its cursor on. Errors as scan_table(). */
static enum hv_err scan_block(struct ptwr *p, struct type_at at, const desc_t *block,
                              unsigned int count, struct scan *scan)
{
    struct frame *f = frame_get(p->frames, at.table);
    bool nothing = type_holds_nothing(p, at.level);

    for (unsigned int i = 0; i < count; i++, at.index++) {
        enum hv_err err;

        if (!desc_is_valid(block[i])) {
            p->count.validated++;
            frame_set_cursor(f, at.index + 1U);
            continue;
        }
        if (at.level == 3 && !nothing && type_take_fast(&scan->run, p->owner, block[i])) {
            p->count.validated++;
            frame_set_cursor(f, at.index + 1U);
            continue;
        }
        err = scan_entry(p, at, &block[i], count - i, scan->budget, &scan->child);
        if (err != HV_OK)
            return err;
        if (nothing)
            known_learn(p, block[i]);
        else if (at.level == 3)
            type_learn(p, &scan->run, block[i]);
        frame_set_cursor(f, at.index + 1U);
        type_spend(scan->budget, type_cost(block[i], at.level));
        if (*scan->budget <= i) /* scan_table() spends what was looked at */
            break;
    }
    return HV_OK;
}

/* Pages of known kinds from the cursor on, as far as the budget goes. Where it ends. */
static unsigned int scan_known(struct ptwr *p, mfn_t mfn, unsigned int first, unsigned int *budget)
{
    unsigned int most = *budget * KNOWN_PAGES;
    unsigned int count = PTWR_ENTRIES - first < most ? PTWR_ENTRIES - first : most;
    unsigned int known = known_row(p, ptwr_port_view(p->port, 0, mfn).now + first, count);

    p->count.validated += known;
    type_spend(budget, (known + KNOWN_PAGES - 1) / KNOWN_PAGES);
    return first + known;
}

/*
 * Judge entries of a PROTECTING table from its cursor on. HV_OK: all are taken. NOT_READY: first
 * scan->child, of the entry at the cursor, or the same entry again if it is MFN_NONE.
 */
static enum hv_err scan_table(struct ptwr *p, mfn_t mfn, struct scan *scan)
{
    struct frame *f = frame_get(p->frames, mfn);
    unsigned int level = frame_level(f);

    for (;;) {
        desc_t block[TYPE_BLOCK];
        unsigned int first = ptwr_port_next_nonzero(p->port, mfn, f->el0_writers);
        unsigned int count;
        enum hv_err err;

        if (first < PTWR_ENTRIES && type_holds_nothing(p, level))
            first = scan_known(p, mfn, first, scan->budget);
        frame_set_cursor(f, first);
        if (first == PTWR_ENTRIES)
            return HV_OK;
        count = type_block(PTWR_ENTRIES - first, *scan->budget);
        if (count == 0)
            return HV_EAGAIN;
        ptwr_port_read(p->port, mfn, first, count, block);
        err = scan_block(p, (struct type_at){mfn, (uint16_t)first, (uint8_t)level}, block, count,
                         scan);
        type_spend(scan->budget, f->el0_writers - first);
        if (err != HV_OK)
            return err;
    }
}

static void attach(struct ptwr *p, mfn_t mfn)
{
    struct frame *f = frame_get(p->frames, mfn);

    frame_set_cursor(f, 0);
    f->state = FRAME_ATTACHED;
    if (!p->guarded) /* else only roots are in the walk window: ptwr_walk_fault() */
        sequence_attach(p, mfn);
    p->count.promoted++;
}

/* A child is done: its parent, whose cursor is at the entry, takes it at once. */
static mfn_t attach_below(struct ptwr *p, mfn_t mfn)
{
    const struct frame *f = frame_get(p->frames, mfn);
    struct frame *parent = frame_get(p->frames, mfn_of(f->parent));
    struct type_at at = {mfn_of(f->parent), f->index, (uint8_t)frame_level(parent)};
    mfn_t unused;

    attach(p, mfn);
    p->count.validated++;
    /* Cannot fail: the table is attached, of the right level, in no slot, without references. */
    (void)take_table(p, at, ptwr_port_load(p->port, at.table, at.index), &unused);
    frame_set_cursor(parent, at.index + 1U);
    return at.table;
}

static enum hv_err begin_top(struct ptwr *p, mfn_t mfn, unsigned int level, unsigned int *budget)
{
    const struct frame *f = type_frame(p, mfn);
    enum hv_err err;

    if (f != NULL && f->state == FRAME_PROTECTING) {
        if (f->type != frame_type_of_level(level))
            return type_refuse(p, PTWR_RULE_TYPE);
        /* Begun ahead by another table's validation: that one's end is not this one's any more. */
        if (!mfn_is_none(mfn_of(f->parent)))
            frame_set_parent(frame_get(p->frames, mfn), MFN_NONE, 0);
        return HV_OK;
    }
    err = may_begin(p, mfn, budget);
    if (err != HV_OK)
        return err;
    begin(p, mfn, level, (struct type_at){MFN_NONE, 0, 0});
    sequence_protect(p, &mfn, 1);
    return HV_OK;
}

/*
 * A guarded guest was never told that its table is judged, so there is nobody to refuse it to: the
 * entry at the cursor, which breaks a rule, loses its valid bit, and the rest is judged as it is.
 */
static enum hv_err strike(struct ptwr *p, mfn_t table, unsigned int *budget)
{
    unsigned int index = frame_get(p->frames, table)->el0_writers;
    desc_t d = ptwr_port_load(p->port, table, index);

    p->count.refused++;
    ptwr_port_store(p->port, table, index, desc_of(d.raw & ~DESC_VALID));
    sequence_repaired(p);
    type_spend(budget, 1);
    return HV_OK;
}

enum hv_err type_promote(struct ptwr *p, mfn_t top, unsigned int level, unsigned int *budget)
{
    struct scan scan = {.budget = budget};
    mfn_t at = top;
    enum hv_err err;

    do {
        err = begin_top(p, top, level, budget);
        if (err == HV_OK)
            break;
        if (err == HV_EINVAL)
            err = look_again(p, budget);
    } while (err == HV_OK);
    while (err == HV_OK) {
        err = scan_table(p, at, &scan);
        if (err == NOT_READY) {
            at = mfn_is_none(scan.child) ? at : scan.child;
            err = HV_OK;
        } else if (err == HV_EINVAL) {
            err = look_again(p, budget);
            if (err == HV_EINVAL && p->guarded && p->action == PTWR_ACTION_REFUSE) {
                /* What is open may be about to end the use that stands against it. */
                if (p->nr_open != 0 && !p->last_resort)
                    return HV_EBUSY;
                err = strike(p, at, budget);
            }
            if (err == HV_EINVAL)
                type_cancel(p, top);
        } else if (err == HV_OK && mfn_eq(at, top)) {
            attach(p, top);
            return HV_OK;
        } else if (err == HV_OK) {
            at = attach_below(p, at);
            type_spend(budget, TYPE_TABLE_COST);
        }
    }
    return err;
}
