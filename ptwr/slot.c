/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/slot.h"

#include "ptwr/known.h"
#include "ptwr/policy.h"
#include "ptwr/port.h"
#include "ptwr/root.h"
#include "ptwr/sequence.h"
#include "ptwr/stale.h"
#include "ptwr/type.h"

void slot_init(struct ptwr *p)
{
    for (unsigned int i = 0; i < PTWR_MAX_SLOTS; i++)
        p->slots[i].table = MFN_NONE;
    p->nr_open = 0;
}

/* --- Opening ---------------------------------------------------------------------------------- */

/*
 * Is this table hooked at one VA only, as far as any walk cache can know? Each table up to the root
 * must have exactly one entry that ever referred to it, and the root must have been in one of the
 * two bases only, and in no entry. VA: of its first entry.
 */
static bool find_place(const struct ptwr *p, mfn_t mfn, va_t *va, mfn_t *root)
{
    const struct frame *f = frame_get(p->frames, mfn);
    uint64_t address = 0;

    while (!frame_has(f, FRAME_ROOT)) {
        if (!frame_has(f, FRAME_BACKPTR))
            return false;
        address |= f->index * desc_span(frame_level(f) - 1);
        mfn = mfn_of(f->parent);
        f = frame_get(p->frames, mfn);
    }
    if (f->hooked)
        return false;
    switch (f->index & FRAME_ROLES) {
    case FRAME_ROLE(0):
        break;
    case FRAME_ROLE(1):
        address |= ~UINT64_C(0) << (PAGE_SHIFT + 4 * PTWR_INDEX_BITS);
        break;
    default:
        return false;
    }
    *va = va_of(address);
    *root = mfn;
    return true;
}

mfn_t slot_user_root(const struct ptwr *p, mfn_t table)
{
    const struct frame *f = frame_get(p->frames, table);

    if (!p->guarded)
        return MFN_NONE;
    while (!frame_has(f, FRAME_ROOT)) {
        if (!frame_has(f, FRAME_BACKPTR))
            return MFN_NONE;
        table = mfn_of(f->parent);
        f = frame_get(p->frames, table);
    }
    return f->hooked || (f->index & FRAME_ROLES) != FRAME_ROLE(0) ? MFN_NONE : table;
}

bool slot_can_open(const struct ptwr *p, mfn_t table)
{
    va_t va;
    mfn_t root;

    return !p->guarded || (find_place(p, table, &va, &root) && !mfn_eq(root, table) &&
                           frame_get(p->frames, root)->index % 4 == FRAME_ROLE(0));
}

bool slot_is_below(const struct ptwr *p, mfn_t table)
{
    for (unsigned int i = 0; i < p->nr_slots && p->nr_open != 0 && p->guarded; i++) {
        mfn_t at = p->slots[i].table;

        while (!mfn_is_none(at)) {
            const struct frame *f = frame_get(p->frames, at);

            if (mfn_eq(at, table))
                return true;
            at = frame_has(f, FRAME_BACKPTR) ? mfn_of(f->parent) : MFN_NONE;
        }
    }
    return false;
}

struct ptwr_slot *slot_above(struct ptwr *p, mfn_t table)
{
    const struct frame *f = frame_get(p->frames, table);

    if (p->nr_open == 0 || !p->guarded)
        return NULL;
    while (frame_has(f, FRAME_BACKPTR)) {
        struct ptwr_slot *slot = type_slot(p, mfn_of(f->parent));

        if (slot != NULL)
            return slot;
        f = frame_get(p->frames, mfn_of(f->parent));
    }
    if (frame_has(f, FRAME_ROOT))
        return NULL;
    /* Which tables refer to this one is not known: any open one of a level above may have. */
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        if (!mfn_is_none(p->slots[i].table) && p->slots[i].level < frame_level(f))
            return &p->slots[i];
    }
    return NULL;
}

static struct ptwr_slot *oldest(struct ptwr *p)
{
    struct ptwr_slot *found = &p->slots[0];

