/* SPDX-License-Identifier: Apache-2.0 */
#include "ptwr/update.h"

#include "ptwr/known.h"
#include "ptwr/policy.h"
#include "ptwr/port.h"
#include "ptwr/release.h"
#include "ptwr/root.h"
#include "ptwr/seal.h"
#include "ptwr/sequence.h"
#include "ptwr/slot.h"
#include "ptwr/stale.h"

/* Reconnect all open tables, in as many calls as it takes, before anything is judged again. */
static enum hv_err settle(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget)
{
    enum hv_err err = ptwr_sync(p, why, budget);

    p->settling = err == HV_EAGAIN;
    return err;
}

/* Is it still what it was when the entry was to be judged? */
static bool is_table_at(const struct ptwr *p, struct type_at at)
{
    const struct frame *f = frame_get(p->frames, at.table);

    return f->state == FRAME_ATTACHED && f->type == frame_type_of_level(at.level);
}

/*
 * Open tables hold counts that describe their old contents, and a link to one must not be followed
 * before its contents are judged: reconnect them and judge again.
 */
static enum hv_err take(struct ptwr *p, struct type_at at, desc_t old, desc_t value,
                        unsigned int *budget)
{
    enum hv_err err = p->settling ? settle(p, PTWR_T_CONFLICT, budget) : HV_OK;

    if (err == HV_OK && p->seal.state == SEAL_DONE &&
        frame_has(frame_get(p->frames, at.table), FRAME_WAY) && !seal_admits(p, at, old, value)) {
        type_blame(p, at, old, value);
        p->count.refused++;
        return HV_EINVAL;
    }
    if (err == HV_OK)
        err = type_take(p, at, value, budget);
    if ((err == HV_EBUSY || err == HV_EINVAL) && p->nr_open != 0) {
        err = settle(p, err == HV_EBUSY ? PTWR_T_REFERENCE : PTWR_T_CONFLICT, budget);
        if (err == HV_OK && !is_table_at(p, at))
            return HV_EAGAIN; /* what was open let it go: it is data */
        if (err == HV_OK)
            err = type_take(p, at, value, budget);
    }
    if (err == HV_EINVAL) {
        type_blame(p, at, old, value);
        p->count.refused++;
    }
    return err;
}

/* Guarded: a table on the way to what is sealed: seal_admits() is asked first. */
static inline bool is_way(const struct ptwr *p, mfn_t table)
{
    return p->guarded && frame_has(frame_get(p->frames, table), FRAME_WAY);
}

/* A page like the last ones, which no CPU has to be told of: most updates are such. */
static inline bool update_page(struct ptwr *p, struct type_at at, desc_t old, desc_t value)
{
    if (at.level != 3 || p->settling || validate_needs_break(old, value) || is_way(p, at.table))
        return false;
    if (type_holds_nothing(p, 3)) {
        if (!known_is(p, value) || known_is_code(p, old))
            return false;
    } else if (!type_exchange_fast(&p->taken, &p->dropped, p->owner, old, value)) {
        return false;
    }
    ptwr_port_store(p->port, at.table, at.index, value);
    p->count.validated++;
    return true;
}

enum hv_err update_entry(struct ptwr *p, struct type_at at, desc_t value, unsigned int *budget)
{
    desc_t old = ptwr_port_load(p->port, at.table, at.index);
    enum hv_err err;
    bool unflushed;