    for (unsigned int i = 1; i < p->nr_slots; i++) {
        if ((int32_t)(p->slots[i].sequence - found->sequence) < 0)
            found = &p->slots[i];
    }
    return found;
}

static struct ptwr_slot *free_slot(struct ptwr *p)
{
    for (unsigned int i = 0; i < p->nr_slots; i++) {
        if (mfn_is_none(p->slots[i].table))
            return &p->slots[i];
    }
    return NULL;
}

enum hv_err slot_open(struct ptwr *p, const struct ptwr_store *store, unsigned int *budget)
{
    struct frame *f = frame_get(p->frames, store->table);
    struct ptwr_slot *slot = free_slot(p);
    mfn_t root = MFN_NONE;
    va_t va;
    bool one_va;

    if (slot == NULL) {
        enum hv_err err;

        slot = oldest(p);
        err = slot_close(p, slot, PTWR_T_SLOT, budget);
        if (err != HV_OK)
            return err;
        /* Reconnecting may have taken away this table's last reference, or linked it again. */
        if (f->state != FRAME_ATTACHED || !slot_can_open(p, store->table))
            return HV_EAGAIN;
    }
    one_va = find_place(p, store->table, &va, &root) && frame_level(f) == 3;
    f->type_count++;
    sequence_detach(p, p->guarded ? root : store->table, one_va ? &va : NULL);
    ptwr_port_snapshot_take(p->port, (unsigned int)(slot - p->slots), store->table);
    sequence_release(p, store->table, store->va);
    f->state = FRAME_OPEN;
    *slot = (struct ptwr_slot){
        .level = (uint8_t)frame_level(f),
        .vcpu = store->vcpu,
        .sequence = p->sequence++,
        .pc = store->pc,
        .table = store->table,
        .root = root,
        .run = policy_run(p, store),
        .worth = policy_worth(store),
    };
    if (!p->guarded) /* else it is on no way that is remembered: slot_can_open() */
        p->links++;
    p->nr_open++;
    p->count.opened++;
    return HV_OK;
}

/* --- Reconnecting ----------------------------------------------------------------------------- */

#define ANY_VCPU UINT8_MAX

/* One flush for these slots, if opened by `vcpu`; what is protected already is stepped over. */
static void protect(struct ptwr *p, struct ptwr_slot *slots, unsigned int count, unsigned int vcpu,
                    enum ptwr_trigger why)
{
    mfn_t frames[PTWR_MAX_SLOTS];
    unsigned int n = 0;

    for (unsigned int i = 0; i < count; i++) {
        struct ptwr_slot *slot = &slots[i];

        if (mfn_is_none(slot->table) || slot->protected_ ||
            (vcpu != ANY_VCPU && slot->vcpu != vcpu))
            continue;
        frames[n++] = slot->table;
        slot->protected_ = true;
        slot->why = why;
        slot->cursor = 0;
        slot->changed = 0;
        slot->dropped = 0;
        frame_get(p->frames, slot->table)->state = FRAME_PROTECTING;
    }
    if (n != 0)
        sequence_protect(p, frames, n);
}

/* An illegal entry, action crash: it and all after it go back to what they were, as in Xen. */
static void restore(struct ptwr *p, struct ptwr_slot *slot)
{
    unsigned int number = (unsigned int)(slot - p->slots);

    for (unsigned int i = slot->cursor; i < PTWR_ENTRIES; i++) {
        desc_t old;

        if (i < slot->dropped && !desc_is_valid(ptwr_port_load(p->port, slot->table, i)))
            continue; /* what it was is given back already */
        ptwr_port_snapshot_read(p->port, number, i, 1, &old);
        ptwr_port_store(p->port, slot->table, i, old);
    }
    sequence_repaired(p);
    slot->cursor = PTWR_ENTRIES;
}

/*
 * The new value of an entry breaks a rule. HV_OK: the answer is to store it without its valid bit,
 * never to keep the old one, whose frame the guest believes unmapped.
 */
static enum hv_err batch_refuse(struct ptwr *p, struct ptwr_slot *slot, struct type_at at,
                                desc_t old, desc_t value)
{
    type_blame(p, at, old, value);
    p->count.refused++;
    if (p->action == PTWR_ACTION_CRASH) {
        if (p->fatal.rule == PTWR_RULE_NONE)
            p->fatal = p->violation;
        restore(p, slot);
        return HV_EPERM;
    }
    ptwr_port_store(p->port, at.table, at.index, desc_of(value.raw & ~DESC_VALID));
    sequence_repaired(p);
    return HV_OK;
}

/* What a scan of a level-3 table knows of the pages it has seen. */
struct batch_runs {
    struct frame_run taken;
    struct frame_run dropped;
};

/*
 * May an entry of a batch give back what it was before what it is now is judged? A guarded guest's
 * old entries never return.
 */
static bool drops_first(const struct ptwr *p, desc_t now)
{
    return !desc_is_valid(now) || (p->guarded && p->action == PTWR_ACTION_REFUSE);
}

static bool is_dropped(const struct ptwr *p, const struct ptwr_slot *slot, unsigned int index,
                       desc_t now, desc_t then)
{
    return index < slot->dropped && !desc_eq(now, then) && drops_first(p, now);
}

/*
 * What the guest took out of the table needs no judging, and may be all that stands in the way of
 * the rest. HV_OK or HV_EAGAIN.
 */
static enum hv_err batch_drop(struct ptwr *p, struct ptwr_slot *slot, unsigned int *budget)
{
    unsigned int number = (unsigned int)(slot - p->slots);

    if (slot->dropped < slot->cursor)
        slot->dropped = slot->cursor;
    for (;;) {
        desc_t now[TYPE_BLOCK], then[TYPE_BLOCK];
        unsigned int first = ptwr_port_next_change(p->port, number, slot->table, slot->dropped);
        unsigned int count = type_block(PTWR_ENTRIES - first, *budget);

        slot->dropped = (uint16_t)first;
        if (first == PTWR_ENTRIES)
            return HV_OK;
        if (count == 0)
            return HV_EAGAIN;
        ptwr_port_read(p->port, slot->table, first, count, now);
        ptwr_port_snapshot_read(p->port, number, first, count, then);
        for (unsigned int i = 0; i < count && *budget != 0; i++, slot->dropped++) {
            type_spend(budget, 1);
            if (!drops_first(p, now[i]) || desc_eq(now[i], then[i]))
                continue;
            type_drop(p, (struct type_at){slot->table, slot->dropped, slot->level}, then[i]);
            type_spend(budget, type_cost(then[i], slot->level));
            slot->changed = (uint16_t)(slot->changed + !desc_is_valid(now[i]));
        }
    }
}

/*
 * One changed entry: take before drop. HV_EBUSY: another open table may settle it (slot->blocked);
 * not if slot->last, when all others have had their turn: then it links none that is open, for
 * those go first (close_round). Only what was taken vouches for others.
 */
static enum hv_err batch_entry(struct ptwr *p, struct ptwr_slot *slot, struct type_at at,
                               const desc_t change[2], struct batch_runs *runs,
                               unsigned int *budget)
{
    enum hv_err err;

    p->last_resort = slot->last;
    err = type_take(p, at, change[1], budget);
    if (err == HV_OK && type_holds_nothing(p, at.level))
        known_learn(p, change[1]);
    else if (err == HV_OK && at.level == 3)
        type_learn(p, &runs->taken, change[1]);
    if ((err == HV_EBUSY || err == HV_EINVAL) && slot->dropped != PTWR_ENTRIES) {
        err = batch_drop(p, slot, budget);
        if (err == HV_OK)
            err = type_take(p, at, change[1], budget);
    }
    p->last_resort = false;
    if (err == HV_EBUSY || err == HV_EINVAL) {
        slot->blocked = err == HV_EBUSY ? PTWR_T_REFERENCE : PTWR_T_CONFLICT;
        if (!slot->last)
            return HV_EBUSY;
        err = batch_refuse(p, slot, at, change[0], change[1]);
    }
    if (err != HV_OK)
        return err;
    if (!is_dropped(p, slot, at.index, change[1], change[0]))
        type_drop(p, at, change[0]);
    if (at.level == 3)
        type_learn(p, &runs->dropped, change[0]);
    return HV_OK;
}