    if (desc_eq(old, value) || update_page(p, at, old, value))
        return HV_OK;
    err = take(p, at, old, value, budget);
    if (err != HV_OK)
        return err;
    /* Reconnecting open tables may have taken away this table's last reference: it is to be looked
     * at anew, and what its entries refer to is dropped elsewhere. */
    if (!is_table_at(p, at)) {
        type_drop(p, at, value);
        return HV_EAGAIN;
    }
    /* The guest has broken the entry itself, but has it flushed? A block's and a table's old and
     * new halves must never meet in a walk cache. */
    unflushed = at.level < 3 && !desc_is_valid(old) && p->broken == p->epoch + 1;
    if (at.level < 3 && desc_is_valid(old) && !desc_is_valid(value))
        p->broken = p->epoch + 1;
    if (validate_needs_break(old, value) || (unflushed && desc_is_valid(value)))
        sequence_replace(p, at.table, at.index, value);
    else
        ptwr_port_store(p->port, at.table, at.index, value);
    type_drop(p, at, old);
    type_spend(budget, type_cost(old, at.level) + type_cost(value, at.level));
    if (type_holds_nothing(p, at.level)) {
        known_learn(p, value);
    } else if (at.level == 3) {
        type_learn(p, &p->taken, value);
        type_learn(p, &p->dropped, old);
    }
    return HV_OK;
}

enum hv_err ptwr_update(struct ptwr *p, mfn_t table, unsigned int index, desc_t value,
                        unsigned int *budget)
{
    struct frame *f = type_frame(p, table);
    enum hv_err err;

    if (f == NULL || f->readonly)
        return HV_EPERM;
    if (p->nr_open != 0 && type_slot(p, table) != NULL) {
        err = slot_close(p, type_slot(p, table), PTWR_T_HYPERCALL, budget);
        if (err != HV_OK)
            return err;
    }
    if (f->state != FRAME_ATTACHED) {
        err = ptwr_settle(p, table, budget);
        if (err != HV_OK)
            return err;
    }
    if (f->state == FRAME_PLAIN) {
        ptwr_port_store(p->port, table, index, value);
        p->count.updates++;
        return HV_OK;
    }
    err = update_entry(p, (struct type_at){table, (uint16_t)index, (uint8_t)frame_level(f)}, value,
                       budget);
    if (err == HV_OK)
        p->count.updates++;
    return err;
}

/* --- The short way: pages, and nothing else to do ------------------------------------------------
 */

static inline bool holds(const struct ptwr *p, const struct ptwr_memo *memo, va_t va)
{
    return memo->links == p->links && memo->page == va.raw >> PAGE_SHIFT &&
           desc_eq(ptwr_port_load(p->port, memo->leaf_table, memo->leaf_index), memo->leaf);
}

static uint64_t region_of(va_t va) { return va.raw >> (PAGE_SHIFT + PTWR_INDEX_BITS); }

void ptwr_memo_fill_page(const struct ptwr *p, struct ptwr_memo *memo, va_t va,
                         const struct ptwr_walk *walk)
{
    mfn_t page = pa_to_mfn(pa_of(walk->oa));
    struct frame *f = type_frame(p, page);

    memo->links = 0;
    /* A guarded domain's links do not tell when TTBR0_EL1 changes, or the MMU goes off. */
    if (p->guarded && (mfn_is_none(walk->table) || (va.raw & BIT64(55)) == 0))
        return;
    if (f == NULL)
        return;
    *memo = (struct ptwr_memo){
        .links = p->links,
        .page = va.raw >> PAGE_SHIFT,
        .leaf = walk->desc,
        .leaf_table = walk->table,
        .leaf_index = walk->index,
        .table = page,
        .frame = f,
    };
}

void ptwr_memo_fill(const struct ptwr *p, struct ptwr_memo *memo, struct ptwr_way *way, va_t va,
                    const struct ptwr_walk *walk)
{
    const struct frame *f = type_frame(p, pa_to_mfn(pa_of(walk->oa)));

    memo->links = 0;
    if (f != NULL && walk->writable_el1 && frame_is_attached_l3(f, p->owner))
        ptwr_memo_fill_page(p, memo, va, walk);
    if (memo->links == 0)
        return;
    memo->root = slot_user_root(p, memo->table);
    if (walk->level == 3)
        *way = (struct ptwr_way){p->links, region_of(va), walk->table};
}