/* Unchanged entries in a row from which on the port finds the next change sooner. */
#define BATCH_UNCHANGED 4

/* Pages of runs that cost what one unit of a budget stands for. One for another counts as two. */
#define BATCH_PAGES 4

static inline bool batch_page(const struct batch_runs *runs, uint8_t owner, const desc_t *then_at,
                              const desc_t *now_at, unsigned int *replaced)
{
    desc_t then = ptwr_view_load(then_at);
    desc_t now = ptwr_view_load(now_at);

    if (!type_exchange_fast(&runs->taken, &runs->dropped, owner, then, now))
        return false;
    if (desc_is_valid(then) && desc_is_valid(now))
        ++*replaced;
    return true;
}

/*
 * How many entries in a row, of `count` from the view's first on, are changed pages of runs.
 * *replaced counts those that take another's place. Four at a time: most of the work of a batch is
 * here, and a loop of one would be mostly loop.
 */
static inline unsigned int batch_row(const struct batch_runs *runs, uint8_t owner,
                                     struct ptwr_view at, unsigned int count,
                                     unsigned int *replaced)
{
    const desc_t *first = at.now;
    const desc_t *end = at.now + count;

    for (; end - at.now >= 4; at.now += 4, at.then += 4) {
        if (!batch_page(runs, owner, &at.then[0], &at.now[0], replaced))
            return (unsigned int)(at.now - first);
        if (!batch_page(runs, owner, &at.then[1], &at.now[1], replaced))
            return (unsigned int)(at.now - first) + 1;
        if (!batch_page(runs, owner, &at.then[2], &at.now[2], replaced))
            return (unsigned int)(at.now - first) + 2;
        if (!batch_page(runs, owner, &at.then[3], &at.now[3], replaced))
            return (unsigned int)(at.now - first) + 3;
    }
    while (at.now < end && batch_page(runs, owner, at.then, at.now, replaced)) {
        at.now++;
        at.then++;
    }
    return (unsigned int)(at.now - first);
}

/* Where a scan for pages of runs is, and what it has found since the budget was last charged. */
struct batch_scan {
    unsigned int index;
    unsigned int unchanged;
    unsigned int replaced;
    unsigned int in_a_row; /* unchanged entries before this one */
};

/* From the scan's place to `end` at most. HV_OK: it stands at another change than such a page. */
static inline bool batch_stretch(const struct batch_runs *runs, uint8_t owner,
                                 struct ptwr_view view, unsigned int end, struct batch_scan *scan)
{
    while (scan->index < end && scan->in_a_row < BATCH_UNCHANGED) {
        unsigned int i = scan->index;
        unsigned int pages = batch_row(runs, owner, (struct ptwr_view){&view.now[i], &view.then[i]},
                                       end - i, &scan->replaced);

        i += pages;
        scan->index = i;
        if (pages != 0)
            scan->in_a_row = 0;
        if (i == end)
            break;
        if (!desc_eq(ptwr_view_load(&view.now[i]), ptwr_view_load(&view.then[i])))
            return true;
        scan->index++;
        scan->unchanged++;
        scan->in_a_row++;
    }
    return false;
}

/*
 * Pages of runs, from the slot's cursor on, and a few unchanged entries between them. true: the
 * cursor stands at another change; false: at unchanged ones, at the table's end, or the budget is
 * spent.
 */
static bool batch_pages(struct ptwr *p, struct ptwr_slot *slot, const struct batch_runs *runs,
                        struct ptwr_view view, unsigned int *budget)
{
    const struct batch_runs known = *runs; /* in registers, whatever is stored to */
    struct batch_scan scan = {.index = slot->cursor};
    bool other = false;

    while (!other && *budget != 0 && scan.in_a_row < BATCH_UNCHANGED && scan.index < PTWR_ENTRIES) {
        unsigned int first = scan.index;
        unsigned int most = *budget * (BATCH_PAGES / 2);
        unsigned int end = PTWR_ENTRIES - first < most ? PTWR_ENTRIES : first + most;
        unsigned int changed;

        scan.unchanged = 0;
        scan.replaced = 0;
        other = batch_stretch(&known, p->owner, view, end, &scan);
        changed = scan.index - first - scan.unchanged;
        slot->cursor = (uint16_t)scan.index;
        slot->changed = (uint16_t)(slot->changed + changed);
        p->count.validated += changed;
        type_spend(budget, (changed + scan.replaced + BATCH_PAGES - 1) / BATCH_PAGES);
    }
    return other;
}

/* The same for a table whose entries take nothing. */
static bool batch_known(struct ptwr *p, struct ptwr_slot *slot, struct ptwr_view view,
                        unsigned int *budget)
{
    unsigned int first = slot->cursor;
    unsigned int most = *budget * KNOWN_PAGES;
    unsigned int count = PTWR_ENTRIES - first < most ? PTWR_ENTRIES - first : most;
    struct ptwr_view rest = {&view.now[first], &view.then[first]};
    unsigned int changed = 0;
    unsigned int known = known_changes(p, rest, count, &changed);

    slot->cursor = (uint16_t)(first + known);
    slot->changed = (uint16_t)(slot->changed + changed);
    p->count.validated += changed;
    type_spend(budget, (known + KNOWN_PAGES - 1) / KNOWN_PAGES);
    return known < count &&
           !desc_eq(ptwr_view_load(&rest.now[known]), ptwr_view_load(&rest.then[known]));
}

/* Pages that need no closer look, from the cursor on. true: the cursor is at another change. */
static bool batch_fast(struct ptwr *p, struct ptwr_slot *slot, const struct batch_runs *runs,
                       struct ptwr_view view, unsigned int *budget)
{
    return type_holds_nothing(p, 3) ? batch_known(p, slot, view, budget)
                                    : batch_pages(p, slot, runs, view, budget);
}

/* One entry, at the slot's cursor; it moves on. Errors as batch_entry(). */
static enum hv_err batch_one(struct ptwr *p, struct ptwr_slot *slot, struct batch_runs *runs,
                             desc_t old, desc_t value, unsigned int *budget)
{
    struct type_at at = {slot->table, slot->cursor, slot->level};
    enum hv_err err;

    /* What is invalid now may have been dropped before its turn. */
    if (!desc_eq(old, value) && (slot->cursor >= slot->dropped || desc_is_valid(value))) {
        err = batch_entry(p, slot, at, (desc_t[2]){old, value}, runs, budget);
        if (err != HV_OK)
            return err;
        type_spend(budget, 1 + type_cost(value, slot->level) + type_cost(old, slot->level));
        slot->changed++;
    }
    slot->cursor++;
    return HV_OK;
}

/*
 * From the slot's cursor, where an entry has changed, on. HV_OK: up to one that has not, or the
 * budget is spent. Errors as batch_entry().
 */