bool ptwr_memo_extend(const struct ptwr *p, struct ptwr_memo *memo, const struct ptwr_way *way,
                      va_t va)
{
    struct ptwr_walk walk = {.table = way->table, .level = 3, .index = desc_index(va.raw, 3)};
    const struct frame *f;

    if (way->links != p->links || way->region != region_of(va) || holds(p, memo, va))
        return false;
    walk.desc = ptwr_port_load(p->port, walk.table, walk.index);
    if (!desc_is_valid(walk.desc) || (walk.desc.raw & DESC_AP_RO) != 0)
        return false;
    walk.oa = desc_oa(walk.desc);
    f = type_frame(p, pa_to_mfn(pa_of(walk.oa)));
    if (f == NULL || !frame_is_attached_l3(f, p->owner))
        return false;
    ptwr_memo_fill_page(p, memo, va, &walk);
    memo->root = slot_user_root(p, memo->table);
    return true;
}

bool ptwr_memo_holds(const struct ptwr *p, const struct ptwr_memo *memo, va_t va)
{
    return holds(p, memo, va);
}

static inline bool memo_holds(const struct ptwr *p, const struct ptwr_memo *memo, va_t va)
{
    return holds(p, memo, va) && frame_is_attached_l3(memo->frame, p->owner);
}

/* Nothing that only a guarded domain has stands against the short way. */
static bool guarded_page(struct ptwr *p, const struct ptwr_memo *memo, uint64_t pc, desc_t value)
{
    if (policy_opens(p, memo->table, pc) && slot_can_open(p, memo->table))
        return false;
    if (slot_above(p, memo->table) != NULL)
        return false;
    return mfn_is_none(memo->root) || desc_is_valid(value) || !release_wanted(p, memo->root, pc);
}

bool ptwr_store_page(struct ptwr *p, const struct ptwr_memo *memo, va_t va, uint64_t pc,
                     desc_t value)
{
    struct type_at at = {memo->table, (uint16_t)((va.raw & (PAGE_SIZE - 1)) / sizeof(desc_t)), 3};
    desc_t old;

    if (!memo_holds(p, memo, va) || !mfn_is_none(p->teardown) || !p->assist)
        return false;
    if (p->guarded ? !guarded_page(p, memo, pc, value) : policy_opens(p, at.table, pc))
        return false;
    old = ptwr_port_load(p->port, at.table, at.index);
    if (!desc_eq(old, value) && !update_page(p, at, old, value))
        return false;
    policy_emulated(p, at.table, pc);
    if (p->guarded)
        release_note(p, memo->root, pc, value);
    p->count.store_faults++;
    p->count.emulated++;
    return true;
}

unsigned int ptwr_update_pages(struct ptwr *p, const struct ptwr_request *request,
                               unsigned int count)
{
    const uint64_t place = GENMASK64(PAGE_SHIFT - 1, 3);
    uint64_t page = request[0].ptr & ~place;
    mfn_t table = pa_to_mfn(pa_of(page));
    const struct frame *f = frame_get(p->frames, table);
    unsigned int i;

    /* An address that no frame number has room for is another than its table's. */
    if (f == NULL || mfn_to_pa(table).raw != page || !frame_is_attached_l3(f, p->owner))
        return 0;
    for (i = 0; i < count && (request[i].ptr & ~place) == page; i++) {
        struct type_at at = {table, (uint16_t)((request[i].ptr & place) / sizeof(desc_t)), 3};
        desc_t old = ptwr_port_load(p->port, table, at.index);

        if (!desc_eq(old, request[i].value) && !update_page(p, at, old, request[i].value))
            break;
    }
    p->count.updates += i;
    return i;
}

/* --- A store that hit a read-only frame --------------------------------------------------------
 */

static enum ptwr_outcome outcome_of(enum hv_err err)
{
    if (err == HV_OK || err == HV_EAGAIN)
        return PTWR_RETRY;
    return err == HV_EPERM ? PTWR_CRASH : PTWR_INJECT;
}

static enum ptwr_outcome refuse_store(struct ptwr *p, const struct ptwr_store *store,
                                      enum ptwr_rule rule)
{
    const struct frame *f = frame_get(p->frames, store->table);
    unsigned int index = (store->offset / sizeof(desc_t)) & (PTWR_ENTRIES - 1);

    p->violation = (struct ptwr_violation){
        .rule = rule,
        .table = store->table,
        .index = (uint16_t)index,
        .level = frame_is_table(f) ? (uint8_t)frame_level(f) : 0,
        .old = ptwr_port_load(p->port, store->table, index),
        .new = desc_of(store->value),
    };
    p->count.refused++;
    return PTWR_INJECT;
}

/* The bytes of an entry-sized word that a store changes, little-endian as a walker reads it. */
static desc_t merge(const struct ptwr_store *store, desc_t old)
{
    unsigned int shift = store->offset % sizeof(desc_t) * 8;
    uint64_t mask = store->size == 8 ? UINT64_MAX : BIT64(store->size * 8) - 1;

    return desc_of((old.raw & ~(mask << shift)) | (store->value & mask) << shift);
}

/* Narrow stores change a part of an entry: little-endian, as the walker reads it. */
static enum ptwr_outcome emulate(struct ptwr *p, struct ptwr_store *store, unsigned int *budget)
{
    struct type_at at = {store->table, (uint16_t)(store->offset / sizeof(desc_t)),
                         (uint8_t)frame_level(frame_get(p->frames, store->table))};
    unsigned int shift = store->offset % sizeof(desc_t) * 8;
    uint64_t mask = store->size == 8 ? UINT64_MAX : BIT64(store->size * 8) - 1;
    desc_t old = ptwr_port_load(p->port, at.table, at.index);
    desc_t value = merge(store, old);
    enum hv_err err;

    store->seen = old.raw >> shift & mask;
    if (store->old_valid && store->seen != (store->old & mask))
        return PTWR_FAILED;
    err = update_entry(p, at, value, budget);
    if (err != HV_OK)
        return outcome_of(err);
    policy_emulated(p, store->table, store->pc);
    if (p->guarded)
        release_note(p, slot_user_root(p, store->table), store->pc, value);
    p->count.emulated++;
    return PTWR_DONE;
}

static bool is_aligned(const struct ptwr_store *store) { return store->offset % store->size == 0; }

static enum ptwr_outcome store_to_attached(struct ptwr *p, struct ptwr_store *store,
                                           unsigned int *budget)
{
    bool can_emulate;

    if (store->el0)
        return refuse_store(p, store, PTWR_RULE_EL0_TABLE);
    if (!p->assist)
        return refuse_store(p, store, PTWR_RULE_WRITABLE);
    if (policy_opens(p, store->table, store->pc) && slot_can_open(p, store->table) &&
        (store->decoded || !release_believes(p, store->pc))) {
        if (p->guarded)
            release_note_cleared(p, slot_user_root(p, store->table), store->pc);
        return outcome_of(slot_open(p, store, budget));
    }
    if (!store->decoded) {
        p->count.store_faults--; /* the caller will ask again for the same one */
        return PTWR_DECODE;
    }
    can_emulate = store->emulatable && is_aligned(store);
    if (can_emulate)
        return emulate(p, store, budget);
    /* What can be neither emulated nor opened must not come back for ever. */
    if (!slot_can_open(p, store->table) || policy_is_hopeless(p, store)) {
        p->empty_batches = 0;
        return refuse_store(p, store, PTWR_RULE_UNALIGNED);
    }
    return outcome_of(slot_open(p, store, budget));
}

/* Rule R7: code is stored to by EL2, or not at all. The guest maintains its caches as it would. */
static enum ptwr_outcome store_to_text(struct ptwr *p, struct ptwr_store *store)
{
    unsigned int index = store->offset / (unsigned int)sizeof(desc_t);
    unsigned int shift = store->offset % sizeof(desc_t) * 8;
    uint64_t mask = store->size == 8 ? UINT64_MAX : BIT64(store->size * 8) - 1;
    enum ptwr_rule rule;
    desc_t old;