static enum hv_err batch_judge(struct ptwr *p, struct ptwr_slot *slot, struct batch_runs *runs,
                               unsigned int *budget)
{
    unsigned int number = (unsigned int)(slot - p->slots);

    while (*budget != 0 && slot->cursor < PTWR_ENTRIES) {
        struct ptwr_view view = ptwr_port_view(p->port, number, slot->table);
        desc_t old, value;
        enum hv_err err;

        if (slot->level == 3 && slot->cursor >= slot->dropped &&
            !batch_fast(p, slot, runs, view, budget))
            return HV_OK;
        if (*budget == 0)
            return HV_OK;
        old = ptwr_view_load(&view.then[slot->cursor]);
        value = ptwr_view_load(&view.now[slot->cursor]);
        if (desc_eq(old, value))
            return HV_OK;
        err = batch_one(p, slot, runs, old, value, budget);
        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

/* Judge what changed, from the slot's cursor on. HV_OK: nothing is left. */
static enum hv_err batch(struct ptwr *p, struct ptwr_slot *slot, unsigned int *budget)
{
    unsigned int number = (unsigned int)(slot - p->slots);
    struct batch_runs runs = {0};

    for (;;) {
        unsigned int first = ptwr_port_next_change(p->port, number, slot->table, slot->cursor);
        enum hv_err err;

        slot->cursor = (uint16_t)first;
        if (first == PTWR_ENTRIES)
            return HV_OK;
        if (*budget == 0)
            return HV_EAGAIN;
        err = batch_judge(p, slot, &runs, budget);
        if (err != HV_OK)
            return err;
    }
}

/* All is judged: the walkers may have it back. */
static void finish(struct ptwr *p, struct ptwr_slot *slot)
{
    mfn_t table = slot->table;

    frame_get(p->frames, table)->state = FRAME_ATTACHED;
    slot->table = MFN_NONE;
    p->nr_open--;
    if (p->guarded)
        root_unpark(p, slot->root);
    else
        sequence_attach(p, table);
    p->closed++;
    p->count.reconnected[slot->why]++;
    p->count.batch_entries += slot->changed;
    policy_learn(p, slot, table);
    type_put(p, table);
}

/*
 * No entry and no base refers to the table any more, only its slot: the guest took it out of use
 * by a store that another batch held, and may have written what it likes since. That is data, and
 * nobody's to judge. What the old entries refer to is dropped by the snapshot, from the cursor on;
 * what was judged already goes the way of all stale tables.
 */
static enum hv_err give_up(struct ptwr *p, struct ptwr_slot *slot, unsigned int *budget)
{
    unsigned int number = (unsigned int)(slot - p->slots);
    mfn_t table = slot->table;

    if (!slot->given_up) {
        slot->given_up = true;
        slot->judged = slot->cursor;
        if (type_holds_nothing(p, slot->level) &&
            !frame_has(frame_get(p->frames, table), FRAME_CODE))
            slot->cursor = PTWR_ENTRIES;
    }
    while (slot->cursor < PTWR_ENTRIES) {
        struct type_at at = {table, slot->cursor, slot->level};
        desc_t then;

        if (*budget == 0)
            return HV_EAGAIN;
        ptwr_port_snapshot_read(p->port, number, slot->cursor, 1, &then);
        if (!is_dropped(p, slot, at.index, ptwr_port_load(p->port, table, at.index), then))
            type_drop(p, at, then);
        slot->cursor++;
        type_spend(budget, 1 + type_cost(then, at.level));
    }
    slot->table = MFN_NONE;
    p->nr_open--;
    p->closed++;
    p->count.reconnected[slot->why]++;
    p->count.demoted++;
    frame_get(p->frames, table)->type_count = 0;
    stale_add(p, table, slot->judged);
    if (p->guarded)
        root_unpark(p, slot->root);
    return HV_OK;
}

/*
 * One slot's turn. A slot that is blocked is not tried again before another one has gone: each
 * attempt may validate a tree and give it up again, so that calls which come back after their
 * budget ran out would never end.
 */
static enum hv_err run(struct ptwr *p, struct ptwr_slot *slot, bool last, unsigned int *budget)
{
    enum hv_err err;

    if (slot->given_up || frame_get(p->frames, slot->table)->type_count == 1)
        return give_up(p, slot, budget);
    slot->last = last || p->nr_open == 1;
    if (!slot->last && slot->tried == p->closed + 1)
        return HV_EBUSY;
    err = batch(p, slot, budget);
    if (err == HV_EBUSY)
        slot->tried = p->closed + 1;
    if (err == HV_OK || err == HV_EPERM)
        finish(p, slot);
    return err;
}

/*
 * Each slot's turn, level-3 tables first: they link no tables, so what they hold up is only ever
 * each other's counts. `last`: the first one's only, and what is in its way is refused.
 */
static enum hv_err close_round(struct ptwr *p, bool last, unsigned int *budget)
{
    for (unsigned int level = 4; level-- > 0;) {
        for (unsigned int i = 0; i < p->nr_slots; i++) {
            enum hv_err err;

            if (mfn_is_none(p->slots[i].table) || p->slots[i].level != level)
                continue;
            err = run(p, &p->slots[i], last, budget);
            if (err == HV_EAGAIN || last)
                return err;
        }
    }
    return HV_OK;
}

/* An illegal entry, action crash: said when all is consistent, also if that took several calls. */
static enum hv_err verdict(struct ptwr *p, enum hv_err err)
{
    if (p->fatal.rule == PTWR_RULE_NONE || err == HV_EAGAIN)
        return err;
    p->violation = p->fatal;
    p->fatal.rule = PTWR_RULE_NONE;
    return HV_EPERM;
}

/*
 * An unmodified guest knows of no batches: what it took out of an open table it may use at once for
 * something else, and other open tables may be no tables any more. HV_OK or HV_EAGAIN.
 */
static enum hv_err drop_replaced(struct ptwr *p, unsigned int *budget)
{
    for (unsigned int level = 0; level < 3; level++) {
        for (unsigned int i = 0; i < p->nr_slots; i++) {
            if (mfn_is_none(p->slots[i].table) || p->slots[i].level != level)
                continue;
            if (batch_drop(p, &p->slots[i], budget) != HV_OK)
                return HV_EAGAIN;
        }
    }
    return stale_teardown(p, budget);
}

/* Rounds while one of them closes something; then the first that is left gives way. */
static enum hv_err close_all(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget)
{
    if (p->nr_open != 0)
        protect(p, p->slots, p->nr_slots, ANY_VCPU, why);
    if (p->guarded && p->nr_open > 1 && drop_replaced(p, budget) != HV_OK)
        return HV_EAGAIN;
    while (p->nr_open != 0) {
        uint32_t closed = p->closed;
        enum hv_err err = close_round(p, false, budget);

        if (err != HV_EAGAIN && p->closed == closed)
            err = close_round(p, true, budget);
        if (err == HV_EAGAIN)
            return err;
    }
    return verdict(p, HV_OK);
}

enum hv_err slot_close(struct ptwr *p, struct ptwr_slot *slot, enum ptwr_trigger why,
                       unsigned int *budget)
{
    enum hv_err err;

    if (slot_above(p, slot->table) != NULL)
        return close_all(p, why, budget);
    protect(p, slot, 1, ANY_VCPU, why);
    if (p->guarded && stale_teardown(p, budget) != HV_OK)
        return HV_EAGAIN;
    err = run(p, slot, false, budget);
    return err == HV_EBUSY ? close_all(p, slot->blocked, budget) : verdict(p, err);
}

enum hv_err slot_give_up_lost(struct ptwr *p, unsigned int *budget)
{
    for (unsigned int i = 0; i < p->nr_slots && p->nr_open != 0; i++) {
        struct ptwr_slot *slot = &p->slots[i];
        enum hv_err err;

        if (mfn_is_none(slot->table) || frame_get(p->frames, slot->table)->type_count != 1)
            continue;
        protect(p, slot, 1, ANY_VCPU, PTWR_T_SLOT);
        err = give_up(p, slot, budget);
        if (err != HV_OK)
            return err;
    }
    return HV_OK;
}

enum hv_err ptwr_sync(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget)
{
    return close_all(p, why, budget);
}

void ptwr_protect_open(struct ptwr *p, unsigned int vcpu, enum ptwr_trigger why)
{
    if (p->nr_open != 0)
        protect(p, p->slots, p->nr_slots, vcpu, why);
}