    if (store->el0)
        return refuse_store(p, store, PTWR_RULE_EXECUTE);
    if (!store->decoded) {
        p->count.store_faults--; /* the caller will ask again for the same one */
        return PTWR_DECODE;
    }
    if (!store->emulatable || !is_aligned(store))
        return refuse_store(p, store, PTWR_RULE_UNALIGNED);
    old = ptwr_port_load(p->port, store->table, index);
    store->seen = old.raw >> shift & mask;
    if (store->old_valid && store->seen != (store->old & mask))
        return PTWR_FAILED;
    rule = seal_judge_store(p);
    if (rule != PTWR_RULE_NONE)
        return refuse_store(p, store, rule);
    ptwr_port_store(p->port, store->table, index, merge(store, old));
    return PTWR_DONE;
}

/* A constant of the image. Audited, it becomes the guest's to write. */
static enum ptwr_outcome store_to_constant(struct ptwr *p, struct ptwr_store *store)
{
    struct frame *f = frame_get(p->frames, store->table);

    if (!frame_has(f, FRAME_SEALED) || store->el0 || !p->seal.audit)
        return refuse_store(p, store,
                            frame_has(f, FRAME_SEALED) ? PTWR_RULE_SEALED : PTWR_RULE_FOREIGN);
    p->seal.audited = (struct ptwr_violation){.rule = PTWR_RULE_SEALED, .table = store->table};
    p->count.audited++;
    frame_clear(f, FRAME_SEALED);
    f->readonly = 0;
    sequence_free(p, store->table);
    sequence_freed(p);
    sequence_relax(p, store->table, store->va);
    return PTWR_RETRY;
}

enum ptwr_outcome ptwr_store_fault(struct ptwr *p, struct ptwr_store *store, unsigned int *budget)
{
    struct frame *f = type_frame(p, store->table);
    bool released;

    p->count.store_faults++;
    if (f != NULL && f->readonly)
        return store_to_constant(p, store);
    if (f != NULL && f->type == FRAME_TEXT && f->state == FRAME_ATTACHED)
        return store_to_text(p, store);
    if (f == NULL) {
        p->violation = (struct ptwr_violation){
            .rule = PTWR_RULE_OWNER,
            .table = store->table,
            .new = desc_of(store->value),
        };
        p->count.refused++;
        return PTWR_INJECT;
    }
    if (f->state == FRAME_ATTACHED && !store->el0)
        (void)root_drop_if_unloaded(p, store->table);
    released = p->guarded && f->state == FRAME_ATTACHED && release_by_store(p, store);
    if (f->state == FRAME_ATTACHED && !mfn_is_none(p->teardown)) {
        /* Perhaps only stale tables refer to it: then it is none any more. */
        enum hv_err err = stale_teardown(p, budget);

        if (err == HV_OK && released)
            err = slot_give_up_lost(p, budget);
        if (err != HV_OK)
            return outcome_of(err);
    }
    switch (f->state) {
    case FRAME_ATTACHED: {
        struct ptwr_slot *above = slot_above(p, store->table);

        if (above != NULL)
            return outcome_of(slot_close(p, above, PTWR_T_REFERENCE, budget));
        return store_to_attached(p, store, budget);
    }
    case FRAME_PROTECTING:
        if (type_slot(p, store->table) != NULL)
            return outcome_of(slot_close(p, type_slot(p, store->table), PTWR_T_SLOT, budget));
        type_cancel(p, store->table);
        return PTWR_RETRY;
    case FRAME_STALE: {
        enum hv_err err = stale_finish(p, store->table, budget);

        if (err == HV_OK)
            sequence_relax(p, store->table, store->va);
        return outcome_of(err);
    }
    case FRAME_PLAIN:
    case FRAME_OPEN:
    default:
        /* Writable already: another CPU was faster, or this one remembers the old permission. */
        sequence_relax(p, store->table, store->va);
        return PTWR_RETRY;
    }
}

/* As after a batch that was cut short: this one is emulated before any table is opened again. */
enum ptwr_outcome ptwr_store_part(struct ptwr *p, struct ptwr_store *store, unsigned int *budget)
{
    enum ptwr_outcome outcome;

    p->pause++;
    outcome = ptwr_store_fault(p, store, budget);
    if (outcome != PTWR_DONE && p->pause != 0)
        p->pause--;
    return outcome;
}
